import { createSessions, memoryStore, type Options, type Session } from "coatcheck";
import { describe, expect, it } from "vitest";
import { Browser, Reply } from "../instruments/browser.ts";
import { overhear } from "../instruments/overheard.ts";
import { spyStore } from "../instruments/spy-store.ts";

type Act = (session: Session) => unknown;

const acts = {
  nothing: () => {},
  "a read": (session) => session.get("a"),
  "a write": (session) => session.set("a", 2),
  "clear()": (session) => session.clear(),
  "flush()": (session) => session.flush(),
  "logout()": (session) => session.logout(),
  "modified = true": (session) => {
    session.modified = true;
  },
  "login()": (session) => session.login("u1"),
  "cycleKey()": (session) => session.cycleKey(),
  "setExpiry()": (session) => session.setExpiry(60),
} satisfies Record<string, Act>;

/** The kinds of cookie; a valid key belongs to a session that holds `{ a: 1 }`. */
type Came = "none" | "malformed" | "unknown" | "valid";

interface Row {
  came: Came;
  does: keyof typeof acts;
  with?: Omit<Options, "store">;
  status?: number;
  calls: string;
  cookie?: "none" | "set" | "removed";
  vary?: "Cookie";
}

const everyRequest = { saveEveryRequest: true };

const rows: Row[] = [
  { came: "none", does: "nothing", calls: "" },
  { came: "none", does: "a read", calls: "", vary: "Cookie" },
  { came: "none", does: "a write", calls: "create", cookie: "set", vary: "Cookie" },
  { came: "none", does: "clear()", calls: "", vary: "Cookie" },
  { came: "none", does: "flush()", calls: "", vary: "Cookie" },
  { came: "none", does: "modified = true", calls: "", vary: "Cookie" },
  { came: "none", does: "login()", calls: "create", cookie: "set", vary: "Cookie" },
  { came: "none", does: "cycleKey()", calls: "", vary: "Cookie" },
  { came: "none", does: "setExpiry()", calls: "", vary: "Cookie" },
  { came: "none", does: "nothing", with: everyRequest, calls: "" },

  { came: "malformed", does: "nothing", calls: "" },
  { came: "malformed", does: "a read", calls: "", vary: "Cookie" },
  { came: "malformed", does: "a write", calls: "create", cookie: "set", vary: "Cookie" },
  { came: "malformed", does: "clear()", calls: "", vary: "Cookie" },
  { came: "malformed", does: "flush()", calls: "", cookie: "removed", vary: "Cookie" },
  { came: "malformed", does: "nothing", with: everyRequest, calls: "" },

  { came: "unknown", does: "nothing", calls: "read" },
  { came: "unknown", does: "a read", calls: "read", vary: "Cookie" },
  { came: "unknown", does: "a write", calls: "read create", cookie: "set", vary: "Cookie" },
  { came: "unknown", does: "clear()", calls: "read", vary: "Cookie" },
  { came: "unknown", does: "flush()", calls: "read", cookie: "removed", vary: "Cookie" },
  { came: "unknown", does: "modified = true", calls: "read", vary: "Cookie" },
  { came: "unknown", does: "login()", calls: "read create", cookie: "set", vary: "Cookie" },
  { came: "unknown", does: "nothing", with: everyRequest, calls: "read" },
  { came: "unknown", does: "a read", with: everyRequest, calls: "read", vary: "Cookie" },

  { came: "valid", does: "nothing", calls: "read" },
  { came: "valid", does: "a read", calls: "read", vary: "Cookie" },
  { came: "valid", does: "a write", calls: "read update", vary: "Cookie" },
  { came: "valid", does: "clear()", calls: "read update", vary: "Cookie" },
  { came: "valid", does: "flush()", calls: "read delete", cookie: "removed", vary: "Cookie" },
  { came: "valid", does: "logout()", calls: "read delete", cookie: "removed", vary: "Cookie" },
  { came: "valid", does: "modified = true", calls: "read update", vary: "Cookie" },
  { came: "valid", does: "login()", calls: "read rotate", cookie: "set", vary: "Cookie" },
  { came: "valid", does: "cycleKey()", calls: "read rotate", cookie: "set", vary: "Cookie" },
  { came: "valid", does: "setExpiry()", calls: "read update", cookie: "set", vary: "Cookie" },
  { came: "valid", does: "nothing", with: everyRequest, calls: "read" },

  { came: "none", does: "a write", status: 500, calls: "", vary: "Cookie" },
  { came: "none", does: "login()", status: 503, calls: "", vary: "Cookie" },
  { came: "valid", does: "a write", status: 500, calls: "read", vary: "Cookie" },
  { came: "valid", does: "login()", status: 503, calls: "read", vary: "Cookie" },
  { came: "valid", does: "flush()", status: 500, calls: "read delete", cookie: "removed", vary: "Cookie" },
  { came: "valid", does: "nothing", with: everyRequest, status: 500, calls: "read" },
  { came: "valid", does: "a write", status: 404, calls: "read update", vary: "Cookie" },

  { came: "none", does: "nothing", with: { lazy: true }, calls: "" },
  { came: "valid", does: "nothing", with: { lazy: true }, calls: "" },
  { came: "valid", does: "nothing", with: { lazy: true, saveEveryRequest: true }, calls: "" },
  {
    came: "valid",
    does: "logout()",
    with: { lazy: true },
    calls: "delete",
    cookie: "removed",
    vary: "Cookie",
  },
  { came: "malformed", does: "flush()", with: { lazy: true }, calls: "", cookie: "removed", vary: "Cookie" },
];

