import { test } from "node:test";
import assert from "node:assert/strict";
import type { SpanRow } from "../src/kit/types";
import { code, literal } from "../src/traces/code";
import { callOf, fieldsOf, firstOf, lines } from "../src/traces/tree";

const span = (id: number, parent: number | null, kind: string, more: Partial<SpanRow> = {}): SpanRow => ({
  id, parent, depth: parent == null ? 0 : 1, kind, name: `${kind}${id}`, label: kind, start: id, seconds: 1, status: "ok", inputs: {}, outputs: null, error: null, printed: null, ...more,
});
const spans = [
  span(0, null, "module", { seconds: 4, start: 0 }),
  span(1, 0, "predict", { inputs: { question: "who?" }, outputs: { answer: "me" } }),
  span(2, 1, "lm", { depth: 2, messages: [{ role: "user", content: "hidden needle" }], request: { temperature: 0.5, rollout_id: 3 } }),
  span(3, 0, "tool"),
];

test("a folded span hides everything below it", () => {
  assert.deepEqual(lines(spans, new Set()).map((line) => line.span.id), [0, 1, 2, 3]);
  assert.deepEqual(lines(spans, new Set([1])).map((line) => line.span.id), [0, 1, 3]);
  assert.deepEqual(lines(spans, new Set([0])).map((line) => line.span.id), [0]);
});

test("a filter shows what matches and what leads there, also below a fold", () => {
  assert.deepEqual(lines(spans, new Set([0, 1]), "NEEDLE").map((line) => line.span.id), [0, 1, 2]);
  assert.deepEqual(lines(spans, new Set(), "nowhere"), []);
});

test("bars lie inside the row and can be seen however short", () => {
  for (const { x, w } of lines(spans, new Set())) assert.ok(x >= 0 && w >= 1.5 && x + w <= 100.001);
  const [, late] = lines([span(0, null, "module", { start: 0, seconds: 1000 }), span(1, 0, "lm", { start: 999.99, seconds: 0.001 })], new Set());
  assert.ok(late.x + late.w <= 100.001 && late.w >= 1.5);
});

test("an LM call shows its predictor's fields, a predictor its call's messages", () => {
  assert.equal(fieldsOf(spans[2], spans).id, 1);
  assert.equal(callOf(spans[1], spans)?.id, 2);
  assert.equal(callOf(spans[3], spans), null);
});

test("what is shown first is a step that stood, not one that a check sent back", () => {
  const back = span(1, 0, "check", { status: "error" });
  const tried = span(2, 1, "predict");
  const stood = span(3, 0, "predict", { path: "answer" });
  assert.equal(firstOf([spans[0], back, tried, stood])?.id, 3);
  assert.equal(firstOf([spans[0], back, tried, stood, span(4, 0, "predict", { status: "error" })])?.id, 4);
  assert.equal(firstOf([spans[0]])?.id, 0);
});

test("copied code is Python and hides nothing", () => {
  assert.equal(code(spans[1]), 'import lmnb\n\npredict = lmnb.Predict("question -> answer")\npredict(\n    question="who?",\n)\n');
  assert.equal(code(spans[2]), 'import lmnb\n\nlm = lmnb.LM("lm2")\nlm(messages=[\n    {"role": "user", "content": "hidden needle"},\n], temperature=0.5)\n');
  assert.equal(literal("a\u202eb\u200bc\u001b"), '"a\\u202eb\\u200bc\\u001b"');
  assert.equal(code(spans[3]), null);
});
