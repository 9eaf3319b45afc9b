// `node build.mjs [--out FILE]` writes the one bundle; `node build.mjs --test` bundles the tests so that plain `node --test` runs them.
import { readFile, readdir, stat } from "node:fs/promises";
import * as esbuild from "esbuild";

const asked = process.argv.indexOf("--out");
const OUT = asked > 0 ? process.argv[asked + 1] : "lmnb_widgets/static/lmnb.js";
const LIMIT = 90 * 1024;
const TARGET = ["chrome120", "firefox117", "safari17.2"];

// The style travels inside the bundle as text: it is put into each view's root, so that it also reaches a shadow root. Rules of one view stand in
// its folder: every `src/*/*.css` follows `style.css`.
const styleAsText = {
  name: "style-as-text",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const own = (await readdir("src", { recursive: true })).filter((name) => /^\w+\W\w+\.css$/.test(name)).sort();
      const files = [path, ...own.map((name) => `src/${name}`)];
      const texts = await Promise.all(files.map((name) => readFile(name, "utf8")));
      const { code } = await esbuild.transform(texts.join("\n"), { loader: "css", minify: true, target: TARGET });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

const shared = {
  bundle: true,
  format: "esm",
  target: TARGET,
  tsconfigRaw: { compilerOptions: { jsx: "react", jsxFactory: "_h", jsxFragmentFactory: "_F" } }, // shorter than the automatic runtime by 3 KB
  inject: ["src/kit/h.ts"],
  plugins: [styleAsText],
  charset: "utf8",
  legalComments: "none",
};

if (process.argv.includes("--test")) {
  const tests = (await readdir("test")).filter((name) => name.endsWith(".test.ts"));
  await esbuild.build({ ...shared, target: "node20", entryPoints: tests.map((name) => `test/${name}`), outdir: "build/test", outExtension: { ".js": ".mjs" }, platform: "node" });
} else {
  await esbuild.build({ ...shared, entryPoints: ["src/index.tsx"], outfile: OUT, minify: true });
  const { size } = await stat(OUT);
  console.log(`${OUT}: ${(size / 1024).toFixed(1)} KB`);
  if (size > LIMIT) throw new Error(`the bundle has ${size} bytes; the limit is ${LIMIT}`);
}
