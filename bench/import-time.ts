// What an import costs a program that has imported Express, in processes of their own that begin in turn: `node bench/import-time.ts`,
// after `npm run build` and `node bench/install.ts`.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "./median.ts";

const ROUNDS = 41;

const express = new URL("../dist/frameworks/express.js", import.meta.url).href;
const sqlite = new URL("../dist/stores/sqlite.js", import.meta.url).href;
const imports = {
  "coatcheck/express": [express],
  "coatcheck/express and coatcheck/sqlite": [express, sqlite],
  "express-session": ["express-session"],
  "express-session and better-sqlite3": ["express-session", "better-sqlite3"],
};

interface Cost {
  /** Of user and system together: other programs of the machine change the time on the clock far more. */
  readonly cpuMs: number;
  readonly megabytes: number;
}

/** What a process takes to import modules, once it has Express. */
function cost(modules: readonly string[]): Cost {
  const program = `
    await import("express");
    const memory = process.memoryUsage().rss;
    const begun = process.cpuUsage();
    ${modules.map((one) => `await import(${JSON.stringify(one)});`).join(" ")}
    const { user, system } = process.cpuUsage(begun);
    console.log(JSON.stringify({ cpuMs: (user + system) / 1000, megabytes: (process.memoryUsage().rss - memory) / 1e6 }));
  `;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", program];
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  return JSON.parse(execFileSync(process.execPath, args, { cwd, encoding: "utf8" }));
}

const costs = Object.keys(imports).map((): Cost[] => []);
for (let round = 0; round < ROUNDS; round++)
  for (const [index, modules] of Object.values(imports).entries()) costs[index]?.push(cost(modules));

console.log("| import | CPU, ms | memory, MB |\n|---|---|---|");
for (const [index, name] of Object.keys(imports).entries()) {
  const of = (part: keyof Cost) => median((costs[index] as Cost[]).map((one) => one[part])).toFixed(1);
  console.log(`| ${name} | ${of("cpuMs")} | ${of("megabytes")} |`);
}
