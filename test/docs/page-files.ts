/** The files that a page of docs/ shows: code blocks whose fence names a file, as ```ts app.ts. Blocks of one name are one file. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

export type Files = ReadonlyMap<string, string>;

export function filesOf(page: string): Files {
  const files = new Map<string, string>();
  const blocks = readFileSync(join(root, "docs", page), "utf8").matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms);
  for (const [, name = "", code = ""] of blocks) files.set(name, `${files.get(name) ?? ""}${code}`);
  return files;
}

/** Writes files into a folder of their own, from which Node finds the packages of this folder and of the project. */
export function write(files: Files): string {
  const written = join(root, "test/docs/.written");
  mkdirSync(written, { recursive: true });
  const folder = mkdtempSync(`${written}/`);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  for (const [name, code] of files) writeFileSync(join(folder, name), code);
  return folder;
}
