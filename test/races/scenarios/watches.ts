/** A connection that outlives its request is told when its session has ended, whichever server ended it. */
import { once } from "node:events";
import { createSessions } from "coatcheck";
import { expect, onTestFinished, test } from "vitest";
import { type Handler, jar, type Race, type Start } from "../race.ts";

/** Watches a session from a third server. */
async function watched({ store: { store } }: Race, cookie: string): Promise<AbortSignal> {
  const sessions = createSessions({ store });
  const closed = new AbortController();
  onTestFinished(() => closed.abort());
  const session = await sessions.open(cookie, { secure: false });
  return sessions.watch(session, { every: 0.02, signal: closed.signal });
}

const endings: [what: string, handler: Handler][] = [
  ["signs out", (session) => session.logout()],
  ["signs another user in", (session) => session.login("bob")],
];

export function watches(start: Start): void {
  test.each(endings)("aborts when a request on another server %s, also under a new key", async (_, end) => {
    const race = await start();
    const cookie = await race.visitor({ cart: 1 }, "ann");
    const signal = await watched(race, cookie);
    const renewed = await race.here.send(cookie, (session) => session.cycleKey()).answer;
    // Two looks that began after the change.
    for (let look = 0; look < 2; look++) {
      const read = race.store.hold("read", "after");
      await read.arrived;
      read.release();
    }
    expect(signal.aborted).toBe(false);
    const ended = once(signal, "abort");
    expect((await race.there.send(jar(cookie, [renewed]), end).answer).status).toBe(200);
    await ended;
  });
}
