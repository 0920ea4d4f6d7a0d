// How long an import takes, in processes of their own that begin in turn: `node bench/import-time.ts`, after `npm run build` and
// `node bench/install.ts`.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "./median.ts";

const ROUNDS = 41;

const dist = new URL("../dist/", import.meta.url);
const imports = {
  "coatcheck/express": new URL("frameworks/express.js", dist).href,
  "coatcheck/express and coatcheck/sqlite": [
    new URL("frameworks/express.js", dist).href,
    new URL("stores/sqlite.js", dist).href,
  ],
  "express-session": "express-session",
  "express-session and better-sqlite3": ["express-session", "better-sqlite3"],
};

/** Milliseconds that a process takes to import modules, from its first line on. */
function time(modules: string | string[]): number {
  const program = [modules].flat().map((one) => `await import(${JSON.stringify(one)});`);
  const timed = `const t = performance.now(); ${program.join(" ")} console.log(performance.now() - t)`;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", timed];
  return Number(execFileSync(process.execPath, args, { cwd: fileURLToPath(new URL(".", import.meta.url)) }));
}

const times = Object.keys(imports).map((): number[] => []);
for (let round = 0; round < ROUNDS; round++)
  for (const [index, modules] of Object.values(imports).entries()) times[index]?.push(time(modules));

const peer = median(times[2] as number[]);
for (const [index, name] of Object.keys(imports).entries()) {
  const taken = median(times[index] as number[]);
  console.log(`${name}: ${taken.toFixed(1)} ms, ${(taken / peer).toFixed(2)} of express-session's`);
}
