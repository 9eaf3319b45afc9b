import type { ComponentChildren } from "preact";
import { Act, Button, Notice, Tabs, Wait } from "../kit/controls";
import { ReasonForm } from "../kit/form";
import { count, score, signed } from "../kit/format";
import { Muted, plain, Text } from "../kit/text";
import type { Decision, Detail, Row } from "../kit/types";
import { Against } from "./against";
import { DemoTable, demosOf } from "./demos";
import type { Desk } from "./desk";
import { ExampleTraces } from "./example_traces";
import { Examples } from "./examples";
import { BranchForm } from "./forms";
import { Inject } from "./inject";
import { Lineage } from "./lineage";
import { Prompt } from "./prompt";
import { rowOf } from "./state";

interface Part {
  name: string;
  count?: (desk: Desk, row: Row, detail: Detail | null) => number | null | undefined;
  body: (desk: Desk, row: Row, detail: Detail) => ComponentChildren;
}

/** The tabs of a candidate, in order: one line each. */
export const TABS: Record<string, Part> = {
  prompt: { name: "Prompt", body: (desk, row, detail) => <Prompt desk={desk} row={row} detail={detail} /> },
  demos: { name: "Demos", count: (_desk, _row, detail) => detail && demosOf(detail), body: (desk, _row, detail) => <AllDemos desk={desk} detail={detail} /> },
  examples: { name: "Examples", count: ({ run }, row) => row.total || run.evalset?.size || null, body: (desk, row) => <Examples key={row.id} desk={desk} row={row} /> },
  traces: { name: "Traces", body: (desk, row) => <ExampleTraces key={row.id} desk={desk} row={row} /> },
  lineage: { name: "Lineage", body: (desk, _row, detail) => <Lineage desk={desk} detail={detail} /> },
};

export function Pane({ desk, row }: { desk: Desk; row: Row }) {
  const { known, run, live, tab, form, openForm, busy } = desk;
  const detail = desk.detail?.id === row.id ? desk.detail : null;
  const accepted = run.accepted === row.id;
  const dropped = row.status === "dropped";
  const best = rowOf(known, run.best);
  const gain = detail?.gain;
  const by = dropped && live ? dropper(row, run.decisions) : undefined;
  const opens = (which: "reject" | "edit" | "branch") => ({ action: which, expanded: form === which, onClick: () => openForm(form === which ? "" : which) });
  return (
    <div class="pane" aria-busy={!detail}>
      <div class="title">
        <h3>Candidate {row.number}</h3>
        {gain && (
          <span class={`num ${gain.mean < 0 ? "down" : "up"}`}>
            {signed(gain.mean)} over {gain.against === rowOf(known, run.baseline)?.number ? "the baseline" : `#${gain.against}`}
          </span>
        )}
        {row.human && <span class="tag human">your edit</span>}
        {accepted && <span class="tag kept">accepted</span>}
        {row === best && <span class="tag">best</span>}
        {live && (
          <span class="actions">
            <Act by={desk} action="accept" args={{ candidate: row.id }} shortcut={desk.asked ? undefined : "A"} class="good" disabled={dropped} pressed={accepted} title="Take this candidate as the run's result">
              Accept
            </Act>
            <Button {...opens("reject")} shortcut={desk.asked ? undefined : "X"} class="bad" busy={busy("reject")} disabled={dropped} title="It can never win; undo brings it back">
              Reject
            </Button>
            <Button {...opens("edit")} shortcut={desk.asked ? undefined : "E"} title="Rewrite the instruction: a new candidate, evaluated next">
              Edit
            </Button>
            <Button {...opens("branch")} shortcut="B" title="A new run from here; this one stays as it is">
              Branch
            </Button>
          </span>
        )}
      </div>
      <div class="muted num facts">
        <Against desk={desk} row={row} />
        {facts(desk, row, detail) || "\u00a0"}
        {best && best !== row && (
          <>
            {" · "}
            <Button class="link" onClick={() => desk.select(null)}>
              show the best, #{best.number}
            </Button>
          </>
        )}
      </div>
      {dropped && (
        <div class="notice drop">
          <span>
            Dropped{row.reason ? ": " : ""}
            <Text>{row.reason}</Text>. <Muted>It cannot win.</Muted>
          </span>
          {by !== undefined && (
            <Act by={desk} action="undo" args={{ decision: by }} id={row.id} class="small">
              Undo
            </Act>
          )}
        </div>
      )}
      {form === "reject" && (
        <ReasonForm
          what={`candidate ${row.number}`}
          action="reject"
          id={row.id}
          busy={busy("reject")}
          onReject={async (reason) => (await desk.send("reject", { candidate: row.id, reason })) !== undefined && openForm("")}
          onCancel={() => openForm("")}
        />
      )}
      <Notice said={desk.said} onClose={() => desk.say(null)} />
      {form === "branch" && <BranchForm key={row.id} desk={desk} row={row} />}
      {(form === "inject" || form === "demo") && detail && <Inject key={form} desk={desk} row={row} predictors={detail.predictors} />}
      <Tabs label="What to see of this candidate" tab={tab} onTab={desk.setTab} tabs={Object.entries(TABS).map(([id, part]) => ({ id, name: part.name, count: part.count?.(desk, row, detail) }))} />
      <div class="body" role="tabpanel">
        {detail ? (TABS[tab] ?? TABS.prompt).body(desk, row, detail) : <Wait problem={desk.problem} />}
      </div>
    </div>
  );
}

