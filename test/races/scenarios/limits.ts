/** maxUserSessions: of logins at the same time the same ones stay, whichever server counts them. */
import { expect, test } from "vitest";
import { MovedClock } from "../../instruments/moved-clock.ts";
import { jar, nobody, type Start } from "../race.ts";

export function limits(start: Start): void {
  for (const place of ["here", "there"] as const) {
    test(`end the login that was slower than as many others, and it sends no cookie, from a server ${place}`, async () => {
      const clock = new MovedClock();
      const race = await start({ maxUserSessions: 2, clock: clock.read });
      const user = `limit-${Math.random()}`;
      const held = race.store.hold("create");
      const slow = race.here.send(null, async (session) => {
        await session.load();
        session.login(user);
      });
      await held.arrived;
      const cookies: (string | null)[] = [];
      for (let count = 0; count < 2; count++) {
        clock.pass(1);
        const quick = race[place].send(null, async (session) => {
          await session.load();
          session.login(user);
        });
        cookies.push(jar(null, [await quick.answer]));
      }
      held.release();
      expect(await slow.answer).toMatchObject({ status: 200, setCookie: null });
      for (const cookie of cookies) expect(await race.look(cookie)).toMatchObject({ isStored: true, user });
    });
  }

  // Reports: spring-projects/spring-security#3121.
  test("leave as many as they say, when many log in at once", async () => {
    const clock = new MovedClock();
    const race = await start({ maxUserSessions: 2, clock: clock.read });
    const user = `limit-${Math.random()}`;
    const answers = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((n) => {
        const server = n % 2 === 0 ? race.here : race.there;
        return server.send(null, async (session) => {
          await session.load();
          session.login(user);
        }).answer;
      }),
    );
    const looks = await Promise.all(answers.map((answer) => race.look(jar(null, [answer]))));
    expect(looks.filter((seen) => seen.user === user)).toHaveLength(2);
    expect(looks.filter((seen) => seen.user === null)).toEqual([nobody, nobody, nobody, nobody]);
  });

  test("spare a session whose user signs in anew while they are counted", async () => {
    const clock = new MovedClock();
    const race = await start({ maxUserSessions: 1, clock: clock.read });
    const user = `limit-${Math.random()}`;
    const cookie = await race.visitor({}, user);
    clock.pass(1);
    const held = race.store.hold("delete");
    const other = race.here.send(null, async (session) => {
      await session.load();
      session.login(user);
    });
    await held.arrived;
    clock.pass(1);
    const again = race.there.send(cookie, (session) => session.login(user));
    const fresh = jar(cookie, [await again.answer]);
    held.release();
    await other.answer;
    expect(await race.look(fresh)).toMatchObject({ isStored: true, user });
  });
}
