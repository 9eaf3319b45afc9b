// The JavaScript of the Deno sandbox: it loads Pyodide and carries lines between `lmnb.tools.deno_process` and `inside.py`.
// A line out begins with a key that came with the first line in. What it takes to write one is kept here, out of reach of
// the code: code that finds its way to JavaScript can write to stdout, and cannot write a line that counts.

const read = Deno.stdin.readSync.bind(Deno.stdin);
const write = Deno.stdout.writeSync.bind(Deno.stdout);
const { exit } = Deno;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const encode = encoder.encode.bind(encoder);
const decode = decoder.decode.bind(decoder);
const chunk = new Uint8Array(65536);

function receive() { // one line: the other side writes the next one when it has the answer
  let text = "";
  for (;;) {
    const count = read(chunk);
    if (count === null) exit(0);
    text += decode(chunk.subarray(0, count));
    if (chunk[count - 1] === 10) return text;
  }
}

function put(bytes) {
  for (let done = 0; done < bytes.length;) done += write(done ? bytes.subarray(done) : bytes);
}

function send(mark, text) {
  write(marks[mark]); // by itself, and short enough to go out whole: no function that the code could replace sees it
  put(encode(text + "\n"));
}

const { key, folder, url, env, mounts, sources, max_memory: more } = JSON.parse(receive());
const marks = { "=": encode(key + "="), "?": encode(key + "?") };

let most = Infinity; // bytes of Python's memory
const { grow } = WebAssembly.Memory.prototype;
WebAssembly.Memory.prototype.grow = function (pages) {
  if (this.buffer.byteLength + pages * 65536 > most) throw new RangeError("max_memory");
  return Reflect.apply(grow, this, [pages]);
};

const { loadPyodide } = await import(url);
const nothing = () => undefined;
const python = await loadPyodide({ indexURL: folder, env, stdin: nothing, stdout: nothing, stderr: nothing });
for (const path of mounts) python.mountNodeFS(path, path);
const begin = python.runPython(
  `
import json, sys, types

def begin(ask, sources):
    for name, source in json.loads(sources).items():
        module = sys.modules[name] = types.ModuleType(name)
        exec(compile(source, name, "exec"), vars(module))
    for name in json.loads(sources):
        del sys.modules[name]
    return module.begin(ask)

begin`,
  { globals: python.toPy({}) },
);
delete globalThis.Worker; // it would run on between the calls
const execute = begin((text) => (send("?", text), receive()), JSON.stringify(sources));
most = python._module.HEAPU8.byteLength + more;
send("=", "null");

for (;;) {
  const request = receive();
  let answer;
  try {
    answer = execute(request);
  } catch (error) {
    if (error?.type !== "MemoryError") throw error; // Python is beyond use: the process ends
    answer = '{"error": {"kind": "MemoryError", "message": "", "line": null}, "printed": ""}';
  }
  send("=", answer);
}
