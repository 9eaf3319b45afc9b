import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAsk } from "../kit/ask";
import type { Client, ViewProps } from "../kit/client";
import { Notice, useCommands } from "../kit/controls";
import { score } from "../kit/format";
import { useKept } from "../kit/kept";
import { useKeys } from "../kit/keys";
import type { Detail, Row } from "../kit/types";
import { Candidates } from "./candidates";
import { CurveView } from "./curve_view";
import { canUndo, Decisions } from "./decisions";
import type { Desk, Form } from "./desk";
import { ExportForm } from "./export";
import { BudgetForm } from "./forms";
import { Header, isHeld } from "./header";
import { Pane, TABS } from "./pane";
import { Queue, useQueue } from "./queue";
import { useRun } from "./run";
import { ended, ordered, rowOf, STATE_WORDS, type Known, type Order } from "./state";

const KEYS: [string, string][] = [
  ["A", "accept the candidate"],
  ["X", "reject it; then 1 to 6 gives the reason, Enter none"],
  ["E", "edit its instruction"],
  ["B", "branch: a new run from here"],
  ["I", "add an instruction or a demo"],
  ["P", "pause, resume"],
  ["S", "step: on to the next finished candidate"],
  ["⌫ R", "undo the last decision, redo"],
  ["↑ ↓ Space", "previous, next candidate"],
  ["← →", "tabs"],
  ["Esc", "close what is open"],
  ["A X E", "while something waits for you: accept, reject, edit it; Space skips it"],
];

