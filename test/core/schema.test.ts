import { type } from "arktype";
import { createSessions, memoryStore, type Options, SettingsError, type Store } from "coatcheck";
import { signedCookieStore } from "coatcheck/cookies";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Browser } from "../instruments/browser.ts";
import { overhear } from "../instruments/overheard.ts";

/** The same shape in three libraries. */
const schemas = {
  zod: z.object({ visits: z.number().optional(), cart: z.array(z.object({ title: z.string() })).optional() }),
  valibot: v.object({
    visits: v.optional(v.number()),
    cart: v.optional(v.array(v.object({ title: v.string() }))),
  }),
  arktype: type({ "visits?": "number", "cart?": type({ title: "string" }).array() }),
};

function site(options: Partial<Options> = {}, store: Store = memoryStore()) {
  const browser = new Browser(createSessions({ store, ...options }));
  /** A browser with the same cookie at another release of the site. */
  const at = (options: Partial<Options>) => {
    const other = new Browser(createSessions({ store, ...options }));
    for (const [name, value] of browser.jar) other.jar.set(name, value);
    return other;
  };
  return { browser, at, store };
}

describe.each(Object.entries(schemas))("a schema of %s", (_library, schema) => {
  it("lets through what fits", async () => {
    const { browser } = site({ schema });
    await browser.visit((session) => session.set("visits", 1).set("cart", [{ title: "Emma" }]));
    await browser.visit((session) => session.update("visits", (n: number) => n + 1));
    expect(await browser.sees()).toEqual({ visits: 2, cart: [{ title: "Emma" }] });
  });

  it("refuses a write that does not fit, names the place and shows no data; nothing is stored", async () => {
    const { browser } = site({ schema });
    await browser.visit((session) => session.set("visits", 1));
    const refused = browser.visit((session) =>
      session.set("visits", 2).set("cart", [{ title: "a" }, { title: 12345 }]),
    );
    await expect(refused).rejects.toThrow(TypeError);
    await expect(refused).rejects.toThrow("cart[1].title");
    await expect(refused).rejects.not.toThrow("12345");
    await expect(
      new Browser(createSessions({ store: memoryStore(), schema })).visit((session) =>
        session.set("visits", "x"),
      ),
    ).rejects.toThrow(/schema at visits,/);
    expect(await browser.sees()).toEqual({ visits: 1 });
  });

  it("drops at read the keys that do not fit, and an event names them; the visitor stays signed in", async () => {
    const { browser, at } = site();
    await browser.visit((session) =>
      session
        .set("visits", "many")
        .set("cart", [{ title: "Emma" }])
        .login("ann"),
    );
    const { of } = overhear();
    const release = at({ schema });
    const session = await release.open();
    expect([session.userId, session.toObject()]).toEqual(["ann", { cart: [{ title: "Emma" }] }]);
    expect(of("misfit")).toEqual([{ session: expect.stringMatching(/^[0-9a-f]{12}$/), keys: ["visits"] }]);
    expect((await release.respond(session)).cookie).toBe("none");
    expect(await browser.sees(), "only reading changes nothing").toMatchObject({ visits: "many" });
    await release.visit((session) => session.set("visits", 3));
    expect(await browser.sees()).toEqual({ visits: 3, cart: [{ title: "Emma" }] });
  });
});

