/** The files of docs/recipes.md: code blocks whose fence names a file, as ```ts src/middleware.ts. */
import { readFileSync } from "node:fs";

const sections = readFileSync(new URL("../../docs/recipes.md", import.meta.url), "utf8").split(/^## /m);

/** The files of the section under a heading, by path; under the heading "Recipes", those that all sections share. */
export function recipeFiles(heading: string): Map<string, string> {
  const section = sections.find((text) => text.replace(/^# /, "").startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`docs/recipes.md has no section "${heading}".`);
  const blocks = section.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms);
  return new Map([...blocks].map(([, path = "", code = ""]) => [path, code]));
}
