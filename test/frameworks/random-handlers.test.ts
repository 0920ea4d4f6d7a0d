/** Random handlers on a held response: the same bytes, results, callbacks and events as on plain node:http and node:http2. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer as createHttp2Server,
} from "node:http2";
import { type AddressInfo, connect, type Server as NetServer } from "node:net";
import { text } from "node:stream/consumers";
import { memoryStore } from "coatcheck";
import { session } from "coatcheck/node";
import fc from "fast-check";
import { afterAll, beforeAll, test } from "vitest";
import { holdResponse } from "../../src/frameworks/on-node/held-response.ts";
import { withJoinedChunks } from "../instruments/chunks.ts";
import { type Commit, keeperOf } from "../instruments/keeper.ts";
import {
  codeOf,
  expectSame,
  named as namedOf,
  type Step as StepOf,
  take,
  turn,
} from "../instruments/random-handlers.ts";

type Step = StepOf<ServerResponse>;

const named = namedOf<ServerResponse>;
const constants = (...steps: Step[]) => fc.constantFrom(...steps);
const quoted = JSON.stringify;

const name = fc.constantFrom("X-A", "x-a", "X-B", "Content-Type", "ETag");
const value = fc.constantFrom("1", "two", "", ["3", "4"]);
const chunk = fc.constantFrom("", "a", "héllo", "0".repeat(20_000));

const heading = fc.oneof(
  fc
    .tuple(name, value)
    .map(([name, value]) =>
      named(`setHeader(${quoted(name)}, ${quoted(value)})`, (r) => r.setHeader(name, structuredClone(value))),
    ),
  fc
    .tuple(name, value)
    .map(([name, value]) =>
      named(`appendHeader(${quoted(name)}, ${quoted(value)})`, (r) =>
        r.appendHeader(name, structuredClone(value)),
      ),
    ),
  name.map((name) => named(`removeHeader(${quoted(name)})`, (r) => r.removeHeader(name))),
  constants(
    named('setHeaders(new Map([["X-C", "5"]]))', (r) => r.setHeaders(new Map([["X-C", "5"]]))),
    named('setHeader("Content-Length", 1)', (r) => r.setHeader("Content-Length", 1)),
    named('setHeader("Connection", "keep-alive")', (r) => r.setHeader("Connection", "keep-alive")),
    named('setHeader("X-A", "a\\nb")', (r) => r.setHeader("X-A", "a\nb")),
    named("statusCode = 201", (r) => {
      r.statusCode = 201;
    }),
    named("statusCode = 204", (r) => {
      r.statusCode = 204;
    }),
    named("statusCode = 304", (r) => {
      r.statusCode = 304;
    }),
    named('statusMessage = "Fine"', (r) => {
      r.statusMessage = "Fine";
    }),
    named("sendDate = true", (r) => {
      r.sendDate = true;
    }),
  ),
);

const looking = constants(
  named("headersSent", (r) => r.headersSent),
  named("writableEnded", (r) => r.writableEnded),
  named("getHeaders()", (r) => r.headersSent || r.getHeaders()),
  named("getHeaderNames()", (r) => r.headersSent || r.getHeaderNames()),
  named("statusCode", (r) => r.headersSent || r.statusCode),
);

/** Node 22 calls the callback of an empty write after "finish" when the end comes in the same turn, as it does after a hold. */
const emptyWritesTell = Number(process.versions.node.split(".")[0]) >= 24;

const sending = fc.oneof(
  fc.tuple(chunk, fc.boolean()).map(([chunk, asks]) => {
    const tells = asks && (chunk !== "" || emptyWritesTell);
    return named(`write(${quoted(chunk.slice(0, 9))}${tells ? ", callback" : ""})`, (r, told) => {
      // The answer says whether there is room, and while held there is none.
      void (tells ? r.write(chunk, told(`wrote ${chunk.slice(0, 9)}`)) : r.write(chunk));
    });
  }),
  constants(
    named('write("e9", "hex")', (r) => void r.write("e9", "hex")),
    named("write(Buffer)", (r) => void r.write(Buffer.from("b"))),
    named("write(null)", (r) => void r.write(null)),
    named("write({})", (r) => void r.write({})),
    named("flushHeaders()", (r) => r.flushHeaders()),
    named("addTrailers()", (r) => r.writableEnded || r.addTrailers({ "X-Sum": "1" })),
    named("writeProcessing()", (r) => r.headersSent || r.writeProcessing()),
    named("writeEarlyHints()", (r) => r.headersSent || r.writeEarlyHints({ link: "</a>; rel=preload" })),
    named("writeHead(200)", (r) => r.writeHead(200)),
    named("writeHead(404, {})", (r) => r.writeHead(404, { "X-A": "6", "X-D": ["7", "8"] })),
    named('writeHead(201, "Made", [])', (r) => r.writeHead(201, "Made", ["X-A", "6", "X-A", "7"])),
    named("writeHead(204)", (r) => r.writeHead(204)),
    named("writeHead(42)", (r) => r.writeHead(42)),
  ),
);

