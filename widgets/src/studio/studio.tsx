import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useAsk } from "../kit/ask";
import type { ViewProps } from "../kit/client";
import { Notice, useCommands } from "../kit/controls";
import { score } from "../kit/format";
import { useKept } from "../kit/kept";
import { useKeys } from "../kit/keys";
import { Say } from "../kit/parts";
import { Candidates } from "./candidates";
import { CurveView } from "./curve_view";
import type { Desk } from "./desk";
import { isOver, Pane } from "./pane";
import { NoneWaits, Queue, useQueue } from "./queue";
import { useRun } from "./run";
import { ordered, rowOf, type Known, type Order } from "./state";

export function Studio({ model, root }: ViewProps) {
  const [known, client] = useRun(model, (text) => commands.say({ text, bad: true }));
  const { run } = known;
  const [chosen, setChosen] = useKept<string | null>(model, "chosen", null); // null: follow the best
  const [order, setOrder] = useKept<Order>(model, "order", "score");
  const [tab, setTab] = useKept(model, "tab", "prompt");
  const [against, setAgainst] = useKept<string | null>(model, "against", null);
  const [example, setExample] = useKept<number | null>(model, "example", null);
  const [seen, setSeen] = useState({}); // what else is asked for: origins, all decisions
  const commands = useCommands(client, root, model);

  const fallback = rowOf(known, run?.best) ?? known.rows.find((one) => one.status === "scored") ?? known.rows[0];
  const row = rowOf(known, chosen) ?? fallback;
  const other = against === row?.id ? null : against;
  const made = run?.decisions ?? [];
  const asking = { candidate: row?.id ?? null, against: other, tab, open: commands.open, ...seen };
  const version = [run?.best, run?.accepted, made.at(-1)?.id, made.filter((one) => one.undone).length, !!run?.pending?.length, run?.asks, row?.status, row?.reason, row?.status === "evaluating" || row?.score];
  const [told, problem] = useAsk(() => run && client.get("pane", asking), [JSON.stringify([asking, version])]);
  const live = !!run?.live;
  const announced = useAnnouncement(known);

  useLayoutEffect(() => root.setAttribute("data-state", run?.state ?? ""), [run?.state]);

  const select = (id: string | null) => {
    setChosen(id);
    commands.setOpen("");
    setExample(null);
    commands.say(null);
  };
  const openOf = (next: Parameters<Desk["setOpen"]>[0], of: string | null | undefined) => {
    const id = typeof next === "string" && next.split(":")[1];
    if (typeof next === "string") commands.say(null); // it was about another form
    if (id) setChosen(rowOf(known, id)?.id ?? of ?? null); // whoever starts to write stays with this candidate
    commands.setOpen(next);
  };
  const setOpen: Desk["setOpen"] = (next) => openOf(next, told?.id); // its button is in the pane, which may still be of the one before
  const go = (to: any) => ("number" in to ? select(known.rows[to.number]?.id ?? null) : to.open ? setOpen(to.open) : to.keys ? toggle() : setSeen({ ...seen, ...to }));
  const move = (by: number) => () => {
    const rows = ordered(known.rows, order);
    const next = rows[Math.max(0, Math.min(rows.length - 1, rows.findIndex((one) => one.id === row?.id) + by))];
    if (next) select(next.id);
  };
  const turn = (by: number) => () => {
    const names = told?.tabs.map(({ id }) => id) ?? [tab];
    setTab(names[(names.indexOf(tab) + by + names.length) % names.length]);
  };
  const standing = live && row && row.status !== "dropped";
  const queue = useQueue(live ? run!.pending : undefined, live && !!run!.asks, commands);
  const { toggle, sheet } = useKeys(
    root,
    {
      a: standing && queue.calm(() => commands.send("accept", { candidate: row.id })),
      x: standing && queue.calm(() => setOpen(`reject:${row.id}`)),
      e: live && row && queue.calm(() => setOpen(`edit:${row.id}`)),
      b: live && row && (() => setOpen(`branch:${row.id}`)),
      i: live && row && (() => openOf("inject:instruction", row.id)),
      r: live && made.some((one) => one.undone) && (() => commands.send("redo")),
      ...Object.fromEntries(Object.entries(run?.keys ?? {}).map(([key, action]) => [key, () => (action.endsWith(":") ? setOpen(action) : commands.send(action))])),
      Backspace: live && made.length > 0 && (() => commands.send("undo")),
      " ": move(1),
      ArrowDown: move(1),
      ArrowUp: move(-1),
      ArrowRight: turn(1),
      ArrowLeft: turn(-1),
      ...queue.gestures,
      Escape: () => (root.focus({ preventScroll: true }), queue.by.open ? queue.by.setOpen("") : setOpen("")),
    },
    told?.help ?? [],
  );

  if (!run) return <div class="empty muted">Waiting for the run…</div>;
  const showTrace = (index: number) => (setExample(index), setTab("traces"));
  const desk: Desk = { ...commands, client, known, run, live, row, told, problem, select, against: other, setAgainst, order, setOrder, tab, setTab, example, showTrace, setOpen, go, asked: !!run.asks };
  return (
    <>
      <header role="group" aria-label="State and budget">
        <Say of={run.header} by={desk} />
      </header>
      <Say of={told?.over} by={desk} />
      {isOver(desk.open) && <Notice said={desk.said} />}
      {sheet}
      <Say of={run.notices} by={desk} />
      <CurveView known={known} selected={row?.id ?? null} onSelect={select} />
      {queue.item ? <Queue {...queue} desk={desk} /> : live && run.asks && <NoneWaits />}
      <div class={known.rows.length ? "cols" : "cols none-yet"}>
        <Candidates desk={desk} />
        {row ? (
          <Pane desk={desk} row={row} />
        ) : (
          <div class="pane empty muted">
            <Say of={run.empty} by={desk} />
            <Notice said={commands.said} />
          </div>
        )}
      </div>
      <footer role="group" aria-label="Decisions">
        <Say of={told?.foot} by={desk} />
      </footer>
      <div class="sr" aria-live="polite">
        {announced}
      </div>
    </>
  );
}

const QUIET = 3000;

/** What a screen reader says: the state at once when it changes, the best candidate not more often than every few seconds. */
function useAnnouncement(known: Known): string {
  const best = rowOf(known, known.run?.best);
  const words = known.run ? `${known.run.words}.${best?.score != null ? ` Best: candidate ${best.number}, ${score(best.score)} percent.` : ""}` : "";
  const [said, say] = useState("");
  const last = useRef(0);
  const state = useRef("");
  useEffect(() => {
    const wait = state.current === known.run?.words ? Math.max(0, last.current + QUIET - performance.now()) : 0;
    const timer = setTimeout(() => {
      state.current = known.run?.words ?? "";
      last.current = performance.now();
      say(words);
    }, wait);
    return () => clearTimeout(timer);
  }, [words]);
  return said;
}
