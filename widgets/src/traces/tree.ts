import { asText } from "../kit/text";
import type { SpanRow } from "../kit/types";

export interface Line {
  span: SpanRow;
  children: number;
  folded: boolean;
  /** Percent of the whole. */
  x: number;
  w: number;
}

/** The rows of the tree that show: not below a folded span; with a filter, what matches and what leads there. */
export function lines(spans: SpanRow[], folded: ReadonlySet<number>, filter = ""): Line[] {
  const total = spans.reduce((end, span) => Math.max(end, span.start + (span.seconds ?? 0)), 0) || 1;
  const children = new Map<number, number>();
  const byId = new Map(spans.map((span) => [span.id, span]));
  for (const span of spans) if (span.parent != null) children.set(span.parent, (children.get(span.parent) ?? 0) + 1);
  const shown = filter.trim() ? matching(spans, byId, filter.trim().toLowerCase()) : null;
  const hidden = new Set<number>();
  const out: Line[] = [];
  for (const span of spans) {
    // parents come first; a filter opens what it finds
    if (!shown && span.parent != null && (hidden.has(span.parent) || folded.has(span.parent))) {
      hidden.add(span.id);
      continue;
    }
    if (shown && !shown.has(span.id)) continue;
    const x = Math.min(98.5, Math.max(0, (span.start / total) * 100));
    const w = Math.min(100 - x, Math.max(1.5, ((span.seconds ?? total - span.start) / total) * 100));
    out.push({ span, children: children.get(span.id) ?? 0, folded: !shown && folded.has(span.id), x, w });
  }
  return out;
}

function matching(spans: SpanRow[], byId: Map<number, SpanRow>, words: string): Set<number> {
  const found = new Set<number>();
  for (const span of spans) {
    if (!textOf(span).includes(words)) continue;
    for (let at: SpanRow | undefined = span; at && !found.has(at.id); at = at.parent == null ? undefined : byId.get(at.parent)) found.add(at.id);
  }
  return found;
}

const textOf = (span: SpanRow): string =>
  [
    span.name,
    span.label,
    span.kind,
    span.error ?? "",
    span.response ?? "",
    ...Object.values(span.inputs ?? {}),
    ...Object.values(span.outputs ?? {}),
    ...(span.messages ?? []).map((message) => asText(message.content)),
  ]
    .join("\n")
    .toLowerCase();

/** The span whose fields a span shows: an LM call shows those of the predictor that asked. */
export function fieldsOf(span: SpanRow, spans: SpanRow[]): SpanRow {
  if (span.kind !== "lm" || Object.keys(span.inputs ?? {}).length) return span;
  return spans.find((other) => other.id === span.parent) ?? span;
}

/** The LM call whose messages a span shows: itself, or the last one right below a predictor. */
export function callOf(span: SpanRow, spans: SpanRow[]): SpanRow | null {
  if (span.kind === "lm") return span;
  if (span.kind !== "predict") return null;
  return spans.findLast((other) => other.parent === span.id && other.kind === "lm") ?? null;
}

/** What to show first: the predictor that went wrong, else the first whose outputs stood, else the root. */
export function firstOf(spans: SpanRow[]): SpanRow | undefined {
  return spans.find((span) => span.status === "error" && span.kind === "predict") ?? spans.find((span) => span.path) ?? spans[0];
}
