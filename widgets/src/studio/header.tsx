import { useEffect, useState } from "preact/hooks";
import { Act, Button } from "../kit/controls";
import { count, duration, usd } from "../kit/format";
import { plain } from "../kit/text";
import type { Desk, Run } from "./desk";
import { ended, STATE_WORDS } from "./state";

export function Header({ desk }: { desk: Desk }) {
  const { run, live } = desk;
  const { state } = run;
  const over = ended(state);
  const held = isHeld(run);
  const stopping = state === "stopping";
  return (
    <header role="group" aria-label="State and budget">
      <span class={`state ${state}`} role="status">
        <span class="dot" />
        {STATE_WORDS[state] ?? plain(state)}
      </span>
      <span class="what">
        <b>{plain(run.optimizer)}</b> <span class="muted">on</span> {plain(run.program)}
        <span class="muted num">
          {run.progress && run.progress.total > 0 ? ` · ${plain(run.progress.label)}` : ""}
          {live ? "" : " · view only"}
        </span>
      </span>
      <Meters run={run} onRaise={live && state !== "finished" && (() => desk.setOpen((open) => (open === "raise-budget:" ? "" : "raise-budget:")))} open={desk.open === "raise-budget:"} />
      <span class="buttons">
        {live && over && state !== "finished" && (
          <Act by={desk} action="resume" shortcut="P" title="Go on from where the run stopped">
            Resume
          </Act>
        )}
        {live && !over && (
          <>
            {held ? (
              <Act by={desk} action="resume" shortcut="P" class="lead">
                Resume
              </Act>
            ) : (
              <Act by={desk} action="pause" shortcut="P" disabled={stopping}>
                Pause
              </Act>
            )}
            <Act by={desk} action="step" shortcut="S" title="Go on to the next finished candidate, then pause" disabled={stopping}>
              Step
            </Act>
            {!stopping && (
              <Act by={desk} action="stop" title="End the run and keep the best candidate">
                Stop
              </Act>
            )}
            <Act by={desk} action="cancel" title="Stop, and drop the calls in flight">
              Cancel
            </Act>
          </>
        )}
        <Button class="primary" expanded={desk.open === "export:"} title="Save the program" onClick={() => desk.setOpen((open) => (open === "export:" ? "" : "export:"))}>
          Export…
        </Button>
      </span>
    </header>
  );
}

/** Paused, or what waits for an answer does not go on by itself meanwhile. */
export const isHeld = ({ state, review }: Run): boolean => state === "paused" || state === "pausing" || (state === "waiting" && !!review?.timeout && review.left == null);

function Meters({ run, onRaise, open }: { run: Run; onRaise: false | (() => void); open: boolean }) {
  const over = ended(run.state);
  const passed = useClock(run.state === "running" || run.state === "waiting", run.seq);
  const { calls, tokens, usd: money, seconds } = run.budget;
  const elapsed = run.elapsed + passed;
  const left = run.eta == null ? null : Math.max(0, run.eta - passed);
  const raise = onRaise && { onRaise, open };
  return (
    <span class="meters num">
      {calls && <Meter spent={calls.spent} limit={calls.limit} text={count(calls.spent)} of={calls.limit == null ? "calls" : `/ ${count(calls.limit)} calls`} {...raise} />}
      {tokens?.limit != null && <Meter spent={tokens.spent} limit={tokens.limit} text={count(tokens.spent)} of={`/ ${count(tokens.limit)} tokens`} {...raise} />}
      {money && (money.spent > 0 || money.limit != null) && <Meter spent={money.spent} limit={money.limit} text={usd(money.spent)} of={money.limit == null ? "spent" : `/ ${usd(money.limit)}`} {...raise} />}
      {over || left == null ? (
        <Meter spent={elapsed} limit={seconds?.limit ?? null} text={duration(elapsed)} of={seconds?.limit == null ? "elapsed" : `/ ${duration(seconds.limit)}`} {...raise} />
      ) : (
        <Meter spent={elapsed} limit={elapsed + left} text={duration(left)} of="left" />
      )}
    </span>
  );
}

function Meter({ spent, limit, text, of, onRaise, open }: { spent: number; limit: number | null; text: string; of: string; onRaise?: () => void; open?: boolean }) {
  const part = limit ? Math.min(1, spent / limit) : 0;
  const words = (
    <span>
      <b>{text}</b> <span class="muted">{of}</span>
    </span>
  );
  return (
    <span class="meter">
      {onRaise && limit != null ? (
        <Button action="raise-budget" expanded={open} title="Raise the budget" onClick={onRaise}>
          {words}
        </Button>
      ) : (
        words
      )}
      {limit != null && <i class={part >= 0.9 ? "near" : ""} style={{ "--w": `${(part * 100).toFixed(1)}%` }} />}
    </span>
  );
}

/** Seconds since the last message, counted here so that the kernel need not send the time. */
export function useClock(on: boolean, seq: number): number {
  const [passed, setPassed] = useState(0);
  useEffect(() => {
    setPassed(0);
    if (!on) return;
    const start = performance.now();
    const timer = setInterval(() => setPassed((performance.now() - start) / 1000), 1000);
    return () => clearInterval(timer);
  }, [on, seq]);
  return passed;
}
