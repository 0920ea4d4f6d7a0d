import { memoryStore, type Store } from "coatcheck";
import { expect, test } from "vitest";
import { plainServer } from "./plain-server.ts";
import { starter } from "./race.ts";

/** A store without compare-and-set: it writes over any version. */
function blindStore(): Store {
  const store = memoryStore();
  const blind: Store = {
    ...store,
    capabilities: { ...store.capabilities, compareAndSet: false },
    async update(id, record, expected, call) {
      const outcome = await store.update(id, record, expected, call);
      if (outcome !== "conflict") return outcome;
      const seen = await store.read(id, call);
      return seen === null || seen === "moved" ? "gone" : store.update(id, record, seen.version, call);
    },
  };
  return blind;
}

const start = starter(plainServer, blindStore);

test("without compare-and-set the requests of one process still lose nothing", async () => {
  const race = await start();
  const cookie = await race.visitor({ n: 0 });
  const sent = Array.from({ length: 20 }, (_, number) =>
    race.here.send(cookie, (session) => {
      session.update("n", (n = 0) => n + 1);
      session.set(`key${number}`, 1);
    }),
  );
  await Promise.all(sent.map(({ answer }) => answer));
  const { n, ...keys } = (await race.look(cookie)).data;
  expect(n).toBe(20);
  expect(Object.keys(keys)).toHaveLength(20);
});

test("without compare-and-set a session is read again in each turn, so that a write elsewhere stays", async () => {
  const race = await start();
  const cookie = await race.visitor({ n: 0 });
  const held = race.store.hold("read", "after");
  const slow = race.here.send(cookie, (session) => void session.update("n", (n = 0) => n + 1));
  await held.arrived;
  await race.there.send(cookie, (session) => void session.update("n", (n = 0) => n + 1)).answer;
  held.release();
  await slow.answer;
  expect((await race.look(cookie)).data).toEqual({ n: 2 });
});
