/** What a release makes of the repository, and what the workflow files ask of it. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (file: string) => readFileSync(join(root, file), "utf8");
const { version, scripts } = JSON.parse(read("package.json"));

const filled = {
  repository: "https://github.com/ann/coats",
  homepage: "",
  funding: "https://example.com/ann",
};

/** A copy of what is packed, released by an owner; `section` is the head of the section of this version. */
function release({ owner = filled, tag = `v${version}`, section = `## ${version} (2026-12-01)` } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "coatcheck-release-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const one of ["package.json", "README.md", "LICENSE", "docs"])
    cpSync(join(root, one), join(folder, one), { recursive: true });
  writeFileSync(join(folder, "owner.json"), JSON.stringify(owner));
  writeFileSync(
    join(folder, "CHANGELOG.md"),
    `# Changelog\n\n${section}\n\n- Coats: [start](docs/start.md).\n\n## 0.0.1\n\n- Hooks.\n`,
  );
  const { stderr, status } = spawnSync(process.execPath, [join(root, "scripts/release.ts"), tag], {
    cwd: folder,
    encoding: "utf8",
  });
  return { folder, stderr, status, released: (file: string) => readFileSync(join(folder, file), "utf8") };
}

test("the owner's address becomes the fields of the package", () => {
  const { stderr, status, released } = release();
  expect([stderr, status]).toEqual(["", 0]);
  expect(JSON.parse(released("package.json"))).toMatchObject({
    repository: { type: "git", url: "git+https://github.com/ann/coats.git" },
    homepage: "https://github.com/ann/coats#readme",
    bugs: "https://github.com/ann/coats/issues",
    funding: "https://example.com/ann",
  });
});

test("the notes of a release lead to the repository, as they stand on a page outside it", () => {
  const page = `${filled.repository}/blob/v${version}/docs/start.md`;
  expect(release().released("release-notes.md")).toBe(`- Coats: [start](${page}).`);
});

test("no link of the published pages is dead: each is absolute, or leads to a file of the package", () => {
  const { folder } = release();
  const { files } = JSON.parse(read("package.json")) as { files: string[] };
  const dead = globSync(["*.md", "docs/**/*.md"], { cwd: folder }).flatMap((page) => {
    const text = readFileSync(join(folder, page), "utf8").replaceAll(/^```.*?^```$/gms, "");
    const links = [...text.matchAll(/\]\(([^)\s]+)\)|\b(?:src|srcset)="([^"]+)"/g)].map(
      ([, a, b]) => a ?? b ?? "",
    );
    return links.filter((link) => {
      if (/^[a-z]+:|^#/.test(link)) return false;
      const path = join(dirname(page), link.replace(/#.*/, ""));
      const isPacked =
        files.some((one) => path === one || path.startsWith(`${one}/`)) || path === "README.md";
      return !isPacked || !existsSync(join(path.startsWith("src/") ? root : folder, path));
    });
  });
  expect(dead).toEqual([]);
});

test("a release that lacks the repository, the right tag or its notes says so, and makes nothing", () => {
  const noOwner = release({ owner: { repository: "", homepage: "", funding: "" } });
  expect(noOwner.stderr).toContain("owner.json says no repository");
  const wrongTag = release({ tag: "v9.9.9" });
  expect(wrongTag.stderr).toContain(`package.json says ${version}`);
  const noNotes = release({ section: "## Unreleased" });
  expect(noNotes.stderr).toContain(`no section "## ${version}"`);
  for (const { status, released } of [noOwner, wrongTag, noNotes]) {
    expect(status).toBe(1);
    expect(JSON.parse(released("package.json"))).not.toHaveProperty("bugs");
  }
});

test("the workflows call scripts that exist, fix the actions by commit, and name no registry", () => {
  const workflows = globSync(".github/workflows/*.yml", { cwd: root }).map(read);
  expect(workflows).not.toEqual([]);
  const all = workflows.join("\n");
  const called = [...all.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name as string);
  expect(called.filter((name) => !(name in scripts))).toEqual([]);
  const files = [...all.matchAll(/(?:bash|node) ([\w.]+\/[\w./]+)/g)].map(([, file]) => file as string);
  expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  for (const [, action] of all.matchAll(/uses: (.*)/g)) expect(action).toMatch(/^[\w/-]+@[0-9a-f]{40} # v\d/);
  expect(all).not.toMatch(/registry|npmjs/);
});

test("the release is audited before it is published, with provenance, and no token is kept", () => {
  const workflow = read(".github/workflows/release.yml");
  const places = ["npm audit", "npm run check", "npm run release", "npm publish --provenance"].map((step) =>
    workflow.indexOf(`${step}`),
  );
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(places).not.toContain(-1);
  expect(workflow).toContain("id-token: write");
  expect(workflow.match(/secrets\.\w+|NODE_AUTH_TOKEN|NPM_TOKEN/g)).toBeNull();
});

test("the package runs nothing when it is installed, and brings two optional dependencies", () => {
  const { dependencies, bundleDependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } =
    JSON.parse(read("package.json"));
  // With a binding.gyp npm runs node-gyp, though no script says so.
  const atInstall = ["preinstall", "install", "postinstall", "prepare", "prepublish"];
  expect(atInstall.filter((name) => name in scripts)).toEqual([]);
  expect(existsSync(join(root, "binding.gyp"))).toBe(false);
  expect([dependencies, bundleDependencies]).toEqual([undefined, undefined]);
  expect(Object.keys(optionalDependencies)).toEqual(["cli-progress", "commander"]);
  expect(Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional)).toEqual([]);
});

test("docs/licences.md is made from the lock file as it is; no licence asks for more than its notice, and no script runs", () => {
  const folder = mkdtempSync(join(tmpdir(), "coatcheck-licences-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const page = join(folder, "licences.md");
  spawnSync(process.execPath, [join(root, "scripts/licences-page.ts"), page]);
  expect(read("docs/licences.md"), "run `node scripts/licences-page.ts`, which writes the page anew").toBe(
    readFileSync(page, "utf8"),
  );
  const rows = [...read("docs/licences.md").matchAll(/^\| `.*?` \| .*? \| (.*?) \| .*? \| (.*?) \|$/gm)];
  expect(rows.length).toBeGreaterThan(1);
  const refused = rows.filter(
    ([, licence = "", runs]) => !/^(MIT|ISC|BSD-[23]-Clause|Apache-2.0)$/.test(licence) || runs !== "no",
  );
  expect(refused).toEqual([]);
});
