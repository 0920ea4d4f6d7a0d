/** Nothing of a response leaves before the session is stored, and the handler's response is dropped if it cannot be stored. */

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { PassThrough, Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, gunzipSync } from "node:zlib";
import compression from "compression";
import { describe, expect, test } from "vitest";
import { holdResponse } from "../../src/frameworks/on-node/held-response.ts";
import type { Header } from "../../src/frameworks/session-headers.ts";
import { keeperOf } from "../instruments/keeper.ts";
import { ask, dial, type Gate, gate, listen, settle, type Wire } from "../instruments/loopback.ts";

/** One request whose response is held until `commit` is settled. */
interface Scene {
  readonly response: ServerResponse;
  readonly wire: Wire;
  /** Resolves to the status when the commit begins. */
  readonly committing: Promise<number>;
  readonly commit: Gate<readonly Header[]>;
  /** What happened, in order. */
  readonly log: string[];
  readonly failure: Promise<unknown>;
}

async function scene(
  handler: (response: ServerResponse, log: string[]) => void,
  {
    before = () => {},
    onFailure = (response) => response.end("error page"),
    headers = "",
  }: {
    before?(response: ServerResponse): void;
    onFailure?(response: ServerResponse, error: unknown): void;
    headers?: string;
  } = {},
): Promise<Scene> {
  const [committing, commit, failure, begun] = [
    gate<number>(),
    gate<readonly Header[]>(),
    gate<unknown>(),
    gate<ServerResponse>(),
  ];
  const log: string[] = [];
  const port = await listen((_request, response) => {
    before(response);
    const keeper = keeperOf(
      (status) => {
        log.push("commit");
        committing.resolve(status);
        return commit.promise;
      },
      (error) => {
        log.push("failed");
        onFailure(response, error);
        failure.resolve(error);
      },
    );
    holdResponse(response, keeper);
    begun.resolve(response);
    handler(response, log);
  });
  const wire = dial(port);
  wire.send(`GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`);
  return {
    wire,
    commit,
    log,
    response: await begun.promise,
    committing: committing.promise,
    failure: failure.promise,
  };
}