const ending = fc.oneof(
  chunk.map((chunk) => named(`end(${quoted(chunk.slice(0, 9))})`, (r) => r.end(chunk))),
  constants(
    named("end()", (r) => r.end()),
    named("end(callback)", (r, told) => r.writableEnded || r.end(told("ended"))),
    named('end("c", callback)', (r, told) => r.writableEnded || r.end("c", told("ended c"))),
    named("end({})", (r) => r.end({})),
  ),
);

const handler = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: heading },
    { weight: 2, arbitrary: looking },
    { weight: 4, arbitrary: sending },
    { weight: 1, arbitrary: ending },
    { weight: 2, arbitrary: fc.constant(turn) },
  ),
  { minLength: 1, maxLength: 9 },
);

/** What a handler was answered, and what happened to its response. */
interface Notes {
  readonly results: string[];
  readonly events: string[];
  /** The callbacks of writes after the end, and of empty writes. */
  readonly apart: string[];
}

interface Serving extends Notes {
  readonly steps: readonly Step[];
  readonly over: PromiseWithResolvers<void>;
}

const servings = new Map<string, Serving>();

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { steps, results, events, apart, over } = servings.get(request.url ?? "") as Serving;
  for (const event of ["finish", "close", "error"])
    response.on(event, (error) => events.push(`${event} ${codeOf(error)}`));
  const hasClosed = new Promise((resolve) => response.on("close", resolve));
  const told = (name: string) => (error?: unknown) => {
    // A held response finishes later, so that a callback that is refused at once comes before "finish". The callback of an empty write
    // comes before or after "finish", as the socket has time.
    const isApart = codeOf(error) === "ERR_STREAM_WRITE_AFTER_END" || name === "wrote ";
    const list = isApart ? apart : events;
    list.push(`${name} ${codeOf(error)}`);
  };
  for (const step of steps) {
    const result = take(step, response, told, results);
    if (result instanceof Promise) await result;
  }
  if (!response.writableEnded) {
    take(
      named("end at last", (r) => r.end("last")),
      response,
      told,
      results,
    );
  }
  await hasClosed;
  setImmediate(() => over.resolve()); // for the callbacks that Node calls last
}

/** A commit that takes a turn of the event loop, as a store does. */
const later: Commit = () => new Promise((resolve) => setImmediate(resolve, []));
const atOnce: Commit = () => [];

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

const holding =
  (...commits: Commit[]): Listener =>
  (request, response) => {
    for (const commit of commits)
      holdResponse(
        response,
        keeperOf(commit, (error) => response.destroy(error as Error)),
      );
    void handle(request, response);
  };

const listeners: Record<string, Listener> = {
  plain: holding(),
  held: holding(later),
  "let through": holding(atOnce),
  "held twice": holding(later, later),
  "with a session": session({ store: memoryStore() }, (request, response) => {
    request.session.set("a", 1);
    void handle(request, response);
  }),
};

const names = Object.keys(listeners);

async function listening<S extends NetServer>(server: S): Promise<S> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const portOf = (server: NetServer | undefined) => (server?.address() as AddressInfo | undefined)?.port ?? 0;

const servers = new Map<string, Server>();
const sessions = new Map<string, ClientHttp2Session>();

beforeAll(async () => {
  for (const [name, listener] of Object.entries(listeners)) {
    servers.set(name, await listening(createServer(listener)));
    const second = await listening(createHttp2Server(listener as never));
    sessions.set(name, connectHttp2(`http://127.0.0.1:${portOf(second)}`));
    sessions.get(name)?.once("close", () => second.close());
  }
});
afterAll(() => {
  for (const server of servers.values()) server.close();
  for (const session of sessions.values()) session.destroy();
});

let count = 0;

/** Makes these handlers ready to be asked for; resolves to what they noted, when they are over. */
function prepare(handlers: readonly (readonly Step[])[]) {
  const urls = handlers.map((steps) => {
    const url = `/${count++}`;
    servings.set(url, { steps, results: [], events: [], apart: [], over: Promise.withResolvers() });
    return url;
  });
  const notes = urls.map((url) => servings.get(url) as Serving);
  const over = Promise.all(notes.map(({ over }) => over.promise)).then(() => {
    for (const url of urls) servings.delete(url);
    return notes.map(({ results, events, apart }) => ({ results, events, apart: apart.sort() }));
  });
  return { urls, over };
}

const ours = /^(Date|Set-Cookie|Vary|Cache-Control): .*\r\n/gm;

/** Sends requests for these handlers over one connection, all at once; resolves to the bytes, and to what the handlers noted. */
async function visit(server: Server | undefined, head: string, handlers: readonly (readonly Step[])[]) {
  const { urls, over } = prepare(handlers);
  const socket = connect(portOf(server), "127.0.0.1");
  const text = urls.map((url, place) => {
    const connection = place === urls.length - 1 ? "Connection: close\r\n" : "";
    return `${head.replace(" / ", ` ${url} `)}\r\nHost: localhost\r\n${connection}\r\n`;
  });
  socket.write(text.join(""));
  let bytes = "";
  socket.setEncoding("latin1");
  socket.on("data", (data) => {
    bytes += data;
  });
  const gone = once(socket, "close");
  const notes = await over;
  socket.end(); // Where the handler has set "keep-alive", the server would wait.
  await gone;
  return { bytes: withJoinedChunks(bytes.replace(ours, "")), notes };
}

