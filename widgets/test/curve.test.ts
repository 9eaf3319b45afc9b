import { test } from "node:test";
import assert from "node:assert/strict";
import type { Row } from "../src/kit/types";
import { layout, nearest } from "../src/studio/curve";

const row = (number: number, score: number | null, more: Partial<Row> = {}): Row => ({
  id: `c${number}`, number, label: "", origin: "bootstrapped", parents: [], status: score == null ? "waiting" : "scored", score, low: score == null ? null : score - 5, high: score == null ? null : score + 5, done: 10, total: 10, reason: null, human: false, ...more,
});

test("no candidates: nothing to draw", () => {
  const curve = layout([], 1000, 128);
  assert.equal(curve.stairs, "");
  assert.equal(curve.best, undefined);
});

test("the staircase climbs over those that led and passes the others", () => {
  const curve = layout([row(0, 40), row(1, 60), row(2, 50), row(3, 80)], 1000, 128);
  assert.deepEqual(curve.leaders.map(({ row }) => row.number), [0, 1, 3]);
  assert.equal((curve.stairs.match(/V/g) ?? []).length, 2);
  assert.equal((curve.dots.match(/M/g) ?? []).length, 1);
  assert.equal(curve.best?.row.number, 3);
});

test("a dropped candidate never leads, and one half evaluated is not drawn", () => {
  const curve = layout([row(0, 40), row(1, 90, { status: "dropped" }), row(2, 95, { status: "dropped", done: 3 }), row(3, 99, { status: "evaluating", done: 3 })], 1000, 128);
  assert.equal(curve.best?.row.number, 0);
  assert.equal(curve.points.length, 2);
  assert.equal((curve.dropped.match(/M/g) ?? []).length, 1);
});

test("what the run calls best is the best, whatever the stairs say", () => {
  assert.equal(layout([row(0, 80), row(1, 80)], 1000, 128, "c1").best?.row.number, 1);
});

test("human candidates are marked", () => {
  assert.deepEqual(layout([row(0, 40), row(1, 60, { human: true }), row(2, 50, { human: true })], 1000, 128).humans.map(({ row }) => row.number), [1, 2]);
});

test("every point lies inside the drawing, ten thousand as well as two", () => {
  for (const size of [2, 10_000]) {
    const rows = Array.from({ length: size }, (_, n) => row(n, (n * 37) % 101));
    const { points, ticks } = layout(rows, 600, 128);
    assert.ok(points.every(({ x, y }) => x >= 40 && x <= 600 && y >= 0 && y <= 128));
    assert.ok(ticks.length >= 2 && ticks.length <= 6);
  }
});

test("candidates still to come leave room", () => {
  const rows = [row(0, 40), row(1, 60)];
  assert.ok(layout(rows, 1000, 128, null, 100).points[1].x < layout(rows, 1000, 128).points[1].x);
});

test("the nearest point is found within reach only", () => {
  const { points } = layout([row(0, 40), row(1, 60)], 1000, 128);
  assert.equal(nearest(points, points[1].x + 5, points[1].y)?.row.number, 1);
  assert.equal(nearest(points, points[1].x + 40, points[1].y), undefined);
});
