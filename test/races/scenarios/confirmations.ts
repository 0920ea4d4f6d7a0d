/** A confirmation counts for the requests that have its key, and for no request of an older one. */
import { ConfirmationNeededError, type Session } from "coatcheck";
import { expect, test } from "vitest";
import { MovedClock } from "../../instruments/moved-clock.ts";
import { jar, type Race, type Start } from "../race.ts";

const isRecent = (session: Session) => {
  try {
    session.requireRecent(60);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfirmationNeededError);
    return false;
  }
};

/** A user who signed in a while ago. */
async function signedIn(start: Start) {
  const clock = new MovedClock();
  const race = await start({ clock: clock.read });
  const cookie = await race.visitor({ n: 1 }, "ada");
  clock.pass(100);
  return { race, cookie };
}

async function look(race: Race, cookie: string | null) {
  let seen: unknown;
  await race.there.send(cookie, async (session) => {
    await session.load();
    seen = { user: session.userId, recent: isRecent(session), data: session.toObject() };
  }).answer;
  return seen;
}

export function confirmations(start: Start): void {
  for (const place of ["here", "there"] as const) {
    test(`are not met by a slow request with the former key, from a server ${place}`, async () => {
      const { race, cookie } = await signedIn(start);
      const arrived = Promise.withResolvers<void>();
      const confirmed = Promise.withResolvers<void>();
      const seen: boolean[] = [];
      const slow = race.here.send(cookie, async (session) => {
        await session.load();
        seen.push(isRecent(session));
        arrived.resolve();
        await confirmed.promise;
        seen.push(isRecent(session));
        session.update("n", (n = 0) => n + 1);
        await session.save();
        seen.push(isRecent(session));
        await session.load();
        seen.push(isRecent(session));
      });
      await arrived.promise;
      const answer = await race[place].send(cookie, (session) => session.confirm()).answer;
      confirmed.resolve();
      expect((await slow.answer).setCookie).toBeNull();
      expect(seen).toEqual([false, false, false, false]);
      expect(await look(race, jar(cookie, [answer]))).toEqual({ user: "ada", recent: true, data: { n: 2 } });
      expect(await look(race, cookie)).toEqual({ user: null, recent: false, data: {} });
    });

    test(`and a write at the same moment are both kept, from a server ${place}`, async () => {
      const { race, cookie } = await signedIn(start);
      const held = race.store.hold("update");
      const slow = race.here.send(cookie, (session) => session.update("n", (n = 0) => n + 1) && undefined);
      await held.arrived;
      const quick = race[place].send(cookie, (session) => session.confirm());
      await (place === "here" ? quick.handled : quick.answer);
      held.release();
      const fresh = jar(cookie, [await slow.answer, await quick.answer]);
      expect(await look(race, fresh)).toEqual({ user: "ada", recent: true, data: { n: 2 } });
    });

    test(`arrive at a session whose key another request has changed, from a server ${place}`, async () => {
      const { race, cookie } = await signedIn(start);
      const held = race.store.hold("rotate");
      let seen: boolean | null = null;
      const slow = race.here.send(cookie, async (session) => {
        session.confirm();
        await session.save();
        seen = isRecent(session);
      });
      await held.arrived;
      const quick = race[place].send(cookie, (session) => session.cycleKey());
      if (place === "there") await quick.answer;
      else await quick.handled;
      held.release();
      const fresh = jar(cookie, [await slow.answer, await quick.answer]);
      expect(seen).toBe(true);
      expect(await look(race, fresh)).toEqual({ user: "ada", recent: true, data: { n: 1 } });
    });
  }

  test("are not stored on a session that has ended meanwhile", async () => {
    const { race, cookie } = await signedIn(start);
    const held = race.store.hold("rotate");
    const slow = race.here.send(cookie, (session) => session.confirm());
    await held.arrived;
    await race.there.send(cookie, (session) => session.logout()).answer;
    held.release();
    expect((await slow.answer).setCookie).toBeNull();
    expect(await look(race, cookie)).toEqual({ user: null, recent: false, data: {} });
  });
}
