import { test } from "node:test";
import assert from "node:assert/strict";
import type { Row } from "../src/kit/types";
import { family } from "../src/studio/family";

const row = (number: number, ...parents: number[]): Row => ({
  id: `c${number}`, number, label: "", origin: "proposed", parents: parents.map((each) => `c${each}`), status: "scored", score: number, low: null, high: null, done: 1, total: 1, reason: null, human: false,
});
const drawn = (rows: Row[]) => family(rows).map(({ row: one, depth, parent }) => [one.number, depth, parent?.number ?? null]);

test("each candidate stands below the youngest of its parents, siblings in order of creation", () => {
  const rows = [row(0), row(1, 0), row(2, 0), row(3, 1), row(4, 1, 2), row(5)];
  assert.deepEqual(drawn(rows), [[0, 0, null], [1, 1, 0], [3, 2, 1], [2, 1, 0], [4, 2, 2], [5, 0, null]]);
});

test("a parent that is not among the rows, or is no older, is none", () => {
  assert.deepEqual(drawn([row(0, 9), row(1, 1), row(2, 0)]), [[0, 0, null], [2, 1, 0], [1, 0, null]]);
});

test("a chain of ten thousand is drawn without recursion", () => {
  const chain = Array.from({ length: 10_000 }, (_, n) => (n ? row(n, n - 1) : row(0)));
  assert.equal(family(chain).at(-1)!.depth, 9_999);
});
