import { setImmediate } from "node:timers/promises";
import { createSessions, memoryStore, type Store } from "coatcheck";
import { expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { overhearWarnings } from "../instruments/overheard.ts";
import { spyStore } from "../instruments/spy-store.ts";

/** A store that writes over any version, as a plain key-value server does. */
function plainStore(): Store {
  const inner = memoryStore();
  return {
    ...inner,
    capabilities: { compareAndSet: false },
    async update(id, record, _expected, call) {
      const current = await inner.read(id, call);
      if (current === null || current === "moved") return inner.update(id, record, -1, call);
      return inner.update(id, record, current.version, call);
    },
  };
}

it("a store that cannot compare is read again right before each write, and changes are made again", async () => {
  const { store, took } = spyStore(plainStore());
  const browser = new Browser(createSessions({ store }));
  await browser.visit((session) => session.set("n", 0));
  const late = await browser.open();
  late.update("n", (n: number) => n + 1);
  await browser.copy().visit((session) => session.set("n", 10).set("a", 1));
  took();
  await browser.respond(late);
  expect(took()).toEqual(["read", "update"]);
  expect(await browser.sees()).toEqual({ n: 11, a: 1 });
});

it("in one process nothing is lost on it", async () => {
  const browser = new Browser(createSessions({ store: plainStore() }));
  await browser.visit((session) => session.set("n", 0));
  const requests = await Promise.all(Array.from({ length: 30 }, () => browser.open()));
  await Promise.all(
    requests.map((session) => {
      session.update("n", (n: number) => n + 1);
      return browser.respond(session);
    }),
  );
  expect(await browser.sees()).toEqual({ n: 30 });
});

it("it is warned of once, when it is first used: two servers can lose an update", async () => {
  await setImmediate(); // The warnings of the test before are told.
  const warnings = overhearWarnings();
  const browser = new Browser(createSessions({ store: plainStore() }));
  await browser.visit((session) => session.set("n", 0));
  await browser.visit((session) => session.set("n", 1));
  expect(await warnings()).toHaveLength(1);
});
