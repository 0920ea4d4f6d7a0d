/** `save()` in the middle of a request, and what comes after it. */
import { expect, test } from "vitest";
import { type Answer, type Handler, jar, nobody, type Start } from "../race.ts";

const logout: Handler = (session) => session.logout();
const increment = (n = 0) => n + 1;

export function saves(start: Start): void {
  test("keeps what it saved when the response is an error, and nothing of what came after", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 1 });
    const answer = await race.here.send(cookie, async (session) => {
      session.set("saved", 1);
      await session.save();
      session.set("after", 1);
      return 500;
    }).answer;
    expect(answer).toEqual({ status: 500, setCookie: null, error: null });
    expect((await race.look(cookie)).data).toEqual({ n: 1, saved: 1 });
  });

  test("announces a new session also with an error", async () => {
    const race = await start();
    const answer = await race.here.send(null, async (session) => {
      session.set("saved", 1);
      await session.save();
      return 500;
    }).answer;
    expect(await race.look(jar(null, [answer]))).toEqual({ isStored: true, user: null, data: { saved: 1 } });
  });

  for (const existing of [false, true]) {
    test(`announces a new key also where the commit fails, of ${existing ? "a stored" : "a new"} session`, async () => {
      const race = await start();
      const cookie = existing ? await race.visitor({ cart: 1 }) : null;
      const answer = await race.here.send(cookie, async (session) => {
        session.login("ada");
        await session.save();
        race.store.answer("update", () => Promise.reject(new Error("the store is away")));
        session.set("late", 1);
      }).answer;
      expect(answer).toMatchObject({ status: 503, error: "StoreUnavailableError" });
      const data = existing ? { cart: 1 } : {};
      expect(await race.look(jar(cookie, [answer]))).toEqual({ isStored: true, user: "ada", data });
    });
  }

  test("announces a new key also where a later save() fails, and the handler with it", async () => {
    const race = await start();
    const answer = await race.here.send(null, async (session) => {
      session.login("ada");
      await session.save();
      race.store.answer("update", () => Promise.reject(new Error("the store is away")));
      session.set("late", 1);
      await session.save();
    }).answer;
    expect(answer).toMatchObject({ status: 503, error: "StoreUnavailableError" });
    expect((await race.look(jar(null, [answer]))).user).toBe("ada");
  });

  test("leaves no session whose key the browser did not get where a logout after it fails", async () => {
    const race = await start();
    let key: string | null = null;
    const answer = await race.here.send(null, async (session) => {
      session.login("ada");
      await session.save();
      key = session.key;
      race.store.answer("delete", () => Promise.reject(new Error("the store is away")));
      session.logout();
    }).answer;
    expect(answer).toMatchObject({ status: 503, error: "StoreUnavailableError" });
    expect(await race.look(jar(null, [answer]))).toEqual(await race.look(`sessionid=${key}`));
  });

  test("does not renew a cookie where the commit fails", async () => {
    const race = await start();
    const cookie = await race.visitor({ cart: 1 });
    const answer = await race.here.send(cookie, async (session) => {
      session.setExpiry(600);
      await session.save();
      race.store.answer("update", () => Promise.reject(new Error("the store is away")));
      session.set("late", 1);
    }).answer;
    expect(answer).toEqual({ status: 503, setCookie: null, error: "StoreUnavailableError" });
  });

  test("twice in one request stores each change once, around the write of another", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 0 });
    const mark = race.store.calls.length;
    await race.here.send(cookie, async (session) => {
      session.update("n", increment);
      session.set("a", 1);
      expect(await session.save()).toBe(true);
      await race.there.send(cookie, (other) => {
        other.update("n", increment);
        other.set("b", 1);
      }).answer;
      session.update("n", increment);
      session.set("c", 1);
      expect(await session.save()).toBe(true);
      expect(session.toObject()).toEqual({ n: 3, a: 1, b: 1, c: 1 });
    }).answer;
    expect((await race.look(cookie)).data).toEqual({ n: 3, a: 1, b: 1, c: 1 });
    // The second write of this server met the other server's; the response wrote nothing more.
    expect(race.store.count("update", mark)).toBe(4);
  });

  test("sees nothing to write again where nothing came after it", async () => {
    const race = await start();
    const cookie = await race.visitor({ cart: { books: [] } });
    const mark = race.store.calls.length;
    await race.here.send(cookie, async (session) => {
      session.get("cart").books.push("Emma");
      await session.save();
    }).answer;
    expect(race.store.calls.slice(mark)).toEqual(["read", "update"]);
    expect((await race.look(cookie)).data).toEqual({ cart: { books: ["Emma"] } });
  });

  test("is false when another request logged out meanwhile, and the session stays ended", async () => {
    const race = await start();
    const cookie = await race.visitor({ secret: 1 }, "ada");
    let saved: boolean | undefined;
    const held = race.store.hold("update");
    const slow = race.here.send(cookie, async (session) => {
      session.set("late", 1);
      saved = await session.save();
      session.set("later", 1);
    });
    await held.arrived;
    const out = await race.there.send(cookie, logout).answer;
    held.release();
    const late = await slow.answer;
    expect(saved).toBe(false);
    expect(late).toEqual({ status: 200, setCookie: null, error: null });
    expect(await race.lookAfter(cookie, late, out)).toEqual([nobody, nobody]);
  });

  test("takes back the cookie that it announced when a later write finds the session ended", async () => {
    const race = await start();
    const cookie = await race.visitor({ secret: 1 });
    let logouts: Promise<Answer> | undefined;
    const late = await race.here.send(cookie, async (session) => {
      session.setExpiry(600);
      await session.save();
      logouts = race.there.send(cookie, logout).answer;
      await logouts;
      session.set("late", 1);
    }).answer;
    expect(late.setCookie).toBeNull();
    expect(await race.lookAfter(cookie, (await logouts) as Answer, late)).toEqual([nobody, nobody]);
  });

  test("that was false leaves a later login none of the old data", async () => {
    const race = await start();
    const cookie = await race.visitor({ secret: 1 });
    const held = race.store.hold("update");
    const slow = race.here.send(cookie, async (session) => {
      session.set("late", 1);
      await session.save();
      session.set("own", 1);
      session.login("ada");
    });
    await held.arrived;
    await race.there.send(cookie, logout).answer;
    held.release();
    const { data, user } = await race.look(jar(cookie, [await slow.answer]));
    expect(user).toBe("ada");
    expect(data).toMatchObject({ own: 1 });
    expect(data).not.toHaveProperty("secret");
  });

  test("that meets another's write keeps an update made meanwhile exact", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 0, list: [1] });
    await race.here.send(cookie, async (session) => {
      session.update("n", increment);
      session.update("list", (list: number[]) => [...list, 2]);
      const held = race.store.hold("update");
      const saved = session.save();
      await held.arrived;
      session.update("n", increment);
      session.update("list", (list: number[]) => [...list, 3]);
      await race.there.send(cookie, (other) => {
        other.update("n", increment);
        other.update("list", (list: number[]) => [...list, 9]);
      }).answer;
      held.release();
      await saved;
    }).answer;
    expect((await race.look(cookie)).data).toEqual({ n: 3, list: [1, 9, 2, 3] });
  });

  /** What a handler does while its own save is on its way to the store. */
  const meanwhile = [
    { existing: false, verb: "create" },
    { existing: true, verb: "update" },
  ] as const;
  for (const { existing, verb } of meanwhile) {
    const whose = existing ? "a stored session" : "a new session";

    test(`of ${whose} does not outlive a flush() made meanwhile`, async () => {
      const race = await start();
      const cookie = existing ? await race.visitor({ secret: 1 }) : null;
      let ended: string | null = null;
      const answer = await race.here.send(cookie, async (session) => {
        session.set("a", 1);
        const held = race.store.hold(verb, "after");
        const saved = session.save();
        await held.arrived;
        session.flush();
        held.release();
        await saved;
        expect(session.toObject()).toEqual({});
        expect(session.key).toBeNull();
        ended = session.key;
      }).answer;
      expect(ended).toBeNull();
      expect(jar(cookie, [answer])).toBeNull();
      const before = race.store.count("create") + race.store.count("update");
      expect(race.store.count("delete")).toBeGreaterThan(0);
      expect(await race.look(cookie)).toEqual(nobody);
      expect(race.store.count("create") + race.store.count("update")).toBe(before);
    });

    test(`of ${whose} does not swallow a login() made meanwhile`, async () => {
      const race = await start();
      const cookie = existing ? await race.visitor({ cart: 1 }) : null;
      const answer = await race.here.send(cookie, async (session) => {
        session.set("a", 1);
        const held = race.store.hold(verb);
        const saved = session.save();
        await held.arrived;
        session.login("ada");
        held.release();
        await saved;
      }).answer;
      const fresh = jar(cookie, [answer]);
      const data = existing ? { cart: 1, a: 1 } : { a: 1 };
      expect(await race.look(fresh)).toEqual({ isStored: true, user: "ada", data });
      expect(fresh).not.toBe(cookie);
    });

    test(`of ${whose} does not swallow modified = true, nor what was set meanwhile`, async () => {
      const race = await start();
      const cookie = existing ? await race.visitor({ cart: 1 }) : null;
      const answer = await race.here.send(cookie, async (session) => {
        session.set("a", 1);
        const held = race.store.hold(verb);
        const saved = session.save();
        await held.arrived;
        session.set("b", 1);
        session.modified = true;
        held.release();
        await saved;
        expect(session.modified).toBe(true);
      }).answer;
      expect((await race.look(jar(cookie, [answer]))).data).toMatchObject({ a: 1, b: 1 });
    });
  }

  test("after a flush() does not outlive a second flush() made meanwhile", async () => {
    const race = await start();
    const cookie = await race.visitor({ secret: 1 });
    const out = await race.here.send(cookie, async (session) => {
      session.flush();
      session.set("new", 1);
      const [created, deleted] = [race.store.hold("create", "after"), race.store.hold("delete")];
      const saved = session.save();
      await Promise.all([created.arrived, deleted.arrived]);
      session.flush();
      deleted.release();
      created.release();
      await saved;
    }).answer;
    expect(jar(cookie, [out])).toBeNull();
    expect(await race.look(cookie)).toEqual(nobody);
    // Ended: the old session, and the one that the first save had just made.
    expect(race.store.count("delete")).toBe(2);
  });

  test("does not swallow a cycleKey() made meanwhile", async () => {
    const race = await start();
    const cookie = await race.visitor({ a: 1 });
    const answer = await race.here.send(cookie, async (session) => {
      const held = race.store.hold("update");
      const saved = session.save();
      await held.arrived;
      session.cycleKey();
      held.release();
      await saved;
    }).answer;
    const fresh = jar(cookie, [answer]);
    expect(fresh).not.toBe(cookie);
    expect((await race.look(fresh)).data).toEqual({ a: 1 });
    expect(await race.look(cookie)).toEqual(nobody);
  });

  test("and load() at once leave the browser a live key", async () => {
    const race = await start();
    const cookie = await race.visitor({ a: 1 });
    const answer = await race.here.send(cookie, async (session) => {
      session.login("ada");
      await Promise.all([session.save(), session.load()]);
    }).answer;
    expect(await race.look(jar(cookie, [answer]))).toEqual({ isStored: true, user: "ada", data: { a: 1 } });
  });

  test("that failed is made again by the response", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 0 });
    race.store.answer("rotate", () => Promise.reject(new Error("the store is down")));
    const answer = await race.here.send(cookie, async (session) => {
      session.update("n", increment);
      session.login("ada");
      await expect(session.save()).rejects.toMatchObject({ name: "StoreUnavailableError" });
      session.update("n", increment);
    }).answer;
    const fresh = jar(cookie, [answer]);
    expect(fresh).not.toBe(cookie);
    expect(await race.look(fresh)).toEqual({ isStored: true, user: "ada", data: { n: 2 } });
  });

  test("with modified = false saves none of the data, nor does the response", async () => {
    const race = await start();
    const cookie = await race.visitor({ a: 1 });
    await race.here.send(cookie, async (session) => {
      session.set("b", 1);
      session.modified = false;
      await session.save();
    }).answer;
    expect((await race.look(cookie)).data).toEqual({ a: 1 });
  });
}
