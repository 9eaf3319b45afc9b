import { mock, test } from "node:test";
import assert from "node:assert/strict";
import { Client, PATIENCE, type Model } from "../src/kit/client";

/** A kernel that does not hear the first `deaf` messages, and answers the others when it is told to. */
function kernel(deaf: number) {
  const heard: any[] = [];
  let listener: (message: any) => void = () => {};
  let sent = 0;
  const model: Model = { get: () => null, on: (_, callback) => (listener = callback), off: () => (listener = () => {}), send: (message) => void (++sent > deaf && heard.push(message)) };
  return { model, heard, sent: () => sent, tell: (message: any) => listener(message) };
}

/** What became of a promise so far. */
function fate(promise: Promise<any>): { value?: any; error?: string } {
  const so: { value?: any; error?: string } = {};
  promise.then((value) => (so.value = value), (error) => (so.error = error.message));
  return so;
}

const turn = () => new Promise<void>((done) => setImmediate(done));

test("a request that was not heard is said again with the same id, and once it is answered no more", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { model, heard, sent, tell } = kernel(1);
  const so = fate(new Client(model).command("pause"));
  assert.equal(heard.length, 0);
  mock.timers.tick(PATIENCE[0]);
  assert.equal(heard.length, 1);
  tell({ type: "done", id: heard[0].id, ok: true, error: null, result: { path: "p" } });
  mock.timers.tick(100_000);
  await turn();
  assert.deepEqual(so, { value: { path: "p" } });
  assert.equal(sent(), 2);
  mock.timers.reset();
});

test("a kernel that never answers is given up, with words", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { model, heard } = kernel(0);
  const so = fate(new Client(model).get("trace", { index: 1 }));
  for (const wait of PATIENCE) mock.timers.tick(wait);
  await turn();
  assert.ok(so.error?.startsWith("the kernel does not answer"));
  assert.equal(heard.length, PATIENCE.length);
  assert.equal(new Set(heard.map((one) => one.id)).size, 1);
  mock.timers.reset();
});

test("a kernel that says it is at work is waited for, however long", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { model, heard, tell } = kernel(0);
  const so = fate(new Client(model).command("accept"));
  for (let n = 0; n < 20; n++) {
    mock.timers.tick(PATIENCE[Math.min(n, PATIENCE.length - 1)]);
    tell({ type: "working", id: heard[0].id });
  }
  await turn();
  assert.deepEqual(so, {});
  tell({ type: "done", id: heard[0].id, ok: false, error: "RunError: it has ended" });
  await turn();
  assert.equal(so.error, "RunError: it has ended");
  mock.timers.reset();
});

test("a closed view asks no more", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { model, heard } = kernel(0);
  const client = new Client(model);
  void client.hello();
  client.close();
  mock.timers.tick(100_000);
  assert.deepEqual(heard.map((one) => one.type), ["hello", "bye"]);
  mock.timers.reset();
});
