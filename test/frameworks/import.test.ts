/** What an import of an adapter for Node brings into the process. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("an import loads neither HTTP/2 nor fetch of Node, which take longer than the rest", () => {
  const entries = ["express", "fastify", "koa", "node"].map(
    (name) => new URL(`../../src/frameworks/${name}.ts`, import.meta.url).href,
  );
  const program = `
    for (const entry of ${JSON.stringify(entries)}) await import(entry);
    console.log(process.moduleLoadList.filter((name) => /undici\\/undici|http2\\/core/.test(name)).join());
  `;
  const args = ["--input-type=module", "--eval", program];
  expect(execFileSync(process.execPath, args, { encoding: "utf8" }).trim()).toBe("");
});
