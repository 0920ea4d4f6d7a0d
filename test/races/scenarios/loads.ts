/** What a handler decides while its session is being read holds, whatever the read finds. */
import type { Session } from "coatcheck";
import { expect, test } from "vitest";
import { jar, nobody, type Race, type Start } from "../race.ts";

const ofAda = { secret: "of ada" };

/** Calls `load()`, does something while the store has read and not answered yet, and waits for both. */
async function whileLoading(race: Race, session: Session, act: () => unknown): Promise<void> {
  const held = race.store.hold("read", "after");
  const loading = session.load();
  await held.arrived;
  act();
  held.release();
  await loading;
}

export function loads(start: Start): void {
  for (const before of [null, "ada"] as const) {
    test(`keep a login of a session ${before === null ? "without a user" : "of that user"} that another request ended`, async () => {
      const race = await start();
      const cookie = await race.visitor({ cart: ["Emma"] }, before);
      let user: string | null = null;
      const { answer } = race.here.send(cookie, async (session) => {
        session.login("ada");
        session.set("late", 1);
        await race.there.send(cookie, (other) => other.logout()).answer;
        await session.load();
        user = session.userId;
      });
      const fresh = jar(null, [await answer]);
      expect(user).toBe("ada");
      expect(await race.look(fresh)).toEqual({ isStored: true, user: "ada", data: { late: 1 } });
      expect(await race.look(cookie)).toEqual(nobody);
    });
  }

  test("leave nothing of the former user to a login that came during them", async () => {
    const race = await start();
    const cookie = await race.visitor(ofAda, "ada");
    let seen: unknown;
    const { answer } = race.here.send(cookie, async (session) => {
      await whileLoading(race, session, () => session.login("bob"));
      seen = [session.userId, session.toObject()];
    });
    const fresh = jar(cookie, [await answer]);
    expect(seen).toEqual(["bob", {}]);
    expect(await race.look(fresh)).toEqual({ isStored: true, user: "bob", data: {} });
    expect(await race.look(cookie)).toEqual(nobody);
  });

  test("keep the login of a visitor that came during them, and the data", async () => {
    const race = await start();
    const cookie = await race.visitor({ cart: ["Emma"] });
    const { answer } = race.here.send(cookie, async (session) => {
      await whileLoading(race, session, () => session.login("ada"));
    });
    const seen = { isStored: true, user: "ada", data: { cart: ["Emma"] } };
    expect(await race.look(jar(cookie, [await answer]))).toEqual(seen);
  });

  for (const elsewhere of ["goes on", "ends"] as const) {
    test(`do not undo a logout that came during them, while the session ${elsewhere} elsewhere`, async () => {
      const race = await start();
      const cookie = await race.visitor(ofAda, "ada");
      let seen: unknown;
      const { answer } = race.here.send(cookie, async (session) => {
        if (elsewhere === "ends") await race.there.send(cookie, (other) => other.logout()).answer;
        await whileLoading(race, session, () => session.logout());
        seen = [session.userId, session.toObject()];
        session.set("next", 1);
      });
      const fresh = jar(cookie, [await answer]);
      expect(seen).toEqual([null, {}]);
      expect(await race.look(fresh)).toEqual({ isStored: true, user: null, data: { next: 1 } });
      expect(await race.look(cookie)).toEqual(nobody);
    });
  }

  test("and a save at once leave the saved value in sight and in the store", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 1 });
    let seen: unknown;
    await race.here.send(cookie, async (session) => {
      let saving: Promise<boolean> | undefined;
      await whileLoading(race, session, () => {
        session.update("n", (n = 0) => n + 1);
        saving = session.save();
      });
      await saving;
      seen = [session.get("n"), session.modified];
    }).answer;
    expect(seen).toEqual([2, false]);
    expect((await race.look(cookie)).data).toEqual({ n: 2 });
  });

  for (const user of [null, "ada"] as const) {
    test(`show nothing that was stored under a new key, with ${user === null ? "no user" : "the same user"}`, async () => {
      const race = await start();
      const cookie = await race.visitor({ n: 1 }, user);
      let seen: unknown;
      let quick = null;
      const { answer } = race.here.send(cookie, async (session) => {
        session.set("late", 1);
        const cycled = await race.there.send(cookie, (other) => other.cycleKey()).answer;
        quick = jar(cookie, [cycled]);
        await race.there.send(quick, (other) => void other.set("secret", 1)).answer;
        await session.load();
        seen = [session.key, session.handle, session.userId, session.toObject()];
        await session.save();
        expect(session.toObject()).toEqual({ n: 1, late: 1 });
      });
      expect((await answer).setCookie).toBeNull();
      expect(seen).toEqual([null, null, user, { n: 1, late: 1 }]);
      expect(await race.look(quick)).toEqual({ isStored: true, user, data: { n: 1, secret: 1, late: 1 } });
    });
  }

  test("that find a new key drop the cookie that an earlier save() had announced", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 1 }, "ada");
    let quick = null;
    const { answer } = race.here.send(cookie, async (session) => {
      session.setExpiry(600);
      await session.save();
      quick = jar(cookie, [await race.there.send(cookie, (other) => other.cycleKey()).answer]);
      await session.load();
      session.set("late", 1);
    });
    expect((await answer).setCookie).toBeNull();
    expect((await race.look(quick)).data).toEqual({ n: 1, late: 1 });
  });
}
