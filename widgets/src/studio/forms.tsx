import { useState } from "preact/hooks";
import { focusOnce } from "../kit/controls";
import { Form, FormRow } from "../kit/form";
import type { Row } from "../kit/types";
import type { Desk } from "./desk";

const LIMITS = { calls: "calls", tokens: "tokens", usd: "US dollars", seconds: "seconds" };
type Kind = keyof typeof LIMITS;

/** Numbers that a person types, by kind; those that were changed or, for a new run, all. */
function useLimits({ run }: Desk) {
  const [typed, setTyped] = useState<Partial<Record<Kind, string>>>({});
  const now = (kind: Kind) => run.budget[kind]?.limit ?? null;
  const value = (kind: Kind) => (typed[kind] != null ? (typed[kind] === "" ? null : Number(typed[kind])) : now(kind));
  const line = (kind: Kind, focus = false) => (
    <FormRow label={LIMITS[kind]}>
      <input
        type="number"
        min={0}
        step="any"
        data-field={kind}
        placeholder="no limit"
        value={typed[kind] ?? now(kind) ?? ""}
        ref={focus ? focusOnce : undefined}
        onInput={(event) => setTyped({ ...typed, [kind]: event.currentTarget.value })}
      />
    </FormRow>
  );
  return { now, value, line };
}

/** Higher limits for the run; what its budget has stopped goes on. */
export function BudgetForm({ desk }: { desk: Desk }) {
  const { now, value, line } = useLimits(desk);
  const kinds = (Object.keys(LIMITS) as Kind[]).filter((kind) => now(kind) != null);
  const raised = kinds.filter((kind) => value(kind) !== now(kind));
  const close = () => desk.openForm("");
  return (
    <Form
      class="line"
      label="Raise the budget"
      action="raise-budget"
      save="Raise"
      hint={desk.run.state === "stopped" ? "A run that its budget has stopped goes on." : "From the next call on."}
      busy={desk.busy("raise-budget")}
      disabled={!raised.length}
      onSave={async () => (await desk.send("raise-budget", Object.fromEntries(raised.map((kind) => [kind, value(kind)])))) !== undefined && close()}
      onCancel={close}
    >
      <span class="muted">New limits:</span>
      {kinds.map((kind, n) => line(kind, n === 0))}
    </Form>
  );
}

/** A second run from here, in a folder of its own; what this one has bought costs it nothing. */
export function BranchForm({ desk, row }: { desk: Desk; row: Row }) {
  const { value, line } = useLimits(desk);
  const [before, setBefore] = useState(false);
  const [paused, setPaused] = useState(false);
  const close = () => desk.openForm("");
  const branch = async () => {
    const budget = { calls: value("calls"), usd: value("usd") };
    const made = await desk.send("branch", { at: before ? row.id : null, budget, paused });
    if (made === undefined) return;
    close();
    desk.say({ text: `The branch ${made.name} ${made.shown ? "is below" : `lies in ${made.path}`}; in Python it is run.branches[-1].`, bad: false });
  };
  return (
    <Form class="line" label="Branch" action="branch" id={row.id} save="Branch" hint="A new run in a folder of its own; this one stays as it is." busy={desk.busy("branch")} onSave={branch} onCancel={close}>
      <FormRow label="from">
        <select value={String(before)} onChange={(event) => setBefore(event.currentTarget.value === "true")}>
          <option value="false">where the run stands</option>
          <option value="true">just before #{row.number} came</option>
        </select>
      </FormRow>
      {line("calls", true)}
      {line("usd")}
      <label>
        <input type="checkbox" checked={paused} onChange={(event) => setPaused(event.currentTarget.checked)} /> begin paused
      </label>
    </Form>
  );
}
