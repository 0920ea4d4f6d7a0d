/** A write whose outcome the store did not tell in time is taken back, so that no session lives on whose key no browser has. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { deadlinesPass } from "../../instruments/deadline.ts";
import type { Held } from "../../instruments/held-store.ts";
import { settle } from "../../instruments/loopback.ts";
import { type Handler, jar, nobody, type Race, type Start } from "../race.ts";

const login =
  (user: string): Handler =>
  (session) =>
    void session.login(user);
const cycleKey: Handler = (session) => void session.cycleKey();
const increment = (n = 0) => n + 1;
const unavailable = { status: 503, setCookie: null, error: "StoreUnavailableError" };

/** A user of the test's own, as some stores are shared by all tests. */
const newUser = () => `ann-${randomUUID()}`;

/** The users of the sessions that the index names for a user. */
async function usersIn({ store: { store } }: Race, user: string): Promise<unknown[]> {
  const call = { now: Date.now(), signal: AbortSignal.timeout(5000) };
  const ids = (await store.listUser?.(user, call)) ?? [];
  const records = await Promise.all(ids.map((id) => store.read(id, call)));
  return records.filter((record) => record !== null).map((record) => Object(record).userId);
}

export function doubt(start: Start): void {
  /** A change of key that the store carries out, or will, after the request has got its error; then it is taken back. */
  async function takenBack(visitor: Parameters<Race["visitor"]>, change: Handler, when: "before" | "after") {
    const race = await start();
    const jarBefore = await race.visitor(...visitor);
    const rotation = race.store.hold("rotate", when);
    const undoing = race.store.hold("update", "after");
    const { answer } = race.here.send(jarBefore, change);
    await rotation.arrived;
    deadlinesPass();
    expect(await answer).toEqual(unavailable);
    await undoing.arrived;
    undoing.release();
    return { race, cookie: jarBefore, rotation };
  }

  test("a login that was stored signs nobody in, and the next login finds the data, from another server too", async () => {
    const ann = newUser();
    const { race, cookie } = await takenBack([{ cart: 1 }], login(ann), "after");
    expect(await usersIn(race, ann)).not.toContain(ann);
    expect(await race.look(cookie)).toEqual(nobody);
    const again = await race.there.send(cookie, login(ann)).answer;
    expect(again.status).toBe(200);
    const seen = await race.look(jar(cookie, [again]));
    expect(seen).toEqual({ isStored: true, user: ann, data: { cart: 1 } });
    // The data went along, and is not left behind for the next login by the old key.
    const third = await race.here.send(cookie, login("bob")).answer;
    expect((await race.look(jar(cookie, [third]))).data).toEqual({});
  });

  test("a login that the store has not carried out yet can be carried out no more", async () => {
    const ann = newUser();
    const { race, cookie, rotation } = await takenBack([{ cart: 1 }], login(ann), "before");
    rotation.release();
    expect(await race.look(cookie)).toEqual({ isStored: true, user: null, data: { cart: 1 } });
    expect(await usersIn(race, ann)).not.toContain(ann);
    const again = await race.there.send(cookie, login(ann)).answer;
    expect((await race.look(jar(cookie, [again]))).data).toEqual({ cart: 1 });
  });

  test("data of a user who had signed in goes to that user's next login only", async () => {
    const ann = newUser();
    const nextLogin = async (user: string) => {
      const { race, cookie } = await takenBack([{ secret: 1 }, ann], cycleKey, "after");
      const again = await race.there.send(cookie, login(user)).answer;
      return race.look(jar(cookie, [again]));
    };
    expect(await nextLogin("bob")).toEqual({ isStored: true, user: "bob", data: {} });
    expect(await nextLogin(ann)).toEqual({ isStored: true, user: ann, data: { secret: 1 } });
  });

  test("what a request under way writes behind the change of key is kept for the user who was signing in", async () => {
    const ann = newUser();
    const race = await start();
    const cookie = await race.visitor({ cart: 1 });
    const opened = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const slow = race.there.send(cookie, async (session) => {
      await session.load();
      opened.resolve();
      await goOn.promise;
      session.set("late", 1);
    });
    await opened.promise;
    const rotation = race.store.hold("rotate", "after");
    const { answer } = race.here.send(cookie, login(ann));
    await rotation.arrived;
    const undoing = race.store.hold("read", "before");
    deadlinesPass();
    expect(await answer).toEqual(unavailable);
    await undoing.arrived;
    goOn.resolve();
    expect((await slow.answer).status).toBe(200);
    const undone = race.store.hold("update", "after");
    undoing.release();
    await undone.arrived;
    undone.release();
    const again = await race.there.send(cookie, login(ann)).answer;
    expect((await race.look(jar(cookie, [again]))).data).toEqual({ cart: 1, late: 1 });
  });

  test("a login after a logout in one request takes over nothing of a login that was taken back", async () => {
    const ann = newUser();
    const { race, cookie } = await takenBack([{ cart: 1 }], login(ann), "after");
    const ending = race.store.hold("delete", "before");
    const created = race.store.hold("create", "after");
    const { answer } = race.there.send(cookie, async (session) => {
      await session.load();
      session.logout();
      session.login(ann);
    });
    await Promise.all([ending.arrived, created.arrived]);
    created.release();
    ending.release();
    expect((await race.look(jar(cookie, [await answer]))).data).toEqual({});
  });

  test("a first visitor's session that is stored too late is deleted", async () => {
    const ann = newUser();
    const race = await start();
    const created = race.store.hold("create", "before");
    const deleted = race.store.hold("delete", "after");
    const { answer } = race.here.send(null, login(ann));
    await created.arrived;
    deadlinesPass();
    expect(await answer).toEqual(unavailable);
    created.release();
    await deleted.arrived;
    deleted.release();
    expect(await usersIn(race, ann)).toEqual([]);
  });

  for (const order of ["first", "last"] as const) {
    test(`a login that is stored ${order} leaves no session where the former user's could not be ended`, async () => {
      const [ann, bob] = [newUser(), newUser()];
      const race = await start();
      const cookie = await race.visitor({ secret: 1 }, ann);
      const created = race.store.hold("create", "after");
      const ending = Promise.withResolvers<never>();
      race.store.answer("delete", () => ending.promise);
      const takenBack = race.store.hold("delete", "after");
      const { answer } = race.here.send(cookie, login(bob));
      await created.arrived;
      const steps = [created.release, () => ending.reject(new Error("the store is away"))];
      for (const step of order === "first" ? steps : steps.reverse()) {
        step();
        await new Promise(setImmediate);
      }
      expect(await answer).toEqual(unavailable);
      await takenBack.arrived;
      takenBack.release();
      expect(await usersIn(race, bob)).toEqual([]);
      expect(await race.look(cookie)).toEqual({ isStored: true, user: ann, data: { secret: 1 } });
    });
  }

  test("a login that took data over leaves no session where the record that kept them could not be ended", async () => {
    const ann = newUser();
    const { race, cookie } = await takenBack([{ cart: 1 }], login(ann), "after");
    // The first call only asks where the session has moved to.
    race.store.answer("delete", (run) => run());
    race.store.answer("delete", () => Promise.reject(new Error("the store is away")));
    const removal = race.store.hold("delete", "after");
    expect(await race.there.send(cookie, login(ann)).answer).toEqual(unavailable);
    await removal.arrived;
    removal.release();
    // An index may go on naming the record that kept the data, which has no user.
    expect(await usersIn(race, ann)).not.toContain(ann);
    const again = await race.there.send(cookie, login(ann)).answer;
    expect((await race.look(jar(cookie, [again]))).data).toEqual({ cart: 1 });
  });

  for (const saves of [1, 2]) {
    test(`what ${saves} save() stored without knowing it is not made again by the response`, async () => {
      const race = await start();
      const cookie = await race.visitor({ n: 0, list: [] });
      const { answer } = race.here.send(cookie, async (session) => {
        for (let save = 1; save <= saves; save++) {
          session.update("n", increment);
          session.get("list").push(save);
          const update = race.store.hold("update", "after");
          const saving = session.save();
          await update.arrived;
          deadlinesPass();
          await expect(saving).rejects.toMatchObject({ name: "StoreUnavailableError" });
        }
        expect(session.modified).toBe(true);
        await session.load();
        session.update("n", increment);
        session.get("list").push("end");
      });
      expect((await answer).status).toBe(200);
      const list = [...Array.from({ length: saves }, (_, save) => save + 1), "end"];
      expect((await race.look(cookie)).data).toEqual({ n: saves + 1, list });
    });
  }

  for (const [change, user] of [
    ["login()", "ann"],
    ["cycleKey()", "bob"],
  ] as const) {
    for (const when of ["before", "after"] as const) {
      test(`a ${change} that save() stored without knowing it is announced by the response that comes ${when} it is taken back`, async () => {
        const race = await start();
        const cookie = await race.visitor({ n: 0 }, user === "bob" ? user : null);
        const rotation = race.store.hold("rotate", "after");
        let takingBack: Held | undefined;
        const { answer } = race.here.send(cookie, async (session) => {
          if (user === "bob") session.cycleKey();
          else session.login(user);
          session.update("n", increment);
          takingBack = race.store.hold(when === "before" ? "read" : "update", "after");
          const saving = session.save();
          await rotation.arrived;
          deadlinesPass();
          await expect(saving).rejects.toMatchObject({ name: "StoreUnavailableError" });
          session.update("n", increment);
          await takingBack.arrived;
          if (when === "after") takingBack.release();
        });
        const fresh = jar(cookie, [await answer]);
        expect(fresh).not.toBe(cookie);
        if (when === "before") takingBack?.release();
        await settle();
        expect(await race.look(fresh)).toEqual({ isStored: true, user, data: { n: 2 } });
        expect(await race.look(cookie)).toEqual(nobody);
      });
    }
  }
}
