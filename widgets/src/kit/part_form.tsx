import type { ComponentChildren } from "preact";
import { Button, focusOnce, type Commands } from "./controls";
import { Area, Form, FormRow, isCut } from "./form";
import { plain } from "./text";

interface Field {
  name: string;
  text?: string;
  /** Its words, where they are not its name. */
  label?: string;
  /** How it is typed: else as a text of several lines; a list is what can be chosen. */
  as?: "line" | "number" | "check" | [value: string, words: string][];
  /** The argument of the command that holds it, by its name; else it is an argument itself. */
  into?: string;
  lines?: [least: number, most: number];
  placeholder?: string;
}

/** A form as the kernel says it. What it sends are `args` with every field that was changed. */
export interface FormOf {
  action: string;
  id?: string | number;
  args?: Record<string, any>;
  save: string;
  label?: string;
  hint?: string;
  bad?: boolean;
  /** It can be sent as it is. */
  free?: boolean;
  /** It stays as it is when it was sent: to be sent again with another change. */
  stays?: boolean;
  /** It is there without a button that opens it. */
  always?: boolean;
  /** Texts that a number key gives as the first field. */
  reasons?: string[];
  fields: Field[];
}

/** The name of a button or a form: what is open, and what was typed, is known by it. */
export const nameOf = ({ action, id = "" }: { action: string; id?: string | number }): string => `${action}:${id}`;

/** A text that can be changed where it is whole. */
const CutArea = (given: Parameters<typeof Area>[0]) =>
  given.readOnly ? (
    <span>
      <Area {...given} />
      <span class="muted">Cut: it is too long for a panel, so change it in a cell.</span>
    </span>
  ) : (
    <Area {...given} />
  );

/** What was typed lives in the view and in no message, so nothing that arrives can overwrite it; it goes when it was sent. */
export function PartForm({ by, of, class: name, children }: { by: Commands; of: FormOf; class?: string; children?: ComponentChildren }) {
  const { action, id, args, fields, reasons = [], free, stays, always, ...rest } = of;
  const key = nameOf(of);
  const draft = by.typed[key] ?? {};
  const textOf = ({ name: field, text = "" }: Field) => (Object.hasOwn(draft, field) ? draft[field] : text); // a field may be named "constructor"
  const changed = fields.filter((field) => textOf(field) !== (field.text ?? ""));
  const send = async (made: Record<string, any>) => {
    if ((await by.send(action, made, id)) === undefined || stays || always) return;
    by.type(key);
    by.setOpen((open) => (open === key ? "" : open)); // meanwhile another may be open
  };
  const save = () => {
    const made: Record<string, any> = { ...args };
    for (const field of changed) {
      const text = textOf(field);
      if (field.as === "number" && !text) {
        delete made[field.name]; // also where the kernel had a proposal for it
        continue;
      }
      const value = field.as === "number" ? Number(text) : field.as === "check" ? text === "true" : text;
      if (field.into) made[field.into] = { ...made[field.into], [field.name]: value };
      else made[field.name] = value;
    }
    return send(made);
  };
  const choose = (reason: string) => () => send({ ...args, [fields[0].name]: reason });
  return (
    <Form
      hint={always ? undefined : "Ctrl+Enter saves, Esc leaves."}
      {...rest}
      class={name}
      action={action}
      id={id}
      busy={by.busy(action, id)}
      disabled={!free && !changed.length}
      gestures={Object.fromEntries(reasons.map((text, n) => [n + 1, choose(text)]))}
      onSave={save}
      onCancel={always ? undefined : () => by.setOpen("")}
    >
      {children}
      {reasons.map((text, n) => (
        <Button class="chip" onClick={choose(text)}>
          <kbd aria-hidden="true">{n + 1}</kbd>
          {text}
        </Button>
      ))}
      {fields.map((field, n) => {
        const { name: one, as, lines, placeholder, label = one } = field;
        const set = (text: string) => by.type(key, one, text);
        const value = textOf(field);
        const own = { "data-field": plain(one), placeholder, value };
        const focus = !n && !rest.bad && !always;
        const ref = focus ? focusOnce : undefined;
        return (
          <FormRow label={label}>
            {!as ? (
              <CutArea {...own} focus={focus} lines={lines} readOnly={isCut(field.text ?? "")} onText={set} />
            ) : typeof as === "object" ? (
              <select {...own} ref={ref} onChange={(event) => set(event.currentTarget.value)}>
                {as.map(([option, words]) => (
                  <option value={option}>{words}</option>
                ))}
              </select>
            ) : (
              <input
                {...own}
                ref={ref}
                type={as === "check" ? "checkbox" : as === "number" ? as : "text"}
                step="any"
                spellcheck={false}
                checked={value === "true"}
                onInput={({ currentTarget: it }) => set(as === "check" ? String(it.checked) : it.value)}
              />
            )}
          </FormRow>
        );
      })}
    </Form>
  );
}
