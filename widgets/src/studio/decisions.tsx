import { useState } from "preact/hooks";
import { Button } from "../kit/controls";
import { plain, Text } from "../kit/text";
import type { Decision } from "../kit/types";

export const canUndo = (decision: Decision): boolean => !decision.undone && !["undo", "redo", "stop", "cancel"].includes(decision.kind);

interface Props {
  decisions: Decision[];
  live: boolean;
  busy: (action: string, id?: number) => boolean;
  onUndo: (decision?: number) => void;
  onRedo: () => void;
  onKeys: () => void;
}

/** The foot of the panel: the last decisions in a line, all of them on demand. */
export function Decisions({ decisions, live, busy, onUndo, onRedo, onKeys }: Props) {
  const [open, setOpen] = useState(false);
  const able = live && decisions.some(canUndo);
  const redo = live && decisions.some((decision) => decision.undone);
  return (
    <footer>
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
                  <Button action="undo" id={decision.id} class="small" busy={busy("undo", decision.id)} onClick={() => onUndo(decision.id)}>
                    Undo
                  </Button>
                )}
              </li>
            ))}
        </ol>
      )}
      <div class="foot">
        <button type="button" class="link" aria-expanded={open} disabled={!decisions.length} onClick={() => setOpen(!open)}>
          Decisions{decisions.length > 0 && <span class="num"> {decisions.length}</span>} {decisions.length > 0 && (open ? "▾" : "▸")}
        </button>
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
            <Button action="redo" class="small" busy={busy("redo")} onClick={onRedo}>
              Redo
            </Button>
          )}
          <Button action="undo" class="small" shortcut="Backspace" disabled={!able} busy={busy("undo")} onClick={() => onUndo()}>
            Undo
          </Button>
          <Button class="quiet small" title="Keys" onClick={onKeys}>
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