describe("nothing leaves before the session is stored", () => {
  const ways: Record<string, (response: ServerResponse) => void> = {
    "a redirect": (response) => response.writeHead(302, { Location: "/" }).end(),
    "a body": (response) => response.end("x"),
    "a long body": (response) => response.end("x".repeat(1_000_000)),
    "a write": (response) => void response.write("x"),
    flushHeaders: (response) => response.flushHeaders(),
    writeHead: (response) => void response.writeHead(200),
    pipe: (response) => void Readable.from(["x"]).pipe(response),
  };
  test.each(Object.entries(ways))("%s", async (_name, way) => {
    const { response, wire, committing, commit } = await scene(way);
    const socket = response.socket;
    await committing;
    await settle();
    expect(socket?.bytesWritten).toBe(0);
    expect(wire.received).toBe("");
    commit.resolve([["Set-Cookie", "a=1"]]);
    if (!response.writableEnded) response.end();
    const answer = await wire.closed;
    expect(answer).toMatch(/^HTTP\/1\.1 (200|302)/);
    expect(answer).toContain("Set-Cookie: a=1\r\n");
  });

  test("the commit begins at the first byte, once, with the status of that moment", async () => {
    const { response, committing, commit, log, wire } = await scene(() => {});
    await settle();
    expect(log).toEqual([]);
    response.statusCode = 201;
    response.write("a");
    expect(log).toEqual(["commit"]);
    expect(await committing).toBe(201);
    response.statusCode = 500;
    response.write("b");
    response.end();
    commit.resolve([]);
    expect(await wire.closed).toMatch(/^HTTP\/1\.1 201 Created/);
    expect(log).toEqual(["commit"]);
  });

  test("a status given as text is committed as a number", async () => {
    const { committing, commit, wire } = await scene((response) => {
      response.statusCode = "503" as never;
      response.end();
    });
    expect(await committing).toBe(503);
    commit.resolve([]);
    await wire.closed;
  });

  test("on success nothing is un-patched: who wrapped the response after us stays", async () => {
    // A `writeHead` that never reaches Node's: the first byte commits all the same.
    function wrapper(this: ServerResponse) {
      return this;
    }
    const { response, commit, wire, log } = await scene((response) => {
      response.writeHead = wrapper as typeof response.writeHead;
      response.end("x");
    });
    expect(log).toEqual(["commit"]);
    const { end } = response;
    commit.resolve([["Set-Cookie", "a=1"]]);
    expect(await wire.closed).toContain("Set-Cookie: a=1");
    expect([response.writeHead, response.end]).toEqual([wrapper, end]);
  });

  test("informational responses pass, and commit nothing", async () => {
    const { response, wire, log, commit } = await scene((response) => {
      response.writeContinue();
      response.writeEarlyHints({ link: "</a.css>; rel=preload" });
    });
    await wire.until("</a.css>");
    expect(log).toEqual([]);
    response.end("x");
    response.writeProcessing();
    await wire.until("102 Processing");
    expect(wire.received).not.toContain("200 OK");
    commit.resolve([]);
    expect(await wire.closed).toContain("200 OK");
  });

  test("a callback of write or end comes after the real write", async () => {
    const { commit, log, wire } = await scene((response, log) => {
      response.write("a", () => log.push("written"));
      response.end("b", () => log.push("finished"));
    });
    await settle();
    expect(log).toEqual(["commit"]);
    commit.resolve([]);
    await wire.closed;
    expect(log.slice(0, 3)).toEqual(["commit", "written", "finished"]);
  });

  test("while held it looks sent, and full", async () => {
    const { response, commit, wire } = await scene(() => {});
    expect(response.headersSent).toBe(false);
    expect(response.write("a")).toBe(false);
    expect([response.headersSent, response.writableEnded]).toEqual([true, false]);
    commit.resolve([]);
    await once(response, "drain");
    expect(response.write("b")).toBe(true);
    expect([response.headersSent, response.writableEnded]).toEqual([true, false]);
    response.end();
    expect([response.writableEnded, response.finished]).toEqual([true, true]);
    await wire.closed;
  });

  test("drain follows whatever else was held", async () => {
    const { response, commit, wire } = await scene((response) => {
      response.writeHead(200);
      response.write("a");
      response.flushHeaders();
    });
    commit.resolve([]);
    await once(response, "drain");
    response.end();
    expect(await wire.closed).toContain("a");
  });

  // Reports: aspnet/Session#201.
  test("two requests of one connection are answered in their order", async () => {
    const gates = [gate<readonly Header[]>(), gate<readonly Header[]>()];
    const begun = gate();
    let count = 0;
    const port = await listen((request, response) => {
      const index = count++;
      const keeper = keeperOf(
        () => {
          if (index === 1) begun.resolve();
          return (gates[index] as Gate<readonly Header[]>).promise;
        },
        () => {},
      );
      holdResponse(response, keeper);
      response.end(request.url);
    });
    const wire = dial(port);
    wire.send(
      "GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    await begun.promise;
    gates[1]?.resolve([]);
    await settle();
    expect(wire.received).toBe("");
    gates[0]?.resolve([]);
    expect(await wire.closed).toMatch(/\/one[\s\S]*\/two$/);
  });

  test("a second request is given the connection while its own response is held", async () => {
    const gates = [gate<readonly Header[]>(), gate<readonly Header[]>()];
    let count = 0;
    const port = await listen((request, response) => {
      const mine = gates[count++] as Gate<readonly Header[]>;
      const keeper = keeperOf(
        () => mine.promise,
        () => {},
      );
      holdResponse(response, keeper);
      response.end(request.url);
    });
    const wire = dial(port);
    wire.send(
      "GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    gates[0]?.resolve([]);
    await wire.until("/one");
    await settle();
    expect(wire.received).not.toContain("/two");
    gates[1]?.resolve([]);
    expect(await wire.closed).toMatch(/\/two$/);
  });
});

describe("the headers of the session join the handler's", () => {
  const session: readonly Header[] = [
    ["Set-Cookie", "session=1"],
    ["Vary", "Cookie"],
    ["Cache-Control", "private"],
  ];

  async function headersAfter(handler: (response: ServerResponse) => void): Promise<Record<string, unknown>> {
    const { response, commit, wire } = await scene((response) => {
      handler(response);
      response.end();
    });
    commit.resolve(session);
    await wire.closed;
    return { ...response.getHeaders() };
  }

  test("where there are none", async () => {
    expect(await headersAfter(() => {})).toEqual({
      "set-cookie": "session=1",
      vary: "Cookie",
      "cache-control": "private",
    });
  });

  test("Set-Cookie is appended, also to those of writeHead", async () => {
    expect(await headersAfter((response) => response.setHeader("Set-Cookie", "a=1"))).toMatchObject({
      "set-cookie": ["a=1", "session=1"],
    });
    expect(await headersAfter((response) => response.setHeader("Set-Cookie", ["a=1", "b=2"]))).toMatchObject({
      "set-cookie": ["a=1", "b=2", "session=1"],
    });
    for (const headers of [
      { "set-cookie": ["a=1", "b=2"] },
      ["Set-Cookie", "a=1", "set-cookie", "b=2"],
      [
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2"],
      ] as never,
    ]) {
      expect(await headersAfter((response) => response.writeHead(200, headers))).toMatchObject({
        "set-cookie": ["a=1", "b=2", "session=1"],
      });
    }
  });

  test.each([
    ["Accept-Encoding", "Accept-Encoding, Cookie"],
    ["accept, cookie", "accept, cookie"],
    ["COOKIE", "COOKIE"],
    ["*", "*"],
    [["Accept", "Origin"], "Accept, Origin, Cookie"],
  ])("Vary: %j becomes %j", async (given, expected) => {
    const { vary } = await headersAfter((response) => response.setHeader("Vary", given));
    expect(vary).toBe(expected);
  });

  test.each([
    ["public, max-age=60", "private"],
    ["max-age=60, PUBLIC", "private"],
    ["max-age=60", "private"],
    ["s-maxage=60", "private"],
    ["max-age=60, immutable", "private"],
    ["no-cache", "private"],
    ["no-store", "no-store"],
    ["PRIVATE, max-age=60", "PRIVATE, max-age=60"],
    [
      ["max-age=60", "no-store"],
      ["max-age=60", "no-store"],
    ],
    ['private="x-name", max-age=60', "private"],
    ['max-age=60, note="a, private, b"', "private"],
  ])("Cache-Control: %j becomes %j", async (given, expected) => {
    const headers = await headersAfter((response) => response.setHeader("Cache-Control", given));
    expect(headers["cache-control"]).toEqual(expected);
  });

  test("a list that the handler keeps is not changed", async () => {
    const cookies = ["a=1"];
    await headersAfter((response) => response.setHeader("Set-Cookie", cookies));
    expect(cookies).toEqual(["a=1"]);
  });
});

describe("a stream", () => {
  /** A stream that counts what has been read of it; each chunk is 16 kB. */
  function source(chunks: number): Readable & { read16k: number } {
    const stream = Object.assign(
      new Readable({
        highWaterMark: 1,
        read() {
          stream.read16k += 1;
          this.push(stream.read16k <= chunks ? Buffer.alloc(16_384, stream.read16k) : null);
        },
      }),
      { read16k: 0 },
    );
    return stream;
  }

  // Reports: expressjs/session#69.
  test("a fast one waits for a slow store in bounded memory", async () => {
    const file = source(200);
    const { commit, committing, wire } = await scene((response) => void file.pipe(response));
    await committing;
    await settle();
    expect(file.read16k).toBeLessThan(5);
    commit.resolve([]);
    const answer = await wire.closed;
    expect(file.read16k).toBe(201);
    expect(answer.length).toBeGreaterThan(200 * 16_384);
  });

  test('goes on by stream.pipeline, and by `await once(response, "drain")`', async () => {
    const { commit, committing, wire, response } = await scene(async (response) => {
      if (!response.write("first")) await once(response, "drain");
      await pipeline(source(20), response, { end: false });
      response.end("last");
    });
    await committing;
    commit.resolve([]);
    const answer = await wire.closed;
    expect(answer).toContain("first");
    expect(answer).toContain("last");
    expect(response.writableFinished).toBe(true);
  });

  test("goes on as a web stream", async () => {
    const { commit, committing, wire } = await scene((response) => {
      void new Blob(["a".repeat(100_000), "z"]).stream().pipeTo(Writable.toWeb(response));
    });
    await committing;
    await settle();
    commit.resolve([]);
    expect(await wire.closed).toMatch(/z\r\n0\r\n\r\n$/);
  });
});

describe("compression", () => {
  const text = "all work and no play ".repeat(5_000);
  const gzip = { headers: "Accept-Encoding: gzip\r\n" };
  const compress = (response: ServerResponse) =>
    compression()({ ...response.req, headers: response.req.headers } as never, response as never, () => {});

  function unzipped(answer: string): string {
    const [head, body] = [
      answer.slice(0, answer.indexOf("\r\n\r\n")),
      Buffer.from(answer.slice(answer.indexOf("\r\n\r\n") + 4), "latin1"),
    ];
    expect(head).toMatch(/Content-Encoding: gzip/i);
    expect(head).toContain("Set-Cookie: a=1");
    expect(head).toMatch(/Vary: Accept-Encoding/);
    // Without its end, the text that was flushed.
    return gunzipSync(Buffer.concat(chunksOf(body)), { finishFlush: constants.Z_SYNC_FLUSH }).toString();
  }

  function chunksOf(body: Buffer): Buffer[] {
    const chunks: Buffer[] = [];
    for (let at = 0; at < body.length; ) {
      const end = body.indexOf("\r\n", at);
      const length = Number.parseInt(body.toString("latin1", at, end), 16);
      chunks.push(body.subarray(end + 2, end + 2 + length));
      at = end + 2 + length + 2;
    }
    return chunks;
  }

  const bodies: Record<string, (response: ServerResponse) => void> = {
    "one body": (response) => response.end(text),
    "writes and an end": (response) => {
      response.write(text.slice(0, 100));
      response.write(text.slice(100));
      response.end();
    },
    "a long pipe": (response) =>
      void Readable.from([text.slice(0, 50_000), text.slice(50_000)]).pipe(response),
    "a pipe of small pieces": (response) =>
      void Readable.from(text.match(/[\s\S]{1,999}/g) as string[], { objectMode: false }).pipe(response),
    "awaited drains": async (response) => {
      for (const part of text.match(/[\s\S]{1,9999}/g) as string[]) {
        if (!response.write(part)) await once(response, "drain");
      }
      response.end();
    },
  };
  for (const [name, send] of Object.entries(bodies)) {
    const html = (response: ServerResponse) => {
      response.setHeader("Content-Type", "text/html");
      send(response);
    };

    test(`mounted before: ${name}`, async () => {
      const { commit, committing, wire } = await scene(html, { ...gzip, before: compress });
      await committing;
      await settle();
      expect(wire.received).toBe("");
      commit.resolve([["Set-Cookie", "a=1"]]);
      expect(unzipped(await wire.closed)).toBe(text);
    });

    test(`mounted after: ${name}`, async () => {
      const after = (response: ServerResponse) => {
        compress(response);
        html(response);
      };
      const { commit, committing, wire } = await scene(after, gzip);
      await committing;
      await settle();
      expect(wire.received).toBe("");
      commit.resolve([["Set-Cookie", "a=1"]]);
      expect(unzipped(await wire.closed)).toBe(text);
    });
  }

  test.each(["before", "after"])(
    "mounted %s: an event that was flushed while held leaves at once",
    async (where) => {
      const events = (response: ServerResponse & { flush?(): void }) => {
        if (where === "after") compress(response);
        response.setHeader("Content-Type", "text/event-stream");
        response.write("data: 1\n\n");
        response.flush?.();
      };
      const { response, commit, wire } = await scene(events, {
        ...gzip,
        before: where === "before" ? compress : () => {},
      });
      commit.resolve([["Set-Cookie", "a=1"]]);
      await wire.until("\x1f\x8b"); // gzip begins with these.
      await expect.poll(() => unzipped(wire.received)).toBe("data: 1\n\n");
      response.end();
      expect(unzipped(await wire.closed)).toBe("data: 1\n\n");
    },
  );

  test("mounted before, and not used: who waits for a drain is told once", async () => {
    let drains = 0;
    const png = (response: ServerResponse) => {
      response.setHeader("Content-Type", "image/png");
      response.write("a");
      response.on("drain", () => {
        drains += 1;
        response.end();
      });
    };
    const { commit, wire } = await scene(png, { ...gzip, before: compress });
    commit.resolve([]);
    await wire.closed;
    expect(drains).toBe(1);
  });

  test("mounted before, and not used for what is small: a pipe goes on", async () => {
    const png = (response: ServerResponse) => {
      response.setHeader("Content-Type", "image/png");
      Readable.from(["a", "b"]).pipe(response);
    };
    const { commit, committing, wire } = await scene(png, { ...gzip, before: compress });
    await committing;
    await settle();
    commit.resolve([]);
    expect(await wire.closed).toMatch(/a\r\n1\r\nb\r\n0\r\n\r\n$/);
  });

  test("mounted after, and the save fails: the error page is plain and whole", async () => {
    const after = (response: ServerResponse) => {
      compress(response);
      response.setHeader("Content-Type", "text/html");
      response.end(text);
    };
    const { commit, committing, wire } = await scene(after, {
      ...gzip,
      onFailure: (response) => {
        response.statusCode = 503;
        Readable.from(["sorry, ", "x".repeat(100_000)]).pipe(response);
      },
    });
    await committing;
    await settle(); // zlib works meanwhile
    commit.reject(new Error("the store is down"));
    const answer = await wire.closed;
    expect(answer).toMatch(/^HTTP\/1\.1 503/);
    expect(answer).not.toMatch(/content-encoding/i);
    expect(answer.match(/x/g)?.length).toBeGreaterThanOrEqual(100_000);
  });
});

describe("a failed save", () => {
  const down = new Error("the store is down");

  test("is an error response with none of the handler's headers, status or body", async () => {
    const { commit, wire, failure, log } = await scene(
      (response) => {
        response.statusMessage = "Fine";
        response.setHeader("X-Earlier", ["2"]);
        response.appendHeader("X-List", "c");
        response.removeHeader("X-Removed");
        response.addTrailers({ "X-Trailer": "1" });
        response.writeHead(201, { Location: "/in", "Set-Cookie": "login=1", "Content-Length": 6 });
        response.end("secret");
      },
      {
        before: (response) => {
          response.statusCode = 404;
          response.setHeader("X-Earlier", "1");
          response.setHeader("X-List", ["a", "b"]);
          response.setHeader("X-Removed", "no");
        },
      },
    );
    commit.reject(down);
    expect(await failure).toBe(down);
    const answer = (await wire.closed).replace(/^Date: .*\r\n/m, "");
    expect(answer.split("\r\n").filter((line) => !/^(transfer-encoding|content-length)/i.test(line))).toEqual(
      [
        "HTTP/1.1 404 Not Found",
        "X-Earlier: 1",
        "X-List: a",
        "X-List: b",
        "x-removed: no", // Its capitals went with it.
        "Connection: close",
        "",
        ...(answer.includes("chunked") ? ["a", "error page", "0", "", ""] : ["error page"]),
      ],
    );
    expect(log).toEqual(["commit", "failed"]);
  });

  test("has a Date, also where the handler set or removed its own", async () => {
    for (const handle of [
      (response: ServerResponse) => response.setHeader("Date", "yesterday"),
      (response: ServerResponse) => response.removeHeader("Date"),
    ]) {
      const { commit, wire } = await scene((response) => {
        handle(response);
        response.end("x");
      });
      commit.reject(down);
      expect(await wire.closed).toMatch(/\r\nDate: .* GMT\r\n/);
    }
  });

  test("gives the response back as it was found", async () => {
    const { response, commit, failure } = await scene((response) => void response.write("x"), {
      before: (response) => {
        response.setHeader = function setHeader(
          this: ServerResponse,
          ...args: Parameters<typeof response.setHeader>
        ) {
          return Object.getPrototypeOf(this).setHeader.apply(this, args);
        } as typeof response.setHeader;
      },
      onFailure: () => {},
    });
    const names = ["writeHead", "write", "end", "flushHeaders", "setHeaders", "appendHeader", "removeHeader"];
    expect(names.filter((name) => Object.hasOwn(response, name))).toEqual(names);
    commit.reject(down);
    await failure;
    expect(names.filter((name) => Object.hasOwn(response, name))).toEqual([]);
    expect(response.setHeader.name).toBe("setHeader");
    expect([response.headersSent, response.writableEnded, response.finished]).toEqual([false, false, false]);
    response.end();
  });

  test("tells the callbacks of write and end, so that nobody waits for ever", async () => {
    const told: unknown[] = [];
    const { commit, wire } = await scene((response) => {
      response.write("a", (error) => told.push(error));
      response.end("b", (error?: Error) => told.push(error));
    });
    commit.reject(down);
    await wire.closed;
    expect(told).toEqual([down, down]);
  });

  test("keeps a stream that is still being piped out of the error page, and closes it", async () => {
    const file = new PassThrough();
    file.write("secret");
    const { commit, committing, wire } = await scene((response) => void file.pipe(response), {
      onFailure: async (response) => {
        response.statusCode = 503;
        // More than a socket takes at once, so a drain follows.
        if (!response.write("x".repeat(1_000_000))) await once(response, "drain");
        response.end("the end");
      },
    });
    await committing;
    file.write("more");
    commit.reject(down);
    const answer = await wire.closed;
    expect(answer).toMatch(/^HTTP\/1\.1 503/);
    expect(answer).toContain("the end");
    expect(answer).not.toMatch(/secret|more/);
    await settle();
    expect(file.destroyed).toBe(true);
  });

  test("leaves a stream alone that others still read", async () => {
    const broadcast = new PassThrough();
    broadcast.pipe(new PassThrough());
    const { commit, wire } = await scene((response) => {
      broadcast.pipe(response);
      broadcast.write("x");
    });
    commit.reject(down);
    await wire.closed;
    await settle();
    expect(broadcast.destroyed).toBe(false);
  });

  test("a handler that goes on writing does not end the process", async () => {
    const { response, commit, wire } = await scene((response) => void response.write("event 1"), {
      onFailure: (response) => {
        response.end("error page");
        response.write("event 2");
      },
    });
    commit.reject(down);
    expect(await wire.closed).not.toContain("event");
    response.write("event 3");
    response.end();
    await settle();
  });

  test("whoever kept the methods of before is not heard any more", async () => {
    const kept: (() => void)[] = [];
    const { commit, wire, failure } = await scene(
      (response) => {
        const { write, end, writeHead, flushHeaders } = response;
        kept.push(
          () => write.call(response, "late", "utf8", () => {}),
          () => writeHead.call(response, 200),
          () => flushHeaders.call(response),
          () => end.call(response, "late", "utf8"),
        );
        response.end("x");
      },
      { onFailure: (response) => setImmediate(() => response.end("error page")) },
    );
    commit.reject(down);
    await failure;
    for (const late of kept) late();
    const answer = await wire.closed;
    expect(answer).toContain("error page");
    expect(answer).not.toContain("late");
  });

  test("where bytes have left already, the connection is cut", async () => {
    const { commit, wire, failure } = await scene((response) => response.end("x"), {
      before: (response) => response.flushHeaders(),
      onFailure: () => {},
    });
    await wire.until("\r\n\r\n");
    commit.reject(down);
    expect(await failure).toBe(down);
    const answer = await wire.closed;
    expect(answer).toMatch(/\r\n\r\n$/);
  });

  test("a cookie that cannot be sent any more is an error; a Vary is not", async () => {
    const flushed = { before: (response: ServerResponse) => response.flushHeaders(), onFailure: () => {} };
    const first = await scene((response) => response.end("x"), flushed);
    first.commit.resolve([
      ["Vary", "Cookie"],
      ["Set-Cookie", "a=1"],
    ]);
    expect(await first.failure).toMatchObject({ code: "ERR_HTTP_HEADERS_SENT" });
    expect(await first.wire.closed).not.toContain("0\r\n\r\n");

    const second = await scene((response) => response.end("x"), flushed);
    second.commit.resolve([["Vary", "Cookie"]]);
    expect(await second.wire.closed).toContain("0\r\n\r\n");
  });

  test("what Node refuses only when it is sent is an error too", async () => {
    const { commit, wire, failure } = await scene((response) => {
      response.setHeader("Content-Length", 1);
      response.setHeader("Trailer", "X-Sum"); // not without chunks
      response.end("x");
    });
    commit.resolve([["Set-Cookie", "a=1"]]);
    expect(await failure).toMatchObject({ code: "ERR_HTTP_TRAILER_INVALID" });
    expect(await wire.closed).toContain("error page");
  });
});

describe("a client that hangs up", () => {
  test("does not stop the commit", async () => {
    const { response, wire, committing, commit, log } = await scene((response) => response.end("x"));
    await committing;
    const closed = once(response, "close");
    wire.hangUp();
    await closed;
    commit.resolve([]);
    await settle();
    expect(log).toEqual(["commit"]);
  });

  test("and a commit that fails then is still told, once", async () => {
    const file = new PassThrough();
    const { response, wire, committing, commit, log, failure } = await scene((response) => {
      file.pipe(response);
      file.write("x");
    });
    await committing;
    const closed = once(response, "close");
    wire.hangUp();
    await closed;
    commit.reject(new Error("the store is down"));
    await failure;
    await settle();
    expect(log).toEqual(["commit", "failed"]);
    expect(file.destroyed).toBe(true);
  });

  test("before the first byte: nothing is committed", async () => {
    const { response, wire, log } = await scene(() => {});
    const closed = once(response, "close");
    wire.hangUp();
    await closed;
    await settle();
    expect(log).toEqual([]);
  });
});

test("a connection that was destroyed while its answer was held does not wait for a client that reads nothing", async () => {
  const { response, wire, committing, commit } = await scene((response) => {
    response.end("x".repeat(30_000_000));
    response.destroy();
  });
  wire.pause();
  await committing;
  const closed = once(response, "close");
  commit.resolve([]);
  await closed;
  expect(wire.received.length).toBeLessThan(30_000_000);
});

describe("two holds, one inside the other", () => {
  async function nested(
    handler: (response: ServerResponse) => void,
    between = (_response: ServerResponse) => {},
  ) {
    const log: string[] = [];
    const gates = { outer: gate<readonly Header[]>(), inner: gate<readonly Header[]>() };
    const port = await listen((_request, response) => {
      response.setHeader("X-Found", "by both");
      for (const name of ["outer", "inner"] as const) {
        const keeper = keeperOf(
          (status) => {
            log.push(`${name} ${status}`);
            return gates[name].promise;
          },
          () => {
            log.push(`${name} failed`);
            response.statusCode = 503;
            response.end(`${name} failed`);
          },
        );
        holdResponse(response, keeper);
        if (name === "outer") between(response);
      }
      handler(response);
    });
    return { log, ...gates, answer: ask(port) };
  }

  test("both are committed, and both cookies sent", async () => {
    const { log, inner, outer, answer } = await nested((response) => response.writeHead(201).end("x"));
    inner.resolve([
      ["Set-Cookie", "inner=1"],
      ["Vary", "Cookie"],
    ]);
    outer.resolve([
      ["Set-Cookie", "outer=1"],
      ["Vary", "Cookie"],
    ]);
    const text = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 201/);
    expect(text).toContain("Set-Cookie: inner=1\r\nSet-Cookie: outer=1\r\n");
    expect(text).toContain("Vary: Cookie\r\n");
    expect(log).toEqual(["inner 201", "outer 201"]);
  });

  test("it looks sent while either holds", async () => {
    const seen: unknown[] = [];
    let held!: ServerResponse;
    const { inner, outer, answer } = await nested((response) => {
      held = response;
      response.end("x");
    });
    const look = () => seen.push([held.headersSent, held.writableEnded]);
    while (held === undefined) await new Promise(setImmediate);
    look();
    inner.resolve([]);
    await settle();
    look();
    expect(() => held.setHeader("a", "b")).toThrow("Cannot set headers after they are sent");
    outer.resolve([]);
    await answer;
    look();
    expect(seen).toEqual(Array(3).fill([true, true]));
  });

  test("the inner one fails: its error page goes through the outer one", async () => {
    const { log, inner, outer, answer } = await nested((response) => {
      response.setHeader("Location", "/in");
      response.writeHead(302).end();
    });
    inner.reject(new Error("down"));
    outer.resolve([["Set-Cookie", "outer=1"]]);
    const text = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 503/);
    expect(text).toContain("X-Found: by both");
    expect(text).toContain("inner failed");
    expect(text).toContain("outer=1");
    expect(text).not.toContain("Location");
    expect(log.slice(0, 3)).toEqual(["inner 302", "inner failed", "outer 503"]);
  });

  test("the outer one fails: nothing of the inner one is sent", async () => {
    const { log, inner, outer, answer } = await nested((response) => response.end("x"));
    inner.resolve([["Set-Cookie", "inner=1"]]);
    outer.reject(new Error("down"));
    const text = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 503/);
    expect(text).not.toContain("inner=1");
    expect(log.slice(0, 3)).toEqual(["inner 200", "outer 200", "outer failed"]);
  });

  test("with compression between them", async () => {
    const { inner, outer, answer } = await nested(
      (response) => {
        response.setHeader("Content-Type", "text/html");
        Readable.from(["a".repeat(20_000), "b"]).pipe(response);
      },
      (response) =>
        compression({ threshold: 0, enforceEncoding: "gzip" })(
          response.req as never,
          response as never,
          () => {},
        ),
    );
    inner.resolve([["Set-Cookie", "inner=1"]]);
    outer.resolve([["Set-Cookie", "outer=1"]]);
    const text = await answer;
    expect(text).toMatch(/Content-Encoding: gzip/);
    expect(text).toContain("Set-Cookie: inner=1\r\nSet-Cookie: outer=1\r\n");
    expect(text).toMatch(/0\r\n\r\n$/);
  });
});
