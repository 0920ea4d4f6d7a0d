/** Whichever request changes the key, every response leaves the browser with a key that works. */
import { expect, test } from "vitest";
import { type Handler, jar, nobody, type Start } from "../race.ts";

const cycle: Handler = (session) => session.cycleKey();
const login =
  (user: string): Handler =>
  (session) =>
    session.login(user);

export function rotations(start: Start): void {
  for (const place of ["here", "there"] as const) {
    test(`by a login take along a write that was on its way, from a server ${place}`, async () => {
      const race = await start();
      const cookie = await race.visitor({ cart: ["Emma"], n: 1 });
      const held = race.store.hold("update");
      const slow = race.here.send(cookie, (session) => {
        session.set("late", 1);
        session.update("n", (n = 0) => n + 1);
      });
      await held.arrived;
      const quick = race[place].send(cookie, (session) => {
        session.update("n", (n = 0) => n + 1);
        session.login("ada");
      });
      await (place === "here" ? quick.handled : quick.answer);
      held.release();
      const seen = { isStored: true, user: "ada", data: { cart: ["Emma"], late: 1, n: 3 } };
      expect(await race.lookAfter(cookie, await slow.answer, await quick.answer)).toEqual([seen, seen]);
      expect(await race.look(cookie)).toEqual(nobody);
    });

    test(`by a login that is slow take along a write, from a server ${place}`, async () => {
      const race = await start();
      const cookie = await race.visitor({ cart: ["Emma"] });
      const held = race.store.hold("rotate");
      const slow = race.here.send(cookie, login("ada"));
      await held.arrived;
      const quick = race[place].send(cookie, (session) => void session.set("late", 1));
      await (place === "here" ? quick.handled : quick.answer);
      held.release();
      const seen = { isStored: true, user: "ada", data: { cart: ["Emma"], late: 1 } };
      expect(await race.lookAfter(cookie, await slow.answer, await quick.answer)).toEqual([seen, seen]);
    });

    test(`twice at once leave a live key, whichever response comes last, from a server ${place}`, async () => {
      const race = await start();
      const cookie = await race.visitor({ cart: ["Emma"] }, "ada");
      const held = race.store.hold("rotate");
      const slow = race.here.send(cookie, cycle);
      await held.arrived;
      const quick = race[place].send(cookie, cycle);
      await (place === "here" ? quick.handled : quick.answer);
      held.release();
      const seen = { isStored: true, user: "ada", data: { cart: ["Emma"] } };
      expect(await race.lookAfter(cookie, await slow.answer, await quick.answer)).toEqual([seen, seen]);
      expect(await race.look(cookie)).toEqual(nobody);
    });

    test(`by two logins leave each response a live session, from a server ${place}`, async () => {
      const race = await start();
      const cookie = await race.visitor({ cart: ["Emma"] });
      const held = race.store.hold("rotate");
      const slow = race.here.send(cookie, login("ada"));
      await held.arrived;
      const quick = race[place].send(cookie, login("ada"));
      await (place === "here" ? quick.handled : quick.answer);
      held.release();
      const answers = [await slow.answer, await quick.answer];
      const seen = { isStored: true, user: "ada", data: { cart: ["Emma"] } };
      for (const answer of answers) expect(await race.look(jar(null, [answer]))).toEqual(seen);
      expect(await race.look(cookie)).toEqual(nobody);
    });
  }

  test("by logins of two users keep them apart", async () => {
    const race = await start();
    const cookie = await race.visitor({ cart: ["Emma"] });
    const held = race.store.hold("rotate");
    const slow = race.here.send(cookie, (session) => {
      session.set("of", "ada");
      session.login("ada");
    });
    await held.arrived;
    const quick = race.there.send(cookie, (session) => {
      session.set("of", "bob");
      session.login("bob");
    });
    await quick.answer;
    held.release();
    for (const [user, sent] of [["ada", slow] as const, ["bob", quick] as const]) {
      const seen = await race.look(jar(null, [await sent.answer]));
      expect(seen).toMatchObject({ isStored: true, user, data: { of: user } });
    }
  });

  test("by two logins lose nothing that was written between them", async () => {
    const race = await start();
    const cookie = await race.visitor({ cart: ["Emma"] });
    const held = race.store.hold("rotate");
    const slow = race.here.send(cookie, login("ada"));
    await held.arrived;
    await race.there.send(cookie, (session) => void session.set("theme", "dark")).answer;
    const quick = await race.there.send(cookie, login("ada")).answer;
    held.release();
    const seen = { isStored: true, user: "ada", data: { cart: ["Emma"], theme: "dark" } };
    expect(await race.lookAfter(cookie, await slow.answer, quick)).toEqual([seen, seen]);
  });

  test("by two logins keep the expiry that the visitor had", async () => {
    const race = await start();
    const cookie = await race.visitor({ cart: ["Emma"] });
    await race.here.send(cookie, (session) => session.setExpiry(600)).answer;
    const held = race.store.hold("rotate");
    const slow = race.here.send(cookie, login("ada"));
    await held.arrived;
    const quick = await race.there.send(cookie, login("ada")).answer;
    held.release();
    for (const { setCookie } of [quick, await slow.answer]) expect(setCookie).toContain("; Max-Age=600;");
  });

  test("leave nothing to who comes late with the old key: an empty session, never stored, no cookie", async () => {
    const race = await start();
    const cookie = await race.visitor({ cart: ["Emma"] });
    const fresh = jar(cookie, [await race.here.send(cookie, login("ada")).answer]);
    const mark = race.store.calls.length;
    let found: unknown;
    const late = await race.there.send(cookie, async (session) => {
      found = { user: session.userId, key: session.key, handle: session.handle, data: session.toObject() };
      session.set("late", 1);
      session.setExpiry(60);
      await session.save();
    }).answer;
    expect(found).toEqual({ user: null, key: null, handle: null, data: {} });
    expect(late.setCookie).toBeNull();
    expect(race.store.calls.slice(mark)).toEqual(["read"]);
    expect(await race.look(fresh)).toEqual({ isStored: true, user: "ada", data: { cart: ["Emma"] } });
  });

  test("let a login with the old key begin anew", async () => {
    const race = await start();
    const cookie = await race.visitor({ cart: ["Emma"] });
    const first = await race.here.send(cookie, login("ada")).answer;
    const second = await race.there.send(cookie, login("ada")).answer;
    expect(await race.look(jar(null, [first]))).toEqual({
      isStored: true,
      user: "ada",
      data: { cart: ["Emma"] },
    });
    expect(await race.look(jar(null, [second]))).toEqual({ isStored: true, user: "ada", data: {} });
  });

  test("are followed through several moves", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 1 });
    const held = race.store.hold("update");
    const slow = race.here.send(cookie, (session) => void session.update("n", (n = 0) => n + 1));
    await held.arrived;
    const once = jar(cookie, [await race.there.send(cookie, cycle).answer]);
    const twice = jar(once, [await race.there.send(once, cycle).answer]);
    held.release();
    expect((await slow.answer).setCookie).toBeNull();
    expect((await race.look(twice)).data).toEqual({ n: 2 });
  });

  for (const [name, again] of [
    ["cycleKey", cycle],
    ["login", login("ada")],
  ] as const) {
    test(`are not undone by ${name}() of a request that followed one in save()`, async () => {
      const race = await start();
      const cookie = await race.visitor({ n: 1 }, name === "cycleKey" ? "ada" : null);
      const held = race.store.hold("read", "after");
      const slow = race.here.send(cookie, async (session) => {
        session.set("late", 1);
        await session.save();
        await again(session);
      });
      await held.arrived;
      const quick = await race.there.send(cookie, cycle).answer;
      held.release();
      const late = await slow.answer;
      // A login always brings a new key, beside the one that is on its way; the data is in both.
      expect(late.setCookie === null).toBe(name === "cycleKey");
      const seen = { isStored: true, user: "ada", data: { n: 1, late: 1 } };
      expect(await race.look(jar(cookie, [quick, late]))).toEqual(seen);
      const before = name === "login" ? null : "ada";
      expect(await race.look(jar(null, [quick]))).toEqual({ ...seen, user: before });
    });
  }

  test("elsewhere keep a request from sending a cookie that it had announced", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 1 });
    const saved = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const slow = race.here.send(cookie, async (session) => {
      session.setExpiry(600);
      await session.save();
      saved.resolve();
      await go.promise;
      session.set("late", 1);
    });
    await saved.promise;
    const quick = await race.there.send(cookie, login("ada")).answer;
    go.resolve();
    const late = await slow.answer;
    expect(late.setCookie).toBeNull();
    for (const seen of await race.lookAfter(cookie, quick, late)) {
      expect(seen).toEqual({ isStored: true, user: "ada", data: { n: 1, late: 1 } });
    }
  });
}
