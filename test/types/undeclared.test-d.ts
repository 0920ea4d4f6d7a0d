// biome-ignore-all lint/suspicious/noExplicitAny: any is what an undeclared key holds.
/** A program that declares no keys: any key goes, and a fallback says what to expect. */
import { createSessions, memoryStore, type Session, type SessionData, type SessionOf } from "coatcheck";
import { session as express } from "coatcheck/express";
import { type SessionHandler, withSession } from "coatcheck/fetch";
import { session as hono } from "coatcheck/hono";
import { session as node } from "coatcheck/node";
import type { Request } from "express";
import { assertType, expectTypeOf, test } from "vitest";

declare const session: Session;
const store = memoryStore();

test("no key is declared here", () => {
  expectTypeOf<keyof SessionData>().toEqualTypeOf<never>();
});

test("any key compiles, and its value is any", () => {
  session.set("anything", { at: ["all"] }).set("more", null);
  expectTypeOf(session.get("anything")).toBeAny();
  expectTypeOf(session.require("anything")).toBeAny();
  expectTypeOf(session.pop("anything")).toBeAny();
  expectTypeOf(session.has("anything")).toEqualTypeOf<boolean>();
  expectTypeOf(session.delete("anything")).toEqualTypeOf<boolean>();
  // @ts-expect-error a key is a string
  session.get(1);
  // @ts-expect-error a key is a string
  session.set(Symbol.iterator, 1);
});

test("a fallback's type is widened", () => {
  expectTypeOf(session.get("theme", "dark")).toEqualTypeOf<string>();
  expectTypeOf(session.get("visits", 0)).toEqualTypeOf<number>();
  expectTypeOf(session.get("seen", false)).toEqualTypeOf<boolean>();
  expectTypeOf(session.get("name", "" as string)).toEqualTypeOf<string>();
  expectTypeOf(session.get("at", { x: 0 })).toEqualTypeOf<{ x: number }>();
  expectTypeOf(session.get("list", ["a"])).toEqualTypeOf<string[]>();
  expectTypeOf(session.pop("theme", "dark")).toEqualTypeOf<string>();
  expectTypeOf(session.setDefault("visits", 0)).toEqualTypeOf<number>();
});

test("an empty list, null and undefined say nothing of what is there", () => {
  expectTypeOf(session.get("cart", [])).toEqualTypeOf<any[]>();
  expectTypeOf(session.setDefault("cart", [])).toEqualTypeOf<any[]>();
  session.setDefault("cart", []).push({ book: 1 });
  expectTypeOf(session.get("user", null)).toBeAny();
  expectTypeOf(session.get("user", undefined)).toBeAny();
  expectTypeOf(session.pop("user", null)).toBeAny();
});

test("once takes a function that may be asynchronous, and resolves to the value", () => {
  expectTypeOf(session.once("token", async (token) => token ?? "first")).resolves.toBeAny();
  expectTypeOf(session.once("token", () => undefined, { lease: 10, wait: 5 })).resolves.toBeAny();
});

test("update takes a function with or without a default, and gives back what that returns", () => {
  expectTypeOf(session.update("n", (n = 0) => n + 1)).toBeAny();
  expectTypeOf(session.update("n", (n: number | undefined) => (n ?? 0) + 1)).toEqualTypeOf<number>();
  expectTypeOf(session.update("list", (list: string[] = []) => [...list, "a"])).toEqualTypeOf<string[]>();
  expectTypeOf(session.update("token", () => undefined)).toEqualTypeOf<undefined>();
  session.update("token", (token) => {
    if (token === undefined) throw new Error("used");
  });
});

