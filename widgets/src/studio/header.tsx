import { useEffect, useState } from "preact/hooks";
import { Button } from "../kit/controls";
import { count, duration, usd } from "../kit/format";
import { plain } from "../kit/text";
import type { Snapshot } from "../kit/types";
import { ended, STATE_WORDS } from "./state";

interface Props {
  run: Omit<Snapshot, "candidates">;
  busy: (action: string) => boolean;
  onCommand: (action: string, args?: object) => void;
  onExport: () => void;
  exporting: boolean;
}

export function Header({ run, busy, onCommand, onExport, exporting }: Props) {
  const { state } = run;
  const over = ended(state);
  const held = state === "paused" || state === "pausing";
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
          {run.live ? "" : " · view only"}
        </span>
      </span>
      <Meters run={run} />
      <span class="buttons">
        {run.live && over && state !== "finished" && (
          <Button action="resume" title="Go on from where the run stopped" busy={busy("resume")} onClick={() => onCommand("resume")}>
            Resume
          </Button>
        )}
        {run.live && !over && (
          <>
            {held ? (
              <Button action="resume" shortcut="P" busy={busy("resume")} class="lead" onClick={() => onCommand("resume")}>
                Resume
              </Button>
            ) : (
              <Button action="pause" shortcut="P" busy={busy("pause")} disabled={state === "stopping"} onClick={() => onCommand("pause")}>
                Pause
              </Button>
            )}
            <Button action="step" shortcut="S" title="Go on to the next finished candidate, then pause" busy={busy("step")} disabled={state === "stopping"} onClick={() => onCommand("step")}>
              Step
            </Button>
            {state === "stopping" ? (
              <Button action="cancel" title="Also drop the calls in flight" busy={busy("cancel")} onClick={() => onCommand("cancel")}>
                Cancel
              </Button>
            ) : (
              <Button action="stop" title="End the run and keep the best candidate" busy={busy("stop")} onClick={() => onCommand("stop")}>
                Stop
              </Button>
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

function Meters({ run }: { run: Omit<Snapshot, "candidates"> }) {
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

/** TicketRouter -> ticket_router: a name that Python can import. */
const fileName = (program: string): string => program.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/\W+/g, "_").toLowerCase().replace(/^(?=\d)|^$/, "program_");

export function ExportForm({ run, busy, onExport, onClose }: { run: Omit<Snapshot, "candidates">; busy: boolean; onExport: (format: string, path: string) => void; onClose: () => void }) {
  const base = fileName(run.program);
  const [json, setJson] = useState(`${base}.json`);
  const [python, setPython] = useState(`${base}.py`);
  const line = (format: string, words: string, path: string, set: (path: string) => void) => (
    <form
      class="export-line"
      onSubmit={(event) => {
        event.preventDefault();
        onExport(format, path.trim());
      }}
    >
      <label>
        <span>{words}</span>
        <input type="text" value={path} spellcheck={false} onInput={(event) => set(event.currentTarget.value)} />
      </label>
      <button type="submit" data-action="export" data-format={format} class={busy ? "busy" : ""} disabled={busy || !path.trim()}>
        Save
      </button>
    </form>
  );
  return (
    <div class="form export" role="dialog" aria-label="Export the program" onKeyDown={(event) => event.key === "Escape" && (event.stopPropagation(), onClose())}>
      <span class="muted">Save the {run.accepted ? "accepted" : "best"} candidate as</span>
      {line("json", "JSON program", json, setJson)}
      {line("python", "Python module", python, setPython)}
    </div>
  );
}
