import { test } from "node:test";
import assert from "node:assert/strict";
import { h, render } from "preact";
import { useEffect } from "preact/hooks";
import type { Client, Model } from "../src/kit/client";
import { useRun } from "../src/studio/run";

Object.assign(globalThis, { document: {} }); // what is drawn here has no elements

/** The panel of a run of three candidates, of which its first message holds one; `lost`: whether its kernel is gone. */
function panel(lost = false) {
  const rows = [0, 1, 2].map((number) => ({ id: `c${number}`, number }));
  const sent: any[] = [];
  const words: string[] = [];
  const place: any = {};
  let listener: (message: any) => void = () => {};
  const model: Model = {
    get: () => ({ seq: 1, run: { id: "r" }, decisions: [], candidates_total: 3, candidates: rows.slice(0, 1) }),
    on: (name, callback) => void (name === "msg:custom" && (listener = callback)),
    off: () => {},
    send: (message) => {
      if (lost) throw new Error("no channel");
      sent.push(message);
    },
  };
  let known: string[] = [];
  const Part = ({ client }: { client: Client }) => {
    useEffect(() => void client.get("pane", {}).catch(() => {}), []); // as a tab asks that stands open when the panel is drawn again
    return null;
  };
  const Panel = () => {
    const [run, client] = useRun(model, (said) => words.push(said));
    known = run.rows.map((one) => one.id);
    return h(Part, { client });
  };
  render(h(Panel, null), place);
  return { rows, sent, words, known: () => known, close: () => render(null, place), tell: (message: any) => listener(message) };
}

async function until(test: () => boolean): Promise<void> {
  for (let n = 0; n < 200 && !test(); n++) await new Promise((done) => setTimeout(done, 10));
  assert.ok(test(), "it did not happen in time");
}

test("the panel says hello before any part of it asks, also where rows are missing from the first message", async () => {
  const { rows, sent, known, close, tell } = panel();
  assert.deepEqual(known(), ["c0"]);
  await until(() => sent.length >= 3);
  assert.deepEqual(sent.map((one) => one.what ?? one.type), ["hello", "pane", "candidates"]);
  assert.deepEqual(sent[2].args, { offset: 1, limit: 1000 });
  tell({ type: "got", id: sent[2].id, value: { total: 3, rows: rows.slice(1) } });
  await until(() => known().length === 3);
  close();
  assert.deepEqual(sent.slice(3).map((one) => one.type), ["bye"]);
});

test("a panel whose kernel is gone says so", async () => {
  const { words, close } = panel(true);
  await until(() => words.length > 0);
  assert.deepEqual(words, ["the kernel cannot be reached: Error: no channel"]);
  close();
});

test("after a gap the pages are asked for again, since rows of any page may have changed meanwhile", async () => {
  const { rows, sent, known, close, tell } = panel();
  await until(() => sent.some((one) => one.what === "candidates"));
  const page = () => sent.findLast((one) => one.what === "candidates");
  tell({ type: "got", id: page().id, value: { total: 3, rows: rows.slice(1) } });
  await until(() => known().length === 3);
  tell({ type: "delta", from: 5, seq: 6, changes: {} });
  await until(() => sent.some((one) => one.type === "resend"));
  const before = page().id;
  tell({ type: "snapshot", id: sent.find((one) => one.type === "resend").id, snapshot: { seq: 6, run: { id: "r" }, decisions: [], candidates_total: 3, candidates: rows.slice(0, 1) } });
  await until(() => page().id !== before);
  assert.deepEqual(page().args, { offset: 1, limit: 1000 });
  assert.equal(known().length, 3); // what was known stays in the list until then
  close();
});
