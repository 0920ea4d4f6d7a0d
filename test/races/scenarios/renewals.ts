/** A response that only renews the cookie must not put an old key back into a browser that has a new one, or none. */
import { expect, test } from "vitest";
import { MovedClock } from "../../instruments/moved-clock.ts";
import { type Handler, jar, nobody, type Race, type Start } from "../race.ts";

const changes: Record<string, Handler> = {
  cycleKey: (session) => session.cycleKey(),
  "a login": (session) => session.login("ada"),
  "a logout": (session) => session.logout(),
};

/** A request that renews its cookie by a save in its middle, and then waits. */
async function renewing(race: Race, cookie: string, then: Handler = () => {}) {
  const saved = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const { answer } = race.here.send(cookie, async (session) => {
    await session.load();
    session.setExpiry(5000);
    await session.save();
    saved.resolve();
    await goOn.promise;
    await then(session);
  });
  await saved.promise;
  return { answer, goOn: goOn.resolve };
}

export function renewals(start: Start): void {
  for (const [name, change] of Object.entries(changes)) {
    for (const place of ["here", "there"] as const) {
      test(`announced before ${name} that was answered ${place} is not sent after it`, async () => {
        const race = await start();
        const cookie = await race.visitor({ n: 1 });
        const { answer, goOn } = await renewing(race, cookie);
        const changed = await race[place].send(cookie, change).answer;
        expect(changed.setCookie).not.toBe(null);
        goOn();
        expect(await answer).toEqual({ status: 200, setCookie: null, error: null });
        const after = await race.look(jar(cookie, [changed]));
        expect(after.isStored).toBe(name !== "a logout");
      });
    }

    test(`of a touch is not sent after ${name} that was answered while the store's answer was on its way`, async () => {
      const clock = new MovedClock();
      const race = await start({ cookieAge: 1000, saveEveryRequest: true, clock: clock.read });
      const cookie = await race.visitor({ n: 1 });
      clock.pass(500);
      const touching = race.store.hold("touch", "after");
      const poll = race.here.send(cookie, (session) => void session.get("n"));
      await touching.arrived;
      await race.here.send(cookie, change).answer;
      touching.release();
      expect(await poll.answer).toEqual({ status: 200, setCookie: null, error: null });
    });
  }

  test("is sent with the response where nothing else happened, and the store is looked at once", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 1 });
    const { answer, goOn } = await renewing(race, cookie);
    const mark = race.store.calls.length;
    goOn();
    expect((await answer).setCookie).toMatch(/Max-Age=5000/);
    expect(race.store.calls.slice(mark)).toEqual(["read"]);
  });

  test("needs no look where the response itself writes", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 1 });
    const { answer, goOn } = await renewing(race, cookie, (session) => void session.set("n", 2));
    const mark = race.store.calls.length;
    goOn();
    expect((await answer).setCookie).toMatch(/Max-Age=5000/);
    expect(race.store.calls.slice(mark)).toEqual(["update"]);
  });

  test("is left out where the store cannot be looked at", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 1 });
    const { answer, goOn } = await renewing(race, cookie);
    race.store.answer("read", () => Promise.reject(new Error("the store is away")));
    goOn();
    expect(await answer).toEqual({ status: 200, setCookie: null, error: null });
    expect((await race.look(cookie)).data).toEqual({ n: 1 });
  });

  test("of a first visit is sent without a look: nothing can have changed a key that no browser has", async () => {
    const race = await start();
    const saved = Promise.withResolvers<number>();
    const { answer } = race.here.send(null, async (session) => {
      await session.load();
      session.set("n", 1);
      await session.save();
      saved.resolve(race.store.calls.length);
    });
    const mark = await saved.promise;
    const cookie = jar(null, [await answer]);
    expect(race.store.calls.slice(mark)).toEqual([]);
    expect(await race.look(cookie)).not.toEqual(nobody);
  });
}
