// Writes docs/licences.md from package.json and package-lock.json: everything that `npm install coatcheck` brings, with its licence.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const read = (file: string) => JSON.parse(readFileSync(`${root}/${file}`, "utf8"));

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly hasInstallScript?: boolean;
}

const { license, dependencies = {}, optionalDependencies, peerDependencies } = read("package.json");
const locked: Readonly<Record<string, Locked>> = read("package-lock.json").packages;

/** Where the lock file has the package that one at `from` gets by a name: the nearest folder upward. */
function placeOf(name: string, from: string): string {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    const place = `${folder}${folder === "" ? "" : "/"}node_modules/${name}`;
    if (place in locked) return place;
    if (folder === "") throw new Error(`package-lock.json has no ${name}. Run npm install.`);
  }
}

/** The places of all packages that come along, with the package that wants each. */
const wanted = new Map<string, string>();
function want(names: Readonly<Record<string, string>> | undefined, by: string, from: string): void {
  for (const name of Object.keys(names ?? {})) {
    const place = placeOf(name, from);
    if (wanted.has(place)) continue;
    wanted.set(place, by);
    want(locked[place]?.dependencies, name, place);
  }
}
want(dependencies, "coatcheck", "");
want(optionalDependencies, "coatcheck", "");

const nameOf = (place: string) => place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
const rows = [...wanted]
  .sort(([a], [b]) => (nameOf(a) < nameOf(b) ? -1 : 1))
  .map(([place, by]) => {
    const { version, license = "not told", hasInstallScript = false } = locked[place] as Locked;
    return `| \`${nameOf(place)}\` | ${version} | ${license} | ${by} | ${hasInstallScript ? "**yes**" : "no"} |`;
  });
const peers = Object.keys(peerDependencies).sort();

writeFileSync(
  process.argv[2] ?? `${root}/docs/licences.md`,
  `# What is installed, and under which licences

<!-- Written by \`node scripts/licences-page.ts\`. -->

coatcheck is under the licence ${license}. The package holds no code of others, has no dependency, and runs no script when it is installed. Two
optional dependencies come along for [the command](command.md#what-it-needs); \`npm install --omit=optional\` leaves them out. This is everything
that \`npm install coatcheck\` brings beside it, in the versions of our lock file:

| Package | Version | Licence | Wanted by | Runs a script at install |
|---|---|---|---|---|
${rows.join("\n")}

What a store or an adapter works with, you install yourself, under its own licence: ${peers.map((name) => `\`${name}\``).join(", ")}. Each is an optional
peer, so npm installs none of them for coatcheck.

A release is published by the workflow \`release.yml\` alone, with [provenance](https://docs.npmjs.com/generating-provenance-statements): npm shows from
which commit and by which run a version was built, and \`npm audit signatures\` checks it. No token that could publish is kept. The workflow runs
\`npm audit\` before it publishes.
`,
);
