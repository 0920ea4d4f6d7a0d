import {
  createSessions,
  memoryStore,
  type Session,
  type Store,
  type StoredRecord,
  type StoreId,
} from "coatcheck";
import { beforeEach, describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { overhear } from "../instruments/overheard.ts";

let store: Store;
let browser: Browser;
let id: StoreId;
const call = { now: Date.now(), signal: new AbortController().signal };

/** Replaces part of the stored record, as a newer release or an accident would. */
async function overwrite(changes: Partial<StoredRecord>): Promise<void> {
  const record = (await store.read(id, call)) as StoredRecord;
  const changed = { ...record, version: record.version === 1 ? 2 : 1, ...changes };
  expect(await store.update(id, changed, record.version, call)).toBe("saved");
}

const stored = async () => (await store.read(id, call)) as StoredRecord;

beforeEach(async () => {
  store = memoryStore();
  browser = new Browser(createSessions({ store }));
  await browser.visit((session) => session.set("a", 1).login("u1"));
  id = (await browser.open()).handle as StoreId;
});

const corrupt = ["", "{", "null", "[1]", '"text"', "1", "<xml>", '{"a":1}x'];

describe("a corrupt record", () => {
  it.each(corrupt)("%o is no session: an event tells, and a write gets a fresh key", async (data) => {
    await overwrite({ data });
    const { of } = overhear();
    const session = await browser.open();
    expect([session.toObject(), session.userId, session.key, session.isEmpty]).toEqual([
      {},
      null,
      null,
      true,
    ]);
    session.set("b", 2);
    const { key } = browser;
    expect((await browser.respond(session)).cookie).toBe("set");
    expect(browser.key).not.toBe(key);
    expect(await browser.sees()).toEqual({ b: 2 });
    expect(of("corrupt")).toEqual([
      { session: expect.stringMatching(/^[0-9a-f]{12}$/), reason: expect.any(String) },
    ]);
  });

  it("is no error for a page that does not look", async () => {
    await overwrite({ data: "{" });
    expect((await browser.visit()).cookie).toBe("none");
  });

  it("is ended by a logout", async () => {
    await overwrite({ data: "{" });
    expect((await browser.visit((session) => session.logout())).cookie).toBe("removed");
    expect(await stored()).toBeNull();
  });

  it("can still be listed and revoked", async () => {
    await overwrite({ data: "{" });
    const sessions = createSessions({ store });
    const [listed] = await sessions.listUserSessions("u1");
    expect(listed).toMatchObject({ handle: id, data: {} });
    expect(await sessions.revoke(id, { userId: "u1" })).toBe(true);
  });

  it("that is found while writing is no error, and none of it is told", async () => {
    const session = await browser.open();
    session.set("b", 2);
    await overwrite({ data: '{"secret":"hunter2"' });
    const error = await browser.respond(session).then(
      () => null,
      (error: Error) => error,
    );
    expect(String(error?.message)).not.toContain("hunter2");
    expect(error).toBeNull();
  });
});

describe("a record whose second object is damaged", () => {
  const damaged = [
    "{",
    '{"label":[]}',
    '{"label":null}',
    '{"confirmedAt":"now"}',
    '{"undone":1}',
    '{"undone":{"userId":5}}',
    '{"once":null}',
    '{"once":[]}',
    '{"once":{"token":null}}',
    '{"once":{"token":{"stored":"1"}}}',
    '{"once":{"token":{"stored":1,"lease":true}}}',
    '{"once":{"token":{"stored":1,"lease":{"holder":1}}}}',
  ];

  it.each(damaged)("%s: the record is corrupt, and nothing of it is believed", async (second) => {
    await overwrite({ data: `{"token":1}\n${second}` });
    const { of } = overhear();
    const session = await browser.open();
    expect([session.userId, session.label, session.confirmedAt, session.isEmpty]).toEqual([
      null,
      null,
      null,
      true,
    ]);
    expect(of("corrupt")).toHaveLength(1);
    expect(await session.once("token", () => 2)).toBe(2);
  });

  it.each(damaged)("%s: a once() that meets it while it writes is interrupted", async (second) => {
    const session = await browser.open();
    await overwrite({ data: `{"token":1}\n${second}` });
    const outcome = await session.once("token", () => 2).catch(({ name }) => name);
    expect(outcome).toBe("SessionInterruptedError");
  });
});

describe("a record of a newer format", () => {
  const newer = { format: 2, data: "packed: 1" };

  it("is left alone: an empty session that is never stored, no cookie, and an event tells", async () => {
    await overwrite(newer);
    const before = await stored();
    const { of } = overhear();
    const session = await browser.open();
    expect([session.isEmpty, session.userId]).toEqual([true, null]);
    session.set("b", 2);
    expect((await browser.respond(session)).cookie).toBe("none");
    expect(await stored()).toEqual(before);
    expect(of("newer")).toEqual([{ session: expect.stringMatching(/^[0-9a-f]{12}$/), format: 2 }]);
  });

  it("is left alone also when it is found while writing", async () => {
    const session = await browser.open();
    session.set("b", 2);
    await overwrite({ format: 2, data: '{"packed":1}' });
    const before = await stored();
    await browser.respond(session).catch(() => {});
    expect(await stored()).toEqual(before);
  });

  for (const [how, meet] of Object.entries({
    "load()": (session: Session) => session.load(),
    "save()": (session: Session) => session.set("b", 2).save(),
  })) {
    it(`is ended by a logout, also where ${how} has met it before`, async () => {
      const session = await browser.open();
      await overwrite({ format: 2, data: '{"packed":1}' });
      await meet(session);
      session.logout();
      expect((await browser.respond(session)).cookie).toBe("removed");
      expect(await stored()).toBeNull();
    });
  }

  it("does not keep a visitor from signing in", async () => {
    await overwrite(newer);
    expect((await browser.visit((session) => session.login("u2"))).cookie).toBe("set");
    expect((await browser.open()).userId).toBe("u2");
  });
});
