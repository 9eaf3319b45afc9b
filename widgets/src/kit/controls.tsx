import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Client, Model } from "./client";
import { useKept } from "./kept";
import { keys } from "./keys";
import { plain } from "./text";

interface ButtonProps extends Omit<JSX.HTMLAttributes<HTMLButtonElement>, "action" | "id"> {
  action?: string;
  id?: string | number;
  busy?: boolean;
  disabled?: boolean;
  class?: string;
  shortcut?: string;
  pressed?: boolean;
  expanded?: boolean;
  submit?: boolean;
  /** Takes the focus when it appears. */
  focus?: boolean;
  children?: ComponentChildren;
  [data: `data-${string}`]: unknown;
}

export const Button = ({ action, id, busy, disabled, class: name = "", shortcut, pressed, expanded, submit, focus, children, ...rest }: ButtonProps) => (
  <button
    type={submit ? "submit" : "button"}
    class={busy ? `${name} busy` : name}
    data-action={action}
    data-id={id}
    disabled={disabled || busy}
    aria-busy={busy || undefined}
    aria-pressed={pressed}
    aria-expanded={expanded}
    aria-keyshortcuts={shortcut}
    ref={focus ? focusOnce : undefined}
    {...rest}
  >
    {children}
    {shortcut && <kbd aria-hidden="true">{shortcut === "Backspace" ? "⌫" : shortcut}</kbd>}
  </button>
);

/** A button that is one command of the kernel, and busy while it is carried out. */
export const Act = ({ by, args, ...rest }: ButtonProps & { by: Pick<Commands, "send" | "busy">; action: string; args?: object }) => (
  <Button busy={by.busy(rest.action, rest.id)} onClick={() => void by.send(rest.action, args, rest.id)} {...rest} />
);

export interface Tab {
  id: string;
  name: string;
  count?: number | null;
}

/** Tabs: what they choose stands in an element of `role="tabpanel"` after them. Arrows move while a tab has the focus. */
export function Tabs({ tabs, tab, onTab, label }: { tabs: Tab[]; tab: string; onTab: (id: string) => void; label: string }) {
  const list = useRef<HTMLDivElement>(null);
  const turn = (by: number) => () => {
    const to = (tabs.findIndex(({ id }) => id === tab) + by + tabs.length) % tabs.length;
    onTab(tabs[to].id);
    (list.current!.children[to] as HTMLElement).focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={keys({ ArrowRight: turn(1), ArrowLeft: turn(-1) })}>
      {tabs.map(({ id, name, count }) => (
        <Button role="tab" class={id === tab ? "on" : ""} aria-selected={id === tab} tabIndex={id === tab ? 0 : -1} data-tab={id} onClick={() => onTab(id)}>
          {name}
          {count != null && <span class="num"> {count.toLocaleString("en-US")}</span>}
        </Button>
      ))}
    </div>
  );
}

export interface Said {
  text: string;
  bad: boolean;
}

/** What came of a command, beside the controls that caused it: an error, or a note. */
export const Notice = ({ said, onClose, class: name = "" }: { said: Said | null; onClose?: () => void; class?: string }) =>
  said && (
    <div class={`notice ${said.bad ? "bad" : ""} ${name}`} role={said.bad ? "alert" : "status"}>
      <span>{plain(said.text)}</span>
      {onClose && (
        <Button class="link" aria-label="Close this message" onClick={onClose}>
          ×
        </Button>
      )}
    </div>
  );

/** Instead of what was asked for and is not there yet, or never will be. */
export const Wait = ({ problem }: { problem?: string | null }) =>
  problem ? <Notice said={{ text: problem, bad: true }} /> : <p class="wait muted none">Loading…</p>;

export interface Commands {
  /** Sends the command once, however often it is clicked; gives what came of it, or undefined where it failed (and says why). */
  send: (action: string, args?: object, id?: string | number) => Promise<any>;
  busy: (action: string, id?: string | number) => boolean;
  said: Said | null;
  say: (said: Said | null) => void;
  /** The form that is open, by its name (`nameOf`), and what was typed into forms, by name and field: both outlive the view. */
  open: string;
  setOpen: (name: string | ((before: string) => string)) => void;
  typed: Record<string, Record<string, string>>;
  type: (name: string, field?: string, text?: string) => void;
}

/** Commands in flight and what came of them. A button that is drawn as busy, disabled or gone leaves its focus to the root: the next key is heard.
 * `first` is what comes before a command, which is left out where that fails. */
export function useCommands(client: Client, root: HTMLElement, model: Model, first?: (action: string) => Promise<boolean>): Commands {
  const [open, setOpen] = useKept(model, "open", "");
  const [typed, setTyped] = useKept<Commands["typed"]>(model, "typed", {});
  const [busy, setBusy] = useState<Record<string, boolean>>({});
  const flying = useRef(new Set<string>()).current; // what is busy as of now, not as of when this was drawn
  const [said, say] = useKept<Said | null>(model, "said", null);
  const focus = () => (root.getRootNode() as Document).activeElement;
  const had = root.contains(focus()); // before this is drawn; whoever works elsewhere keeps the focus
  useLayoutEffect(() => {
    if (had && (!root.contains(focus()) || focus()!.matches(":disabled"))) root.focus({ preventScroll: true });
  });
  const key = (action: string, id?: string | number) => (id == null ? action : `${action}:${id}`);
  const send = async (action: string, args: object = {}, id?: string | number): Promise<any> => {
    const name = key(action, id);
    if (flying.has(name)) return undefined;
    flying.add(name);
    setBusy((before) => ({ ...before, [name]: true }));
    say(null);
    const slow = setTimeout(() => say({ text: "The kernel is busy with another cell; this will be done as soon as it is free.", bad: false }), 2500);
    try {
      if (first && !(await first(action))) return undefined;
      const result = await client.command(action, args);
      say((now) => (now?.bad ? now : result?.said ? { text: result.said, bad: false } : null));
      return result ?? true;
    } catch (error) {
      say({ text: (error as Error).message, bad: true });
      return undefined;
    } finally {
      clearTimeout(slow);
      flying.delete(name);
      setBusy(({ [name]: _, ...rest }) => rest);
    }
  };
  const type = (name: string, field?: string, text?: string) => {
    if (field != null) say((now) => (now?.bad ? null : now)); // what was wrong is being mended
    setTyped(({ [name]: old, ...others }) => (field == null ? others : { ...others, [name]: { ...old, [field]: text! } }));
  };
  return { send, said, say, busy: (action, id) => !!busy[key(action, id)], open, setOpen, typed, type };
}

const focused = new WeakSet<HTMLElement>();

/** A ref that takes the focus when its element appears, and never again. */
export function focusOnce(node: HTMLElement | null): void {
  if (!node || focused.has(node)) return;
  focused.add(node);
  node.focus({ preventScroll: true });
}
