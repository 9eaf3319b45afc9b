import { test } from "node:test";
import assert from "node:assert/strict";
import { visible } from "../src/traces/view";

test("a folded span hides everything below it", () => {
  const rows = [null, 0, 1, 0].map((parent, id) => ({ id, parent }));
  const shown = (...folded: number[]) => visible(rows, new Set(folded)).map(({ id }) => id);
  assert.deepEqual(shown(), [0, 1, 2, 3]);
  assert.deepEqual(shown(1), [0, 1, 3]);
  assert.deepEqual(shown(0), [0]);
});
