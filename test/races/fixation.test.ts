import { createSessions, memoryStore } from "coatcheck";
import { expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";

/** An attacker who knows a visitor's key keeps a request open until the visitor has signed in. */
async function lurk() {
  const sessions = createSessions({ store: memoryStore() });
  const visitor = new Browser(sessions);
  await visitor.visit((session) => session.set("cart", 1));
  const lurking = await visitor.copy().open();
  await visitor.visit((session) => session.login("ada"));
  await visitor.visit((session) => session.set("address", "12 Secret Lane"));
  return { visitor, lurking };
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
