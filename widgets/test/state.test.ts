import { test } from "node:test";
import assert from "node:assert/strict";
import type { Row, Snapshot } from "../src/kit/types";
import { addRows, apply, describe, nothing, ordered, rowOf, take, type Delta } from "../src/studio/state";

const row = (number: number, more: Partial<Row> = {}): Row => ({
  id: `c${number}`, number, label: `${number} demos`, origin: "bootstrapped", parents: [], status: "scored", score: 50 + number, low: null, high: null, done: 10, total: 10, reason: null, human: false, ...more,
});
const snapshot = (seq: number, rows: Row[], more: Partial<Snapshot> = {}): Snapshot => ({
  seq, run: { id: "r", name: "r", path: "p" }, state: "running", live: true, progress: null,
  words: "Running", header: null, notices: null, empty: null, keys: {}, best: null, accepted: null, baseline: null, candidates: rows, decisions: [], ...more,
});
const delta = (from: number, seq: number, changes: Partial<Snapshot>): Delta => ({ type: "delta", from, seq, changes });

test("a delta that follows on changes what it names and nothing else", () => {
  const before = take(nothing, snapshot(3, [row(0), row(1)]));
  const after = apply(before, delta(3, 4, { state: "paused", candidates: [row(1, { score: 99 }), row(2)] }));
  assert.equal(after.run?.state, "paused");
  assert.deepEqual(after.rows.map((one) => one.score), [50, 99, 52]);
  assert.equal(rowOf(after, "c2")?.number, 2);
  assert.equal(after.gap, false);
  assert.equal(before.rows.length, 2);
  assert.equal(rowOf(before, "c2"), undefined);
});

test("a delta that starts later than what is known leaves a gap and changes nothing", () => {
  const before = take(nothing, snapshot(3, [row(0)]));
  const after = apply(before, delta(5, 6, { state: "paused" }));
  assert.equal(after.gap, true);
  assert.equal(after.run?.state, "running");
  assert.equal(after.seq, 3);
});

test("the whole, sent again, closes the gap even when it is not newer", () => {
  const gap = apply(take(nothing, snapshot(3, [row(0)])), delta(5, 6, {}));
  assert.equal(take(gap, snapshot(3, [row(0)]), true).gap, false);
});

test("deltas before the first snapshot ask for it", () => {
  assert.equal(apply(nothing, delta(0, 1, {})).gap, true);
});

test("old deltas and old snapshots are ignored", () => {
  const known = take(nothing, snapshot(5, [row(0)], { state: "paused" }));
  assert.equal(apply(known, delta(2, 4, { state: "running" })).run?.state, "paused");
  assert.equal(take(known, snapshot(4, [])).rows.length, 1);
});

test("an overlapping delta is applied, since its values are absolute", () => {
  const known = take(nothing, snapshot(5, [row(0)]));
  assert.equal(apply(known, delta(3, 7, { state: "paused" })).seq, 7);
});

test("a snapshot of the first rows keeps the others", () => {
  const all = addRows(take(nothing, snapshot(1, [row(0), row(1)], { candidates_total: 3 })), [row(2)]);
  const again = take(all, snapshot(2, [row(0, { score: 1 }), row(1)], { candidates_total: 3 }));
  assert.deepEqual(again.rows.map((one) => one.score), [1, 51, 52]);
  assert.equal(again.fresh, 2); // and asks for them again: it may have missed what changed there
  assert.deepEqual(addRows(again, [row(2, { score: 3 })]).rows.map((one) => one.score), [1, 51, 3]);
  assert.equal(addRows(again, [row(2)]).fresh, 3);
});

test("a row that comes before those between is left to the pages, and none is missed", () => {
  const rows = Array.from({ length: 5 }, (_, n) => row(n));
  let known = take(nothing, snapshot(1, rows.slice(0, 2), { candidates_total: 4 }));
  known = apply(known, delta(1, 2, { candidates: [rows[4], row(0, { score: 99 })], candidates_total: 5 }));
  assert.deepEqual(known.rows.map((one) => one.number), [0, 1]);
  assert.equal(known.rows[0].score, 99);
  known = addRows(known, rows.slice(known.rows.length, known.rows.length + 2));
  known = addRows(known, rows.slice(known.rows.length));
  assert.deepEqual(known.rows.map((one) => one.number), [0, 1, 2, 3, 4]);
  assert.equal(rowOf(known, "c4")?.number, 4);
});

test("by score: the best first, half-scored last, those in evaluation apart", () => {
  const rows = [row(0, { score: 10 }), row(1, { score: 90, status: "dropped", done: 2 }), row(2, { score: 70 }), row(3, { status: "evaluating", score: 80 })];
  assert.deepEqual(ordered(rows, "score").map((one) => one.number), [2, 0, 1]);
  assert.deepEqual(ordered(rows, "creation").map((one) => one.number), [3, 2, 1, 0]);
});

test("a row says where it stands", () => {
  const known = take(nothing, snapshot(1, [row(0), row(1, { parents: ["c0"] })]));
  assert.equal(describe(row(4, { status: "dropped", reason: "holds demo 31" }), known), "dropped: holds demo 31");
  assert.equal(describe(row(4, { status: "evaluating", done: 3 }), known), "evaluating · 3 of 10 examples");
  assert.equal(describe(row(1, { parents: ["c0"] }), known), "1 demos · from #0");
});

test("ten thousand candidates: a delta is applied and the list ordered in milliseconds", () => {
  const rows = Array.from({ length: 10_000 }, (_, n) => row(n, { score: (n * 7919) % 100 }));
  let known = take(nothing, snapshot(1, rows));
  const start = performance.now();
  for (let n = 0; n < 10; n++) {
    known = apply(known, delta(n + 1, n + 2, { candidates: [row(n, { score: 100 })] }));
    ordered(known.rows, "score");
  }
  assert.ok((performance.now() - start) / 10 < 50);
});
