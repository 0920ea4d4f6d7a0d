/** Random handlers from `Request` to `Response`: with sessions they answer the same as without. */
import { createAdaptorServer } from "@hono/node-server";
import { memoryStore } from "coatcheck";
import { withSession } from "coatcheck/fetch";
import fc from "fast-check";
import { afterAll, beforeAll, describe, test, vi } from "vitest";
import { settle } from "../instruments/loopback.ts";
import {
  codeOf,
  expectSame,
  methods,
  type Notes,
  named,
  type Program,
  play,
  type Step,
  servingAt,
  turn,
  visit,
  watch,
} from "../instruments/random-handlers.ts";
import { type SessionUse, uses } from "../instruments/session-uses.ts";
import { type Body, body, look, messageOf, type Reader, readers } from "../instruments/web-responses.ts";
import { type Running, running } from "./adapters/adapter.ts";

/** The variables of a handler. */
interface Scope {
  readonly request: Request;
  response: Response;
}

const runs = Number(process.env.COATCHECK_RUNS ?? 150);

const status = fc.constantFrom(undefined, 200, 201, 204, 205, 302, 304, 404, 500, 503, 99);
const headers = fc.constantFrom<() => ResponseInit["headers"]>(
  () => undefined,
  () => ({ "X-A": "1", "Content-Type": "text/x" }),
  () => [
    ["Set-Cookie", "a=1"],
    ["Set-Cookie", "b=2"],
    ["X-A", "3"],
  ],
  () => new Headers({ "x-a": "ö", ETag: '"1"' }),
  () => ({ "X-A": "a\nb" }),
);

const making: fc.Arbitrary<Step<Scope>> = fc.oneof(
  fc
    .tuple(body, status, headers, fc.constantFrom(undefined, "Fine"))
    // On @hono/node-server such a Response is made, and only looking at it fails.
    .filter(([body, status]) => body.text === "null" || ![204, 205, 304].includes(status ?? 200))
    .map(([body, status, headers, statusText]) => {
      const given = `${status}, ${JSON.stringify(headers())}, ${statusText}`;
      return named(`response = new Response(${body.text}, ${given})`, (scope: Scope, told) => {
        const of = headers();
        const init = {
          ...(status && { status }),
          ...(of && { headers: of }),
          ...(statusText && { statusText }),
        };
        scope.response = new Response(body.run(undefined, told) as Body, init);
      });
    }),
  fc.constantFrom<Step<Scope>>(
    named("response = Response.json()", (scope) => {
      scope.response = Response.json({ a: [1] }, { status: 202 });
    }),
    named("response = Response.redirect()", (scope) => {
      scope.response = Response.redirect("http://elsewhere.example/", 303);
    }),
    named("response = Response.error()", (scope) => {
      scope.response = Response.error();
    }),
    named("response = new Response(response.body, response)", (scope) => {
      scope.response = new Response(scope.response.body, scope.response);
    }),
    named("response = response.clone()", (scope) => {
      scope.response = scope.response.clone();
    }),
    named("await fetch(data:)", async (scope) => {
      scope.response = await fetch("data:text/plain,fetched");
    }),
  ),
);

const changing = fc.constantFrom<Step<Scope>>(
  named('headers.set("X-B", "1")', ({ response }) => response.headers.set("X-B", "1")),
  named('headers.append("X-A", "2")', ({ response }) => response.headers.append("X-A", "2")),
  named('headers.append("Set-Cookie", "c=3")', ({ response }) =>
    response.headers.append("Set-Cookie", "c=3"),
  ),
  named('headers.delete("Content-Type")', ({ response }) => response.headers.delete("Content-Type")),
  named('headers.set("X-B", "\\n")', ({ response }) => response.headers.set("X-B", "a\nb")),
  named("status", ({ response }) => response.status),
  named("bodyUsed", ({ response }) => response.bodyUsed),
  named("await response.clone().text()", ({ response }) => response.clone().text()),
  turn,
);

const ending = fc.oneof(
  { weight: 6, arbitrary: fc.constant(named<Scope>("return response", ({ response }) => response)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Step<Scope>>(
      named("throw response", ({ response }) => {
        throw response;
      }),
      named("throw new Error()", () => {
        throw new Error("a fault of the handler");
      }),
    ),
  },
);

const program: fc.Arbitrary<Program<Scope>> = fc.record({
  steps: fc
    .tuple(making, fc.array(fc.oneof(changing, changing, making), { maxLength: 4 }))
    .map(([first, others]) => [first, ...others]),
  ending,
});

type Handler = (request: Request, play: () => Promise<Response>) => Promise<Response>;

function withUse(use: SessionUse): Handler {
  const handler = withSession(
    { store: memoryStore() },
    async (_request, session, play: () => Promise<Response>) => {
      await use(session);
      return play();
    },
  );
  return handler;
}

const handlers: Record<string, Handler> = Object.fromEntries(
  Object.entries(uses).map(([name, use]) => [name, use ? withUse(use) : (_request, play) => play()]),
);
const names = Object.keys(handlers);

const run = (program: Program<Scope>, request: Request, notes: Notes) =>
  play(program, { request, response: new Response("at first") }, notes) as Promise<Response>;

async function call(handler: Handler, method: string, program: Program<Scope>, reader: Reader) {
  const request = new Request("http://localhost/", { method });
  const notes: Notes = { results: [], events: [] };
  const answer = await handler(request, () => run(program, request, notes)).then(
    (response) => look(response, reader),
    async (thrown) => ["thrown", thrown instanceof Response ? await look(thrown, reader) : codeOf(thrown)],
  );
  await settle(); // A stream is told later that it was given up.
  return { answer, ...notes };
}

describe("as functions", () => {
  test(
    "a random handler is answered the same, with the same events of its streams",
    async () => {
      await fc.assert(
        fc.asyncProperty(methods, program, readers, async (method, program, reader) => {
          expectSame(
            names,
            await Promise.all(names.map((name) => call(handlers[name] as Handler, method, program, reader))),
          );
        }),
        { numRuns: runs, timeout: 20_000 },
      );
    },
    runs * 600,
  );
});

describe("on @hono/node-server", () => {
  const servers = new Map<string, Running>();

  beforeAll(async () => {
    vi.spyOn(console, "error").mockImplementation(() => {}); // The server tells of each stream that fails.
    for (const [name, handler] of Object.entries(handlers)) {
      const fetch = async (request: Request) => {
        const { program, notes } = servingAt<Scope>(new URL(request.url).pathname);
        const response = await handler(request, () => run(program, request, notes)).catch((thrown) => {
          if (thrown instanceof Error) return new Response(null, { status: 500 });
          return thrown as Response;
        });
        void response.body; // The server has a second way for a Response that nothing has looked at.
        return response;
      };
      const server = createAdaptorServer({ fetch });
      watch(server);
      servers.set(name, await running(server));
    }
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    for (const server of servers.values()) await server.close();
  });

  test(
    "the bytes are the same, and the events",
    async () => {
      await fc.assert(
        fc.asyncProperty(methods, program, async (method, program) => {
          const answers = names.map(async (name) => {
            const { bytes, ...notes } = await visit((servers.get(name) as Running).port, method, program);
            return { message: messageOf(bytes, program), ...notes };
          });
          expectSame(names, await Promise.all(answers));
        }),
        { numRuns: runs, timeout: 20_000 },
      );
    },
    runs * 600,
  );
});