describe("the option schema", () => {
  it("costs no event and no look while the data is not looked at", async () => {
    const { browser, at } = site();
    await browser.visit((session) => session.set("visits", "many"));
    const { of } = overhear();
    await at({ schema: schemas.zod }).visit();
    expect(of("misfit")).toEqual([]);
  });

  it("an issue without a path drops all keys", async () => {
    const { browser, at } = site();
    await browser.visit((session) => session.set("a", 1).set("b", 2).login("ann"));
    const schema = z.looseObject({}).refine((data) => !("a" in data && "b" in data));
    const session = await at({ schema }).open();
    expect([session.userId, session.toObject()]).toEqual(["ann", {}]);
  });

  it("so does one beside issues that name keys", async () => {
    const { browser, at } = site();
    await browser.visit((session) => session.set("a", 1).set("b", 2));
    const issues = [{ message: "no", path: ["a"] }, { message: "none" }];
    const validate = (value: unknown) => ("a" in (value as object) ? { issues } : { value: {} });
    const own = { "~standard": { version: 1, vendor: "test", validate } } as const;
    expect((await at({ schema: own }).open()).toObject()).toEqual({});
  });

  it("a path that leads to no key drops all, instead of asking forever", async () => {
    const { browser, at } = site();
    await browser.visit((session) => session.set("a", 1));
    const schema = z.looseObject({}).superRefine((data, context) => {
      if ("a" in data) context.addIssue({ code: "custom", path: ["b"], message: "with a there must be b" });
    });
    expect(await at({ schema }).sees()).toEqual({});
  });

  it("a schema that throws at some data drops that data at read", async () => {
    const { browser, at } = site();
    await browser.visit((session) => session.set("list", 5));
    const schema = z.object({
      list: z
        .any()
        .transform((list) => list?.map(String))
        .optional(),
    });
    expect(await at({ schema }).sees()).toEqual({});
  });

  it("a schema that is asynchronous at one key refuses to write it", async () => {
    const schema = z.object({
      name: z
        .string()
        .refine(async () => true)
        .optional(),
    });
    const { browser } = site({ schema });
    await expect(browser.visit((session) => session.set("name", "Ada"))).rejects.toThrow("synchronous");
    expect(await browser.sees()).toEqual({});
  });

  it("a transform runs on reading, and its output is what a write stores and must fit", async () => {
    const { browser, at } = site();
    await browser.visit((session) => session.set("name", "  Ada "));
    const schema = z.object({ name: z.string().trim().optional(), theme: z.string().default("light") });
    const release = at({ schema });
    expect(await release.sees()).toEqual({ name: "Ada", theme: "light" });
    await release.visit((session) => session.set("theme", "dark"));
    expect(await browser.sees()).toEqual({ name: "Ada", theme: "dark" });
    const oneWay = z.object({
      name: z
        .string()
        .transform((name) => name.length)
        .optional(),
    });
    const broken = at({ schema: oneWay });
    expect(await broken.sees()).toEqual({ name: 3 });
    await expect(broken.visit((session) => session.cycleKey())).rejects.toThrow("must take its own output");
  });

  it("a transform makes no conflict of its own", async () => {
    const { browser, at } = site();
    await browser.visit((session) => session.set("name", " Ada ").set("n", 1));
    const schema = z.object({ name: z.string().trim().optional(), n: z.number().optional() });
    const release = at({ schema, onConflict: "error" });
    const [one, two] = [await release.open(), await release.open()];
    one.set("n", 2);
    two.set("name", "Eve");
    await release.respond(one);
    await release.respond(two);
    expect(await browser.sees()).toEqual({ name: "Eve", n: 2 });
  });

  it("is checked on the data that is there then: two writes that fit alone and not together", async () => {
    const schema = z.looseObject({}).refine((data) => !("a" in data && "b" in data), { path: ["a"] });
    const { browser } = site({ schema });
    await browser.visit((session) => session.set("c", 1));
    const [one, two] = [await browser.open(), await browser.open()];
    one.set("a", 1);
    two.set("b", 1);
    await browser.respond(one);
    await expect(browser.respond(two)).rejects.toThrow("schema at a,");
    expect(await browser.sees()).toEqual({ c: 1, a: 1 });
  });

  it("defaults are there for a new visitor, and create no session", async () => {
    const { browser } = site({ schema: z.object({ theme: z.string().default("light") }) });
    const reply = await browser.visit((session) => expect(session.get("theme")).toBe("light"));
    expect(reply.cookie).toBe("none");
    await browser.visit((session) => session.login("ann"));
    await browser.visit((session) => session.logout());
    expect(await browser.sees()).toEqual({ theme: "light" });
  });

  it("holds for once(), save() and a login by a moved key", async () => {
    const { browser } = site({ schema: schemas.zod });
    await browser.visit((session) => session.set("visits", 1));
    const session = await browser.open();
    await expect(session.once("visits", async () => "many")).rejects.toThrow("schema at visits,");
    session.set("visits", "more");
    await expect(session.save()).rejects.toThrow("schema at visits,");
    expect(await browser.sees()).toEqual({ visits: 1 });
    const thief = browser.copy();
    const late = await thief.open();
    await browser.visit((session) => session.login("ann"));
    late.set("visits", "none").login("bob");
    await expect(thief.respond(late)).rejects.toThrow("schema at visits,");
  });

  it("holds for sessions in the cookie", async () => {
    const store = signedCookieStore({ secrets: ["a secret of at least thirty-two characters"] });
    const { browser } = site({ schema: schemas.zod }, store);
    await browser.visit((session) => session.set("visits", 1));
    expect(await browser.sees()).toEqual({ visits: 1 });
    await expect(browser.visit((session) => session.set("visits", "x"))).rejects.toThrow("schema at visits,");
  });

  it("corrupt data stays corrupt", async () => {
    const { browser, at, store } = site();
    await browser.visit((session) => session.set("visits", 1));
    const read = store.read;
    store.read = async (...given) => {
      const seen = await read(...given);
      return typeof seen === "object" && seen !== null ? { ...seen, data: "{" } : seen;
    };
    const { of } = overhear();
    expect(await at({ schema: schemas.zod }).sees()).toEqual({});
    expect([of("corrupt").length, of("misfit").length]).toEqual([1, 0]);
  });

  const mistakes: [string, unknown, string | RegExp][] = [
    ["a schema that an empty session does not fit", z.object({ visits: z.number() }), /now it wants visits/],
    ["an asynchronous schema", z.object({}).refine(async () => true), /synchronous/],
    ["no schema", { visits: "number" }, /Standard Schema/],
    ["null", null, /Standard Schema/],
  ];
  it.each(mistakes)("%s is refused at start", (_what, schema, message) => {
    const start = () => createSessions({ store: memoryStore(), schema } as Options);
    expect(start).toThrow(SettingsError);
    expect(start).toThrow(message);
  });

  it("a transform whose output is not JSON is refused where it shows, by name", async () => {
    const { browser, at } = site();
    await browser.visit((session) => session.set("day", "2031-05-06"));
    await expect(at({ schema: z.object({ day: z.coerce.date().optional() }) }).sees()).rejects.toThrow(
      "day is a Date",
    );
  });
});
