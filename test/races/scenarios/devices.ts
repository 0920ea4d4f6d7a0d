/** The framework's own part of a record: whatever other requests write at the same time, a login keeps its device's name. */
import { expect, test } from "vitest";
import { type Answer, jar, type Race, type Start } from "../race.ts";

const label = "Firefox on Linux 🦊";

/** The data and the device's name that a request with this cookie finds. */
async function device(race: Race, cookie: string | null) {
  let found: unknown;
  await race.here.send(cookie, async (session) => {
    await session.load();
    found = { user: session.userId, label: session.label, data: session.toObject() };
  }).answer;
  return found;
}

export function devices(start: Start): void {
  test("have the name that the login gave, through every kind of write", async () => {
    const race = await start();
    const anonymous = await race.visitor({ cart: ["Emma"] });
    let cookie = jar(anonymous, [
      await race.here.send(anonymous, (session) => session.login("ada", { label })).answer,
    ]);
    expect(await device(race, cookie)).toEqual({ user: "ada", label, data: { cart: ["Emma"] } });
    cookie = jar(cookie, [await race.there.send(cookie, (session) => session.clear()).answer]);
    cookie = jar(cookie, [await race.here.send(cookie, (session) => session.cycleKey()).answer]);
    cookie = jar(cookie, [await race.there.send(cookie, (session) => void session.set("a", 1)).answer]);
    expect(await device(race, cookie)).toEqual({ user: "ada", label, data: { a: 1 } });
    cookie = jar(cookie, [await race.there.send(cookie, (session) => session.login("ada")).answer]);
    expect(await device(race, cookie)).toEqual({ user: "ada", label: null, data: { a: 1 } });
  });

  for (const place of ["here", "there"] as const) {
    test(`keep their name when a write was on its way, from a server ${place}`, async () => {
      const race = await start();
      const cookie = await race.visitor({ cart: ["Emma"] });
      const held = race.store.hold("update");
      const slow = race.here.send(cookie, (session) => void session.set("late", 1));
      await held.arrived;
      const quick = race[place].send(cookie, (session) => session.login("ada", { label }));
      await (place === "here" ? quick.handled : quick.answer);
      held.release();
      const fresh = jar(cookie, [await slow.answer, await quick.answer]);
      expect(await device(race, fresh)).toEqual({ user: "ada", label, data: { cart: ["Emma"], late: 1 } });
    });

    test(`keep a name each when two log in at once, from a server ${place}`, async () => {
      const race = await start();
      const cookie = await race.visitor({ cart: ["Emma"] });
      const held = race.store.hold("rotate");
      const slow = race.here.send(cookie, (session) => session.login("ada", { label: "slow" }));
      await held.arrived;
      const quick = race[place].send(cookie, (session) => session.login("ada"));
      await (place === "here" ? quick.handled : quick.answer);
      held.release();
      const labelAfter = (answer: Answer) => device(race, jar(null, [answer]));
      expect(await labelAfter(await slow.answer)).toMatchObject({ user: "ada", label: "slow" });
      expect(await labelAfter(await quick.answer)).toMatchObject({ user: "ada", label: null });
    });
  }
}