test("a login may name the device, and the session tells its name and times", () => {
  session.login("ada", { label: "Firefox on Linux" });
  session.login(7, { label: null });
  session.login("ada", {});
  // @ts-expect-error a text
  session.login("ada", { label: 7 });
  // @ts-expect-error no such option
  session.login("ada", { device: "phone" });
  expectTypeOf(session.label).toEqualTypeOf<string | null>();
  expectTypeOf(session.createdAt).toEqualTypeOf<Date | null>();
  expectTypeOf(session.expiresAt).toEqualTypeOf<Date | null>();
  // @ts-expect-error only login() names the device
  session.label = "phone";
  const library: SessionOf<{ a: number }> = session;
  library.login("ada", { label: "phone" });
  expectTypeOf(library.label).toEqualTypeOf<string | null>();
});

test("a password given again is noted, and asked for by its age in seconds", () => {
  expectTypeOf(session.confirm()).toEqualTypeOf<void>();
  expectTypeOf(session.requireRecent(600)).toEqualTypeOf<void>();
  expectTypeOf(session.confirmedAt).toEqualTypeOf<Date | null>();
  // @ts-expect-error seconds
  session.requireRecent();
  // @ts-expect-error seconds
  session.requireRecent(new Date());
  const library: SessionOf<{ a: number }> = session;
  library.confirm();
  library.requireRecent(600);
});

test("all else of the dictionary", () => {
  session.assign({ a: 1, "b c": [2] }).set("d", 3);
  expectTypeOf([...session]).toEqualTypeOf<[string, any][]>();
  expectTypeOf([...session.entries()]).toEqualTypeOf<[string, any][]>();
  expectTypeOf([...session.keys()]).toEqualTypeOf<string[]>();
  expectTypeOf([...session.values()]).toEqualTypeOf<any[]>();
  expectTypeOf(session.size).toEqualTypeOf<number>();
  expectTypeOf(session.isEmpty).toEqualTypeOf<boolean>();
  expectTypeOf(session.toObject().anything).toBeUnknown();
  expectTypeOf(Object.fromEntries(session)).toEqualTypeOf<{ [key: string]: any }>();
  session.forEach((value, key, whole) => {
    expectTypeOf(value).toBeAny();
    expectTypeOf(key).toEqualTypeOf<string>();
    assertType<Session>(whole);
  });
});

test("user, key and times are read-only, and only `modified` can be set", () => {
  expectTypeOf(session.key).toEqualTypeOf<string | null>();
  expectTypeOf(session.handle).toEqualTypeOf<string | null>();
  expectTypeOf(session.userId).toEqualTypeOf<string | null>();
  expectTypeOf(session.authenticatedAt).toEqualTypeOf<Date | null>();
  expectTypeOf(session.accessed).toEqualTypeOf<boolean>();
  session.modified = true;
  // @ts-expect-error read-only
  session.key = "k";
  // @ts-expect-error read-only
  session.handle = "h";
  // @ts-expect-error only login() changes the user
  session.userId = "ada";
  // @ts-expect-error read-only
  session.authenticatedAt = new Date();
  // @ts-expect-error read-only
  session.accessed = true;
  // @ts-expect-error read-only
  session.size = 0;
  // @ts-expect-error read-only
  session.isEmpty = true;
});

test("data is no member of a session", () => {
  // @ts-expect-error session.set("user", …)
  session.user = { name: "Ada" };
  // @ts-expect-error session.get("user")
  session.user;
});

test("login, expiry, save and load", () => {
  session.login("ada");
  session.login(7);
  // @ts-expect-error a user's id is a string or a number
  session.login({ id: 7 });
  // @ts-expect-error nobody logs in as null
  session.login(null);
  session.setExpiry(60);
  session.setExpiry(new Date());
  session.setExpiry(null);
  // @ts-expect-error seconds, a Date or null
  session.setExpiry("1h");
  expectTypeOf(session.getExpiryAge({ modification: new Date(), expiry: 5 })).toEqualTypeOf<number>();
  expectTypeOf(session.getExpiryDate()).toEqualTypeOf<Date>();
  expectTypeOf(session.save()).toEqualTypeOf<Promise<boolean>>();
  expectTypeOf(session.load()).toEqualTypeOf<Promise<void>>();
});