export function Studio({ model, root }: ViewProps) {
  const [known, client] = useRun(model, (text) => commands.say({ text, bad: true }));
  const { run } = known;
  const [chosen, setChosen] = useKept<string | null>(model, "chosen", null); // null: follow the best
  const [order, setOrder] = useKept<Order>(model, "order", "score");
  const [tab, setTab] = useKept(model, "tab", "prompt");
  const [form, setForm] = useKept<Form>(model, "form", "");
  const [against, setAgainst] = useKept<string | null>(model, "against", null);
  const [answering, setAnswering] = useState<"" | "reject" | "edit">(""); // what waits at a gate
  const [example, setExample] = useKept<number | null>(model, "example", null);
  const [exporting, setExporting] = useState(false);
  const [drafts, setDrafts] = useKept<Map<string, string>>(model, "drafts", new Map()); // "candidate slot" -> text; no message touches it
  const commands = useCommands(client, root, model);

  const fallback = rowOf(known, run?.best) ?? known.rows.find((one) => one.status === "scored") ?? known.rows[0];
  const row = rowOf(known, chosen) ?? fallback;
  const other = against === row?.id ? null : against;
  const [detail, problem] = useDetail(client, known, row, other);
  const live = !!run?.live;
  const announced = useAnnouncement(known);

  useLayoutEffect(() => root.setAttribute("data-state", run?.state ?? ""), [run?.state]);

  const select = (id: string | null) => {
    setChosen(id);
    setForm("");
    setExample(null);
    commands.say(null);
  };
  const openForm = (next: Form) => {
    if (next && row) setChosen(row.id); // whoever starts to write stays with this candidate
    if (next === "edit") setTab("prompt");
    setForm(next);
  };
  const closeExport = () => setExporting(false);
  const own = useMemo(() => new Map([...drafts].filter(([key]) => key.startsWith(`${row?.id} `)).map(([key, text]) => [key.slice(row!.id.length + 1), text])), [drafts, row?.id]);
  const setDraft = (slot: string, text: string | null) =>
    setDrafts((before) => {
      const after = new Map(before);
      if (text == null) after.delete(`${row?.id} ${slot}`);
      else after.set(`${row?.id} ${slot}`, text);
      return after;
    });
  const undo = (decision?: number, id?: string | number) => commands.send("undo", decision == null ? {} : { decision }, id ?? decision);
  const move = (by: number) => () => {
    const rows = ordered(known.rows, order);
    const next = rows[Math.max(0, Math.min(rows.length - 1, rows.findIndex((one) => one.id === row?.id) + by))];
    if (next) select(next.id);
  };
  const turn = (by: number) => () => {
    const names = Object.keys(TABS);
    setTab(names[(names.indexOf(tab) + by + names.length) % names.length]);
  };
  const standing = live && row && row.status !== "dropped";
  const going = live && !ended(run!.state);
  const queue = useQueue(live ? run!.pending : undefined, commands.send, setAnswering);
  const { toggle, sheet } = useKeys(
    root,
    {
      a: standing && (() => commands.send("accept", { candidate: row.id })),
      x: standing && (() => openForm("reject")),
      e: live && row && (() => openForm("edit")),
      b: live && row && (() => openForm("branch")),
      i: live && row && (() => openForm("inject")),
      r: live && run!.decisions.some((one) => one.undone) && (() => commands.send("redo")),
      p: live && run!.state !== "finished" && (() => commands.send(isHeld(run!) || !going ? "resume" : "pause")),
      s: going && (() => commands.send("step")),
      Backspace: live && run!.decisions.some(canUndo) && (() => undo()),
      " ": move(1),
      ArrowDown: move(1),
      ArrowUp: move(-1),
      ArrowRight: turn(1),
      ArrowLeft: turn(-1),
      ...queue.gestures,
      Escape: () => (root.focus({ preventScroll: true }), exporting ? closeExport() : answering ? setAnswering("") : openForm("")),
    },
    KEYS,
  );

  if (!run) return <div class="empty muted">Waiting for the run…</div>;
  const showTrace = (index: number) => (setExample(index), setTab("traces"));
  const desk: Desk = { ...commands, client, known, run, live, row, detail, problem, select, against: other, setAgainst, order, setOrder, tab, setTab, form, openForm, example, showTrace, drafts: own, setDraft, undo, toggleKeys: toggle, asked: !!run.pending?.length };
  return (
    <>
      <Header desk={desk} exporting={exporting} onExport={() => setExporting(!exporting)} />
      {exporting && <ExportForm desk={desk} onClose={closeExport} />}
      {form === "budget" && <BudgetForm desk={desk} />}
      {sheet}
      <Notice class="run-error" said={run.error ? { text: run.error, bad: true } : null} />
      <CurveView known={known} selected={row?.id ?? null} onSelect={select} />
      {queue.item && <Queue {...queue} desk={desk} form={answering} setForm={setAnswering} />}
      <div class={known.rows.length ? "cols" : "cols none-yet"}>
        <Candidates desk={desk} />
        {row ? (
          <Pane desk={desk} row={row} />
        ) : (
          <div class="pane empty muted">
            <b>{ended(run.state) ? "The run ended before there was a candidate." : "The first candidate is being made."}</b>
            {!ended(run.state) && <p>Its score, prompt and traces appear here as they come.</p>}
            <Notice said={commands.said} />
          </div>
        )}
      </div>
      <Decisions desk={desk} />
      <div class="sr" aria-live="polite">
        {announced}
      </div>
    </>
  );
}

/** What there is to know of one candidate; asked again when it, or a decision, changes. */
function useDetail(client: Client, known: Known, row: Row | undefined, against: string | null): [Detail | null, string | null] {
  const decisions = known.run?.decisions ?? [];
  const version = row && `${against}|${row.id}|${row.status}|${row.score}|${row.reason}|${known.run?.best}|${decisions.at(-1)?.id}|${decisions.filter((one) => one.undone).length}`;
  return useAsk(() => row && client.get("detail", { candidate: row.id, against }), [version]);
}

const QUIET = 3000;

/** What a screen reader says: the state and the best candidate, not more often than every few seconds. */
function useAnnouncement(known: Known): string {
  const best = rowOf(known, known.run?.best);
  const words = known.run ? `${STATE_WORDS[known.run.state] ?? ""}.${best?.score != null ? ` Best: candidate ${best.number}, ${score(best.score)} percent.` : ""}` : "";
  const [said, say] = useState("");
  const last = useRef(0);
  useEffect(() => {
    const wait = Math.max(0, last.current + QUIET - performance.now());
    const timer = setTimeout(() => {
      last.current = performance.now();
      say(words);
    }, wait);
    return () => clearTimeout(timer);
  }, [words]);
  return said;
}
