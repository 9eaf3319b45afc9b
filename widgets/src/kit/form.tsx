import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button, focusOnce } from "./controls";
import { keys, type Gestures } from "./keys";
import { plain } from "./text";

interface FormProps {
  label?: string;
  class?: string;
  /** The handles of the button that saves, and what it says. */
  action: string;
  id?: string | number;
  save: ComponentChildren;
  busy?: boolean;
  disabled?: boolean;
  hint?: string;
  bad?: boolean;
  gestures?: Gestures;
  onSave: () => void;
  onCancel?: () => void;
  children?: ComponentChildren;
}

const isLine = (target: EventTarget | null): boolean => target instanceof HTMLInputElement && target.type !== "checkbox";

/** A form: Enter in a line or Ctrl+Enter anywhere saves, Escape leaves. */
export function Form({ label, class: name = "", action, id, save, busy, disabled, hint, bad, gestures, onSave, onCancel, children }: FormProps) {
  const own = useRef<HTMLFormElement>(null);
  // a form that goes leaves the focus to its view: the keys go on
  useLayoutEffect(() => () => void (own.current?.contains((own.current.getRootNode() as Document).activeElement) && own.current.closest<HTMLElement>("[data-lmnb]")?.focus({ preventScroll: true })), []);
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape" && onCancel) onCancel();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey || isLine(event.target))) disabled || busy || onSave(); // a browser's own way for a line is lost in JupyterLab
    else return gestures && keys(gestures)(event);
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <form ref={own} class={`form ${name}`} aria-label={label} onSubmit={(event) => (event.preventDefault(), onSave())} onKeyDown={onKey}>
      {children}
      <span class="row">
        <Button submit class={bad ? "bad" : "primary"} action={action} id={id} busy={busy} disabled={disabled} focus={bad} data-confirm={bad}>
          {save}
        </Button>
        {onCancel && <Button onClick={onCancel}>Cancel</Button>}
        {hint && <span class="muted">{hint}</span>}
      </span>
    </form>
  );
}

/** A control with its name before it. */
export const FormRow = ({ label, children }: { label: string; children: ComponentChildren }) => (
  <label>
    <span>{plain(label)}</span>
    {children}
  </label>
);

interface AreaProps {
  value: string;
  onText: (text: string) => void;
  label?: string;
  /** Lines that show: at least, at most. */
  lines?: [number, number];
  focus?: boolean;
  placeholder?: string;
  readOnly?: boolean;
  [more: string]: unknown;
}

/** Ends a text that the kernel cut: saved, the rest of it would be lost. */
const CUT = /…( \([\d,]+ more characters\))?$/;
const WHOLE = 2000; // shorter ones may end so themselves

export const isCut = (text: string): boolean => CUT.exec(text)?.[1] != null || (text.length > WHOLE && text.endsWith("…"));

const LETTER = 7.5; // pixels of one in a text
const EDGES = 20;

/** A text of several lines, as high as its text is where it stands. */
export function Area({ value, onText, label, lines: [least, most] = [1, 8], focus, ...rest }: AreaProps) {
  const own = useRef<HTMLTextAreaElement>(null);
  const [letters, setLetters] = useState(75); // in a line
  useLayoutEffect(() => {
    const watch = new ResizeObserver(([{ target }]) => setLetters(Math.max(12, Math.floor((target.clientWidth - EDGES) / LETTER))));
    watch.observe(own.current!);
    if (focus) focusOnce(own.current);
    return () => watch.disconnect();
  }, []);
  const rows = value.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / letters)), 0);
  return (
    <textarea
      aria-label={label}
      value={value}
      rows={Math.min(most, Math.max(least, rows))}
      ref={own}
      onInput={(event: { currentTarget: HTMLTextAreaElement }) => onText(event.currentTarget.value)}
      {...rest}
    />
  );
}
