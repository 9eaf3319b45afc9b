import { test } from "node:test";
import assert from "node:assert/strict";
import { keys } from "../src/kit/keys";
import { compare } from "../src/kit/table";

const press = (key: string, tagName = "DIV", more: object = {}) => {
  const done: string[] = [];
  const event = { key, composedPath: () => [{ tagName }], preventDefault: () => done.push("prevented"), stopPropagation: () => done.push("stopped"), ...more };
  keys({ a: () => done.push("a"), Enter: () => done.push("enter"), s: false })(event as unknown as KeyboardEvent);
  return done.join(" ");
};

test("a key does what it says, in either case, and goes no further", () => {
  assert.equal(press("a"), "prevented stopped a");
  assert.equal(press("A"), "prevented stopped a");
});

test("a key that means nothing now is left to others", () => {
  assert.equal(press("q"), "");
  assert.equal(press("s"), "");
});

test("no key is a shortcut while the reader types, or with a modifier", () => {
  for (const tag of ["INPUT", "TEXTAREA", "SELECT"]) assert.equal(press("a", tag), "");
  for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { defaultPrevented: true }]) assert.equal(press("a", "DIV", more), "");
});

test("Enter on a button is the button's", () => {
  assert.equal(press("Enter", "BUTTON"), "");
  assert.equal(press("Enter"), "prevented stopped enter");
  assert.equal(press("a", "BUTTON"), "prevented stopped a");
});

test("rows sort up and down, and what is missing stays last", () => {
  const order = (down: boolean) => [3, null, 1, undefined, 2].sort((a, b) => compare(a, b, down)).map((one) => one ?? "-").join("");
  const sorted = (down: boolean) => [{ v: 3 }, { v: null }, { v: 1 }].sort((a, b) => compare(a.v, b.v, down)).map((one) => one.v ?? "-").join("");
  assert.equal(order(false).slice(0, 3), "123");
  assert.equal(sorted(false), "13-");
  assert.equal(sorted(true), "31-");
});