test("a session may be typed by its own keys", () => {
  const typed = {} as Session<{ a: number; b?: string[] }>;
  expectTypeOf(typed.get("a")).toEqualTypeOf<number | undefined>();
  expectTypeOf(typed.get("b", null)).toEqualTypeOf<string[] | null>();
  expectTypeOf(typed.require("b")).toEqualTypeOf<string[]>();
  expectTypeOf([...typed.keys()]).toEqualTypeOf<("a" | "b")[]>();
  // @ts-expect-error not one of its keys
  typed.get("c");
  // @ts-expect-error not of its type
  typed.set("a", "1");
});

interface LibraryKeys {
  flash: string[];
  theme: "dark" | "light";
  seen?: number;
  address: { city: string } | null;
}

test("inside a library, SessionOf knows the library's keys and no others", () => {
  const session = {} as SessionOf<LibraryKeys>;
  expectTypeOf(session.get("flash")).toEqualTypeOf<string[] | undefined>();
  expectTypeOf(session.get("flash", [])).toEqualTypeOf<string[]>();
  expectTypeOf(session.get("theme", null)).toEqualTypeOf<"dark" | "light" | null>();
  expectTypeOf(session.require("seen")).toEqualTypeOf<number>();
  expectTypeOf(session.pop("address")).toEqualTypeOf<{ city: string } | null | undefined>();
  expectTypeOf(session.setDefault("theme", "dark")).toEqualTypeOf<"dark" | "light">();
  expectTypeOf(session.update("seen", (n = 0) => n + 1)).toEqualTypeOf<number>();
  session.update("flash", (list = []) => [...list, "saved"]);
  session.update("flash", () => undefined);
  expectTypeOf(session.once("seen", async (n = 0) => n + 1)).resolves.toEqualTypeOf<number | undefined>();
  // @ts-expect-error not of the key's type
  session.once("seen", async () => "1");
  // @ts-expect-error not a key of the library
  session.once("other", async () => 1);
  session.set("flash", []).set("theme", "light").assign({ seen: 1 });
  session.login("ada");
  session.modified = true;
  expectTypeOf(session.userId).toEqualTypeOf<string | null>();
  expectTypeOf(session.save()).toEqualTypeOf<Promise<boolean>>();
  // @ts-expect-error not one of its keys
  session.get("cart");
  // @ts-expect-error not of its type
  session.set("theme", "grey");
  // @ts-expect-error not of its type
  session.update("seen", () => "1");
  // @ts-expect-error the other keys are the application's
  session.keys();
  // @ts-expect-error the other keys are the application's
  session.clear();
  // @ts-expect-error the other keys are the application's
  [...session];
});

test("the session of an application fits a SessionOf whose keys it has", () => {
  const take = (_session: SessionOf<LibraryKeys>) => {};
  take({} as Session<LibraryKeys>);
  take({} as Session<LibraryKeys & { cart: number[] }>);
  take({} as SessionOf<LibraryKeys & { cart: number[] }>);
  take(session);
  // @ts-expect-error it has not all the keys
  take({} as Session<Omit<LibraryKeys, "theme">>);
  // @ts-expect-error its values may be of another type
  take({} as Session<LibraryKeys & { flash: number }>);
  // @ts-expect-error its values may be of another type
  take({} as Session<Omit<LibraryKeys, "theme"> & { theme: string }>);
});

test("createSessions, open, withSession and Hono's session take the type of the data", async () => {
  interface Keys {
    n: number;
  }
  const sessions = createSessions<Keys>({ store });
  const opened = await sessions.open(null, { secure: true });
  expectTypeOf(opened).toEqualTypeOf<Session<Keys>>();
  sessions.commit(opened, { status: 200 });
  expectTypeOf(await createSessions({ store }).open(null, { secure: true })).toEqualTypeOf<Session>();
  const respond = (n: number) => new Response(String(n));

  withSession(sessions, (_request, session) => respond(session.get("n", 0)));
  withSession<Keys>({ store }, (_request, session) => respond(session.get("n", 0)));
  withSession({ store }, (_request, session: Session<Keys>) => respond(session.get("n", 0)));
  withSession(sessions, (_request, session, env: { start: number }) => respond(session.get("n", env.start)));
  const handler: SessionHandler<[], Keys> = (_request, session) => respond(session.require("n"));
  withSession(sessions, handler);
  // @ts-expect-error not declared
  withSession(sessions, (_request, session) => respond(session.get("m", 0)));
  // @ts-expect-error another application's sessions
  withSession(createSessions<{ m: number }>({ store }), handler);

  expectTypeOf(hono(sessions)).toEqualTypeOf(hono<Keys>({ store }));
});

