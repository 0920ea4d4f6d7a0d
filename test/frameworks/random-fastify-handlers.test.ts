/** Random handlers of Fastify: with sessions they answer the same as without. */
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { memoryStore } from "coatcheck";
import { session } from "coatcheck/fastify";
import fc from "fast-check";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { afterAll, beforeAll, test } from "vitest";
import { brokenStream, partsStream } from "../instruments/node-streams.ts";
import {
  apart,
  expectSame,
  methods,
  type Notes,
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

const runs = Number(process.env.COATCHECK_RUNS ?? 100);

const step = fc.constantFrom<Step<FastifyReply>>(
  named('header("X-A", "1")', (r) => r.header("X-A", "1")),
  named('header("X-A", ["2", "3"])', (r) => r.header("X-A", ["2", "3"])),
  named('header("Set-Cookie", "a=1")', (r) => r.header("Set-Cookie", "a=1")),
  named('headers({ "X-B": 1, ETag: "2" })', (r) => r.headers({ "X-B": 1, ETag: "2" })),
  named('header("Content-Length", 3)', (r) => r.header("Content-Length", 3)),
  named('removeHeader("X-A")', (r) => r.removeHeader("X-A")),
  named('getHeader("X-A")', (r) => r.getHeader("X-A")),
  named("getHeaders()", (r) => r.getHeaders()),
  named('hasHeader("x-b")', (r) => r.hasHeader("x-b")),
  named('type("text/html")', (r) => r.type("text/html")),
  named("code(201)", (r) => r.code(201)),
  named("code(204)", (r) => r.code(204)),
  named("code(304)", (r) => r.code(304)),
  named("code(404)", (r) => r.code(404)),
  named("code(500)", (r) => r.code(500)),
  named("code(42)", (r) => r.code(42)),
  named("sent", (r) => r.sent),
  named("statusCode", (r) => r.statusCode),
  named("raw.headersSent", (r) => r.raw.headersSent),
  named('raw.setHeader("X-R", "1")', (r) => r.raw.setHeader("X-R", "1") && undefined),
  named("serializer()", (r) => r.serializer((given: unknown) => `<${String(given)}>`)),
  named("writeEarlyHints()", (r) => r.writeEarlyHints({ link: "</a>; rel=preload" })),
  turn as Step<FastifyReply>,
);

/** What a handler sends or returns. */
const payloads: Record<string, (told: Told) => unknown> = {
  '"héllo"': () => "héllo",
  '""': () => "",
  "a Buffer": () => Buffer.from("abc"),
  bytes: () => new Uint8Array([1, 2]),
  "{ a: 1 }": () => ({ a: 1 }),
  "70,000 letters": () => "0".repeat(70_000),
  null: () => null,
  undefined: () => undefined,
  "a stream": (told) => partsStream(told, ["a", "0".repeat(20_000), "b"]),
  "an empty stream": (told) => partsStream(told, []),
  "a stream that fails at first": (told) => brokenStream(told, []),
  "a stream that fails": (told) => brokenStream(told, ["a"]),
  "a web stream": () => Readable.toWeb(Readable.from([Buffer.from("w")])),
  "a Response": () => new Response("web", { status: 203, headers: { "X-W": "1", "Set-Cookie": "w=1" } }),
  "an Error": () => new Error("sent"),
  "a circle": () => {
    const circle: { itself?: unknown } = {};
    circle.itself = circle;
    return circle;
  },
};
const payload = fc.constantFrom(...Object.entries(payloads));

const hijacked = (name: string, run: (response: FastifyReply["raw"], told: Told) => void) =>
  named<FastifyReply>(`hijack(), ${name}`, (r, told) => {
    r.hijack();
    run(r.raw, told);
    return "ignored";
  });

const ending = fc.oneof(
  payload.map(([text, make]) => named<FastifyReply>(`return ${text}`, (_, told) => make(told))),
  payload.map(([text, make]) => named<FastifyReply>(`return send(${text})`, (r, told) => r.send(make(told)))),
  payload.map(([text, make]) =>
    named<FastifyReply>(`send(${text}), later return reply`, async (r, told) => {
      r.send(make(told));
      await turn.run(r, told);
      return r;
    }),
  ),
  fc.constantFrom<Step<FastifyReply>>(
    named("redirect()", (r) => r.redirect("/ö")),
    named("redirect(301)", (r) => r.redirect("/there", 301)),
    named("callNotFound()", (r) => r.callNotFound()),
    named("throw new Error()", () => {
      throw Object.assign(new Error("broken"), { code: "BROKEN" });
    }),
    named("throw with statusCode 418", () => {
      throw Object.assign(new Error("teapot"), { statusCode: 418 });
    }),
    named("send, then throw", (r) => {
      r.send("first");
      throw new Error("too late");
    }),
    hijacked("raw.end()", (raw, told) => raw.end("raw", told("ended"))),
    hijacked("raw.writeHead(), raw.end()", (raw) => raw.writeHead(202, { "X-H": "1" }).end("raw")),
    hijacked("raw.write(), later raw.end()", (raw, told) => {
      raw.write("a", told("wrote"));
      setImmediate(() => raw.end("b"));
    }),
    hijacked("pipe", (raw, told) => void partsStream(told, ["a", "b"]).pipe(raw)),
    hijacked("raw.destroy()", (raw) => void raw.destroy()),
  ),
);

const program: fc.Arbitrary<Program<FastifyReply>> = fc.record({
  steps: fc.array(step, { maxLength: 5 }),
  ending,
});

/** The hooks note that they were called; the answer to errors is Fastify's, or one of the application. */
async function application(use: SessionUse | null, answersErrors: boolean): Promise<FastifyInstance> {
  const app = Fastify({ forceCloseConnections: true });
  watch(app.server);
  const notesOf = ({ raw }: FastifyRequest): Notes => servingAt(raw.url as string).notes;
  const note = (request: FastifyRequest, event: string, error?: unknown) =>
    toldTo(notesOf(request).events)(event)(error);
  app.addHook("onRequest", async (request, reply) => {
    for (const event of ["finish", "close", "error"])
      reply.raw.on(event, (error) => note(request, event, error));
    note(request, "onRequest");
  });
  if (use !== null) app.register(session, { store: memoryStore() });
  app.register(async (inner) => {
    inner.addHook("onRequest", async (request) => {
      await use?.(request.session);
    });
    inner.addHook("preSerialization", async (request, _reply, payload) => {
      note(request, "preSerialization");
      return payload;
    });
    inner.addHook("onSend", async (request, reply, payload) => {
      note(request, `onSend ${reply.statusCode} ${typeof payload} ${reply.sent}`);
      reply.header("X-Send", "1");
      return payload;
    });
    inner.addHook("onError", async (request, _reply, error) => note(request, "onError", error));
    inner.addHook("onResponse", async (request, reply) => note(request, `onResponse ${reply.statusCode}`));
    if (answersErrors) {
      inner.setErrorHandler((error, request, reply) => {
        note(request, "errorHandler", error);
        return reply.code(499).send({ fault: true });
      });
    }
    inner.setNotFoundHandler((_request, reply) => reply.code(404).send("not here"));
    inner.all("*", (request, reply) => {
      const { program, notes } = servingAt<FastifyReply>(request.raw.url as string);
      return play(program, reply, notes);
    });
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  return app;
}

/** A held response finishes later than its source. */
const sources = /^stream/;

const names = Object.keys(uses);
const applications = new Map<string, FastifyInstance>();

beforeAll(async () => {
  for (const [name, use] of Object.entries(uses)) {
    for (const answers of [true, false])
      applications.set(`${name}, ${answers}`, await application(use, answers));
  }
});
afterAll(async () => {
  for (const app of applications.values()) await app.close();
});

test(
  "a random handler is answered the same, byte for byte, with the same hooks and events",
  async () => {
    await fc.assert(
      fc.asyncProperty(methods, program, fc.boolean(), async (method, program, answers) => {
        const asked = names.map(async (name) => {
          const app = applications.get(`${name}, ${answers}`) as FastifyInstance;
          const { port } = app.server.address() as AddressInfo;
          const { events, ...others } = await visit(port, method, program as Program<never>);
          return { ...others, events: apart(events, sources) };
        });
        expectSame(names, await Promise.all(asked));
      }),
      { numRuns: runs, timeout: 20_000 },
    );
  },
  runs * 600,
);
