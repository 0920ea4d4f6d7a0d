/** A held response is what Node would have sent, byte for byte. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { holdResponse } from "../../src/frameworks/on-node/held-response.ts";
import { withJoinedChunks } from "../instruments/chunks.ts";
import { type Commit, keeperOf } from "../instruments/keeper.ts";
import { ask, gate, listen } from "../instruments/loopback.ts";

/** Sends an answer, and notes what the handler saw meanwhile. */
type Handler = (response: ServerResponse, note: (seen: unknown) => void, request: IncomingMessage) => void;

const handlers: Record<string, Handler> = {
  "a body of one end(chunk), with its Content-Length": (response) => response.end("hello"),
  "no body": (response) => response.end(),
  "an empty body": (response) => response.end(""),
  "write, then end": (response) => {
    response.write("a");
    response.write(Buffer.from("b"));
    response.end("c");
  },
  "writes after the first turn": (response) => {
    response.write("a");
    setImmediate(() => response.end("b"));
  },
  encodings: (response) => {
    response.write("e9", "hex");
    response.end("é", "latin1");
  },
  "callbacks of write and end, in order": (response, note) => {
    response.write("a", () => note("wrote a"));
    response.write("b", "utf8", () => note("wrote b"));
    response.end("c", () => note("ended"));
  },
  "end with only a callback": (response, note) => response.end(() => note("ended")),
  "writeHead with an object": (response) =>
    response.writeHead(201, { "X-A": "1", "X-B": ["2", "3"] }).end("x"),
  "writeHead with a flat list": (response) =>
    response.writeHead(200, ["X-A", "1", "X-A", "2", "X-B", "3"]).end("x"),
  "writeHead with a list of pairs": (response) =>
    response
      .writeHead(200, [
        ["X-A", "1"],
        ["X-A", "2"],
      ] as never)
      .end("x"),
  "writeHead with a status message": (response) =>
    response.writeHead(404, "Gone Fishing", { "X-A": "1" }).end(),
  "writeHead with a length": (response) => response.writeHead(200, { "Content-Length": 2 }).end("ok"),
  "writeHead over setHeader": (response) => {
    response.setHeader("X-A", "0");
    response.setHeader("X-B", "0");
    response.writeHead(200, { "x-a": "1" });
    response.end("x");
  },
  "writeHead of a list over setHeader": (response) => {
    response.setHeader("X-A", "0");
    response.writeHead(200, ["X-A", "1", "X-A", "2"]);
    response.end("x");
  },
  "writeHead of a list over one of several headers": (response) => {
    response.setHeader("X-A", "0");
    response.setHeader("X-B", "0");
    response.writeHead(200, ["X-A", "1", "X-A", "2"]);
    response.end("x");
  },
  "a status message of its own": (response) => {
    response.statusCode = 418;
    response.statusMessage = "Short and stout";
    response.end();
  },
  "a status given as text": (response) => {
    response.statusCode = "404" as never;
    response.end("x");
  },
  "what cannot be sent": (response, note) => {
    for (const misuse of [
      () => response.writeHead(42),
      () => response.writeHead(1000),
      () => response.writeHead(200, "a\nb"),
      () => response.writeHead(200, ["odd"]),
      () => response.writeHead(200, { "X-A": "a\nb" }),
      () => response.writeHead(200, { "X-A": undefined }),
      () => response.write(null),
      () => response.write(7),
      () => response.end({}),
    ]) {
      response.statusMessage = "";
      note(codeOf(misuse));
    }
    response.removeHeader("X-A");
    response.removeHeader("odd");
    response.end("still well");
  },
  "a status that cannot be sent": (response, note) => {
    response.statusCode = 7;
    note(codeOf(() => response.end("x")));
    response.statusCode = 200;
    response.end("y");
  },
  "headers that come too late": (response, note) => {
    response.write("x");
    note(response.headersSent);
    note(codeOf(() => response.setHeader("X-A", "1")));
    note(codeOf(() => response.appendHeader("X-A", "1")));
    note(codeOf(() => response.removeHeader("X-A")));
    note(codeOf(() => response.setHeaders(new Map([["X-A", "1"]]))));
    note(codeOf(() => response.writeHead(500)));
    response.end();
    note([response.headersSent, response.writableEnded]);
  },
  "a status changed too late": (response) => {
    response.statusCode = 201;
    response.end("x");
    response.statusCode = 500;
    response.statusMessage = "too late";
  },
  "headers read afterwards": (response, note) => {
    response.setHeader("X-A", "1");
    response.end("x");
    note({ ...response.getHeaders() });
    note([response.getHeader("x-a"), response.hasHeader("X-A"), response.getHeaderNames()]);
  },
  "204": (response) => {
    response.writeHead(204);
    response.end();
  },
  "304, and a body that is not sent": (response) => {
    response.statusCode = 304;
    response.setHeader("ETag", '"1"');
    response.end("not sent");
  },
  flushHeaders: (response, note) => {
    response.flushHeaders();
    note(response.headersSent);
    response.end("x");
  },
  "end twice": (response, note) => {
    response.end("a", () => note("first"));
    response.end(() => note("second"));
  },
  "end twice with a body": (response, note) => {
    response.on("error", (error) => note(codeOf(error)));
    response.end("a");
    response.end("b", (error?: Error) => note(["second", codeOf(error)]));
  },
  "write after end": (response, note) => {
    response.on("error", (error) => note(codeOf(error)));
    response.end("a");
    note(response.write("b", (error) => note(["written", codeOf(error)])));
  },
  "write and end in a turn after the end": (response, note) => {
    response.on("error", (error) => note(codeOf(error)));
    response.end("a");
    setImmediate(() => {
      response.write("b");
      response.end("c");
    });
  },
  "end after the end, with what cannot be sent": (response, note) => {
    response.on("error", (error) => note(codeOf(error)));
    response.end("a");
    note(codeOf(() => response.end({}) === response));
  },
  trailers: (response, _note, request) => {
    // Elsewhere Node refuses to announce them.
    const isChunked = request.method === "GET" && request.httpVersion === "1.1";
    response.writeHead(200, isChunked ? { Trailer: "X-Sum" } : {});
    response.write("a");
    response.addTrailers({ "X-Sum": "1" });
    response.end("b");
  },
  "early hints, processing and continue": (response) => {
    response.writeContinue();
    response.writeProcessing();
    response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    response.end("x");
  },
  "cork and uncork": (response) => {
    response.cork();
    response.setHeader("X-A", "1");
    response.end("b");
    response.uncork();
  },
  "a stream": (response) => void Readable.from(["a", "b", "c"]).pipe(response),
  "a stream over an async generator": (response) => {
    Readable.from(
      (async function* () {
        for (const text of ["a", "b", "c"]) {
          await new Promise(setImmediate);
          yield text.repeat(20_000);
        }
      })(),
    ).pipe(response);
  },
  "what wraps writeHead": (response, note) => {
    // on-headers wraps the response in this way, after session() did.
    const { writeHead } = response;
    response.writeHead = function wrapped(this: ServerResponse, ...args: unknown[]) {
      note(["wrapped", this.headersSent]);
      this.setHeader("X-Wrapped", "1");
      this.statusCode = 202;
      return (writeHead as (...args: unknown[]) => ServerResponse).apply(this, [202, ...args.slice(1)]);
    } as typeof writeHead;
    response.end("x");
  },
};

