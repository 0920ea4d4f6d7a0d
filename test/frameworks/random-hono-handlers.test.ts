/** Random handlers of Hono: with sessions they answer the same as without. */
import { createAdaptorServer } from "@hono/node-server";
import { memoryStore } from "coatcheck";
import { type SessionEnv, session } from "coatcheck/hono";
import fc from "fast-check";
import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { stream, streamText } from "hono/streaming";
import { afterAll, beforeAll, describe, test, vi } from "vitest";
import { settle } from "../instruments/loopback.ts";
import {
  apart,
  codeOf,
  expectSame,
  methods,
  named,
  type Program,
  play,
  prepare,
  type Step,
  servingAt,
  toldTo,
  turn,
  visit,
  watch,
} from "../instruments/random-handlers.ts";
import { type SessionUse, uses } from "../instruments/session-uses.ts";
import { type Body, body, look, messageOf, type Reader, readers } from "../instruments/web-responses.ts";
import { type Running, running } from "./adapters/adapter.ts";

type C = Context<SessionEnv>;

const runs = Number(process.env.COATCHECK_RUNS ?? 150);

const step = fc.constantFrom<Step<C>>(
  named('c.header("X-A", "1")', (c) => c.header("X-A", "1")),
  named('c.header("X-A", "2", { append: true })', (c) => c.header("X-A", "2", { append: true })),
  named('c.header("X-A", undefined)', (c) => c.header("X-A", undefined)),
  named('c.header("Set-Cookie", "a=1", { append: true })', (c) =>
    c.header("Set-Cookie", "a=1", { append: true }),
  ),
  named('c.header("Content-Type", "text/x")', (c) => c.header("Content-Type", "text/x")),
  named('c.header("X-A", "a\\nb")', (c) => c.header("X-A", "a\nb")),
  named("c.status(201)", (c) => c.status(201)),
  named("c.status(404)", (c) => c.status(404)),
  named("c.status(500)", (c) => c.status(500)),
  named("c.finalized", (c) => c.finalized),
  named("c.res.status", (c) => c.res.status),
  named('c.res.headers.append("X-B", "1")', (c) => c.res.headers.append("X-B", "1")),
  named('c.res = new Response("set")', (c) => {
    c.res = new Response("set", { headers: { "X-C": "1", "Set-Cookie": "b=2" } });
  }),
  named("c.set()", (c) => c.set("a" as "session", 1 as never)),
  turn as Step<C>,
);

const broken = () => new Error("broken");

const ending = fc.oneof(
  fc.constantFrom<Step<C>>(
    named('c.text("héllo")', (c) => c.text("héllo")),
    named('c.text("x", 202, {})', (c) => c.text("x", 202, { "X-A": ["5", "6"] })),
    named("c.json()", (c) => c.json({ a: 1 })),
    named("c.html()", (c) => c.html("<p>")),
    named("c.html(Promise)", (c) => c.html(Promise.resolve("<p>"))),
    named("c.redirect()", (c) => c.redirect("/ö")),
    named("c.redirect(301)", (c) => c.redirect("http://elsewhere.example/", 301)),
    named("c.notFound()", (c) => c.notFound()),
    named("c.newResponse()", (c) => c.newResponse("n", 203, { "X-A": "7" })),
    named("stream()", (c, told) =>
      stream(c, async (out) => {
        out.onAbort(told("aborted"));
        await out.write("a");
        await turn.run(c, told);
        await out.write(new Uint8Array([98]));
        told("written")();
      }),
    ),
    named("stream() that fails", (c, told) =>
      stream(
        c,
        async (out) => {
          await out.write("a");
          throw broken();
        },
        async (error) => told("failed")(error),
      ),
    ),
    named("streamText()", (c) => streamText(c, async (out) => void (await out.writeln("a")))),
    named("no answer", () => undefined),
    named("throw new Error()", () => {
      throw broken();
    }),
    named("throw new HTTPException(401)", () => {
      throw new HTTPException(401, { message: "no" });
    }),
    named("throw new HTTPException(res)", () => {
      throw new HTTPException(403, { res: new Response("mine", { status: 403, headers: { "X-A": "8" } }) });
    }),
    named("throw a Response", () => {
      throw new Response("thrown", { status: 418 });
    }),
    named("return c.res", (c) => c.res),
    named("return c.res.clone()", (c) => c.res.clone()),
    named("return c.text().clone()", (c) => c.text("cloned").clone()),
    named("return await fetch(data:)", () => fetch("data:text/plain,fetched")),
  ),
  body.map((body) =>
    named<C>(`c.body(${body.text})`, (c, told) => c.body(body.run(undefined, told) as string, 200)),
  ),
  body.map((body) =>
    named<C>(
      `new Response(${body.text})`,
      (_, told) =>
        new Response(body.run(undefined, told) as Body, {
          headers: [
            ["Set-Cookie", "c=3"],
            ["Set-Cookie", "d=4"],
          ],
        }),
    ),
  ),
);

