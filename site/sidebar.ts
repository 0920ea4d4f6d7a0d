import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Item {
  text: string;
  link?: string;
  items?: Item[];
  collapsed?: boolean;
}

/** The groups of the front page of docs/, each with the pages that it leads to, and the reference. */
export function sidebar(pages: string): Item[] {
  const contents = readFileSync(join(pages, "contents.md"), "utf8");
  const seen = new Set<string>();
  const item = (page: string): Item => {
    seen.add(page);
    return { text: titleOf(join(pages, `${page}.md`)), link: `/${page}` };
  };
  const groups: Item[] = [{ text: "I want to …", link: "/contents" }];
  for (const row of contents.match(/^\| .*$/gm) ?? []) {
    const group = /^\| \*\*(.+?)\*\*/.exec(row)?.[1];
    if (group !== undefined) groups.push({ text: group, items: [] });
    for (const [, page = ""] of row.matchAll(/\]\(\/([\w/-]+)\.md[^)]*\)/g))
      if (!seen.has(page)) groups.at(-1)?.items?.push(item(page));
  }
  const others = globSync("**/*.md", { cwd: pages })
    .map((file) => file.replaceAll("\\", "/").replace(/\.md$/, ""))
    .filter((page) => !seen.has(page) && !/^(index|contents|reference\/|changelog)/.test(page))
    .sort();
  const stores = others.filter((page) => page.startsWith("stores/"));
  const rest = others.filter((page) => !page.startsWith("stores/"));
  groups.push(
    { text: "Each store", collapsed: true, items: stores.map(item) },
    { text: "More", items: [...rest.map(item), { text: "Changelog", link: "/changelog" }] },
    { text: "Reference", collapsed: true, items: reference(pages) },
  );
  return groups;
}

function titleOf(file: string): string {
  if (!existsSync(file)) throw new Error(`The front page of docs/ leads to ${file}, which is not there.`);
  return /^# (.*)$/m.exec(readFileSync(file, "utf8"))?.[1]?.replaceAll("`", "") ?? file;
}

function reference(pages: string): Item[] {
  const files = globSync("reference/**/*.md", { cwd: pages }).map((file) => file.replaceAll("\\", "/"));
  return files.sort().map((file) => ({
    text: titleOf(join(pages, file)),
    link: `/${file.replace(/(index)?\.md$/, "")}`,
  }));
}
