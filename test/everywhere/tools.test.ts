/** The package of `npm pack` in the tools with which applications are built and tested, and each entry alone on each runtime. */
import { execFile } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { entryPoints } from "../../scripts/entry-points.ts";
import { newApplication } from "../package/application.ts";
import { installed } from "../runtimes/install.ts";
import { runtimes } from "../runtimes/runtimes.ts";

const tools = new URL("tools/", import.meta.url);
const LONGEST_MS = 200_000;

let application: string;

beforeAll(async () => {
  await installed(new URL("../runtimes/", import.meta.url));
  application = await newApplication(tools);
  const isOwn = (path: string) => !path.includes("node_modules") && !path.endsWith("package-lock.json");
  cpSync(fileURLToPath(tools), application, { recursive: true, filter: isOwn });
  await run(process.execPath, "node_modules/typescript/bin/tsc");
}, 600_000);

afterAll(() => rmSync(application, { recursive: true }));

/** Runs a program in the folder of the application; resolves to what it has written. */
async function run(program: string, ...args: string[]): Promise<string> {
  const options = { cwd: application, timeout: LONGEST_MS, maxBuffer: 1e8 };
  const { stdout, stderr } = await promisify(execFile)(program, args, options).catch((error) => {
    throw new Error(`${args.join(" ")} failed: ${error.message}\n${error.stdout}`);
  });
  return stdout + stderr;
}

const node = (...args: string[]) => run(process.execPath, ...args);

describe("an application on Express and SQLite that is bundled with coatcheck answers as it did", () => {
  const ours = ["--bundle", "--platform=node", "--external:express"];

  test.each([
    ["tsc, not bundled", [], "compiled/main.js"],
    [
      "esbuild",
      [
        "node_modules/esbuild/bin/esbuild",
        "src/main.ts",
        ...ours,
        "--format=esm",
        "--splitting",
        "--outdir=bundled/esbuild",
      ],
      "bundled/esbuild/main.js",
    ],
    [
      "esbuild, as one CommonJS module",
      ["node_modules/esbuild/bin/esbuild", "src/main.ts", ...ours, "--outfile=bundled/esbuild/main.cjs"],
      "bundled/esbuild/main.cjs",
    ],
    ["Rollup", ["node_modules/rollup/dist/bin/rollup", "-c", "rollup.config.mjs"], "bundled/rollup/main.mjs"],
    ["Vite", ["node_modules/vite/bin/vite.js", "build"], "bundled/vite/main.js"],
    [
      "tsup",
      [
        "node_modules/tsup/dist/cli-default.js",
        "src/main.ts",
        "--format",
        "esm",
        "--out-dir",
        "bundled/tsup",
      ],
      "bundled/tsup/main.js",
    ],
    [
      "tsup, as CommonJS",
      [
        "node_modules/tsup/dist/cli-default.js",
        "src/main.ts",
        "--format",
        "cjs",
        "--out-dir",
        "bundled/tsup-cjs",
      ],
      "bundled/tsup-cjs/main.cjs",
    ],
    ["webpack", ["webpack.mjs"], "bundled/webpack/main.cjs"],
  ])("%s", { timeout: LONGEST_MS }, async (_name, [tool, ...args], main) => {
    // esbuild's file is a program of the machine where its install script was let run.
    if (tool?.endsWith("/esbuild")) await run(join(application, tool), ...args);
    else if (tool !== undefined) await node(tool, ...args);
    expect(await node(main)).toContain("visited");
  });
});

describe("Jest runs the tests of an application with coatcheck", () => {
  const jest = ["node_modules/jest/bin/jest.js", "--colors=false", "--config"];

  test.each([
    ["as ES modules", ["--experimental-vm-modules", ...jest, "jest.modules.config.mjs"]],
    ["by ts-jest, as CommonJS", [...jest, "jest.ts-jest.config.cjs"]],
    ["by babel-jest, as CommonJS", [...jest, "jest.babel.config.cjs"]],
  ])("%s", { timeout: LONGEST_MS }, async (_way, args) => {
    expect(await node(...args)).toContain("1 passed, 1 total");
  });
});

describe("each entry can be imported alone", () => {
  // The first imports a module of Next.js, the second one of Cloudflare's runtime; their own tests have both.
  const elsewhere = ["coatcheck/next", "coatcheck/durable-object"];
  const names = entryPoints().map(({ publicName }) => publicName);
  const program = (name: string) =>
    `import(${JSON.stringify(name)}).then((all) => console.log(Object.keys(all).join()))`;

  test.each(runtimes.filter(({ name }) => name !== "workerd").map(({ name, program }) => [name, program]))(
    "on %s",
    { timeout: LONGEST_MS },
    async (runtime, file) => {
      const before = runtime === "Deno" ? ["eval", "--node-modules-dir=manual", "--no-lock"] : ["-e"];
      for (const name of names) {
        if (elsewhere.includes(name)) continue;
        expect(await run(file, ...before, program(name)), name).toMatch(/^\w+/);
      }
    },
  );
});