/** Sends one request over HTTP/2; resolves to what came, and to what the handler noted. */
async function visitHttp2(client: ClientHttp2Session | undefined, method: string, steps: readonly Step[]) {
  const { urls, over } = prepare([steps]);
  const stream = (client as ClientHttp2Session).request({ ":path": urls[0] ?? "", ":method": method });
  const came: unknown[] = [];
  for (const event of ["headers", "response", "trailers"] as const)
    stream.on(event as "trailers", (headers) => {
      const { date, vary, "set-cookie": cookie, "cache-control": cache, ...others } = headers;
      came.push([event, others]);
    });
  const body = await text(stream).catch(codeOf);
  return { came, body, notes: await over };
}

const heads = ["GET / HTTP/1.1", "HEAD / HTTP/1.1", "GET / HTTP/1.0"];

/** Without the steps whose texts match. */
const without = (steps: readonly Step[], left: RegExp) => steps.filter(({ text }) => !left.test(text));

/** Without what is sent after the end: whether Node is done by then depends on the requests before it. */
function untilEnd(steps: readonly Step[]): readonly Step[] {
  const end = steps.findIndex(({ text }) => text.startsWith("end"));
  return end === -1 ? steps : [...steps.slice(0, end + 1), ...without(steps.slice(end + 1), /^(write|end)/)];
}

/** Without turns in which the stream may close, as it does after the head of a HEAD or after the end: when, depends on the client. */
function whileOpen(method: string, steps: readonly Step[]): readonly Step[] {
  const end = method === "HEAD" ? 0 : steps.findIndex(({ text }) => text.startsWith("end"));
  return end === -1 ? steps : [...steps.slice(0, end), ...without(steps.slice(end), /^turn/)];
}

const HTTP2 =
  /^(setHeader\("X-., "|setHeader\("X-[AB]", "[1t]|removeHeader|statusCode$|statusCode = 201|write\("|write\(Buffer|end\((callback|"|\))|headersSent|writableEnded|turn|flushHeaders|writeHead\(200\))/i;

test("a random handler is answered the same, byte for byte and event for event", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...heads), handler, async (head, steps) => {
      expectSame(names, await Promise.all(names.map((name) => visit(servers.get(name), head, [steps]))));
    }),
    { numRuns: 400 },
  );
}, 60_000);

test("so are requests that wait for each other in one connection", async () => {
  const handlers = fc.array(handler, { minLength: 2, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(handlers, async (handlers) => {
      // With another length than that of its body, a response would run into the next.
      const fitting = handlers.map((steps) => untilEnd(without(steps, /Content-Length|"Connection"/)));
      expectSame(
        names,
        await Promise.all(names.map((name) => visit(servers.get(name), "GET / HTTP/1.1", fitting))),
      );
    }),
    { numRuns: 150 },
  );
}, 60_000);

test("so is a handler over HTTP/2", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("GET", "HEAD"), handler, async (method, steps) => {
      // The steps that HTTP/2 has too, without those that it refuses. Node 24.21 itself sends wrong bytes there, now and then, for empty
      // and for large chunks that are written one after the other.
      const there = without(steps, /^(write|end)\("(|0{9})"/).filter(({ text }) => HTTP2.test(text));
      const fitting = whileOpen(method, untilEnd(there));
      expectSame(
        names,
        await Promise.all(names.map((name) => visitHttp2(sessions.get(name), method, fitting))),
      );
    }),
    { numRuns: 150, timeout: 20_000 },
  );
}, 60_000);

test("so is a handler whose server closes meanwhile", async () => {
  await fc.assert(
    fc.asyncProperty(handler, async (steps) => {
      const answers = names.map(async (name) => {
        const server = await listening(createServer(listeners[name]));
        const close = named("server.close()", () => void server.close());
        return visit(server, "GET / HTTP/1.1", [[close, ...steps]]);
      });
      expectSame(names, await Promise.all(answers));
    }),
    { numRuns: 60 },
  );
}, 60_000);

test("a client that hangs up ends every handler's response, and no process", async () => {
  await fc.assert(
    fc.asyncProperty(handler, fc.boolean(), async (steps, waits) => {
      const answers = names.map(async (name) => {
        const { urls, over } = prepare([[...steps, turn]]);
        const socket = connect(portOf(servers.get(name)), "127.0.0.1");
        socket.write(`GET ${urls[0]} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        const [serving] = urls.map((url) => servings.get(url));
        if (waits) await Promise.race([once(socket, "data"), once(socket, "close"), over]);
        else await once(servers.get(name) as Server, "request");
        socket.destroy();
        const [notes] = await over;
        return {
          results: serving?.results.length,
          closes: notes?.events.filter((event) => event === "close "),
        };
      });
      expectSame(names, await Promise.all(answers));
    }),
    { numRuns: 100 },
  );
}, 60_000);
