import { createSessions, memoryStore, type Session } from "coatcheck";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Browser } from "../instruments/browser.ts";

let browser: Browser;
beforeEach(async () => {
  browser = new Browser(createSessions({ store: memoryStore() }));
  await browser.visit((session) => session.assign({ n: 10, token: "once", list: [1] }));
});

describe("update", () => {
  it("gives what the function made, which sees what is there", async () => {
    const session = await browser.open();
    expect(session.update("n", (n: number) => n + 1)).toBe(11);
    expect(session.update("new", (n = 0) => n + 1)).toBe(1);
    expect([session.get("n"), session.get("new")]).toEqual([11, 1]);
    expect(session.modified).toBe(true);
  });

  it("is exact: it runs again on newer data", async () => {
    const sessions = await Promise.all(Array.from({ length: 20 }, () => browser.open()));
    for (const session of sessions) session.update("n", (n: number) => n + 1);
    await Promise.all(sessions.map((session) => browser.respond(session)));
    expect(await browser.sees()).toMatchObject({ n: 30 });
  });

  it("runs all of its functions again, in their order", async () => {
    const session = await browser.open();
    session.update("n", (n: number) => n + 1);
    session.update("n", (n: number) => n * 2);
    await browser.copy().visit((other) => other.set("n", 100));
    await browser.respond(session);
    expect(await browser.sees()).toMatchObject({ n: 202 });
  });

  it.each([
    { what: "set before", change: "before" as const },
    { what: "set after", change: "after" as const },
  ])("of a key that was also $what: its final value counts", async ({ change }) => {
    const session = await browser.open();
    if (change === "before") session.set("n", 1);
    session.update("n", (n: number) => n + 1);
    if (change === "after") session.set("n", 2);
    await browser.copy().visit((other) => other.set("n", 100));
    await browser.respond(session);
    expect(await browser.sees()).toMatchObject({ n: 2 });
  });

  it("of a list that was also changed from within: its final value counts", async () => {
    const session = await browser.open();
    session.get("list").push(2);
    session.update("list", (list: number[]) => [...list, 3]);
    await browser.copy().visit((other) => other.set("list", []));
    await browser.respond(session);
    expect(await browser.sees()).toMatchObject({ list: [1, 2, 3] });
  });

  it("may change a list in place, and still runs again", async () => {
    const push = (item: number) => (list: number[]) => {
      list.push(item);
      return list;
    };
    const session = await browser.open();
    session.update("list", push(2));
    await browser.copy().visit((other) => other.update("list", push(3)));
    await browser.respond(session);
    expect(await browser.sees()).toMatchObject({ list: [1, 3, 2] });
  });

  it("that returns undefined deletes, on newer data too", async () => {
    const session = await browser.open();
    expect(session.update("token", () => undefined)).toBeUndefined();
    expect(session.has("token")).toBe(false);
    await browser.copy().visit((other) => other.set("token", "twice"));
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ n: 10, list: [1] });
  });

  it("refuses a promise, and changes nothing", async () => {
    const session = await browser.open();
    expect(() => session.update("n", (async () => 11) as never)).toThrow(/returned a promise.*synchronous/);
    expect(session.get("n")).toBe(10);
    expect(session.modified).toBe(false);
  });

  it("that throws at once throws there, and changes nothing", async () => {
    const session = await browser.open();
    const fault = new RangeError("no");
    expect(() =>
      session.update("n", () => {
        throw fault;
      }),
    ).toThrow(fault);
    expect(session.modified).toBe(false);
  });

  it("that throws when run again fails the commit with that error, and nothing is stored", async () => {
    const takeToken = (token: unknown) => {
      if (token !== "once") throw new RangeError("the token has been used");
      return undefined;
    };
    const requests = [await browser.open(), await browser.copy().open()];
    for (const session of requests) {
      session.update("token", takeToken);
      session.update("n", (n: number) => n + 1);
    }
    const ends = await Promise.allSettled(requests.map((session) => browser.respond(session)));
    expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(ends.find((end) => end.status === "rejected")?.reason).toEqual(
      new RangeError("the token has been used"),
    );
    expect(await browser.sees()).toEqual({ n: 11, list: [1] });
  });

  it("of nested values parses what is stored once, however often it is called", async () => {
    const session = await browser.open();
    session.get("list");
    const parse = vi.spyOn(JSON, "parse");
    for (let n = 0; n < 50; n++) session.update("list", (list: number[]) => [...list, n]);
    const times = parse.mock.calls.length;
    parse.mockRestore();
    expect(times).toBeLessThanOrEqual(1);
    await browser.respond(session);
    expect((await browser.sees()).list).toHaveLength(51);
  });
});

describe("a message for the next page, added by update and shown by pop", () => {
  const add = (text: string) => (session: Session) =>
    void session.update("flashes", (flashes: string[] = []) => [...flashes, text]);
  const shown = async (status = 200) => {
    const session = await browser.open();
    const flashes = session.pop("flashes", []);
    await browser.respond(session, status);
    return flashes;
  };

  it("is there after a redirect and after a page that failed, and gone after it was shown", async () => {
    await browser.visit(add("saved"), 303);
    expect(await shown(500)).toEqual(["saved"]);
    expect(await shown()).toEqual(["saved"]);
    expect(await shown()).toEqual([]);
  });

  it("is kept beside one that another request adds at the same moment", async () => {
    const [one, other] = [await browser.open(), await browser.open()];
    add("one")(one);
    add("other")(other);
    await browser.respond(one);
    await browser.respond(other);
    expect(await shown()).toEqual(["one", "other"]);
  });

  it("may be shown by two pages that take it at the same moment", async () => {
    await browser.visit(add("saved"));
    const pages = [await browser.open(), await browser.open()];
    expect(pages.map((page) => page.pop("flashes"))).toEqual([["saved"], ["saved"]]);
    for (const page of pages) await browser.respond(page);
    expect(await shown()).toEqual([]);
  });

  it("that is added while a page shows others stays where the page takes only those that it has seen", async () => {
    await browser.visit(add("first"));
    const page = await browser.open();
    const seen = page.get("flashes", []);
    page.update("flashes", (flashes: string[] = []) => flashes.slice(seen.length));
    await browser.copy().visit(add("second"));
    await browser.respond(page);
    expect(await shown()).toEqual(["second"]);
  });
});
