/** The programs of dist/: few files, which all entry points share. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bundleInto } from "../../scripts/bundle.ts";

const dist = mkdtempSync(join(tmpdir(), "coatcheck-built-"));
await bundleInto(dist);
afterAll(() => rmSync(dist, { recursive: true }));

/** The files that an import of this one loads, itself among them. */
function loaded(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const names = readFileSync(file, "utf8").matchAll(/^(?:import|export) .*from "(\..*)";$/gm);
  for (const [, name] of names) loaded(join(dirname(file), name as string), seen);
  return [...seen];
}

test("an import of coatcheck/express opens five files, and of coatcheck/sqlite beside it four more", () => {
  const express = loaded(join(dist, "frameworks/express.js"));
  expect(express.map((file) => relative(dist, file)).sort()).toEqual([
    "frameworks/express.js",
    "shared/contract.js",
    "shared/core.js",
    "shared/on-node.js",
    "shared/sqlite-file.js",
  ]);
  const both = new Set([...express, ...loaded(join(dist, "stores/sqlite.js"))]);
  expect(both.size).toBe(9);
});

test("once(), the lists of users, the clearing and the binding to devices are loaded with their first use", () => {
  const core = readFileSync(join(dist, "shared/core.js"), "utf8");
  const later = [...core.matchAll(/import\("\.\/([\w-]+)\.js"\)/g)].map(([, name]) => name);
  expect([...new Set(later)].sort()).toEqual(["clearing", "devices", "once", "users"]);
});

test("with maxUserSessions the lists of users are loaded at the start, because no login must find that they cannot be", () => {
  const program = `
    import { registerHooks } from "node:module";
    import { createSessions, memoryStore } from "./index.js";
    const asked = [];
    registerHooks({ resolve: (name, context, next) => (asked.push(name), next(name, context)) });
    const asks = async (options) => {
      createSessions({ store: memoryStore(), ...options });
      for (let turn = 0; turn < 100 && asked.length === 0; turn++) await new Promise(setImmediate);
      return asked.splice(0);
    };
    console.log(JSON.stringify([await asks({}), await asks({ maxUserSessions: 5 })]));
  `;
  const said = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: dist,
    encoding: "utf8",
  });
  expect(JSON.parse(said)[0]).toEqual([]);
  expect(JSON.parse(said)[1]).toContain("./users.js");
});

test("each error has one class, whatever entry throws it, by import and by require", () => {
  const program = `
    import { createRequire } from "node:module";
    import { SettingsError } from "./index.js";
    import { session } from "./frameworks/express.js";
    import { sqliteStore } from "./stores/sqlite.js";
    import { redisStore } from "./stores/redis.js";
    const require = createRequire(import.meta.url);
    const required = require("./frameworks/express.js");
    const thrown = [() => session({ cookieAge: -1 }), () => required.session({ cookieAge: -1 }), () => sqliteStore(""), () => redisStore({})];
    const isOne = thrown.map((run) => { try { run(); } catch (error) { return error instanceof SettingsError; } });
    console.log(JSON.stringify([...isOne, required.session === session, require("./index.js").SettingsError === SettingsError]));
  `;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", program];
  const said = execFileSync(process.execPath, args, { cwd: dist, encoding: "utf8" });
  expect(JSON.parse(said)).toEqual([true, true, true, true, true, true]);
});

test("the source map of a file leads back to src/", () => {
  const { sources } = JSON.parse(readFileSync(join(dist, "shared/core.js.map"), "utf8")) as {
    sources: string[];
  };
  expect(sources.some((source) => source.endsWith("src/engine/commit.ts"))).toBe(true);
});
