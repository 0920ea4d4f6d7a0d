/** The list of Django's tests, the tests here and docs/django.md must agree. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { djangoTests } from "./names.ts";

const doc = readFileSync(new URL("../../docs/django.md", import.meta.url), "utf8");

const namesIn = (text: string) => new Set(text.match(/\btest_[a-z0-9_]+/g) ?? []);

/** The part of docs/django.md under the heading of a class. */
const toldOf = (group: string) => namesIn(doc.split(`\n### ${group}\n`)[1]?.split(/\n##/)[0] ?? "");

/** The names in the titles of the tests that stand for a class. */
function runOf(group: string) {
  const file = `${group.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}.test.ts`;
  try {
    const source = readFileSync(new URL(file, import.meta.url), "utf8");
    return new Set(source.match(/(?<=(?:\(\s*|name: )["'])test_[a-z0-9_]+/g) ?? []);
  } catch {
    return new Set<string>(); // No test of this class is run.
  }
}

describe.each(Object.entries(djangoTests))("Django's %s", (group, tests) => {
  it.each(tests)("$name runs here, or docs/django.md says why not", ({ name, twin }) => {
    const told = toldOf(group);
    if (runOf(group).has(name)) return;
    expect(told).toContain(name);
    if (twin !== undefined) expect(told).toContain(twin);
  });

  it("has every test that runs here or is named in docs/django.md", () => {
    const known = tests.flatMap(({ name, twin }) => [name, twin]);
    expect([...runOf(group), ...toldOf(group)].filter((name) => !known.includes(name))).toEqual([]);
  });
});
