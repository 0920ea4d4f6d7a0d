import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = new URL("../../../", import.meta.url);
const { name, exports } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));

/** @param {{ default?: string }} target */
const file = (target) => fileURLToPath(new URL(target.default ?? "", root));

/** A worker as one module, with the built package under its public names. @param {string} worker */
export async function bundle(worker) {
  const { outputFiles } = await build({
    entryPoints: [worker],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2023",
    alias: Object.fromEntries(
      Object.entries(exports).map(([path, target]) => [name + path.slice(1), file(target)]),
    ),
    external: ["node:*", "cloudflare:*"],
  });
  return {
    modules: [
      { type: /** @type {const} */ ("ESModule"), path: "worker.js", contents: outputFiles[0]?.text ?? "" },
    ],
    compatibilityDate: "2026-07-01",
    compatibilityFlags: ["nodejs_compat"],
  };
}
