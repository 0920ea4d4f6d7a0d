import { createSessions, memoryStore, type Options } from "coatcheck";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { overhear } from "../instruments/overheard.ts";
import { spyStore } from "../instruments/spy-store.ts";

const { store, took } = spyStore(memoryStore());
const sessions = createSessions({ store });
const open = (cookie: string | null | undefined) => sessions.open(cookie, { secure: false });

/** Stores a session with this name in it, and resolves to its key. */
async function keyOf(name: string, on = sessions): Promise<string> {
  const browser = new Browser(on);
  await browser.visit((session) => session.set("name", name));
  took();
  return String(browser.key);
}

describe("the Cookie header is read strictly", () => {
  it.each([
    ["alone", (key: string) => `sessionid=${key}`],
    ["among others", (key: string) => `a=1; sessionid=${key}; b=2`],
    ["with spaces and tabs around it", (key: string) => `a=1;\t sessionid \t=\t ${key} \t;b=2`],
    ["after an empty pair", (key: string) => `;;sessionid=${key}`],
    ["after names that end like it", (key: string) => `xsessionid=1; __Host-sessionid=2; sessionid=${key}`],
  ])("finds the key %s", async (_where, header) => {
    expect((await open(header(await keyOf("me")))).get("name")).toBe("me");
  });

  // Reports: CVE-2015-3982, PortSwigger 2025 (prefixes of cookies behind Unicode spaces, $Version).
  it.each([
    ["in quotes", (key: string) => `sessionid="${key}"`],
    ["percent-encoded", (key: string) => `sessionid=%${key.charCodeAt(0).toString(16)}${key.slice(1)}`],
    ["in capitals", (key: string) => `sessionid=${key.toUpperCase()}`],
    ["under the name in capitals", (key: string) => `SESSIONID=${key}`],
    ["behind a Unicode space in the value", (key: string) => `sessionid=\u2000${key}`],
    ["behind a Unicode space in the name", (key: string) => `\u2000sessionid=${key}`],
    ["behind a no-break space", (key: string) => `\u00a0sessionid=${key}`],
    ["behind a line feed", (key: string) => `\nsessionid=${key}`],
    ["with a NUL at its end", (key: string) => `sessionid=${key}\0`],
    ["with one letter less", (key: string) => `sessionid=${key.slice(1)}`],
    ["with one letter more", (key: string) => `sessionid=${key}a`],
    ["separated by a comma", (key: string) => `a=1, sessionid=${key}`],
    ["as a legacy $Version header has it", (key: string) => `$Version=1; sessionid="${key}"; $Path="/"`],
    ["inside another cookie's quotes", (key: string) => `a="; sessionid=${key}"`],
    ["without a name", (key: string) => `${key}`],
    ["without a value", () => "sessionid="],
    ["without an equals sign", () => "sessionid"],
    ["not at all", () => ""],
  ])("does not ask the store for a key %s", async (_how, header) => {
    const key = await keyOf("me");
    const session = await open(header(key));
    expect(took()).toEqual([]);
    expect(session.key).toBeNull();
    expect(session.isEmpty).toBe(true);
  });

  it.each([null, undefined])("takes %s for no cookies", async (header) => {
    expect((await open(header)).isEmpty).toBe(true);
    expect(took()).toEqual([]);
  });

  it("never throws, and asks the store for nothing that is not a key", async () => {
    const piece = fc.oneof(
      fc.constantFrom("sessionid", "__Host-sessionid", "=", ";", '"', " ", "\t", "\0", "%00", "$Version"),
      fc.string({ unit: "binary" }),
      fc.stringMatching(/^[a-z0-9]{31,33}$/),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece), async (pieces) => {
        const header = pieces.join("");
        await open(header);
        const keys = header.match(/(?<=(^|;)[ \t]*sessionid[ \t]*=[ \t]*)[a-z0-9]{32}(?=[ \t]*(;|$))/g) ?? [];
        expect(took()).toEqual([...new Set(keys)].slice(0, 2).map(() => "read"));
      }),
    );
  });
});

describe("several cookies of one name", () => {
  const unknown = "z".repeat(32);

  // Reports: RFC 6265bis, 8.6 (weak integrity).
  it("are tried in their order, and an event tells", async () => {
    const { of } = overhear();
    const [first, second] = [await keyOf("first"), await keyOf("second")];
    expect((await open(`sessionid=${first}; sessionid=${second}`)).get("name")).toBe("first");
    expect((await open(`sessionid=${second}; sessionid=${first}`)).get("name")).toBe("second");
    expect(of("duplicated")).toEqual([{ values: 2 }, { values: 2 }]);
  });

  it("are tried until one is known", async () => {
    const key = await keyOf("me");
    expect((await open(`sessionid=${unknown}; sessionid=${key}`)).get("name")).toBe("me");
    expect(took()).toEqual(["read", "read"]);
    expect((await open(`sessionid="x"; sessionid=${key}`)).get("name")).toBe("me");
    expect(took()).toEqual(["read"]);
  });

  it("are tried at most twice", async () => {
    const key = await keyOf("me");
    const session = await open(`sessionid=${unknown}; sessionid=${"y".repeat(32)}; sessionid=${key}`);
    expect(took()).toEqual(["read", "read"]);
    expect(session.isEmpty).toBe(true);
  });

  it("that are equal are one", async () => {
    const key = await keyOf("me");
    await open(`sessionid=${key}; sessionid=${key}`);
    expect(took()).toEqual(["read"]);
  });

  it.each([false, true])("are all ended by a logout, lazy or not (%s)", async (lazy) => {
    const [first, second] = [await keyOf("first"), await keyOf("second")];
    const own = createSessions({ store, lazy });
    const session = await own.open(`sessionid=${first}; sessionid=${second}`, { secure: false });
    session.logout();
    await own.commit(session, { status: 200 });
    expect((await open(`sessionid=${first}`)).key).toBeNull();
    expect((await open(`sessionid=${second}`)).key).toBeNull();
  });
});

describe("the one name that this request would set", () => {
  const namesTried = async (secure: boolean, options: Options = {}) => {
    const on = createSessions({ store, ...options });
    const key = await keyOf("me");
    const names = ["sessionid", "__Host-sessionid", "__Secure-sessionid", "sid"];
    const found = await Promise.all(names.map((name) => on.open(`${name}=${key}`, { secure })));
    took();
    return names.filter((_name, n) => found[n]?.get("name") === "me");
  };

  it("is read, never the other", async () => {
    expect(await namesTried(false)).toEqual(["sessionid"]);
    expect(await namesTried(true)).toEqual(["__Host-sessionid"]);
  });

  it("is sessionid where path or domain rule out __Host-", async () => {
    expect(await namesTried(true, { cookie: { path: "/shop" } })).toEqual(["sessionid"]);
    expect(await namesTried(true, { cookie: { domain: "example.com" } })).toEqual(["sessionid"]);
  });

  it("is sessionid on https where the cookie is not to be Secure", async () => {
    expect(await namesTried(true, { cookie: { secure: false } })).toEqual(["sessionid"]);
  });

  it("is used as given", async () => {
    expect(await namesTried(true, { cookie: { name: "sid" } })).toEqual(["sid"]);
    expect(await namesTried(false, { cookie: { name: "sid" } })).toEqual(["sid"]);
  });
});
