import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Client, Model } from "../kit/client";
import { isTyping, useCommands } from "../kit/controls";
import { score } from "../kit/format";
import { useKept } from "../kit/kept";
import { plain } from "../kit/text";
import type { Decision, Demo, Detail, Row } from "../kit/types";
import { Candidates } from "./candidates";
import { CurveView } from "./curve_view";
import { canUndo, Decisions } from "./decisions";
import { ExportForm, Header } from "./header";
import { Keys } from "./keys";
import { Pane, TABS, type Form, type TabName } from "./pane";
import { useRun } from "./run";
import { ended, ordered, rowOf, STATE_WORDS, type Known, type Order } from "./state";

export function Studio({ model, root }: { model: Model; root: HTMLElement }) {
  const [known, client] = useRun(model, (words) => commands.setSaid({ text: words, bad: true }));
  const { run } = known;
  const [chosen, setChosen] = useKept<string | null>(model, "chosen", null); // null: follow the best
  const [order, setOrder] = useKept<Order>(model, "order", "score");
  const [tab, setTab] = useKept<TabName>(model, "tab", "prompt");
  const [form, setForm] = useKept<Form>(model, "form", "");
  const [example, setExample] = useKept<number | null>(model, "example", null);
  const [panel, setPanel] = useState<"" | "export" | "keys">("");
  const [drafts, setDrafts] = useKept<Map<string, string>>(model, "drafts", new Map()); // "candidate slot" -> text; no message touches it
  const commands = useCommands((action, args) => client.command(action, args));

  const fallback = rowOf(known, run?.best) ?? known.rows.find((one) => one.status === "scored") ?? known.rows[0];
  const row = rowOf(known, chosen) ?? fallback;
  const [detail, problem] = useDetail(client, known, row);
  const live = !!run?.live;
  const announced = useAnnouncement(known);

  useLayoutEffect(() => root.setAttribute("data-state", run?.state ?? ""), [run?.state]);

  const focus = () => root.focus({ preventScroll: true });
  const select = (id: string | null) => {
    setChosen(id);
    setForm("");
    setExample(null);
    commands.setSaid(null);
  };
  const openForm = (next: Form) => {
    if (next && row) setChosen(row.id); // whoever starts to write stays with this candidate
    if (next === "edit") setTab("prompt");
    setForm(next);
    if (!next) focus();
  };
  const command = async (action: string, args: object = {}, id?: string | number) => {
    const done = await commands.run(action, args, id);
    if (done !== undefined && !root.contains((root.getRootNode() as Document | ShadowRoot).activeElement)) focus();
    return done;
  };
  const draftKey = (slot: string) => `${row?.id} ${slot}`;
  const own = useMemo(() => new Map([...drafts].filter(([key]) => key.startsWith(`${row?.id} `)).map(([key, text]) => [key.slice(row!.id.length + 1), text])), [drafts, row?.id]);
  const setDraft = (slot: string, text: string | null) =>
    setDrafts((before) => {
      const after = new Map(before);
      if (text == null) after.delete(draftKey(slot));
      else after.set(draftKey(slot), text);
      return after;
    });
  const save = async (slot: string, text: string) => {
    if (!row || !text.trim()) return;
    if ((await command("edit", { candidate: row.id, slot, text }, slot)) === undefined) return;
    setDraft(slot, null);
    openForm("");
    commands.setSaid({ text: "Saved. The new candidate is evaluated next.", bad: false });
  };
  const undo = (decision?: number, id?: string | number) => command("undo", decision == null ? {} : { decision }, id ?? decision);
  const lastDecision = run?.decisions.findLast(canUndo);

  const reject = async (reason: string | null) => {
    if (row && (await command("reject", { candidate: row.id, reason })) !== undefined) openForm("");
  };
  const move = (by: number) => {
    const rows = ordered(known.rows, order);
    const at = rows.findIndex((one) => one.id === row?.id);
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
    if (next) select(next.id);
  };
  const turn = (by: number) => setTab(TABS[(TABS.indexOf(tab) + by + TABS.length) % TABS.length]);

  const state = useRef<(event: KeyboardEvent) => void>(() => {});
  state.current = (event) => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.composedPath()[0] as HTMLElement;
    if ((event.key === " " || event.key === "Enter") && /^(BUTTON|A|SUMMARY)$/.test(target.tagName)) return;
    const able = live && !!run;
    const going = able && !ended(run!.state);
    const held = run?.state === "paused" || run?.state === "pausing";
    const gestures: Record<string, (() => void) | false | undefined> = {
      a: able && row && row.status !== "dropped" && (() => void command("accept", { candidate: row.id })),
      x: able && row && row.status !== "dropped" && (() => openForm("reject")),
      e: able && row && (() => openForm("edit")),
      p: going && (() => void command(held ? "resume" : "pause")),
      s: going && (() => void command("step")),
      Backspace: able && lastDecision && (() => void undo()),
      " ": () => move(1),
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      ArrowRight: () => turn(1),
      ArrowLeft: () => turn(-1),
      "?": () => setPanel(panel === "keys" ? "" : "keys"),
      Escape: () => (panel ? setPanel("") : openForm("")),
    };
    const gesture = gestures[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!gesture) return;
    event.preventDefault();
    event.stopPropagation();
    gesture();
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => state.current(event);
    root.addEventListener("keydown", onKey);
    return () => root.removeEventListener("keydown", onKey);
  }, []);

  if (!run) return <div class="empty muted">Waiting for the run…</div>;
  const demos = {
    live,
    busy: commands.busy,
    keep: (demo: Demo) => void command("keep-demo", { demo: demo.id }, demo.id),
    reject: (demo: Demo, reason: string | null) => command("reject-demo", { demo: demo.id, reason }, demo.id),
    edit: (demo: Demo, fields: Record<string, string>) => command("edit-demo", { demo: demo.id, fields, candidate: row?.id }, demo.id),
    undo: (demo: Demo) => void undo(decisionOn(demo, run.decisions), demo.id),
  };
  return (
    <>
      <Header run={run} busy={commands.busy} onCommand={command} exporting={panel === "export"} onExport={() => setPanel(panel === "export" ? "" : "export")} />
      {panel === "export" && (
        <ExportForm
          run={run}
          busy={commands.busy("export")}
          onClose={() => (setPanel(""), focus())}
          onExport={async (format, path) => {
            const done = await command("export", { format, path });
            if (done === undefined) return;
            setPanel("");
            commands.setSaid({ text: `Saved as ${plain(done.path ?? path)}`, bad: false });
          }}
        />
      )}
      {panel === "keys" && <Keys onClose={() => (setPanel(""), focus())} />}
      {run.error && (
        <div class="notice bad run-error" role="alert">
          <span>{plain(run.error)}</span>
        </div>
      )}
      <CurveView known={known} selected={row?.id ?? null} onSelect={select} />
      <div class={known.rows.length ? "cols" : "cols none-yet"}>
        <Candidates known={known} selected={row?.id ?? null} order={order} onOrder={setOrder} onSelect={select} injecting={form === "inject"} onInject={live && row ? () => openForm(form === "inject" ? "" : "inject") : null} />
        {row ? (
          <Pane
            client={client}
            known={known}
            row={row}
            detail={detail}
            problem={problem}
            live={live}
            tab={tab}
            form={form}
            example={example}
            drafts={own}
            said={commands.said}
            busy={commands.busy}
            demos={demos}
            onTab={setTab}
            onForm={openForm}
            onSelect={select}
            onExample={(index) => (setExample(index), setTab("traces"))}
            onAccept={() => void command("accept", { candidate: row.id })}
            onReject={reject}
            droppedBy={row.status === "dropped" ? dropper(row, run.decisions) : undefined}
            onUndo={(decision) => void undo(decision, row.id)}
            onDraft={setDraft}
            onSave={save}
            onInject={async (args) => {
              if ((await command("inject", args)) === undefined) return;
              openForm("");
              commands.setSaid({ text: "Added. It is evaluated next.", bad: false });
            }}
            onKeepSpan={async (span) => {
              if ((await command("inject", { demo: { ...(span.values?.inputs ?? span.inputs), ...(span.values?.outputs ?? span.outputs) } }, "keep-as-demo")) !== undefined) commands.setSaid({ text: "Kept as a demo.", bad: false });
            }}
            onQuiet={() => commands.setSaid(null)}
          />
        ) : (
          <div class="pane empty muted">
            {ended(run.state) ? "The run ended before there was a candidate." : "The first candidate is being made."}
            {commands.said && <div class={`notice ${commands.said.bad ? "bad" : ""}`}>{plain(commands.said.text)}</div>}
          </div>
        )}
      </div>
      <Decisions decisions={run.decisions} live={live} busy={commands.busy} onUndo={(decision) => void undo(decision)} onRedo={() => void command("redo")} onKeys={() => setPanel(panel === "keys" ? "" : "keys")} />
      <div class="sr" aria-live="polite">
        {announced}
      </div>
    </>
  );
}