const AllDemos = ({ desk, detail }: { desk: Desk; detail: Detail }) => (
  <>
    {desk.live && (
      <div class="row filters">
        <Button action="inject" expanded={desk.form === "demo"} onClick={() => desk.openForm(desk.form === "demo" ? "" : "demo")}>
          + Add a demo
        </Button>
      </div>
    )}
    {detail.predictors.map((predictor) => (
      <section key={predictor.path}>
        {detail.predictors.length > 1 && <h4>{plain(predictor.path)}</h4>}
        <DemoTable desk={desk} predictor={predictor} full />
      </section>
    ))}
  </>
);

/** The standing decision that dropped a candidate. */
function dropper(row: Row, decisions: Decision[]): number | undefined {
  const demo = /demo (\w+)/.exec(row.reason ?? "")?.[1];
  return standing(decisions, "reject", `#${row.number}`) ?? (demo ? standing(decisions, "reject-demo", `demo ${demo}`) : undefined);
}

/** The last decision of a kind that was not undone and speaks of that. Decisions name things in words. */
export const standing = (decisions: Decision[], kind: string, words: string): number | undefined =>
  decisions.findLast((one) => one.kind === kind && !one.undone && new RegExp(`${words}(?!\\w)`).test(one.text))?.id;

function facts({ run }: Desk, row: Row, detail: Detail | null): string {
  const said: string[] = [];
  const gain = detail?.gain;
  if (row.status === "waiting") said.push("waiting to be evaluated");
  if (row.status === "evaluating" || row.status === "partial") said.push(`${row.done} of ${row.total} examples answered`);
  if (row.status === "unscored") said.push("no score: accept it or give a validation set");
  if (gain) said.push(`95% CI ${signed(gain.low)} … ${signed(gain.high)}`, `${gain.fixed} fixed, ${gain.broken} broken of ${gain.n}`);
  else if (row.score != null && row.done >= row.total) {
    const margin = row.low != null && row.high != null ? ` (95% CI ${score(row.low)} … ${score(row.high)})` : "";
    said.push(`${score(row.score)}%${margin} of ${row.total} examples${row.id === run.baseline ? ", the program as it came" : ""}`);
  }
  if (detail?.expected != null) said.push(`about ${Math.round(detail.expected)} expected on new data`);
  if (detail?.check) said.push(`${score(detail.check.score)}% of ${detail.check.n} held out (${signed(detail.check.gain)})`);
  if (detail?.tokens != null) said.push(`${count(detail.tokens)} tokens a call`);
  return said.join(" · ");
}
