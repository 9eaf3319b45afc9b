import { Button, Notice, ReasonForm, Tabs, type Said } from "../kit/controls";
import { count, score, signed } from "../kit/format";
import { Muted, plain, Text } from "../kit/text";
import type { Client } from "../kit/client";
import type { Detail, Row, SpanRow } from "../kit/types";
import { DemoTable, type DemoActions } from "./demos";
import { Examples } from "./examples";
import { Inject } from "./inject";
import { Lineage } from "./lineage";
import { Prompt } from "./prompt";
import { rowOf, type Known } from "./state";
import { ExampleTraces } from "./example_traces";

export type TabName = "prompt" | "demos" | "examples" | "traces" | "lineage";
export const TABS: TabName[] = ["prompt", "demos", "examples", "traces", "lineage"];
export type Form = "" | "reject" | "edit" | "inject";

interface Props {
  client: Client;
  known: Known;
  row: Row;
  detail: Detail | null;
  problem: string | null;
  live: boolean;
  tab: TabName;
  form: Form;
  example: number | null;
  drafts: Map<string, string>;
  said: Said | null;
  busy: (action: string, id?: string) => boolean;
  demos: DemoActions;
  onTab: (tab: TabName) => void;
  onForm: (form: Form) => void;
  onSelect: (id: string | null) => void;
  onExample: (index: number) => void;
  onAccept: () => void;
  onReject: (reason: string | null) => void;
  droppedBy: number | undefined;
  onUndo: (decision: number) => void;
  onDraft: (slot: string, text: string) => void;
  onSave: (slot: string, text: string) => void;
  onInject: (args: object) => void;
  onKeepSpan: (span: SpanRow) => void;
  onQuiet: () => void;
}

export function Pane(props: Props) {
  const { known, row, detail, live, tab, form, busy } = props;
  const own = detail?.id === row.id ? detail : null;
  const accepted = known.run?.accepted === row.id;
  const best = rowOf(known, known.run?.best);
  const demos = own ? own.predictors.reduce((sum, predictor) => sum + predictor.demos.length, 0) : null;
  const gain = own?.gain;
  return (
    <div class="pane" aria-busy={!own}>
      <div class="title">
        <h3>Candidate {row.number}</h3>
        {gain && (
          <span class={`num ${gain.mean < 0 ? "down" : "up"}`}>
            {signed(gain.mean)} over {gain.against === rowOf(known, known.run?.baseline)?.number ? "the baseline" : `#${gain.against}`}
          </span>
        )}
        {row.human && <span class="tag human">your edit</span>}
        {accepted && <span class="tag kept">accepted</span>}
        {row.id === known.run?.best && <span class="tag">best</span>}
        {live && (
          <span class="actions">
            <Button action="accept" shortcut="A" class="good" busy={busy("accept")} disabled={row.status === "dropped"} pressed={accepted} title="Take this candidate as the run's result" onClick={props.onAccept}>
              Accept
            </Button>
            <Button action="reject" shortcut="X" class="bad" busy={busy("reject")} disabled={row.status === "dropped"} expanded={form === "reject"} title="It can never win; undo brings it back" onClick={() => props.onForm(form === "reject" ? "" : "reject")}>
              Reject
            </Button>
            <Button action="edit" shortcut="E" expanded={form === "edit"} title="Rewrite the instruction: a new candidate, evaluated next" onClick={() => props.onForm(form === "edit" ? "" : "edit")}>
              Edit
            </Button>
          </span>
        )}
      </div>
      <div class="muted num facts">{facts(row, own, known) || "\u00a0"}{best && best.id !== row.id && (
        <>
          {" · "}
          <button type="button" class="link" onClick={() => props.onSelect(null)}>
            show the best, #{best.number}
          </button>
        </>
      )}</div>
      {row.status === "dropped" && (
        <div class="notice drop">
          <span>
            Dropped{row.reason ? ": " : ""}
            <Text>{row.reason}</Text>. <Muted>It cannot win.</Muted>
          </span>
          {live && props.droppedBy !== undefined && (
            <Button action="undo" id={row.id} class="small" busy={busy("undo", row.id)} onClick={() => props.onUndo(props.droppedBy!)}>
              Undo
            </Button>
          )}
        </div>
      )}
      {form === "reject" && <ReasonForm what={`candidate ${row.number}`} action="reject" id={row.id} busy={busy("reject")} onReject={props.onReject} onCancel={() => props.onForm("")} />}
      <Notice said={props.said} onClose={props.onQuiet} />
      {form === "inject" && own && <Inject predictors={own.predictors} busy={busy("inject")} onInject={props.onInject} onClose={() => props.onForm("")} />}
      <Tabs
        label="What to see of this candidate"
        tab={tab}
        onTab={(id) => props.onTab(id as TabName)}
        tabs={[
          { id: "prompt", name: "Prompt" },
          { id: "demos", name: "Demos", count: demos },
          { id: "examples", name: "Examples", count: row.total || known.run?.evalset?.size || null },
          { id: "traces", name: "Traces" },
          { id: "lineage", name: "Lineage" },
        ]}
      />
      <div class="body" role="tabpanel">
        {!own ? (
          props.problem ? (
            <p class="notice bad" role="alert">
              {plain(props.problem)}
            </p>
          ) : (
            <p class="muted none">Loading…</p>
          )
        ) : (
          <Body {...props} own={own} />
        )}
      </div>
    </div>
  );
}

