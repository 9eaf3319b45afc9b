import { useEffect, useState } from "preact/hooks";
import { Act, Button } from "../kit/controls";
import { count, duration, usd } from "../kit/format";
import { plain } from "../kit/text";
import type { Desk, Run } from "./desk";
import { ended, STATE_WORDS } from "./state";

export function Header({ desk, exporting, onExport }: { desk: Desk; exporting: boolean; onExport: () => void }) {
  const { run, live } = desk;
  const { state } = run;
  const over = ended(state);
  const held = state === "paused" || state === "pausing";
  const stopping = state === "stopping";
  return (
    <header>
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
      <Meters run={run} />
      <span class="buttons">
        {live && over && state !== "finished" && (
          <Act by={desk} action="resume" title="Go on from where the run stopped">
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
            {stopping ? (
              <Act by={desk} action="cancel" title="Also drop the calls in flight">
                Cancel
              </Act>
            ) : (
              <Act by={desk} action="stop" title="End the run and keep the best candidate">
                Stop
              </Act>
            )}
          </>
        )}
        <Button class="primary" expanded={exporting} title="Save the program" onClick={onExport}>
          Export…
        </Button>
      </span>
    </header>
  );
}

function Meters({ run }: { run: Run }) {
  const over = ended(run.state);
  const passed = useClock(run.state === "running" || run.state === "waiting", run.seq);
  const { calls, tokens, usd: money, seconds } = run.budget;
  const elapsed = run.elapsed + passed;
  const left = run.eta == null ? null : Math.max(0, run.eta - passed);
  return (
    <span class="meters num">
      {calls && <Meter spent={calls.spent} limit={calls.limit} text={count(calls.spent)} of={calls.limit == null ? "calls" : `/ ${count(calls.limit)} calls`} />}
      {tokens?.limit != null && <Meter spent={tokens.spent} limit={tokens.limit} text={count(tokens.spent)} of={`/ ${count(tokens.limit)} tokens`} />}
      {money && (money.spent > 0 || money.limit != null) && <Meter spent={money.spent} limit={money.limit} text={usd(money.spent)} of={money.limit == null ? "spent" : `/ ${usd(money.limit)}`} />}
      {over || left == null ? (
        <Meter spent={elapsed} limit={seconds?.limit ?? null} text={duration(elapsed)} of={seconds?.limit == null ? "elapsed" : `/ ${duration(seconds.limit)}`} />
      ) : (
        <Meter spent={elapsed} limit={elapsed + left} text={duration(left)} of="left" />
      )}
    </span>
  );
}

function Meter({ spent, limit, text, of }: { spent: number; limit: number | null; text: string; of: string }) {
  const part = limit ? Math.min(1, spent / limit) : 0;
  return (
    <span class="meter">
      <span>
        <b>{text}</b> <span class="muted">{of}</span>
      </span>
      {limit != null && <i class={part >= 0.9 ? "near" : ""} style={{ "--w": `${(part * 100).toFixed(1)}%` }} />}
    </span>
  );
}

/** Seconds since the last message, counted here so that the kernel need not send the time. */
function useClock(on: boolean, seq: number): number {
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
