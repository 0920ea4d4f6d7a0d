/** Random handlers of Koa: with sessions they answer the same as without. */
import { createServer } from "node:http";
import { memoryStore } from "coatcheck";
import { session } from "coatcheck/koa";
import fc from "fast-check";
import Koa, { type Context } from "koa";
import { afterAll, beforeAll, test } from "vitest";
import { brokenStream, partsStream } from "../instruments/node-streams.ts";
import {
  apart,
  codeOf,
  expectSame,
  methods,
  named,
  type Program,
  play,
  type Step,
  servingAt,
  type Told,
  toldTo,
  turn,
  visit,
  watch,
} from "../instruments/random-handlers.ts";
import { type SessionUse, uses } from "../instruments/session-uses.ts";
import { type Running, running } from "./adapters/adapter.ts";

const runs = Number(process.env.COATCHECK_RUNS ?? 100);

const bodies: Record<string, (told: Told) => unknown> = {
  '"héllo"': () => "héllo",
  '"<p>"': () => "<p>",
  '""': () => "",
  "a Buffer": () => Buffer.from("abc"),
  "{ a: 1 }": () => ({ a: 1 }),
  "70,000 letters": () => "0".repeat(70_000),
  null: () => null,
  undefined: () => undefined,
  "a stream": (told) => partsStream(told, ["a", "0".repeat(20_000), "b"]),
  "an empty stream": (told) => partsStream(told, []),
  "a stream that fails": (told) => brokenStream(told, ["a"]),
  "a stream that fails at first": (told) => brokenStream(told, []),
  "a web stream": () => new Blob(["w"]).stream(),
  "a Blob": () => new Blob(["blob"]),
  "a Response": () => new Response("web", { status: 203, headers: { "X-W": "1" } }),
};

const body = fc.constantFrom(...Object.entries(bodies)).map(([text, make]) =>
  named<Context>(`ctx.body = ${text}`, (ctx, told) => {
    ctx.body = make(told);
  }),
);

const step = fc.oneof(
  body,
  fc.constantFrom(200, 201, 204, 304, 404, 500, 42).map((status) =>
    named<Context>(`ctx.status = ${status}`, (ctx) => {
      ctx.status = status;
    }),
  ),
  fc.constantFrom<Step<Context>>(
    named('set("X-A", "1")', (ctx) => ctx.set("X-A", "1")),
    named('set("X-A", ["2", "3"])', (ctx) => ctx.set("X-A", ["2", "3"])),
    named('append("X-A", "4")', (ctx) => ctx.append("X-A", "4")),
    named('append("Set-Cookie", "a=1")', (ctx) => ctx.append("Set-Cookie", "a=1")),
    named('set("X-A", "a\\nb")', (ctx) => ctx.set("X-A", "a\nb")),
    named('remove("X-A")', (ctx) => ctx.remove("X-A")),
    named('remove("Content-Type")', (ctx) => ctx.remove("Content-Type")),
    named('type = "html"', (ctx) => {
      ctx.type = "html";
    }),
    named("length = 3", (ctx) => {
      ctx.length = 3;
    }),
    named('etag = "1"', (ctx) => {
      ctx.etag = "1";
    }),
    named('message = "Fine"', (ctx) => {
      ctx.message = "Fine";
    }),
    named("redirect()", (ctx) => ctx.redirect("/ö")),
    named('attachment("a.txt")', (ctx) => ctx.attachment("a.txt")),
    named("status", (ctx) => ctx.status),
    named("type", (ctx) => ctx.type),
    named("headerSent, writable", (ctx) => [ctx.headerSent, ctx.writable]),
    named("cookies.set()", (ctx) => void ctx.cookies.set("k", "v")),
    turn as Step<Context>,
  ),
);

const byHand = (name: string, run: (res: Context["res"], told: Told) => void) =>
  named<Context>(`respond = false, ${name}`, (ctx, told) => {
    ctx.respond = false;
    run(ctx.res, told);
  });

