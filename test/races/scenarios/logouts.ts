/** A session that was ended stays ended, whatever other requests were on their way. */
import { expect, test } from "vitest";
import { type Handler, jar, nobody, type Start } from "../race.ts";

const write: Handler = (session) => void session.set("late", 1);
const logout: Handler = (session) => session.logout();
const secret = { secret: "of the old session" };

export function logouts(start: Start): void {
  for (const place of ["here", "there"] as const) {
    for (const when of ["before", "after"] as const) {
      test(`win over a slow write, held ${when} the store, by a server ${place}`, async () => {
        const race = await start();
        const cookie = await race.visitor(secret, "ada");
        const held = race.store.hold("update", when);
        const slow = race.here.send(cookie, write);
        await held.arrived;
        const out = await race[place].send(cookie, logout).answer;
        expect(jar(cookie, [out])).toBeNull();
        held.release();
        const late = await slow.answer;
        expect(late).toEqual({ status: 200, setCookie: null, error: null });
        expect(await race.look(cookie)).toEqual(nobody);
        expect(await race.lookAfter(cookie, late, out)).toEqual([nobody, nobody]);
      });
    }

    test(`that are slow win over a write, by a server ${place}`, async () => {
      const race = await start();
      const cookie = await race.visitor(secret, "ada");
      const held = race.store.hold("delete");
      const slow = race.here.send(cookie, logout);
      await held.arrived;
      const quick = await race[place].send(cookie, write).answer;
      expect((await race.look(cookie)).data).toEqual({ ...secret, late: 1 });
      held.release();
      expect(await race.lookAfter(cookie, quick, await slow.answer)).toEqual([nobody, nobody]);
      expect(await race.look(cookie)).toEqual(nobody);
    });
  }

  test("win over a write that waits in line", async () => {
    const race = await start();
    const cookie = await race.visitor(secret, "ada");
    const held = race.store.hold("update");
    const first = race.here.send(cookie, write);
    await held.arrived;
    const second = race.here.send(cookie, write);
    await second.handled;
    await race.here.send(cookie, logout).answer;
    held.release();
    expect(await first.answer).toEqual({ status: 200, setCookie: null, error: null });
    expect(await second.answer).toEqual({ status: 200, setCookie: null, error: null });
    expect(await race.look(cookie)).toEqual(nobody);
  });

  test("tell a request in flight, where onInterrupted asks for it", async () => {
    const race = await start({ onInterrupted: "error" });
    const cookie = await race.visitor(secret);
    const held = race.store.hold("update");
    const slow = race.here.send(cookie, write);
    await held.arrived;
    await race.there.send(cookie, logout).answer;
    held.release();
    expect(await slow.answer).toEqual({ status: 400, setCookie: null, error: "SessionInterruptedError" });
  });

  test("leave nothing to a read that comes after them", async () => {
    const race = await start();
    const cookie = await race.visitor(secret, "ada");
    const held = race.store.hold("read");
    let data: unknown;
    const slow = race.here.send(cookie, (session) => {
      data = session.toObject();
      session.set("new", 1);
    });
    await held.arrived;
    await race.there.send(cookie, logout).answer;
    held.release();
    const fresh = jar(cookie, [await slow.answer]);
    expect(data).toEqual({});
    // The request has no session any more, and gets a new one under a new key.
    expect(fresh).not.toBe(cookie);
    expect(await race.look(fresh)).toEqual({ isStored: true, user: null, data: { new: 1 } });
    expect(await race.look(cookie)).toEqual(nobody);
  });

  test("win over a request whose read was answered before them", async () => {
    const race = await start();
    const cookie = await race.visitor(secret, "ada");
    const held = race.store.hold("read", "after");
    const slow = race.here.send(cookie, write);
    await held.arrived;
    const out = await race.there.send(cookie, logout).answer;
    held.release();
    const late = await slow.answer;
    expect(late.setCookie).toBeNull();
    expect(await race.lookAfter(cookie, late, out)).toEqual([nobody, nobody]);
  });

  test("are not undone by the touch of a request in flight", async () => {
    let now = Date.now();
    const race = await start({ saveEveryRequest: true, clock: () => now });
    const cookie = await race.visitor(secret, "ada");
    now += 86_400_000;
    const held = race.store.hold("touch");
    const slow = race.here.send(cookie, (session) => void session.get("secret"));
    await held.arrived;
    await race.there.send(cookie, logout).answer;
    held.release();
    expect((await slow.answer).setCookie).toBeNull();
    expect(await race.look(cookie)).toEqual(nobody);
  });

  test("that had read before a rotation end the new session", async () => {
    const race = await start();
    const cookie = await race.visitor(secret);
    const held = race.store.hold("delete");
    const slow = race.here.send(cookie, logout);
    await held.arrived;
    const entered = await race.there.send(cookie, (session) => session.login("ada")).answer;
    const fresh = jar(cookie, [entered]);
    expect((await race.look(fresh)).user).toBe("ada");
    held.release();
    expect(await race.lookAfter(cookie, entered, await slow.answer)).toEqual([nobody, nobody]);
    expect(await race.look(fresh)).toEqual(nobody);
  });

  test("hold while the session is still being loaded", async () => {
    const race = await start({ lazy: true });
    const cookie = await race.visitor(secret);
    const out = await race.here.send(cookie, async (session) => {
      const held = race.store.hold("read");
      const loaded = session.load();
      await held.arrived;
      session.logout();
      held.release();
      await loaded;
      expect(session.toObject()).toEqual({});
    }).answer;
    expect(jar(cookie, [out])).toBeNull();
    expect(await race.look(cookie)).toEqual(nobody);
  });

  for (const lazy of [false, true]) {
    test(`with the old key end the new session${lazy ? ", lazily" : ""}`, async () => {
      const race = await start({ lazy });
      const cookie = await race.visitor(secret);
      const entered = await race.there.send(cookie, async (session) => {
        await session.load();
        session.login("ada");
      }).answer;
      const fresh = jar(cookie, [entered]);
      const mark = race.store.calls.length;
      const out = await race.here.send(cookie, logout).answer;
      expect(jar(cookie, [out])).toBeNull();
      expect(race.store.count("read", mark)).toBe(lazy ? 0 : 1);
      expect(await race.look(fresh)).toEqual(nobody);
      expect(await race.look(cookie)).toEqual(nobody);
    });

    test(`twice at once are one${lazy ? ", lazily" : ""}`, async () => {
      const race = await start({ lazy });
      const cookie = await race.visitor(secret);
      const held = race.store.hold("delete");
      const slow = race.here.send(cookie, logout);
      await held.arrived;
      const quick = await race.there.send(cookie, logout).answer;
      held.release();
      const late = await slow.answer;
      expect([quick.status, late.status]).toEqual([200, 200]);
      expect([jar(cookie, [quick]), jar(cookie, [late])]).toEqual([null, null]);
    });
  }

  test("before a login that is on its way: it gets a new session with its own changes, never the old data", async () => {
    const race = await start();
    const cookie = await race.visitor(secret);
    const held = race.store.hold("rotate");
    const slow = race.here.send(cookie, (session) => {
      session.set("own", 1);
      session.login("ada");
    });
    await held.arrived;
    await race.there.send(cookie, logout).answer;
    held.release();
    const entered = await slow.answer;
    expect(await race.look(jar(cookie, [entered]))).toEqual({
      isStored: true,
      user: "ada",
      data: { own: 1 },
    });
    expect(await race.look(cookie)).toEqual(nobody);
  });

  test("behind a rotation leave a login that is on its way none of the old data either", async () => {
    const race = await start();
    const cookie = await race.visitor(secret);
    const held = race.store.hold("rotate");
    const slow = race.here.send(cookie, (session) => {
      session.set("own", 1);
      session.login("ada");
    });
    await held.arrived;
    const fresh = jar(cookie, [await race.there.send(cookie, (session) => session.cycleKey()).answer]);
    await race.there.send(fresh, logout).answer;
    held.release();
    const entered = await slow.answer;
    expect(await race.look(jar(cookie, [entered]))).toEqual({
      isStored: true,
      user: "ada",
      data: { own: 1 },
    });
  });

  for (const onConflict of ["theirs", "error"] as const) {
    test(`leave a login its own changes also with onConflict "${onConflict}"`, async () => {
      const race = await start({ onConflict });
      const cookie = await race.visitor(secret);
      const held = race.store.hold("rotate");
      const slow = race.here.send(cookie, (session) => {
        session.set("secret", "its own");
        session.login("ada");
      });
      await held.arrived;
      await race.there.send(cookie, logout).answer;
      held.release();
      const entered = await slow.answer;
      expect(await race.look(jar(cookie, [entered]))).toEqual({
        isStored: true,
        user: "ada",
        data: { secret: "its own" },
      });
    });
  }

  test("leave what is set after flush() its new session, also when the old one was already gone", async () => {
    const race = await start();
    const cookie = await race.visitor(secret, "ada");
    const held = race.store.hold("delete");
    const slow = race.here.send(cookie, (session) => {
      session.flush();
      session.set("new", 1);
    });
    await held.arrived;
    await race.there.send(cookie, logout).answer;
    held.release();
    const fresh = jar(cookie, [await slow.answer]);
    expect(await race.look(fresh)).toEqual({ isStored: true, user: null, data: { new: 1 } });
    expect(await race.look(cookie)).toEqual(nobody);
  });

  test("hold when the response is an error", async () => {
    const race = await start();
    const cookie = await race.visitor(secret, "ada");
    const out = await race.here.send(cookie, (session) => {
      session.logout();
      session.set("new", 1);
      return 500;
    }).answer;
    expect(jar(cookie, [out])).toBeNull();
    expect(await race.look(cookie)).toEqual(nobody);
  });

  for (const verb of ["save", "load"] as const) {
    test(`that ${verb}() finds leave nothing of the user to the next one`, async () => {
      const race = await start();
      const cookie = await race.visitor(secret, "ada");
      const { answer } = race.here.send(cookie, async (session) => {
        session.set("unsaved", "of ada");
        await race.there.send(cookie, logout).answer;
        await session[verb]();
        session.login("bob");
        session.set("own", 1);
      });
      const fresh = jar(cookie, [await answer]);
      expect(await race.look(fresh)).toEqual({ isStored: true, user: "bob", data: { own: 1 } });
    });

    test(`that ${verb}() finds leave a visitor's own changes to the login that follows`, async () => {
      const race = await start();
      const cookie = await race.visitor({ cart: ["Emma"] });
      const { answer } = race.here.send(cookie, async (session) => {
        session.set("own", 1);
        await race.there.send(cookie, logout).answer;
        await session[verb]();
        session.login("bob");
      });
      const fresh = jar(cookie, [await answer]);
      expect(await race.look(fresh)).toEqual({ isStored: true, user: "bob", data: { own: 1 } });
    });
  }

  for (const [name, end] of [
    ["logout()", logout],
    ["the login of another user", (session) => session.login("bob")],
  ] as [string, Handler][]) {
    test(`by ${name} after a saved login end the session of the browser too, whose key another request changed`, async () => {
      const race = await start();
      const cookie = await race.visitor(secret, "ada");
      let moved: string | null = null;
      const { answer } = race.here.send(cookie, async (session) => {
        moved = jar(cookie, [await race.there.send(cookie, (other) => other.cycleKey()).answer]);
        session.login("ada");
        expect(await session.save()).toBe(true);
        await end(session);
      });
      await answer;
      expect(await race.look(moved)).toEqual(nobody);
      expect(await race.look(cookie)).toEqual(nobody);
    });
  }
}
