/** A program that declares its keys: those compile, with their types, and no others. */
import type { Session, SessionData, SessionOf } from "coatcheck";
import type { Request } from "express";
import "coatcheck/express";
import { expectTypeOf, test } from "vitest";

interface Book {
  title: string;
  pages?: number;
}

declare module "coatcheck" {
  interface SessionData {
    num_visits: number;
    theme: "dark" | "light";
    cart: Book[];
    nickname?: string;
    address: { city: string } | null;
  }
}

declare const session: Session;

test("the keys are the application's", () => {
  type Keys = "num_visits" | "theme" | "cart" | "nickname" | "address";
  expectTypeOf<keyof SessionData>().toEqualTypeOf<Keys>();
  expectTypeOf([...session.keys()]).toEqualTypeOf<Keys[]>();
});

test("only declared keys compile", () => {
  session.get("num_visits");
  // @ts-expect-error a typing error
  session.get("num_visit");
  // @ts-expect-error not declared
  session.set("user", 1);
  // @ts-expect-error not declared
  session.has("user");
  // @ts-expect-error not declared
  session.delete("user");
  // @ts-expect-error not declared
  session.pop("user");
  // @ts-expect-error not declared
  session.require("user");
  // @ts-expect-error not declared
  session.setDefault("user", 1);
  // @ts-expect-error not declared
  session.update("user", () => 1);
  // @ts-expect-error not declared
  session.assign({ user: 1 });
  const key: string = "num_visits";
  // @ts-expect-error any string will not do
  session.get(key);
});

test("values have their declared types", () => {
  expectTypeOf(session.get("num_visits")).toEqualTypeOf<number | undefined>();
  expectTypeOf(session.get("theme")).toEqualTypeOf<"dark" | "light" | undefined>();
  expectTypeOf(session.get("nickname")).toEqualTypeOf<string | undefined>();
  expectTypeOf(session.get("address")).toEqualTypeOf<{ city: string } | null | undefined>();
  expectTypeOf(session.require("num_visits")).toEqualTypeOf<number>();
  expectTypeOf(session.require("nickname")).toEqualTypeOf<string>();
  expectTypeOf(session.pop("cart")).toEqualTypeOf<Book[] | undefined>();
  session
    .set("cart", [{ title: "Emma" }])
    .set("theme", "light")
    .set("address", null);
  // @ts-expect-error a number
  session.set("num_visits", "1");
  // @ts-expect-error "dark" or "light"
  session.set("theme", "grey");
  // @ts-expect-error a book has a title
  session.set("cart", [{ pages: 1 }]);
  // @ts-expect-error to remove a key, delete it
  session.set("nickname", undefined);
});

test("a fallback is of the key's type, or null", () => {
  expectTypeOf(session.get("num_visits", 0)).toEqualTypeOf<number>();
  expectTypeOf(session.get("theme", "dark")).toEqualTypeOf<"dark" | "light">();
  expectTypeOf(session.get("cart", [])).toEqualTypeOf<Book[]>();
  expectTypeOf(session.get("num_visits", null)).toEqualTypeOf<number | null>();
  expectTypeOf(session.get("nickname", null)).toEqualTypeOf<string | null>();
  expectTypeOf(session.pop("num_visits", 0)).toEqualTypeOf<number>();
  expectTypeOf(session.pop("cart", null)).toEqualTypeOf<Book[] | null>();
  expectTypeOf(session.setDefault("cart", [])).toEqualTypeOf<Book[]>();
  expectTypeOf(session.setDefault("theme", "dark")).toEqualTypeOf<"dark" | "light">();
  // @ts-expect-error not of the key's type
  session.get("num_visits", "none");
  // @ts-expect-error not of the key's type
  session.pop("theme", "grey");
  // @ts-expect-error not of the key's type
  session.setDefault("num_visits", "0");
  // @ts-expect-error null is not stored unless declared
  session.setDefault("num_visits", null);
});

test("update is given the value or undefined, and returns the next or undefined", () => {
  expectTypeOf(session.update("num_visits", (n = 0) => n + 1)).toEqualTypeOf<number>();
  session.update("num_visits", (n) => {
    expectTypeOf(n).toEqualTypeOf<number | undefined>();
    return n;
  });
  session.update("theme", (theme) => (theme === "dark" ? "light" : "dark"));
  session.update("cart", (cart = []) => [...cart, { title: "Emma" }]);
  expectTypeOf(session.update("nickname", () => undefined)).toEqualTypeOf<undefined>();
  // @ts-expect-error not of the key's type
  session.update("num_visits", () => "1");
  // @ts-expect-error it may run again, so it is synchronous
  session.update("num_visits", async (n = 0) => n + 1);
  // @ts-expect-error it may run again, so it is synchronous
  session.update("num_visits", () => Promise.resolve(1));
});

test("once is given the value or undefined, and resolves to one of them, as another request may have stored it", () => {
  expectTypeOf(session.once("num_visits", async (n = 0) => n + 1)).resolves.toEqualTypeOf<
    number | undefined
  >();
  session.once("cart", (cart = []) => [...cart, { title: "Emma" }], { lease: 10 });
  session.once("nickname", async () => undefined);
  // @ts-expect-error not of the key's type
  session.once("num_visits", async () => "1");
  // @ts-expect-error not declared
  session.once("user", async () => 1);
});

test("assign takes some of the members, and leaves out those that are undefined", () => {
  session.assign({ num_visits: 1, nickname: "Ada" });
  session.assign({ num_visits: undefined });
  session.assign({});
  // @ts-expect-error not of the key's type
  session.assign({ num_visits: "1" });
});

test("iteration yields entries, like a Map", () => {
  type Key = keyof SessionData;
  type Value = number | string | Book[] | { city: string } | null;
  expectTypeOf([...session]).toEqualTypeOf<[Key, Value][]>();
  expectTypeOf([...session.values()]).toEqualTypeOf<Value[]>();
  expectTypeOf(session.toObject().num_visits).toEqualTypeOf<number | undefined>();
  session.forEach((value, key) => {
    expectTypeOf(value).toEqualTypeOf<Value>();
    expectTypeOf(key).toEqualTypeOf<Key>();
  });
});

test("the session of a request knows the keys, and a library's session has its own", () => {
  expectTypeOf(({} as Request).session.get("num_visits", 0)).toEqualTypeOf<number>();
  const library = {} as Session<{ a: number }>;
  expectTypeOf(library.get("a", 0)).toEqualTypeOf<number>();
  expectTypeOf(library.get("a", null)).toEqualTypeOf<number | null>();
  // @ts-expect-error the application's, not the library's
  library.get("num_visits");
  const open = {} as Session<object>;
  expectTypeOf(open.get("anything", "")).toEqualTypeOf<string>();
});

test("the session of a request fits a library that asks for some of the declared keys", () => {
  const take = (_session: SessionOf<{ num_visits: number; cart: Book[]; nickname?: string }>) => {};
  take(({} as Request).session);
  // @ts-expect-error not declared
  const flash: SessionOf<{ flash: string[] }> = session;
  expectTypeOf(flash.get("flash", [])).toEqualTypeOf<string[]>();
});

test("data is no member of a session", () => {
  // @ts-expect-error session.set("num_visits", 1)
  session.num_visits = 1;
  // @ts-expect-error only login() changes the user
  session.userId = "ada";
});
