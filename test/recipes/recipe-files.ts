/** The files of docs/recipes.md and its like: code blocks whose fence names a file, as ```ts src/middleware.ts. */
import { readFileSync } from "node:fs";

/** The files of a text, by path. */
function filesIn(text: string): Map<string, string> {
  const blocks = text.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms);
  return new Map([...blocks].map(([, path = "", code = ""]) => [path, code]));
}

/** The files of a page of docs/. */
export function pageFiles(page: string): Map<string, string> {
  return filesIn(read(page));
}

/** The files of the section of docs/recipes.md under a heading; under the heading "Recipes", those that all sections share. */
export function recipeFiles(heading: string): Map<string, string> {
  const section = read("recipes.md")
    .split(/^## /m)
    .find((text) => text.replace(/^# /, "").startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`docs/recipes.md has no section "${heading}".`);
  return filesIn(section);
}

function read(page: string): string {
  return readFileSync(new URL(`../../docs/${page}`, import.meta.url), "utf8");
}
