/** A program that declares no keys, and gives a schema: the sessions have its types. */
import { type } from "arktype";
import {
  createSessions,
  memoryStore,
  type Options,
  type Session,
  type SessionOf,
  type Sessions,
} from "coatcheck";
import { session as express } from "coatcheck/express";
import { withSession } from "coatcheck/fetch";
import { session as hono } from "coatcheck/hono";
import { session as node } from "coatcheck/node";
import { sessionCookie } from "coatcheck/testing";
import { Hono } from "hono";
import * as v from "valibot";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

const store = memoryStore();
const schema = z.object({ visits: z.number().optional(), theme: z.enum(["dark", "light"]).default("light") });

/** Compiles only where the session has the keys of the schema, and no others. */
function uses(session: Session<z.infer<typeof schema>>) {
  expectTypeOf(session.get("visits")).toEqualTypeOf<number | undefined>();
  expectTypeOf(session.get("theme")).toEqualTypeOf<"dark" | "light" | undefined>();
  // @ts-expect-error not in the schema
  session.get("visit");
  // @ts-expect-error a number
  session.set("visits", "1");
}

test("createSessions takes the types of a schema of zod, valibot and arktype", async () => {
  const sessions = createSessions({ store, schema });
  uses(await sessions.open(null, { secure: false }));
  const valibot = createSessions({ store, schema: v.object({ visits: v.optional(v.number()) }) });
  const arktype = createSessions({ store, schema: type({ "visits?": "number" }) });
  const ofValibot = await valibot.open(null, { secure: false });
  const ofArktype = await arktype.open(null, { secure: false });
  expectTypeOf(ofValibot.get("visits")).toEqualTypeOf<number | undefined>();
  expectTypeOf(ofArktype.get("visits")).toEqualTypeOf<number | undefined>();
  // @ts-expect-error not in the schema
  ofValibot.get("theme");
  // @ts-expect-error not in the schema
  ofArktype.get("theme");
  await sessionCookie(sessions, { data: { visits: 1 } });
  // @ts-expect-error a number
  await sessionCookie(sessions, { data: { visits: "1" } });
});

test("so do Hono, fetch and node:http, with options and with a Sessions", () => {
  const sessions = createSessions({ store, schema });
  new Hono().use(hono({ store, schema })).get("/", (c) => {
    uses(c.var.session);
    return c.text("");
  });
  new Hono().use(hono(sessions)).get("/", (c) => {
    uses(c.var.session);
    return c.text("");
  });
  withSession({ store, schema }, (_request, session) => {
    uses(session);
    return new Response();
  });
  withSession(sessions, (_request, session) => {
    uses(session);
    return new Response();
  });
  node({ store, schema }, (request) => uses(request.session));
  node(sessions, (request) => uses(request.session));
});

test("a library's SessionOf is satisfied by a session whose schema has its keys", async () => {
  const session = await createSessions({ store, schema }).open(null, { secure: false });
  const takes = (_session: SessionOf<{ visits: number }>) => {};
  takes(session);
});

test("without a schema, sessions are those of the declared keys", () => {
  expectTypeOf(createSessions({ store })).toEqualTypeOf<Sessions>();
  const options: Options = { store };
  expectTypeOf(createSessions(options)).toEqualTypeOf<Sessions>();
  expectTypeOf(createSessions<{ a: number }>({ store })).toEqualTypeOf<Sessions<{ a: number }>>();
  express({ store, schema });
});