function titleOf({ came, does, with: options = {}, status = 200, calls, cookie = "none" }: Row): string {
  const given = [`cookie ${came}`, does, ...Object.keys(options), ...(status === 200 ? [] : [status])];
  return `${given.join(", ")}: store ${calls || "not asked"}, cookie ${cookie === "none" ? "left alone" : cookie}`;
}

describe("what a request costs, and what its response says", () => {
  it.each(rows.map((row) => [titleOf(row), row] as const))(
    "%s",
    async (_title, { came, does, with: options = {}, status = 200, calls, cookie = "none", vary = null }) => {
      const clock = () => Date.UTC(2031, 0);
      const { store, took } = spyStore(memoryStore());
      const browser = new Browser(createSessions({ store, clock }));
      await browser.visit((session) => session.set("a", 1));
      if (came === "none") browser.jar.clear();
      if (came === "malformed") browser.jar.set("sessionid", "../../etc/passwd");
      if (came === "unknown") browser.jar.set("sessionid", "0".repeat(32));
      took();

      const sessions = createSessions({ store, clock, ...options });
      const session = await sessions.open(browser.cookie, { secure: false });
      await acts[does](session);
      const reply = new Reply(await sessions.commit(session, { status }));

      expect(took().join(" ")).toBe(calls);
      expect(reply.cookie).toBe(cookie);
      expect(reply.vary).toBe(vary);
      expect(reply.cacheControl).toBe(cookie === "none" ? null : "private, no-store");

      const { of } = overhear();
      sessions.finish(session);
      expect(of("unsaved"), "told to be unsaved").toEqual([]);
    },
  );

  // Reports: CVE-2015-5143, CVE-2015-5963, CVE-2015-5964, expressjs/session#94, #133, #541, h3js/h3#1523.
  it("never takes over an unknown key", async () => {
    const browser = new Browser(createSessions({ store: memoryStore() }));
    browser.jar.set("sessionid", "0".repeat(32));
    await browser.visit((session) => session.set("a", 1));
    expect(browser.key).toMatch(/^[a-z0-9]{32}$/);
    expect(browser.key).not.toBe("0".repeat(32));
  });

  it("keeps the key of a session that was cleared", async () => {
    const browser = new Browser(createSessions({ store: memoryStore() }));
    await browser.visit((session) => session.set("a", 1));
    const { key } = browser;
    await browser.visit((session) => session.clear());
    expect((await browser.open()).key).toBe(key);
    expect(await browser.sees()).toEqual({});
  });

  it("asks the store for as many round trips as promised", async () => {
    const { store, took } = spyStore(memoryStore());
    const browser = new Browser(createSessions({ store }));
    await browser.visit();
    expect(took()).toHaveLength(0);
    await browser.visit((session) => session.set("a", 1));
    expect(took()).toHaveLength(1);
    await browser.visit((session) => session.get("a"));
    expect(took()).toHaveLength(1);
    await browser.visit((session) => session.set("a", 2));
    expect(took()).toHaveLength(2);
    await browser.visit((session) => session.login("u1"));
    expect(took()).toHaveLength(2);
    await browser.visit((session) => session.logout());
    expect(took()).toHaveLength(2);
  });

  it("changes everything in one write: data, expiry, key and user", async () => {
    const { store, took } = spyStore(memoryStore());
    const browser = new Browser(createSessions({ store }));
    await browser.visit((session) => session.set("a", 1));
    took();
    await browser.visit((session) => {
      session.set("b", 2).setExpiry(60);
      session.cycleKey();
      session.login("u1");
    });
    expect(took()).toEqual(["read", "rotate"]);
    const session = await browser.open();
    expect(session.toObject()).toEqual({ a: 1, b: 2 });
    expect([session.userId, session.getExpiryAge()]).toEqual(["u1", 60]);
  });
});