function Body(props: Props & { own: Detail }) {
  const { own, tab, row, known, client } = props;
  const version = `${row.status}|${row.score}|${row.status === "evaluating" ? Math.floor((row.done * 8) / Math.max(1, row.total)) : ""}`;
  const parent = own.gain ? known.rows.find((other) => other.number === own.gain!.against) : undefined;
  if (tab === "prompt")
    return (
      <Prompt
        detail={own}
        baseline={row.id === known.run?.baseline}
        editing={props.form === "edit"}
        drafts={props.drafts}
        onDraft={props.onDraft}
        onSave={props.onSave}
        onCancel={() => props.onForm("")}
        busy={props.busy}
        demos={props.demos}
      />
    );
  if (tab === "demos")
    return (
      <>
        {own.predictors.map((predictor) => (
          <section key={predictor.path}>
            {own.predictors.length > 1 && <h4>{plain(predictor.path)}</h4>}
            <DemoTable predictor={predictor} actions={props.demos} full />
          </section>
        ))}
      </>
    );
  if (tab === "examples")
    return <Examples key={own.id} client={client} known={known} candidate={own.id} against={parent?.id ?? (known.run?.baseline !== own.id ? (known.run?.baseline ?? null) : null)} version={version} onTrace={props.onExample} />;
  if (tab === "traces")
    return <ExampleTraces key={own.id} client={client} candidate={own.id} example={props.example} onExample={props.onExample} version={version} onKeep={props.live ? props.onKeepSpan : undefined} busy={props.busy("inject", "keep-as-demo")} />;
  return <Lineage detail={own} onSelect={props.onSelect} />;
}

function facts(row: Row, detail: Detail | null, known: Known): string {
  const said: string[] = [];
  const gain = detail?.gain;
  if (row.status === "waiting") said.push("waiting to be evaluated");
  if (row.status === "evaluating" || row.status === "partial") said.push(`${row.done} of ${row.total} examples answered`);
  if (row.status === "unscored") said.push("no score: accept it or give a validation set");
  if (gain) said.push(`95% CI ${signed(gain.low)} … ${signed(gain.high)}`, `${gain.fixed} fixed, ${gain.broken} broken of ${gain.n}`);
  else if (row.score != null && row.done >= row.total) {
    const margin = row.low != null && row.high != null ? ` (95% CI ${score(row.low)} … ${score(row.high)})` : "";
    said.push(`${score(row.score)}%${margin} of ${row.total} examples${row.id === known.run?.baseline ? ", the program as it came" : ""}`);
  }
  if (detail?.expected != null) said.push(`about ${Math.round(detail.expected)} expected on new data`);
  if (detail?.tokens != null) said.push(`${count(detail.tokens)} tokens a call`);
  return said.join(" · ");
}