const program: fc.Arbitrary<Program<C>> = fc.record({ steps: fc.array(step, { maxLength: 5 }), ending });

const names = Object.keys(uses);

/** An application with a middleware outside of the session, one inside, and an answer of its own to errors where it has one. */
function application(use: SessionUse | null, answersErrors: boolean): Hono<SessionEnv> {
  const app = new Hono<SessionEnv>();
  app.use(async (c, next) => {
    const { events } = servingAt(c.req.path).notes;
    const told = toldTo(events);
    c.header("X-Outer", "1");
    await next();
    told(`outer ${c.res.status} ${c.finalized} ${codeOf(c.error)}`)();
    c.header("X-Late", "1");
  });
  if (use !== null) app.use(session({ store: memoryStore() }));
  app.use(async (c, next) => {
    const { events } = servingAt(c.req.path).notes;
    await use?.(c.var.session);
    await next();
    toldTo(events)(`inner ${c.res.status} ${c.finalized} ${codeOf(c.error)}`)();
  });
  app.all("*", (c) => {
    const { program, notes } = servingAt<C>(c.req.path);
    return play(program, c, notes) as Promise<Response>;
  });
  app.notFound((c) => c.text("not here", 404, { "X-N": "1" }));
  if (answersErrors) {
    app.onError((error, c) => {
      toldTo(servingAt(c.req.path).notes.events)("onError")(error);
      return c.text(`fault: ${codeOf(error)}`, 500);
    });
  }
  return app;
}

const applications = new Map(
  names.flatMap((name) =>
    [true, false].map(
      (answers) => [`${name}, ${answers}`, application(uses[name] ?? null, answers)] as const,
    ),
  ),
);

/** The middlewares; a stream of the handler runs on while the session is stored. */
const middlewares = /^(outer|inner|onError)/;

beforeAll(() => {
  vi.spyOn(console, "error").mockImplementation(() => {}); // Hono and the server tell of each handler that fails.
});
afterAll(() => void vi.restoreAllMocks());

test(
  "a random handler is answered the same as a function, with the same events",
  async () => {
    const call = async (app: Hono<SessionEnv>, method: string, program: Program<C>, reader: Reader) => {
      const { url, serving, forget } = prepare(program as Program<never>);
      const answer: unknown = await Promise.resolve(app.request(url, { method })).then(
        async (response): Promise<unknown> => look(response, reader),
        async (thrown) => (thrown instanceof Response ? look(thrown, reader) : codeOf(thrown)),
      );
      await settle();
      forget();
      const { results, events } = serving;
      return { answer, results, events: apart(events, middlewares) };
    };
    await fc.assert(
      fc.asyncProperty(methods, program, readers, fc.boolean(), async (method, program, reader, answers) => {
        const called = names.map((name) =>
          call(applications.get(`${name}, ${answers}`) as Hono<SessionEnv>, method, program, reader),
        );
        expectSame(names, await Promise.all(called));
      }),
      { numRuns: runs, timeout: 20_000 },
    );
  },
  runs * 600,
);

describe("on @hono/node-server", () => {
  const servers = new Map<string, Running>();

  beforeAll(async () => {
    for (const [name, app] of applications) {
      const fetch = async (request: Request) => {
        const response = await app.fetch(request);
        void response.body; // The server has a second way for a Response that nothing has looked at.
        return response;
      };
      const server = createAdaptorServer({ fetch });
      watch(server);
      servers.set(name, await running(server));
    }
  });
  afterAll(async () => {
    for (const server of servers.values()) await server.close();
  });

  test(
    "the bytes are the same, and the events",
    async () => {
      await fc.assert(
        fc.asyncProperty(methods, program, fc.boolean(), async (method, program, answers) => {
          const asked = names.map(async (name) => {
            const { port } = servers.get(`${name}, ${answers}`) as Running;
            const { bytes, results, events } = await visit(port, method, program as Program<never>);
            return { message: messageOf(bytes, program), results, events: apart(events, middlewares) };
          });
          expectSame(names, await Promise.all(asked));
        }),
        { numRuns: runs, timeout: 20_000 },
      );
    },
    runs * 600,
  );
});
