import { test } from "node:test";
import assert from "node:assert/strict";
import { duration, seconds, signed, usd } from "../src/kit/format";
import { line, pieces, plain } from "../src/kit/text";

test("control and direction characters become visible marks", () => {
  assert.equal(plain("a\u001b[31mb"), "a␛[31mb");
  assert.equal(plain("x\u202ey"), "x⟨U+202E⟩y");
  assert.equal(plain("\u{e0041}"), "⟨U+E0041⟩");
  assert.deepEqual(pieces("a\u0000b").map((part) => [part.text, part.mark]), [["a", false], ["␀", true], ["b", false]]);
});

test("lines, tabs and emoji stay as they are", () => {
  assert.equal(plain("a\r\nb\tc"), "a\nb\tc");
  assert.equal(plain("👩‍🚀"), "👩‍🚀");
});

test("a table cell holds one short line", () => {
  assert.equal(line("  one\n two  ", 50), "one two");
  assert.equal(line("x".repeat(300), 10), `${"x".repeat(10)}…`);
});

test("numbers read as in the design", () => {
  assert.deepEqual([0.041, 1.84, 12, 130, 3700].map(seconds), ["41 ms", "1.84 s", "12 s", "2 m 10 s", "1 h 01 m"]);
  assert.equal(duration(130), "2 m 10 s");
  assert.deepEqual([0.42, 2, 0.0021].map(usd), ["$0.42", "$2.00", "$0.0021"]);
  assert.equal(signed(-7), "−7.0");
});
