// Serves the worker twice, as the workers "one" and "two" over the same databases, and prints the port of "one".
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";

const root = new URL("../../../", import.meta.url);
const { name, exports } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
/** @param {{ default?: string }} target */
const file = (target) => fileURLToPath(new URL(target.default ?? "", root));

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("worker.ts", import.meta.url))],
  bundle: true,
  write: false,
  format: "esm",
  target: "es2023",
  // The built package, under its public names.
  alias: Object.fromEntries(
    Object.entries(exports).map(([path, target]) => [name + path.slice(1), file(target)]),
  ),
  external: ["node:*", "cloudflare:*"],
});

/** @param {string} name @param {string} other */
const worker = (name, other) => ({
  name,
  modules: [
    { type: /** @type {const} */ ("ESModule"), path: "worker.js", contents: outputFiles[0]?.text ?? "" },
  ],
  compatibilityDate: "2026-07-01",
  compatibilityFlags: ["nodejs_compat"],
  d1Databases: { DB: "sessions" },
  serviceBindings: { OTHER: other },
});

const server = new Miniflare({
  workers: [worker("one", "two"), worker("two", "one")],
  host: "127.0.0.1",
  port: 0,
});
console.log(JSON.stringify({ event: "listen", port: Number((await server.ready).port) }));