function codeOf(failing: unknown): unknown {
  if (typeof failing !== "function") return (failing as { code?: string } | undefined)?.code;
  try {
    return failing();
  } catch (error) {
    return [(error as { code?: string }).code, (error as object).constructor.name];
  }
}

const requests = ["GET / HTTP/1.1", "HEAD / HTTP/1.1", "GET / HTTP/1.0"];

for (const [name, handler] of Object.entries(handlers)) {
  test.each(requests)(`${name} (%s)`, async (request) => {
    const [plain, held, passed] = await Promise.all([
      answerOf(handler, request, []),
      answerOf(handler, request, [later]),
      answerOf(handler, request, [atOnce]),
    ]);
    expect(held).toEqual(plain);
    expect(passed).toEqual(plain);
    expect(plain.wire).toMatch(/^HTTP\/1\.1 /);
  });
}

const pairs = [
  [later, later],
  [later, atOnce],
  [atOnce, later],
  [atOnce, atOnce],
];

test.each(requests)("the same when two hold (%s)", async (request) => {
  for (const [name, handler] of Object.entries(handlers)) {
    const [plain, ...held] = await Promise.all(
      [[], ...pairs].map((commits) => answerOf(handler, request, commits)),
    );
    for (const [index, answer] of held.entries()) {
      expect(answer, `${name}, ${pairs[index]?.map((commit) => commit.name)}`).toEqual(plain);
    }
  }
});

/** A commit that takes a turn of the event loop, as a store does. */
function later(): Promise<[]> {
  return new Promise((resolve) => setImmediate(resolve, []));
}

/** A commit with nothing to store: no promise. */
function atOnce(): [] {
  return [];
}

/** What came over the wire and what the handler noted, with a hold on the response for each of the commits. */
async function answerOf(handler: Handler, request: string, commits: readonly Commit[]) {
  const notes: unknown[] = [];
  const closed = gate();
  const port = await listen((incoming, response) => {
    for (const commit of commits) {
      holdResponse(
        response,
        keeperOf(commit, (error) => notes.push(["failed", error])),
      );
    }
    response.on("close", () => closed.resolve());
    handler(response, (seen) => notes.push(seen), incoming);
  });
  const wire = withJoinedChunks(await ask(port, request));
  await closed.promise;
  await new Promise(setImmediate); // for the callbacks that Node calls last
  return { wire, notes };
}
