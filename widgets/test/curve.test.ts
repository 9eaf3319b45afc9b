import { test } from "node:test";
import assert from "node:assert/strict";
import type { Row } from "../src/kit/types";
import { bestWide, cover, labels, layout, meet, nearest } from "../src/studio/curve";

const row = (number: number, score: number | null, more: Partial<Row> = {}): Row => ({
  id: `c${number}`, number, label: "", origin: "bootstrapped", parents: [], status: score == null ? "waiting" : "scored", score, low: score == null ? null : score - 5, high: score == null ? null : score + 5, done: 10, total: 10, reason: null, human: false, ...more,
});

test("no candidates: nothing to draw", () => {
  const curve = layout([], 1000, 128);
  assert.equal(curve.stairs, "");
  assert.equal(curve.best, null);
});

test("the staircase climbs over those that led and passes the others", () => {
  const curve = layout([row(0, 40), row(1, 60), row(2, 50), row(3, 80)], 1000, 128);
  assert.deepEqual(curve.leaders.map((point) => point.number), [0, 1, 3]);
  assert.equal((curve.stairs.match(/V/g) ?? []).length, 2);
  assert.equal((curve.dots.match(/M/g) ?? []).length, 1);
  assert.equal(curve.best?.number, 3);
  assert.equal(curve.best?.margin, 5);
});

test("a dropped candidate never leads, and one half evaluated is not drawn", () => {
  const curve = layout([row(0, 40), row(1, 90, { status: "dropped" }), row(2, 95, { status: "dropped", done: 3 }), row(3, 99, { status: "evaluating", done: 3 })], 1000, 128);
  assert.equal(curve.best?.number, 0);
  assert.equal(curve.points.length, 2);
  assert.equal((curve.dropped.match(/M/g) ?? []).length, 1);
});

test("what the run calls best is the best, whatever the stairs say", () => {
  assert.equal(layout([row(0, 80), row(1, 80)], 1000, 128, "c1").best?.number, 1);
});

test("human candidates are marked", () => {
  assert.deepEqual(layout([row(0, 40), row(1, 60, { human: true }), row(2, 50, { human: true })], 1000, 128).humans.map((point) => point.number), [1, 2]);
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
  assert.equal(nearest(points, points[1].x + 5, points[1].y)?.number, 1);
  assert.equal(nearest(points, points[1].x + 40, points[1].y), null);
});

test("the words beside your edit never lie over the best's, nor outside of the drawing", () => {
  const words = "#112 · 84.0% ± 7.2";
  const point = (id: string, x: number, y: number) => ({ id, number: 1, score: 1, x, y });
  for (const width of [260, 1000])
    for (let x = 45; x <= width - 24; x += 9)
      for (let dx = -200; dx <= 200; dx += 9)
        for (let y = 14; y <= 124; y += 10)
          for (let dy = -30; dy <= 30; dy += 6) {
            const [ex, ey] = [x + dx, y + dy];
            if (ex < 45 || ex > width - 24 || ey < 14 || ey > 124) continue;
            const { best, edit } = labels(point("b", x, y), words, point("e", ex, ey), width, 128);
            assert.ok(best && edit, `no place at ${[width, x, y, ex, ey]}`);
            const [a, b] = [cover(best!, bestWide(words)), cover(edit!, 54)];
            assert.ok(!meet(a, b), `they meet at ${[width, x, y, ex, ey]}`);
            assert.ok(b[0] >= 40 && b[2] <= width && b[1] >= 0 && b[3] <= 131);
          }
});

test("where nothing is in the way, your edit is named to the right, above the line", () => {
  const point = { id: "e", number: 1, score: 1, x: 300, y: 60 };
  assert.deepEqual(labels(null, "", point, 1000, 128), { best: undefined, edit: { x: 310, y: 55, left: false } });
  assert.equal(labels(point, "x", point, 1000, 128).edit, undefined);
});
