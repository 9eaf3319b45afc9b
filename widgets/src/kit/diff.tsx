import { useMemo } from "preact/hooks";
import { Text } from "./text";

export interface DiffPart {
  op: "same" | "add" | "del";
  text: string;
}

const TOO_LONG = 4_000_000; // cells of the table below
const LITTLE = 0.7; // of the shorter text: below that, word marks are confetti

/** What was taken out of `before` and put into `after`, by words. Texts with little in common come out as one removal and one addition. */
export function wordDiff(before: string, after: string): DiffPart[] {
  if (before === after) return after ? [{ op: "same", text: after }] : [];
  const a = words(before);
  const b = words(after);
  if (!a.length || !b.length || a.length * b.length > TOO_LONG) return replaced(before, after);
  const parts = merge(backtrack(a, b));
  const kept = parts.filter((part) => part.op === "same").reduce((sum, part) => sum + letters(part.text), 0);
  return kept < LITTLE * Math.min(letters(before), letters(after)) ? replaced(before, after) : parts;
}

const words = (text: string): string[] => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
const letters = (text: string): number => text.replace(/[^\p{L}\p{N}]/gu, "").length;

const replaced = (before: string, after: string): DiffPart[] => [
  ...(before ? [{ op: "del" as const, text: before }] : []),
  ...(after ? [{ op: "add" as const, text: after }] : []),
];

function backtrack(a: string[], b: string[]): DiffPart[] {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width); // longest common subsequence of the tails
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i * width + j] = a[i] === b[j] ? table[(i + 1) * width + j + 1] + 1 : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
  const parts: DiffPart[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) parts.push({ op: "same", text: a[(j++, i++)] });
    else if (i < a.length && (j === b.length || table[(i + 1) * width + j] >= table[i * width + j + 1])) parts.push({ op: "del", text: a[i++] });
    else parts.push({ op: "add", text: b[j++] });
  }
  return parts;
}

/** Joins neighbours; a lone space between two changes belongs to them, so that a replaced phrase reads as one. */
function merge(parts: DiffPart[]): DiffPart[] {
  const out: DiffPart[] = [];
  let del = "";
  let add = "";
  const flush = () => {
    if (del) out.push({ op: "del", text: del });
    if (add) out.push({ op: "add", text: add });
    del = add = "";
  };
  parts.forEach((part, n) => {
    if (part.op === "del") del += part.text;
    else if (part.op === "add") add += part.text;
    else if (/^[^\S\n]+$/.test(part.text) && del && add && n + 1 < parts.length && parts[n + 1].op !== "same") {
      del += part.text;
      add += part.text;
    } else {
      flush();
      const last = out.at(-1);
      if (last?.op === "same") last.text += part.text;
      else out.push({ op: "same", text: part.text });
    }
  });
  flush();
  return out;
}

/** A text with what was taken out and what was put in, marked by word. */
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
        return [whole && n === 1 ? "\n" : "", <Mark>{words}</Mark>];
      })}
    </div>
  );
}
