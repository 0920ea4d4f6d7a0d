/**
 * Listens to everything that a test file makes public: what is printed, warnings, events, and the messages of errors that `src/` makes.
 * A session key in any of it, a sealed cookie, or a password of the tests, fails the file. A key is known by the events of its session,
 * which name it by a hash of its hash.
 */

import { createHash } from "node:crypto";
import { subscribe } from "node:diagnostics_channel";
import { afterAll } from "vitest";
import { everyEvent } from "../instruments/overheard.ts";

/** Tests that give a password to anything take this one. */
const PASSWORD = "hunter2";

const KEY = /(?<![A-Za-z0-9])[a-z0-9]{32}(?![A-Za-z0-9])/g;
/** A sealed cookie, as `encryptedCookieStore` makes it. */
const SEALED = /eyJ[\w-]+\.\.[\w-]{16}\.[\w-]+\.[\w-]{22}/;

/** The log ids of the sessions that were created here. */
const sessions = new Set<string>();
const leaks = new Set<string>();

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const isKey = (word: string) => sessions.has(sha256(`log${sha256(word)}`).slice(0, 12));

function secretIn(text: string): string | null {
  if (text.includes(PASSWORD)) return "a password";
  if (SEALED.test(text)) return "a sealed cookie";
  return text.match(KEY)?.some(isKey) ? "a session key" : null;
}

const stackOf = ({ stack = "" }: Error) => stack.split("\n").filter((line) => line.startsWith("    at "));

function look(where: string, value: unknown, levels = 4): void {
  if (typeof value === "string") {
    const secret = value.length < PASSWORD.length ? null : secretIn(value);
    if (secret !== null) leaks.add(`${secret} in ${where}\n${stackOf(new Error()).slice(2, 8).join("\n")}`);
  } else if (typeof value === "object" && value !== null && levels > 0) {
    if (value instanceof Error) look(where, value.message);
    for (const member of Object.values(value)) look(where, member, levels - 1);
  }
}

for (const name of ["log", "info", "warn", "error", "debug"] as const) {
  const print = console[name];
  console[name] = (...given: unknown[]) => {
    for (const value of given) look(`console.${name}`, value);
    print.apply(console, given);
  };
}

for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write;
  stream.write = function (this: typeof stream, ...given: unknown[]) {
    look("what is printed", given[0]);
    return Reflect.apply(write, this, given);
  };
}

process.on("warning", (warning) => look("a warning", warning));

for (const event of Object.keys(everyEvent)) {
  subscribe(`coatcheck:${event}`, (message) => {
    const { error, ...told } = message as { error?: unknown; session?: string };
    if (event === "created" || event === "rotated") sessions.add(`${told.session}`);
    look(`the event ${event}`, told);
    // The error of `unavailable` is the store's own, and says what the store says; but stores know no key.
    if (error instanceof Error && secretIn(error.message) === "a session key")
      look("an error", error.message);
  });
}

/** Errors are seen when they are made: most are caught, and some only answered with their status. */
for (const name of ["Error", "TypeError", "RangeError", "SyntaxError"] as const) {
  const seen = new Proxy(globalThis[name], {
    construct(target, given, made) {
      const error = Reflect.construct(target, given, made) as Error;
      const secret = secretIn(error.message);
      const maker = stackOf(error).find((line) => !line.includes(import.meta.filename));
      const [, from = ""] = /\/(src|test|node_modules)\//.exec(maker ?? "") ?? [];
      if (secret !== null && from === "src")
        leaks.add(`${secret} in the message of ${error.name}\n${error.stack}`);
      return error;
    },
  });
  seen.prototype.constructor = seen;
  globalThis[name] = seen as never;
}

/** What was made public until now; it is forgotten. */
export function takeLeaks(): string[] {
  const taken = [...leaks];
  leaks.clear();
  return taken;
}

afterAll(() => {
  if (leaks.size > 0) throw new Error(`This file made secrets public:\n\n${[...leaks].join("\n\n")}`);
});
