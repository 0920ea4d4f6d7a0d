import { createSessions, memoryStore, type Session } from "coatcheck";
import { expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";

/** An attacker who knows a visitor's key keeps a request open until the visitor has a new key. */
async function lurk(change = (session: Session): void => session.login("ada")) {
  const sessions = createSessions({ store: memoryStore() });
  const visitor = new Browser(sessions);
  await visitor.visit((session) => session.set("cart", 1));
  const attacker = visitor.copy();
  const lurking = await attacker.open();
  await visitor.visit(change);
  await visitor.visit((session) => session.set("address", "12 Secret Lane"));
  return { visitor, attacker, lurking };
}

it.each(["save", "load"] as const)(
  "a request that knew the old key never sees who signed in since, by %s() either",
  async (verb) => {
    const { visitor, lurking } = await lurk();
    lurking.set("late", 1);
    await lurking[verb]();
    expect([lurking.userId, lurking.authenticatedAt, lurking.has("address")]).toEqual([null, null, false]);
    await lurking[verb]();
    expect([lurking.userId, lurking.has("address")]).toEqual([null, false]);
    expect(await visitor.sees()).toMatchObject({ cart: 1, address: "12 Secret Lane" });
  },
);

it("its changes go to the new place all the same, and lose nothing there", async () => {
  const { visitor, lurking } = await lurk();
  lurking.set("late", 1);
  expect(await lurking.save()).toBe(true);
  await visitor.visit((session) => session.set("cart", 2));
  lurking.set("later", 2);
  expect(await lurking.save()).toBe(true);
  expect(await visitor.sees()).toEqual({ cart: 2, address: "12 Secret Lane", late: 1, later: 2 });
  expect((await visitor.open()).userId).toBe("ada");
});

it.each(["save", "load"] as const)(
  "nor what a visitor without a user stores under a new key, by %s()",
  async (verb) => {
    const { lurking } = await lurk((session) => session.cycleKey());
    lurking.set("late", 1);
    await lurking[verb]();
    expect([lurking.key, lurking.toObject()]).toEqual([null, { cart: 1, late: 1 }]);
  },
);

it("a login of its own takes no data that was stored under the new key", async () => {
  const { attacker, lurking } = await lurk((session) => session.cycleKey());
  lurking.login("mallory");
  await attacker.respond(lurking);
  expect((await attacker.open()).userId).toBe("mallory");
  expect(await attacker.sees()).toEqual({ cart: 1 });
});
