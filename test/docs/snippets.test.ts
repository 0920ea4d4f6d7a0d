/** The TypeScript of README and docs compiles, each block as a module of its own. */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What the blocks use without declaring it. */
const given = `
declare const app: import("express").Express;
declare const req: import("express").Request;
declare const res: import("express").Response;
declare const sessions: import("coatcheck").Sessions;
declare const options: import("coatcheck").Options;
declare const session: typeof import("coatcheck/express").session;
declare const store: import("coatcheck").Store;
declare const myStore: () => Promise<import("coatcheck").Store>;
declare const database: import("node:sqlite").DatabaseSync;
declare const item: string;
declare const checkPassword: (userId: string | null, password: string) => Promise<boolean>;
declare class Site {}
declare namespace NodeJS {
  interface ProcessEnv {
    DATABASE_URL: string;
    SESSION_SECRET: string;
  }
}
`;

const blocks = globSync(["README.md", "docs/**/*.md"], { cwd: root })
  .sort()
  .flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code], index) => ({
      name: `${basename(file, ".md")}-${index + 1}`,
      code: code as string,
    })),
  );

// Declared session keys hold for a whole program, so each such block is one.
const declares = ({ code }: { code: string }) => code.includes('declare module "coatcheck"');
const programs = [
  { name: "the blocks that declare no keys", blocks: blocks.filter((block) => !declares(block)) },
  ...blocks.filter(declares).map((block) => ({ name: block.name, blocks: [block] })),
];

test.each(programs)("$name", { timeout: 120_000 }, ({ blocks }) => {
  // Inside node_modules, where modules are found and where neither tests nor linters look.
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "coatcheck-snippets-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const { name, code } of blocks) {
    // Without an import a block would not be a module, and its names would meet those of others.
    writeFileSync(join(folder, `${name}.mts`), `${code}\nimport "coatcheck/express";\nexport {};\n`);
  }
  writeFileSync(join(folder, "given.d.ts"), given);
  const files = ["given.d.ts", ...blocks.map(({ name }) => `${name}.mts`)];
  const compilerOptions = { noEmit: true, noUnusedLocals: false };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, files, include: [] }),
  );
  const { status, stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", folder], {
    encoding: "utf8",
  });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

test("there are blocks of every framework", () => {
  const names = blocks.map(({ name }) => name).filter((name) => name.startsWith("frameworks-"));
  expect(names).toHaveLength(9);
});
