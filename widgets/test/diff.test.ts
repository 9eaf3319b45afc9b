import { test } from "node:test";
import assert from "node:assert/strict";
import { wordDiff } from "../src/kit/diff";

const shown = (before: string, after: string) => wordDiff(before, after).map((part) => `${{ same: " ", add: "+", del: "-" }[part.op]}${part.text}`);

test("one word changed is one removal and one addition", () => {
  assert.deepEqual(shown("Choose the right team for it.", "Choose the best team for it."), [" Choose the ", "-right", "+best", "  team for it."]);
});

test("a phrase changed reads as one change, not as confetti", () => {
  const parts = wordDiff("Read the ticket and pick any team that can act on it.", "Read the ticket and choose one team that can act on it.");
  assert.deepEqual(parts.map((part) => part.op), ["same", "del", "add", "same"]);
  assert.equal(parts[1].text, "pick any");
});

test("texts with little in common are replaced whole", () => {
  assert.deepEqual(shown("Route the ticket to a team.", "Read all of it, then think."), ["-Route the ticket to a team.", "+Read all of it, then think."]);
});

test("equal texts, and empty ones", () => {
  assert.deepEqual(shown("same", "same"), [" same"]);
  assert.deepEqual(shown("", "new"), ["+new"]);
  assert.deepEqual(shown("old", ""), ["-old"]);
  assert.deepEqual(shown("", ""), []);
});

test("before and after can always be read back", () => {
  const pairs = [["a b c d", "a x c d"], ["one\ntwo\nthree four five", "one\nthree four five six"], ["Ünïcode wörds äre fine here", "Ünïcode wörds are fine here"]];
  for (const [before, after] of pairs) {
    const parts = wordDiff(before, after);
    assert.equal(parts.filter((part) => part.op !== "add").map((part) => part.text).join(""), before);
    assert.equal(parts.filter((part) => part.op !== "del").map((part) => part.text).join(""), after);
  }
});

test("very long texts are replaced whole instead of stopping the browser", () => {
  const long = "word ".repeat(20_000);
  assert.equal(wordDiff(long, `${long}more`).length, 2);
});