const ending = fc.oneof(
  { weight: 4, arbitrary: fc.constant(named<Context>("return", () => undefined)) },
  { weight: 2, arbitrary: body },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Step<Context>>(
      named("throw(401)", (ctx) => ctx.throw(401, "no", { headers: { "X-T": "1" } })),
      named("throw(500)", (ctx) => ctx.throw(500)),
      named("assert()", (ctx) => ctx.assert(false, 409)),
      named("throw new Error()", () => {
        throw new Error("broken");
      }),
      named("throw ENOENT", () => {
        throw Object.assign(new Error("no file"), { code: "ENOENT" });
      }),
      named("flushHeaders(), body", (ctx) => {
        ctx.flushHeaders();
        ctx.body = "flushed";
      }),
      byHand("end()", (res, told) => res.end("raw", told("ended"))),
      byHand("writeHead(), end()", (res) => res.writeHead(202, { "X-H": "1" }).end("raw")),
      byHand("write(), later end()", (res, told) => {
        res.write("a", told("wrote"));
        setImmediate(() => res.end("b"));
      }),
      byHand("pipe", (res, told) => void partsStream(told, ["a", "b"]).pipe(res)),
      byHand("destroy()", (res) => void res.destroy()),
    ),
  },
);

const program: fc.Arbitrary<Program<Context>> = fc.record({
  steps: fc.array(step, { maxLength: 5 }),
  ending,
});

/** Middlewares outside of the session and inside note how it ended; where `answersErrors`, the outer one answers errors. */
function application(use: SessionUse | null, answersErrors: boolean): Koa {
  const app = new Koa();
  app.on("error", (error, ctx) => toldTo(servingAt(ctx.req.url).notes.events)("app error")(error));
  app.use(async (ctx, next) => {
    const { events } = servingAt(ctx.req.url as string).notes;
    const told = toldTo(events);
    for (const event of ["finish", "close", "error"]) ctx.res.on(event, told(event));
    ctx.set("X-Outer", "1");
    try {
      await next();
      told(`outer ${ctx.status} ${typeof ctx.body} ${ctx.response.length}`)();
    } catch (error) {
      told(`outer threw ${ctx.status}`)(error);
      if (!answersErrors) throw error;
      ctx.status = 418;
      ctx.body = codeOf(error);
    }
    if (!ctx.headerSent) ctx.set("X-Late", "1");
  });
  if (use !== null) app.use(session({ store: memoryStore() }));
  app.use(async (ctx, next) => {
    await use?.(ctx.session);
    await next();
  });
  app.use(async (ctx) => {
    const { program, notes } = servingAt<Context>(ctx.req.url as string);
    await play(program, ctx, notes);
  });
  return app;
}

const names = Object.keys(uses);
const servers = new Map<string, Running>();

beforeAll(async () => {
  for (const [name, use] of Object.entries(uses)) {
    for (const answers of [true, false]) {
      const server = createServer(application(use, answers).callback());
      watch(server);
      servers.set(`${name}, ${answers}`, await running(server));
    }
  }
});
afterAll(async () => {
  for (const server of servers.values()) await server.close();
});

/** A held response finishes later than its source, and one source may end beside another. */
const sources = /^stream/;

test(
  "a random handler is answered the same, byte for byte, with the same events",
  async () => {
    await fc.assert(
      fc.asyncProperty(methods, program, fc.boolean(), async (method, program, answers) => {
        const asked = names.map(async (name) => {
          const { port } = servers.get(`${name}, ${answers}`) as Running;
          const { events, ...others } = await visit(port, method, program as Program<never>);
          const [ofSources, ofOthers] = apart(events, sources);
          return { ...others, events: [ofSources?.sort(), ofOthers] };
        });
        expectSame(names, await Promise.all(asked));
      }),
      { numRuns: runs, timeout: 20_000 },
    );
  },
  runs * 600,
);