test("cookie names with a prefix exclude what breaks their promise", () => {
  const cookies = [
    () => createSessions({ store, cookie: { name: "__Host-x" } }),
    () => createSessions({ store, cookie: { name: "__Host-x", path: "/", secure: true, domain: undefined } }),
    () => createSessions({ store, cookie: { name: "__Secure-x", domain: "example.com", secure: "auto" } }),
    () => createSessions({ store, cookie: { name: "x", domain: "example.com", secure: false } }),
    () => createSessions({ store, cookie: { domain: "example.com", path: "/a" } }),
    // @ts-expect-error __Host- allows no domain
    () => createSessions({ store, cookie: { name: "__Host-x", domain: "a" } }),
    // @ts-expect-error __Host- allows no path but "/"
    () => createSessions({ store, cookie: { name: "__Host-x", path: "/a" } }),
    // @ts-expect-error __Host- is always Secure
    () => createSessions({ store, cookie: { name: "__Host-x", secure: false } }),
    // @ts-expect-error __Secure- is always Secure
    () => createSessions({ store, cookie: { name: "__Secure-x", secure: false } }),
    // @ts-expect-error the Express adapter takes the same
    () => express({ store, cookie: { name: "__Host-x", domain: "a" } }),
    // @ts-expect-error
    () => express({ store, cookie: { name: "__Secure-x", secure: false } }),
    // @ts-expect-error and so does the one for node:http
    () => node({ store, cookie: { name: "__Host-x", domain: "a" } }, () => {}),
    () => express({ store, cookie: { name: "__Host-x" } }),
    () => express(),
    () => express(createSessions({ store })),
  ];
  assertType<(() => unknown)[]>(cookies);
});

test("options are checked by name and by value", () => {
  const options = [
    () => createSessions({ store, onConflict: (_key, _base, mine) => mine }),
    // @ts-expect-error there is no such option
    () => createSessions({ store, saveUninitialized: true }),
    // @ts-expect-error "mine", "theirs", "error" or a function
    () => createSessions({ store, onConflict: "ours" }),
    // @ts-expect-error seconds
    () => createSessions({ store, cookieAge: "2w" }),
    // @ts-expect-error "lax", "strict" or "none"
    () => createSessions({ store, cookie: { sameSite: "Lax" } }),
    // @ts-expect-error a store is made by calling its factory
    () => createSessions({ store: memoryStore }),
  ];
  assertType<(() => unknown)[]>(options);
});

test("an option may be undefined, also with exactOptionalPropertyTypes", () => {
  const maybe = <T>(value: T): T | undefined => value;
  const options = [
    () =>
      createSessions({ store, idleTimeout: maybe(900), clock: maybe(Date.now), onConflict: maybe("mine") }),
    () => createSessions({ store, cookie: maybe({ name: maybe("sid"), secure: maybe(true) }) }),
    () => express({ store: maybe(store), cookie: { sameSite: maybe("none"), domain: undefined } }),
    () => createSessions({ store, cookie: { name: "__Host-x", secure: maybe(true), path: undefined } }),
  ];
  assertType<(() => unknown)[]>(options);
  session.getExpiryAge({ modification: maybe(new Date()), expiry: undefined });
});

test("Express requests carry a session that cannot be replaced", () => {
  const request = {} as Request;
  expectTypeOf(request.session).toEqualTypeOf<Session>();
  // @ts-expect-error read-only
  request.session = {};
});
