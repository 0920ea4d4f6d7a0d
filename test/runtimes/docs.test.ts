/** The programs of docs/runtimes.md, each on its runtime. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Visitor } from "../instruments/visitor.ts";
import { installed } from "./install.ts";
import { missing, type Runtime, runtimes } from "./runtimes.ts";
import { start } from "./start.ts";

await installed(new URL(".", import.meta.url));

const docs = readFileSync(new URL("../../docs/runtimes.md", import.meta.url), "utf8");

/** For each runtime, the line of the docs that serves, and lines that serve on a free port and print it. */
const serving: Record<string, [as: string, here: string]> = {
  Bun: [
    "Bun.serve({ fetch })",
    `const { port } = Bun.serve({ fetch, hostname: "127.0.0.1", port: 0 });
     console.log(JSON.stringify({ event: "listen", port }))`,
  ],
  Deno: [
    "Deno.serve(",
    `const onListen = ({ port }) => console.log(JSON.stringify({ event: "listen", port }));
     Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, `,
  ],
  workerd: ["", ""],
};

const file = { Bun: "bun.ts", Deno: "deno.ts", workerd: "worker.ts" } as Record<string, string>;

for (const runtime of runtimes.filter(({ name }) => name in serving)) {
  const why = missing(runtime);
  test.skipIf(why)(`the program for ${runtime.name} counts visits${why ? ` (${why})` : ""}`, () =>
    counts(runtime),
  );
}

async function counts(runtime: Runtime) {
  const { name } = runtime;
  const block = docs.split(`\`\`\`ts ${file[name]}\n`)[1]?.split("```")[0] as string;
  const [as, here] = serving[name] as [string, string];
  expect(block).toContain(as);
  const folder = mkdtempSync(join(tmpdir(), "coatcheck-docs-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "program.ts"), block.replace(as, here));
  const { port, stop } = await start(await runtime.run(join(folder, "program.ts")));
  onTestFinished(stop);
  const visitor = new Visitor(port);
  expect((await visitor.visit()).body).toBe("visit 1");
  expect((await visitor.visit()).body).toBe("visit 2");
}
