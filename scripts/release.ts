// Makes the present folder ready to be published as the version of a tag: `npm run release -- v1.0.0`. The workflow of releases runs it in
// its own copy of the repository; what it writes is never committed.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, posix } from "node:path";

/** What the owner fills in, once, in owner.json. Empty means: there is none. */
interface Owner {
  /** Where the source is, as https://github.com/OWNER/NAME. A release needs it. */
  repository: string;
  /** The site of the documentation. */
  homepage: string;
  /** Where to give money. */
  funding: string;
}

const tag = process.argv[2] ?? "";
const read = (file: string) => readFileSync(file, "utf8");
const manifest = JSON.parse(read("package.json"));
const owner: Owner = JSON.parse(read("owner.json"));
const { repository, homepage, funding } = owner;

if (tag !== `v${manifest.version}`)
  stop(
    `The tag is ${tag || "missing"}, and package.json says ${manifest.version}. Tag v${manifest.version}.`,
  );
if (!/^https:\/\/\S+[^/]$/.test(repository))
  stop("owner.json says no repository. Fill in its address, as https://github.com/OWNER/NAME.");

const notes = read("CHANGELOG.md")
  .split(/^(?=## )/m)
  .find(
    (section) =>
      section.startsWith(`## ${manifest.version} `) || section.startsWith(`## ${manifest.version}\n`),
  );
if (notes === undefined)
  stop(`CHANGELOG.md has no section "## ${manifest.version}". Name the section "Unreleased" so.`);
const body = notes.split("\n").slice(1).join("\n").trim();
// The page of a release is no page of the package, so that every link leads to the repository.
writeFileSync(
  "release-notes.md",
  absolute("CHANGELOG.md", body, () => false),
);

Object.assign(manifest, {
  repository: { type: "git", url: `git+${repository}.git` },
  homepage: homepage || `${repository}#readme`,
  bugs: `${repository}/issues`,
  ...(funding && { funding }),
});
writeFileSync("package.json", `${JSON.stringify(manifest, null, 2)}\n`);

for (const page of globSync(["*.md", "docs/**/*.md"]))
  writeFileSync(page, absolute(page.replaceAll("\\", "/"), read(page), isPacked));
console.log(`Ready to publish ${manifest.name} ${manifest.version}.`);

/** Whether a file is in the package. */
function isPacked(path: string): boolean {
  const packed = ["package.json", "README.md", "LICENSE", ...(manifest.files as string[])];
  return packed.some((one) => path === one || path.startsWith(`${one}/`));
}

/** The page with links that lead somewhere from where it is read too: those to files that are not there lead to the repository. */
function absolute(page: string, text: string, isThere: (path: string) => boolean): string {
  const lead = (view: string, link: string) => {
    if (/^[a-z]+:|^#/.test(link)) return link;
    const path = posix.join(dirname(page), link);
    return isThere(path.replace(/#.*/, "")) ? link : `${repository}/${view}/${tag}/${path}`;
  };
  return text
    .replaceAll(/(?<=!\[[^\]]*\]\()[^)\s]+|(?<=\b(?:src|srcset)=")[^"]+/g, (link) => lead("raw", link))
    .replaceAll(/(?<=(?<!!)\[[^\][]*\]\()[^)\s]+/g, (link) => lead("blob", link));
}

function stop(why: string): never {
  console.error(why);
  process.exit(1);
}
