/** The held response over HTTP/2, where Node's compatibility API is the same. */

import { once } from "node:events";
import {
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
} from "node:http2";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { holdResponse } from "../../src/frameworks/on-node/held-response.ts";
import type { Header } from "../../src/frameworks/session-headers.ts";
import { keeperOf } from "../instruments/keeper.ts";
import { gate, portOf, settle } from "../instruments/loopback.ts";

async function scene(handler: (response: Http2ServerResponse) => void, method = "GET") {
  const commit = gate<readonly Header[]>();
  const committing = gate<Http2ServerResponse>();
  const port = await portOf(
    createServer((_request, response) => {
      response.setHeader("x-found", "1");
      const keeper = keeperOf(
        () => {
          committing.resolve(response);
          return commit.promise;
        },
        () => {
          response.statusCode = 503;
          response.end("error page");
        },
      );
      holdResponse(response, keeper);
      handler(response);
    }) as never,
  );
  const client = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => client.destroy());
  const stream = client.request({ ":path": "/", ":method": method });
  let headers: IncomingHttpHeaders | undefined;
  stream.on("response", (received) => {
    headers = received;
  });
  return {
    commit,
    stream,
    response: await committing.promise,
    body: text(stream).catch(() => null),
    headers: () => headers,
    trailers: once(stream, "trailers").catch(() => []),
  };
}

test("nothing leaves before the session is stored, and it looks sent meanwhile", async () => {
  const { commit, response, headers, body } = await scene((response) => {
    response.writeHead(201, { "set-cookie": ["a=1"] });
    response.write("hello ");
    response.end("world");
  });
  await settle();
  expect(headers()).toBeUndefined();
  expect([response.headersSent, response.writableEnded, response.finished]).toEqual([true, true, false]);
  expect(() => response.setHeader("x", "1")).toThrow("after they are sent");
  expect(response).not.toHaveProperty("setHeaders"); // as HTTP/2 has none
  commit.resolve([
    ["Set-Cookie", "b=2"],
    ["Vary", "Cookie"],
  ]);
  expect(await body).toBe("hello world");
  expect(headers()).toMatchObject({
    ":status": 201,
    "set-cookie": ["a=1", "b=2"],
    vary: "Cookie",
    "x-found": "1",
  });
});

test("a stream goes on, and trailers follow", async () => {
  const parts = Array.from({ length: 50 }, (_, i) => `${i}`.repeat(5_000));
  const { commit, body, trailers } = await scene((response) => {
    response.addTrailers({ "x-sum": "1" });
    Readable.from(parts, { objectMode: false }).pipe(response);
  });
  await settle();
  commit.resolve([]);
  expect(await body).toBe(parts.join(""));
  expect((await trailers)[0]).toMatchObject({ "x-sum": "1" });
});

test.each<[string, (response: Http2ServerResponse) => void]>([
  ["it is destroyed", (response) => response.destroy()],
  ["its request is destroyed", (response) => response.req.destroy()],
  ["its stream is destroyed", ({ stream }) => stream.destroy()],
  ["its stream is destroyed with an error", ({ stream }) => stream.destroy(new Error("a bug"))],
  ["its stream is closed", ({ stream }) => stream.close()],
  ["its stream is ended", ({ stream }) => stream.end()],
])("a response that was ended leaves before %s", async (_, close) => {
  const { commit, body, headers, response } = await scene((response) => {
    response.stream.on("error", () => {});
    response.end("all of it");
    close(response);
  });
  await settle();
  const closed = once(response.stream, "close");
  commit.resolve([["Set-Cookie", "a=1"]]);
  expect(await body).toBe("all of it");
  expect(headers()).toMatchObject({ ":status": 200, "set-cookie": ["a=1"] });
  await closed;
});

test.each<[string, (stream: ClientHttp2Stream) => void]>([
  ["resets the stream", (stream) => stream.close(constants.NGHTTP2_CANCEL)],
  ["breaks the connection off", (stream) => stream.session?.destroy()],
])("a stream of a client that %s closes while its response is held", async (_, hangUp) => {
  const { commit, response, stream } = await scene((response) => response.end("all of it"));
  const closed = once(response.stream, "close");
  stream.on("error", () => {});
  hangUp(stream);
  await closed;
  commit.resolve([]);
});

test("a failed save is an error page with none of the handler's headers", async () => {
  const { commit, body, headers } = await scene((response) => {
    response.setHeader("x-handler", "secret");
    response.end("secret");
  });
  commit.reject(new Error("the store is down"));
  expect(await body).toBe("error page");
  expect(headers()).toMatchObject({ ":status": 503, "x-found": "1" });
  expect(headers()).not.toHaveProperty("x-handler");
});

test("HEAD", async () => {
  const { commit, body, headers } = await scene((response) => response.end("not sent"), "HEAD");
  commit.resolve([["Set-Cookie", "a=1"]]);
  expect(await body).toBe("");
  expect(headers()).toMatchObject({ ":status": 200, "set-cookie": ["a=1"] });
});

test("no warning of Node's about status messages", async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on("warning", note);
  onTestFinished(() => void process.off("warning", note));
  const { commit, body } = await scene((response) => response.end());
  commit.resolve([]);
  await body;
  await settle();
  expect(warnings).toEqual([]);
});