/** What there is to know of one candidate; asked again when it, or a decision, changes. */
function useDetail(client: Client, known: Known, row: Row | undefined): [Detail | null, string | null] {
  const [detail, setDetail] = useState<Detail | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const decisions = known.run?.decisions ?? [];
  const version = row && `${row.id}|${row.status}|${row.score}|${row.reason}|${known.run?.best}|${decisions.length}|${decisions.filter((one) => one.undone).length}`;
  useEffect(() => {
    if (!row) return;
    let open = true;
    client.get("detail", { candidate: row.id, against: null }).then(
      (value) => open && (setDetail(value), setProblem(null)),
      (error) => open && setProblem(error.message),
    );
    return () => void (open = false);
  }, [version]);
  return [detail, problem];
}

/** The standing decision on a demo. Decisions name their demo in words: by its training example, or by the start of its id. */
const decisionOn = (demo: Demo, decisions: Decision[]): number | undefined =>
  standing(decisions, demo.status === "kept" ? "keep-demo" : "reject-demo", `demo (${demo.number}|${demo.id.slice(0, 6)})`);

/** The standing decision that dropped a candidate. */
function dropper(row: Row, decisions: Decision[]): number | undefined {
  const demo = /demo (\w+)/.exec(row.reason ?? "")?.[1];
  return standing(decisions, "reject", `#${row.number}`) ?? (demo ? standing(decisions, "reject-demo", `demo ${demo}`) : undefined);
}

const standing = (decisions: Decision[], kind: string, words: string): number | undefined =>
  decisions.findLast((one) => one.kind === kind && !one.undone && new RegExp(`${words}(?!\\w)`).test(one.text))?.id;

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
