// Builds the site: `npm run docs`. The pages of docs/ and the reference are written to site/pages, and from there to site/dist.
import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { entryPoints } from "../scripts/entry-points.ts";
import { installed } from "../test/runtimes/install.ts";
import { forSite } from "./page.ts";

const site = fileURLToPath(new URL(".", import.meta.url));
const root = join(site, "..");
const pages = join(site, "pages");

await installed(new URL(".", import.meta.url));

for (const folder of ["pages", "dist"]) rmSync(join(site, folder), { recursive: true, force: true });
mkdirSync(pages);
cpSync(join(site, "home.md"), join(pages, "index.md"));
cpSync(join(site, "public"), join(pages, "public"), { recursive: true });

const { repository } = JSON.parse(readFileSync(join(root, "owner.json"), "utf8")) as { repository: string };
for (const page of globSync("**/*.md", { cwd: join(root, "docs") })) {
  const file = join(pages, page.replace("README.md", "contents.md"));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    forSite(readFileSync(join(root, "docs", page), "utf8"), join("docs", page), repository),
  );
}
writeFileSync(
  join(pages, "changelog.md"),
  forSite(readFileSync(join(root, "CHANGELOG.md"), "utf8"), "CHANGELOG.md", repository),
);

console.log("Reference: typedoc");
const entries = join(pages, "entries");
for (const { publicName, source } of entryPoints()) {
  const file = join(entries, `${publicName}.ts`);
  const code = readFileSync(source, "utf8");
  // The first paragraph of the module's own comment, under the name that users import.
  const about = /^\/\*\*\s*(?:\* )?(.*?)(?:\n \*\n|\s*\*\/)/s.exec(code)?.[1] ?? "";
  const from = JSON.stringify(relative(dirname(file), source).replaceAll("\\", "/"));
  const byDefault = /^export default|^export \{[^}]* as default/m.test(code)
    ? `export { default } from ${from};\n`
    : "";
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    `/**\n * ${about}\n *\n * @module ${publicName}\n */\nexport * from ${from};\n${byDefault}`,
  );
}
run("typedoc/bin/typedoc", "--options", join(site, "typedoc.json"));

console.log("Site: vitepress");
run("vitepress/bin/vitepress.js", "build", site);
console.log("The site is in site/dist.");

function run(command: string, ...args: string[]): void {
  const program = [join(site, "node_modules", command), ...args];
  const { status } = spawnSync(process.execPath, program, { cwd: site, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
