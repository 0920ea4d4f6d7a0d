/** A short run of the torture driver; `npm run test:long` takes all stores and faults, and writes docs/reliability.md. */
import { expect, test } from "vitest";
import { torture } from "./torture.ts";

const pairs = [
  ["SQLite", "a server killed (SIGKILL) and restarted"],
  ["PostgreSQL", "all connections cut"],
  ["Redis", "database killed and restarted"],
] as const;

test.each(pairs)(
  "%s, %s: nothing that was acknowledged is lost, doubled, foreign or comes back",
  async (store, fault) => {
    const { acknowledged, leftBehind, errors, ...broken } = await torture({
      store,
      fault,
      clients: 16,
      seconds: 3,
    });
    expect(broken).toEqual({ lost: 0, doubled: 0, foreign: 0, resurrected: 0 });
    expect(acknowledged).toBeGreaterThan(0);
  },
  120_000,
);
