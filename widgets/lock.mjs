// `npm run lock` after a change of dependencies: the lock file keeps versions, and no address of any kind.
import { readFile, writeFile } from "node:fs/promises";

const lock = JSON.parse(await readFile("package-lock.json", "utf8"));
for (const entry of Object.values(lock.packages)) for (const key of ["resolved", "integrity", "funding"]) delete entry[key];
await writeFile("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
