import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { plain } from "./text";

interface ButtonProps {
  action?: string;
  id?: string | number;
  busy?: boolean;
  disabled?: boolean;
  class?: string;
  shortcut?: string;
  title?: string;
  pressed?: boolean;
  expanded?: boolean;
  submit?: boolean;
  onClick?: (event: MouseEvent) => void;
  children: ComponentChildren;
}

export function Button({ action, id, busy, disabled, class: name = "", shortcut, title, pressed, expanded, submit, onClick, children }: ButtonProps) {
  return (
    <button
      type={submit ? "submit" : "button"}
      class={`${name}${busy ? " busy" : ""}`}
      data-action={action}
      data-id={id}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      aria-pressed={pressed}
      aria-expanded={expanded}
      aria-keyshortcuts={shortcut}
      title={title}
      onClick={onClick}
    >
      {children}
      {shortcut && <kbd aria-hidden="true">{shortcut === "Backspace" ? "⌫" : shortcut}</kbd>}
    </button>
  );
}

export interface Tab {
  id: string;
  name: string;
  count?: number | null;
}

export function Tabs({ tabs, tab, onTab, label }: { tabs: Tab[]; tab: string; onTab: (id: string) => void; label: string }) {
  return (
    <div class="tabs" role="tablist" aria-label={label}>
      {tabs.map(({ id, name, count }) => (
        <button type="button" role="tab" class={id === tab ? "on" : ""} aria-selected={id === tab} tabIndex={id === tab ? 0 : -1} data-tab={id} onClick={() => onTab(id)}>
          {name}
          {count != null && <span class="num"> {count.toLocaleString("en-US")}</span>}
        </button>
      ))}
    </div>
  );
}

export interface Said {
  text: string;
  bad: boolean;
}

/** What came of a command: an error or a note, beside the controls that caused it. */
export function Notice({ said, onClose }: { said: Said | null; onClose: () => void }) {
  if (!said) return null;
  return (
    <div class={`notice ${said.bad ? "bad" : ""}`} role={said.bad ? "alert" : "status"}>
      <span>{plain(said.text)}</span>
      <button type="button" class="link" aria-label="Close this message" onClick={onClose}>
        ×
      </button>
    </div>
  );
}

/** True while the reader types: then no key is a shortcut. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0] as HTMLElement | undefined;
  return !!target && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName ?? "") || target.isContentEditable === true);
}

/** Commands in flight and what came of them. */
export function useCommands(send: (action: string, args: object) => Promise<any>) {
  const [busy, setBusy] = useState<Record<string, boolean>>({});
  const [said, setSaid] = useState<Said | null>(null);
  const key = (action: string, id?: string | number) => (id == null ? action : `${action}:${id}`);
  const run = async (action: string, args: object = {}, id?: string | number): Promise<any> => {
    const name = key(action, id);
    if (busy[name]) return undefined;
    setBusy((before) => ({ ...before, [name]: true }));
    setSaid(null);
    const slow = setTimeout(() => setSaid({ text: "The kernel is busy with another cell; this will be done as soon as it is free.", bad: false }), 2500);
    try {
      const result = await send(action, args);
      setSaid((now) => (now?.bad ? now : null));
      return result ?? true;
    } catch (error) {
      setSaid({ text: (error as Error).message, bad: true });
      return undefined;
    } finally {
      clearTimeout(slow);
      setBusy(({ [name]: _, ...rest }) => rest);
    }
  };
  return { run, said, setSaid, busy: (action: string, id?: string | number) => !!busy[key(action, id)] };
}

/** The reasons that a number key gives. */
export const REASONS = ["wrong label", "wrong answer", "not typical", "too long", "leaks the answer", "badly written"];

/** Asks why, without insisting: Enter rejects, a number or a word gives the reason. */
export function ReasonForm({ what, action, id, busy, onReject, onCancel }: { what: string; action: string; id: string; busy: boolean; onReject: (reason: string | null) => void; onCancel: () => void }) {
  const [reason, setReason] = useState("");
  return (
    <form
      class="form reason"
      aria-label={`Reject ${what}`}
      onSubmit={(event) => {
        event.preventDefault();
        onReject(reason.trim() || null);
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          onCancel();
        } else if (!isTyping(event) && /^[1-9]$/.test(event.key) && REASONS[+event.key - 1]) {
          event.stopPropagation();
          event.preventDefault();
          onReject(REASONS[+event.key - 1]);
        }
      }}
    >
      <span class="muted">Why? (optional)</span>
      {REASONS.map((text, n) => (
        <button type="button" class="chip" disabled={busy} onClick={() => onReject(text)}>
          <kbd aria-hidden="true">{n + 1}</kbd>
          {text}
        </button>
      ))}
      <input type="text" aria-label="Reason" placeholder="another reason" value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      <span class="row-end">
        <button type="submit" class={`bad${busy ? " busy" : ""}`} data-action={action} data-id={id} data-confirm="true" disabled={busy} ref={focusOnce}>
          Reject {what}
        </button>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      </span>
    </form>
  );
}

const focused = new WeakSet<HTMLElement>();

/** A ref that takes the focus when its element appears, and never again. */
export function focusOnce(node: HTMLElement | null): void {
  if (!node || focused.has(node)) return;
  focused.add(node);
  node.focus({ preventScroll: true });
}
