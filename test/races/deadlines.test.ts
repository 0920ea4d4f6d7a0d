import { memoryStore } from "coatcheck";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { plainServer } from "./plain-server.ts";
import { type Handler, starter } from "./race.ts";

const tooLate = { status: 503, setCookie: null, error: "StoreUnavailableError" };

const start = starter(plainServer, () => memoryStore());
const set =
  (key: string): Handler =>
  (session) =>
    void session.set(key, 1);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("who was told in line that it is too late is not stored by those who still wait", async () => {
  const race = await start({ storeTimeout: 5 });
  const cookie = await race.visitor({ n: 0 });
  const [held, shared] = [race.store.hold("update"), race.store.hold("update")];

  const first = race.here.send(cookie, set("first"));
  await held.arrived;
  const early = race.here.send(cookie, set("early"));
  await early.handled;
  await vi.advanceTimersByTimeAsync(3000);
  const patient = race.here.send(cookie, set("patient"));
  await patient.handled;
  held.release();
  expect((await first.answer).status).toBe(200);
  await shared.arrived;
  // The write that these two share is at the store when the deadline of the first of them passes.
  await vi.advanceTimersByTimeAsync(2500);
  expect(await early.answer).toEqual(tooLate);
  await race.there.send(cookie, set("elsewhere")).answer;
  shared.release();
  expect((await patient.answer).status).toBe(200);
  expect((await race.look(cookie)).data).toEqual({ n: 0, first: 1, patient: 1, elsewhere: 1 });
});

test("a waiting writer has its own deadline, also behind one whose store hangs", async () => {
  const race = await start({ storeTimeout: 5 });
  const cookie = await race.visitor({ n: 0 });
  const held = race.store.hold("update");
  const first = race.here.send(cookie, set("first"));
  await held.arrived;
  await vi.advanceTimersByTimeAsync(1000);
  const waiting = race.here.send(cookie, set("waiting"));
  await waiting.handled;
  await vi.advanceTimersByTimeAsync(4000);
  expect(await first.answer).toEqual(tooLate);
  expect((await waiting.answer).status).toBe(200);
  expect((await race.look(cookie)).data).toEqual({ n: 0, waiting: 1 });
});

test("a waiting writer gives up at its deadline while the line does not move", async () => {
  const race = await start({ storeTimeout: 5 });
  const cookie = await race.visitor({ n: 0 });
  const held = race.store.hold("update");
  const first = race.here.send(cookie, set("first"));
  await held.arrived;
  await vi.advanceTimersByTimeAsync(1000);
  const hanging = race.store.hold("update");
  const waiting = race.here.send(cookie, set("waiting"));
  await waiting.handled;
  await vi.advanceTimersByTimeAsync(4000);
  expect(await first.answer).toEqual(tooLate);
  await hanging.arrived;
  await vi.advanceTimersByTimeAsync(1000);
  expect(await waiting.answer).toEqual(tooLate);
  expect((await race.look(cookie)).data).toEqual({ n: 0 });
});
