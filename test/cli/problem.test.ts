import { StoreUnavailableError } from "coatcheck";
import { afterEach, expect, test, vi } from "vitest";
import { problemOf } from "../../src/cli/problem.ts";

afterEach(() => void vi.unstubAllEnvs());

test("says what led to a fault, and not what only a visitor needs to know", () => {
  const fault = new Error("the table is missing", { cause: new Error("relation does not exist") });
  expect(problemOf(new StoreUnavailableError("read", fault))).toBe(
    "The store could not do its work.\n  because: the table is missing\n  because: relation does not exist",
  );
  expect(problemOf(new Error("outer: inner", { cause: new Error("inner") }))).toBe("outer: inner");
  expect(problemOf("a text")).toBe("a text");
});

test("shows the faults of every address that was tried", () => {
  const refused = [new Error("connect ECONNREFUSED ::1"), new Error("connect ECONNREFUSED 127.0.0.1")];
  const error = Object.assign(new AggregateError(refused), { code: "ECONNREFUSED" });
  expect(problemOf(error)).toMatch(/ECONNREFUSED ::1\n.*ECONNREFUSED 127/);
});

test("never shows a password, should a driver do so", () => {
  for (const [url, shown] of [
    ["postgres://ann:geheim@host/db", "geheim"],
    ["redis://:geheim@host", "geheim"],
    ["mysql://ann:ge%40he%2Fim@host/db", "ge@he/im"],
    ["redis+cluster://ann:ge%25him@h1:1,h2:2", "ge%25him"],
  ] as const) {
    vi.stubEnv("SESSION_STORE", url);
    expect(problemOf(new Error(`cannot log in with ${shown} at ${url}`))).not.toContain(shown);
  }
});

test("a password that is a common word leaves the words of a message as they are", () => {
  for (const url of [
    "redis://:a@host",
    "postgres://postgres:postgres@host/site",
    "mysql://ann:table@host/site",
  ]) {
    vi.stubEnv("SESSION_STORE", url);
    const says = 'the table "sessions" of postgres cannot be read';
    expect(problemOf(new Error(says))).toBe(says);
    expect(problemOf(new Error(`no answer from ${url}`))).toBe(
      `no answer from ${url.replace(/:[^:]*@/, ":***@")}`,
    );
  }
});
