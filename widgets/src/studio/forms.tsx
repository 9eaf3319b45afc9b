import { useState } from "preact/hooks";
import { focusOnce } from "../kit/controls";
import { Form, FormRow } from "../kit/form";
import type { Row } from "../kit/types";
import type { Desk } from "./desk";

const LIMITS = ["calls", "tokens", "usd", "seconds"] as const;
type Kind = (typeof LIMITS)[number];

/** One number for each limit of the run, as the person types them. */
function useLimits({ run }: Desk) {
  const [typed, setTyped] = useState<Partial<Record<Kind, string>>>({});
  const kinds = LIMITS.filter((kind) => run.budget[kind]?.limit != null);
  const lines = kinds.map((kind, n) => (
    <FormRow label={kind}>
      <input type="number" step="any" data-field={kind} value={typed[kind] ?? run.budget[kind]!.limit!} ref={n ? undefined : focusOnce} onInput={(event) => setTyped({ ...typed, [kind]: event.currentTarget.value })} />
    </FormRow>
  ));
  const changed = Object.entries(typed).filter(([, text]) => text);
  return { lines, changed: Object.fromEntries(changed.map(([kind, text]) => [kind, Number(text)])) };
}

/** Higher limits for the run; what its budget has stopped goes on. */
export function BudgetForm({ desk }: { desk: Desk }) {
  const { lines, changed } = useLimits(desk);
  const close = () => desk.setOpen("");
  return (
    <Form
      class="export"
      label="Raise the budget"
      action="raise-budget"
      save="Raise"
      busy={desk.busy("raise-budget")}
      disabled={!Object.keys(changed).length}
      onSave={async () => (await desk.send("raise-budget", changed)) !== undefined && close()}
      onCancel={close}
    >
      <span class="muted">New limits:</span>
      {lines}
    </Form>
  );
}

/** A second run from here, in a folder of its own; what this one has bought costs it nothing. */
export function BranchForm({ desk, row }: { desk: Desk; row: Row }) {
  const { lines, changed } = useLimits(desk);
  const [before, setBefore] = useState(false);
  const [paused, setPaused] = useState(false);
  const close = () => desk.openForm("");
  const branch = async () => {
    const made = await desk.send("branch", { at: before ? row.id : null, budget: changed, paused });
    if (made === undefined) return;
    close();
    desk.say({ text: `The branch ${made.name} ${made.shown ? "is below" : `lies in ${made.path}`}; in Python it is run.branches[-1].`, bad: false });
  };
  return (
    <Form class="reason" label="Branch" action="branch" id={row.id} save="Branch" hint="A new run in a folder of its own; this one stays as it is." busy={desk.busy("branch")} onSave={branch} onCancel={close}>
      <FormRow label="from">
        <select value={String(before)} onChange={(event) => setBefore(event.currentTarget.value === "true")}>
          <option value="false">where the run stands</option>
          <option value="true">just before #{row.number} came</option>
        </select>
      </FormRow>
      {lines}
      <label>
        <input type="checkbox" checked={paused} onChange={(event) => setPaused(event.currentTarget.checked)} /> begin paused
      </label>
    </Form>
  );
}
