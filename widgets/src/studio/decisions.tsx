import { useState } from "preact/hooks";
import { Act, Button } from "../kit/controls";
import { count } from "../kit/format";
import { plain, Text } from "../kit/text";
import type { Decision } from "../kit/types";
import type { Desk } from "./desk";

export const canUndo = (decision: Decision): boolean => !decision.undone && !["undo", "redo", "stop", "cancel", "pass", "raise-budget"].includes(decision.kind);

/** The foot of the panel: the last decisions in a line, all of them on demand. */
export function Decisions({ desk }: { desk: Desk }) {
  const { live } = desk;
  const { decisions } = desk.run;
  const [open, setOpen] = useState(false);
  const able = live && decisions.some(canUndo);
  const redo = live && decisions.some((decision) => decision.undone);
  return (
    <footer role="group" aria-label="Decisions">
      {open && decisions.length > 0 && (
        <ol class="decisions">
          {decisions
            .slice()
            .reverse()
            .map((decision) => (
              <li key={decision.id} data-kind="decision" data-id={decision.id} class={decision.undone ? "undone" : ""}>
                <span class="muted num">{plain(decision.time)}</span>
                <Words text={decision.text} />
                {decision.undone && <span class="tag">undone</span>}
                {live && canUndo(decision) && (
                  <Act by={desk} action="undo" args={{ decision: decision.id }} id={decision.id} class="small">
                    Undo
                  </Act>
                )}
              </li>
            ))}
        </ol>
      )}
      <div class="foot">
        <Button class="link" expanded={open} disabled={!decisions.length} onClick={() => setOpen(!open)}>
          Decisions{decisions.length > 0 && <span class="num"> {count(desk.run.decisions_total ?? decisions.length)}</span>} {decisions.length > 0 && (open ? "▾" : "▸")}
        </Button>
        {!open && (
          <span class="latest">
            {decisions.length === 0 && <span class="muted">None yet. Accept, reject or edit: each one is kept and can be undone.</span>}
            {decisions.slice(-3).map((decision) => (
              <span key={decision.id} data-kind="decision" data-id={decision.id} class={decision.undone ? "undone" : ""}>
                <span class="num">{plain(decision.time)}</span> <Words text={decision.text} />
              </span>
            ))}
          </span>
        )}
        <span class="row-end">
          {redo && (
            <Act by={desk} action="redo" shortcut="R" class="small">
              Redo
            </Act>
          )}
          <Act by={desk} action="undo" class="small" shortcut="Backspace" disabled={!able}>
            Undo
          </Act>
          <Button class="quiet small" title="Keys" aria-label="Keys" onClick={desk.toggleKeys}>
            ?
          </Button>
        </span>
      </div>
    </footer>
  );
}

/** Decision words: what was done in ink, the reason and the consequence muted. */
function Words({ text }: { text: string }) {
  const cut = text.search(/ [“"(]|, /);
  if (cut < 0) return <span><Text>{text}</Text></span>;
  return (
    <span>
      <Text>{text.slice(0, cut)}</Text>
      <span class="muted">
        <Text>{text.slice(cut)}</Text>
      </span>
    </span>
  );
}
