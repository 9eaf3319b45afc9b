import { Beside } from "../kit/beside";
import { Act, Notice, type Commands } from "../kit/controls";
import { Area, Form, FormRow, isCut } from "../kit/form";
import { count, plural, seconds } from "../kit/format";
import type { EditorState } from "./editor";

export interface Trial {
  number: number;
  inputs: Record<string, string>;
  outputs: Record<string, string> | null;
  error: string | null;
  edits: string[];
  seconds: number | null;
  tokens: number;
}

interface Props {
  by: Commands;
  state: EditorState;
  /** What was typed of them; the kernel has the others, whole. */
  typed: Record<string, string>;
  onInput: (name: string, text: string) => void;
}

/** Real calls on an input: the last reply beside the one before it on the same input. */
export function Tries({ by, state: { trials, inputs: fields }, typed, onInput }: Props) {
  const last = trials.at(-1);
  const former = last && trials.slice(0, -1).findLast((one) => JSON.stringify(one.inputs) === JSON.stringify(last.inputs));
  const head = (one: Trial) => `#${one.number} · ${one.edits.length ? plural(one.edits.length, "edit") : "as it was"} · ${seconds(one.seconds)} · ${count(one.tokens)} tokens`;
  return (
    <div>
      <h4>Try it</h4>
      <Form class="fields" action="rerun" save="Try" busy={by.busy("rerun")} hint="A real call of your program." onSave={() => by.send("rerun", { inputs: typed })}>
        {fields.map(({ name, type, text }) => (
          <FormRow label={name}>
            <Area data-field={name} value={typed[name] ?? text} readOnly={typed[name] == null && isCut(text)} lines={[1, 8]} placeholder={type} onText={(text) => onInput(name, text)} />
          </FormRow>
        ))}
      </Form>
      <Act by={by} class="link" action="rerun" id="as-it-was" args={{ inputs: typed, as_it_was: true }}>
        Try it as it was
      </Act>
      {last?.error && <Notice said={{ text: last.error, bad: true }} />}
      {last && (
        <div data-kind="trial" data-id={last.number} aria-live="polite">
          <Beside heads={[former ? head(former) : "no former reply", head(last)]} before={former?.outputs} after={last.outputs} />
        </div>
      )}
    </div>
  );
}
