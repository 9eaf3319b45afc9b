import { useState } from "preact/hooks";
import { Button, focusOnce } from "../kit/controls";
import { plain } from "../kit/text";
import type { PredictorDetail } from "../kit/types";
import { FieldForm } from "./demos";
import { slotOf } from "./prompt";

interface Props {
  predictors: PredictorDetail[];
  busy: boolean;
  onInject: (args: { instructions: Record<string, string> } | { demo: Record<string, string> }) => void;
  onClose: () => void;
}

/** A new instruction or a new demo from the person's own head. */
export function Inject({ predictors, busy, onInject, onClose }: Props) {
  const [kind, setKind] = useState<"instruction" | "demo">("instruction");
  const [path, setPath] = useState(predictors[0]?.path ?? "");
  const [text, setText] = useState("");
  const predictor = predictors.find((one) => one.path === path) ?? predictors[0];
  if (!predictor) return null;
  const save = () => text.trim() && onInject({ instructions: { [slotOf(predictor)]: text } });
  const kinds: ["instruction" | "demo", string][] = [
    ["instruction", "a new instruction"],
    ["demo", "a new demo"],
  ];
  return (
    <section class="form inject" aria-label="Add an instruction or a demo">
      <div class="row">
        <b>Add</b>
        {kinds.map(([name, words]) => (
          <button type="button" class="chip" aria-pressed={kind === name} onClick={() => setKind(name)}>
            {words}
          </button>
        ))}
        {predictors.length > 1 && (
          <label>
            <span class="muted">for</span>{" "}
            <select value={predictor.path} onChange={(event) => setPath(event.currentTarget.value)}>
              {predictors.map((one) => (
                <option value={one.path}>{plain(one.path)}</option>
              ))}
            </select>
          </label>
        )}
      </div>
      {kind === "instruction" ? (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            save();
          }}
          onKeyDown={(event) => {
            if (event.key === "Escape") onClose();
            else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        >
          <textarea aria-label="New instruction" rows={4} placeholder="Say what the call does, as you would to a colleague." value={text} ref={focusOnce} onInput={(event) => setText(event.currentTarget.value)} />
          <span class="row">
            <Button submit class="primary" action="inject" id="instruction" busy={busy} disabled={!text.trim()}>
              Add as a candidate
            </Button>
            <Button onClick={onClose}>Cancel</Button>
            <span class="muted">It is evaluated next.</span>
          </span>
        </form>
      ) : (
        <FieldForm
          key={predictor.path}
          names={[...predictor.inputs, ...predictor.outputs]}
          fields={{}}
          action="inject"
          id="demo"
          save="Add demo"
          busy={busy}
          onSave={(fields) => onInject({ demo: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== "")) })}
          onCancel={onClose}
        />
      )}
    </section>
  );
}
