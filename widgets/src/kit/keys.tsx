import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "./controls";

/** What each key does: letters in lower case, else the names of `KeyboardEvent.key`. A falsy one is a key that does nothing now. */
export type Gestures = Record<string, (() => unknown) | false | null | undefined>;

/** True while the reader types: then no key is a shortcut. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0] as HTMLElement | undefined;
  return !!target && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName ?? "") || target.isContentEditable === true);
}

/** A handler of `keydown`. Off while typing and with modifiers; Space and Enter on a button stay the button's; a key that was used goes no further. */
export const keys = (gestures: Gestures) => (event: KeyboardEvent) => {
  if (event.defaultPrevented || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if ((event.key === " " || event.key === "Enter") && /^(BUTTON|A|SUMMARY)$/.test((event.composedPath()[0] as HTMLElement).tagName)) return;
  const gesture = gestures[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!gesture) return;
  event.preventDefault();
  event.stopPropagation();
  gesture();
};

/** The keys of a view, wherever in it the focus is; `?` shows the sheet of `help`, which the view draws as `sheet`. */
export function useKeys(root: HTMLElement, gestures: Gestures, help: [key: string, does: string][]) {
  const [open, setOpen] = useState(false);
  const toggle = () => {
    setOpen(!open);
    if (open) root.focus({ preventScroll: true });
  };
  const now = useRef(gestures);
  now.current = { ...gestures, "?": toggle, Escape: open ? toggle : gestures.Escape };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => keys(now.current)(event);
    root.addEventListener("keydown", onKey);
    return () => root.removeEventListener("keydown", onKey);
  }, []);
  const sheet = open && (
    <div class="form keys" role="dialog" aria-label="Keys">
      <dl>
        {[...help, ["?", "this sheet"]].map(([key, does]) => [
          <dt>
            <kbd>{key}</kbd>
          </dt>,
          <dd>{does}</dd>,
        ])}
      </dl>
      <Button class="link" onClick={toggle}>
        Close
      </Button>
    </div>
  );
  return { toggle, sheet };
}
