import { useMemo } from "preact/hooks";
import { Button, focusOnce } from "../kit/controls";
import { wordDiff } from "../kit/diff";
import { Text } from "../kit/text";
import type { Detail, PredictorDetail } from "../kit/types";
import { DemoTable, type DemoActions } from "./demos";

interface Props {
  detail: Detail;
  baseline: boolean;
  editing: boolean;
  drafts: Map<string, string>;
  onDraft: (slot: string, text: string) => void;
  onSave: (slot: string, text: string) => void;
  onCancel: () => void;
  busy: (action: string, id?: string) => boolean;
  demos: DemoActions;
}

export const slotOf = (predictor: PredictorDetail): string => `${predictor.path}.instructions`;

export function Prompt({ detail, baseline, editing, drafts, onDraft, onSave, onCancel, busy, demos }: Props) {
  return (
    <>
      {detail.predictors.map((predictor, n) => {
        const slot = slotOf(predictor);
        const text = drafts.get(slot) ?? predictor.instructions;
        return (
          <section class="predictor" key={predictor.path}>
            <div class="diff-head">
              <Text>{predictor.path}</Text> · instruction{baseline || editing ? "" : predictor.before === predictor.instructions ? ", as in the baseline" : ", against baseline"}
            </div>
            {editing ? (
              <form
                class="form edit"
                onSubmit={(event) => {
                  event.preventDefault();
                  onSave(slot, text);
                }}
                onKeyDown={(event) => {
                  if (event.key === "Escape") onCancel();
                  else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) onSave(slot, text);
                  else return;
                  event.preventDefault();
                  event.stopPropagation();
                }}
              >
                <textarea
                  aria-label={`Instruction of ${predictor.path}`}
                  data-slot={slot}
                  value={text}
                  rows={Math.min(14, Math.max(4, text.split("\n").length + Math.ceil(text.length / 110)))}
                  ref={n === 0 ? focusOnce : undefined}
                  onInput={(event) => onDraft(slot, event.currentTarget.value)}
                />
                <span class="row">
                  <Button submit class="primary" action="edit" id={slot} busy={busy("edit", slot)} disabled={text === predictor.instructions || !text.trim()}>
                    Save as a new candidate
                  </Button>
                  <Button onClick={onCancel}>Cancel</Button>
                  <span class="muted">Ctrl+Enter saves, Esc leaves. It is evaluated next.</span>
                </span>
              </form>
            ) : (
              <Diff before={baseline ? predictor.instructions : predictor.before} after={predictor.instructions} />
            )}
            {predictor.locked.length > 0 && (
              <p class="muted">
                locked: <Text>{predictor.locked.map((span) => `“${span}”`).join(", ")}</Text>
              </p>
            )}
            <h4>Demos in this prompt</h4>
            <DemoTable predictor={predictor} actions={demos} />
          </section>
        );
      })}
    </>
  );
}

export function Diff({ before, after }: { before: string; after: string }) {
  const parts = useMemo(() => wordDiff(before, after), [before, after]);
  const whole = parts.length === 2 && parts[0].op === "del" && parts[1].op === "add";
  if (!after && !before) return <div class="diff muted">(no instruction)</div>;
  return (
    <div class="diff">
      {parts.map((part, n) => {
        const words = <Text>{part.text}</Text>;
        if (part.op === "same") return words;
        const Mark = part.op === "add" ? "ins" : "del";
        return (
          <>
            {whole && n === 1 ? "\n" : ""}
            <Mark>{words}</Mark>
          </>
        );
      })}
    </div>
  );
}
