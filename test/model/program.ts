/** The programs that the model checker runs, as plain data: they shrink, print as they are written, and stay as tests. */

import fc from "fast-check";

/**
 * Something that a handler does. `set`, `append`, `push`, `delete` and `once` take a key; `append` is an `update` that adds to a list,
 * `push` changes a list from within, `count` is an `update` of the number `n`. `pause` lets other requests go first. `saveAside` and
 * `onceAside` are not awaited: what follows, and the response, goes on beside them. A handler goes on after a failed `save`, `load` or
 * `once` from the deed `catch` on; without it, it ends with an error page.
 */
export type Deed =
  | `${"set" | "append" | "push" | "delete" | "once" | "onceAside"} ${Key}`
  | `login ${User}`
  | `setExpiry ${number | "null"}`
  | "revokeOthers"
  | "revokeAll"
  | "sweep"
  | "catch"
  | "saveAside"
  | "flush"
  | "count"
  | "clear"
  | "logout"
  | "cycleKey"
  | "modified"
  | "unmodified"
  | "save"
  | "load"
  | "confirm"
  | "pause";

export type Key = "a" | "b" | "list";
export type User = "ada" | "bob";

/** One request. Browser 2 is a thief: its first request comes with a copy of the cookies of browser 0. */
export interface Visit {
  readonly browser: 0 | 1 | 2;
  /** The process that serves it. */
  readonly at: 0 | 1;
  readonly does: readonly Deed[];
  readonly status: 200 | 404 | 500;
}

/** The options of one process. */
export interface ProcessOptions {
  readonly onConflict?: "mine" | "theirs" | "error" | "join";
  readonly onInterrupted?: "discard" | "error";
  readonly lazy?: boolean;
  /** Seconds. */
  readonly cookieAge?: number;
  readonly idleTimeout?: number;
  readonly saveEveryRequest?: boolean;
}

export interface Program {
  readonly processes: readonly [ProcessOptions, ProcessOptions];
  /** The options that both processes share. Seconds. */
  readonly absoluteTimeout?: number;
  readonly maxUserSessions?: number;
  /** Browsers 0 and 1 have devices, and bind their sessions. */
  readonly deviceBound?: boolean;
  /** The store makes the versions itself. */
  readonly storeVersions?: boolean;
  /** The most calls of the store that fail or come too late. */
  readonly faults: number;
  /** The requests of one round may overlap. Between two rounds the time passes, seconds. */
  readonly rounds: readonly { readonly visits: readonly Visit[]; readonly pass: number }[];
}

/** The choices of the scheduler, one after the other; 0 is "the oldest call, without a fault", as is everything after the last. */
export type Choices = readonly number[];

const key = fc.constantFrom<Key>("a", "b", "list");
const user = fc.constantFrom<User>("ada", "ada", "bob");

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 4, arbitrary: key.map((key): Deed => `set ${key}`) },
  { weight: 2, arbitrary: key.map((key): Deed => `append ${key}`) },
  { weight: 2, arbitrary: key.map((key): Deed => `push ${key}`) },
  { weight: 2, arbitrary: key.map((key): Deed => `delete ${key}`) },
  { weight: 3, arbitrary: fc.constant<Deed>("count") },
  { weight: 4, arbitrary: user.map((user): Deed => `login ${user}`) },
  { weight: 1, arbitrary: fc.constantFrom<Deed>("setExpiry 600", "setExpiry 0", "setExpiry null") },
  { weight: 3, arbitrary: fc.constantFrom<Deed>("logout", "cycleKey", "flush") },
  { weight: 3, arbitrary: fc.constantFrom<Deed>("save", "pause", "catch") },
  { weight: 2, arbitrary: key.map((key): Deed => `once ${key}`) },
  { weight: 1, arbitrary: key.map((key): Deed => `onceAside ${key}`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Deed>("clear", "load", "modified", "unmodified", "confirm", "revokeOthers"),
  },
  { weight: 1, arbitrary: fc.constantFrom<Deed>("saveAside", "revokeAll", "sweep") },
);

const visit: fc.Arbitrary<Visit> = fc.record({
  browser: fc.constantFrom(0, 0, 0, 1, 2),
  at: fc.constantFrom(0, 1),
  does: fc.array(deed, { maxLength: 4 }),
  status: fc.constantFrom(200, 200, 200, 200, 404, 500),
});

const processOptions: fc.Arbitrary<ProcessOptions> = fc.record(
  {
    onConflict: fc.constantFrom("mine", "theirs", "error", "join"),
    onInterrupted: fc.constantFrom("discard", "error"),
    lazy: fc.boolean(),
    cookieAge: fc.constant(600),
    idleTimeout: fc.constantFrom(200, 900),
    saveEveryRequest: fc.boolean(),
  },
  { requiredKeys: [] },
);

const round = fc.record({
  visits: fc.array(visit, { minLength: 1, maxLength: 4 }),
  pass: fc.constantFrom(0, 0, 1, 61, 500, 1000),
});

/** A first visit makes the session that the others race for. */
const first: fc.Arbitrary<Visit> = fc.record({
  browser: fc.constant(0),
  at: fc.constant(0),
  does: fc.constantFrom<Deed[][]>(
    ["set a", "append list"],
    ["login ada", "set a"],
    ["set a", "login ada", "append list"],
  ),
  status: fc.constant(200),
});

export const program: fc.Arbitrary<Program> = fc
  .record(
    {
      processes: fc.tuple(processOptions, processOptions),
      absoluteTimeout: fc.constantFrom(300, 1200),
      maxUserSessions: fc.constantFrom(1, 2),
      storeVersions: fc.boolean(),
      deviceBound: fc.boolean(),
      faults: fc.constantFrom(0, 0, 1, 2, 3),
      first,
      rounds: fc.array(round, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: ["processes", "faults", "first", "rounds"] },
  )
  .map(({ first, rounds, ...options }) => ({
    ...options,
    rounds: [{ visits: [first], pass: 0 }, ...rounds],
  }));

export const choices: fc.Arbitrary<Choices> = fc.array(fc.nat(0xffff), { maxLength: 120, size: "max" });
