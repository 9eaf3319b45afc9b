import { useState } from "preact/hooks";
import { Button } from "./controls";

// Control and direction characters can hide or reorder text; joiners (U+200C, U+200D) are left alone, since scripts and emoji need them.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

export function markOf(char: string): string {
  const code = char.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "␡";
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** Text for attributes and one-line places: marks instead of what cannot be seen. */
export const plain = (text: unknown): string => String(text ?? "").replace(/\r\n/g, "\n").replace(HIDDEN, markOf);

/** The pieces of a text: `mark` is true for the stand-in of a hidden character. */
export function pieces(text: string): { text: string; mark: boolean }[] {
  const parts: { text: string; mark: boolean }[] = [];
  const clean = text.replace(/\r\n/g, "\n");
  let at = 0;
  for (const match of clean.matchAll(HIDDEN)) {
    if (match.index > at) parts.push({ text: clean.slice(at, match.index), mark: false });
    parts.push({ text: markOf(match[0]), mark: true });
    at = match.index + match[0].length;
  }
  if (at < clean.length) parts.push({ text: clean.slice(at), mark: false });
  return parts;
}

export function Text({ children }: { children: unknown }) {
  const text = String(children ?? "");
  const parts = pieces(text);
  if (parts.length <= 1 && !parts[0]?.mark) return <>{parts[0]?.text ?? ""}</>;
  return <>{parts.map((part) => (part.mark ? <span class="mark">{part.text}</span> : part.text))}</>;
}

const CUT = 1500;

/** A text that may be long: cut, with a button that shows the rest. */
export function Long({ text, cut = CUT }: { text: string; cut?: number }) {
  const [open, setOpen] = useState(false);
  if (open || text.length <= cut * 1.2) return <Text>{text}</Text>;
  return (
    <>
      <Text>{text.slice(0, cut)}</Text>…{" "}
      <Button class="link" onClick={() => setOpen(true)}>
        show all {text.length.toLocaleString("en-US")} characters
      </Button>
    </>
  );
}

/** The first line of a text, short enough for a table cell. */
export function line(text: string | null | undefined, size = 160): string {
  const flat = (text ?? "").slice(0, size * 4).replace(/\s+/g, " ").trim();
  return flat.length > size ? `${flat.slice(0, size)}…` : flat;
}
