/**
 * Cookies as an attacker sends them, over every adapter and as bytes on the wire: mutated, huge, many of one name, and keys that come in
 * anything but our cookie. None opens a session, none is adopted, and the store is asked for nothing but the hashes of whole keys.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { createSessions, memoryStore, type StoreId } from "coatcheck";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { everyAdapter } from "../frameworks/adapters/every-adapter.ts";
import { wrapStore } from "../instruments/wrapped-store.ts";

const STRANGER = "stranger";
const idOf = (key: string) => createHash("sha256").update(key).digest("hex") as StoreId;

const unchunked = (body: string) => body.replace(/[0-9a-f]+\r\n([^\r]*)\r\n/g, "$1").replace(/\r\n$/, "");

/** Sends bytes and gives the answer: what Node's own client refuses to send, a server still gets. */
async function send(port: number, lines: readonly string[], start = "GET / HTTP/1.1", body = "") {
  const socket = connect(port, "127.0.0.1");
  const head = [start, "Host: localhost", "Connection: close", ...lines];
  if (body !== "") head.push(`Content-Length: ${body.length}`);
  socket.write(Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1"));
  const parts: Buffer[] = [];
  socket.on("data", (part) => parts.push(part));
  socket.on("error", () => {}); // A server may close before it has read everything.
  await once(socket, "close");
  const answer = Buffer.concat(parts).toString("latin1");
  const [headers = "", ...rest] = answer.split("\r\n\r\n");
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(headers)?.[1]),
    setCookie: [...headers.matchAll(/^set-cookie: (.*)$/gim)].map(([, value]) => value as string),
    text: /^transfer-encoding: chunked$/im.test(headers)
      ? unchunked(rest.join("\r\n\r\n"))
      : rest.join("\r\n\r\n"),
  };
}

/** Each character of a key changed, left out and doubled; the key in other letters, in quotes, encoded, signed, with more around it. */
function mutations(key: string): string[] {
  const each = [...key].flatMap((letter, at) => {
    const [before, after] = [key.slice(0, at), key.slice(at + 1)];
    return [
      `${before}${letter === "a" ? "b" : "a"}${after}`,
      before + after,
      `${before}${letter}${letter}${after}`,
    ];
  });
  const around = [
    "\0",
    "\x01",
    "\x7f",
    "\x80",
    "\xa0",
    "\xff",
    "\\",
    '"',
    "'",
    ",",
    "%",
    "%00",
    "=",
    "/",
    "\u{b9}",
  ].flatMap((odd) => [key + odd, odd + key, `${key.slice(0, 16)}${odd}${key.slice(16)}`]);
  const encoded = [
    key.toUpperCase(),
    `"${key}"`,
    `s:${key}.${"A".repeat(43)}`,
    `s%3A${key}.${"A".repeat(43)}`,
    [...key].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join(""),
    Buffer.from(key).toString("base64"),
    idOf(key),
    `["${key}"]`,
    `j:"${key}"`,
    `../${key}`,
    "",
    "null",
    "__proto__",
  ];
  return [...each, ...around, ...encoded];
}

describe.each(everyAdapter)("$name", (adapter) => {
  const asked = new Set<StoreId>();
  const inner = memoryStore();
  const store = wrapStore(inner, (verb, run, id) => {
    if (verb === "read") asked.add(id as StoreId);
    return run();
  });
  const sessions = createSessions({ store });
  let port = 0;
  let key = "";
  let close: () => Promise<void>;

  beforeAll(async () => {
    const running = await adapter.start({
      sessions: [sessions],
      handler: ({ session, path }) => {
        if (path.startsWith("/login")) session.login("ada");
        if (path === "/secret") session.set("secret", "hidden");
        return { body: session.isEmpty ? STRANGER : JSON.stringify([session.userId, session.toObject()]) };
      },
    });
    ({ port, close } = running);
    const { setCookie } = await send(port, [], "GET /secret HTTP/1.1");
    key = /^sessionid=([a-z0-9]{32});/.exec(setCookie[0] as string)?.[1] as string;
  });
  afterAll(() => close());

  const cookie = (value: string) => send(port, [`Cookie: sessionid=${value}`]);

  test("a mutated cookie is a stranger's, and none but whole keys reach the store", async () => {
    asked.clear();
    for (const value of mutations(key)) {
      const { status, setCookie, text } = await cookie(value);
      // Node itself refuses a header with control characters.
      if (status === 400 && [...value].some((letter) => letter < " " || letter === "\x7f")) continue;
      expect([value, status, setCookie, text]).toEqual([value, 200, [], STRANGER]);
    }
    const whole = mutations(key).filter((value) => /^[a-z0-9]{32}$/.test(value));
    expect([...asked].sort()).toEqual(whole.map(idOf).sort());
    expect((await cookie(key)).text).toBe('[null,{"secret":"hidden"}]');
  });

  test("of very many cookies and of huge ones a request is answered, and the store is asked twice at most", async () => {
    asked.clear();
    const keys = Array.from({ length: 200 }, (_, n) => String(n).padStart(32, "k"));
    const headers = [
      keys.map((one) => `sessionid=${one}`).join("; "),
      `sessionid=${"a".repeat(12_000)}`,
      `${"x=;".repeat(4000)} sessionid=${"a".repeat(33)}`,
      `${";".repeat(12_000)}sessionid`,
      `${"=".repeat(12_000)}`,
    ];
    for (const header of headers) {
      const { status, text } = await send(port, [`Cookie: ${header}`]);
      expect([status, text]).toEqual([200, STRANGER]);
    }
    expect([...asked]).toEqual(keys.slice(0, 2).map(idOf));
    // Two Cookie headers are one, as of HTTP/2.
    asked.clear();
    const two = await send(
      port,
      keys.map((one) => `Cookie: sessionid=${one}`),
    );
    expect([two.status, two.text, asked.size]).toEqual([200, STRANGER, 2]);
  });

  test("of two cookies of our name, of another path or domain, the one that is planted first does not hide the visitor's own", async () => {
    const planted = "p".repeat(32);
    for (const header of [
      `sessionid=${planted}; sessionid=${key}`,
      `sessionid=${key}; sessionid=${planted}`,
    ]) {
      const { setCookie, text } = await send(port, [`Cookie: ${header}`]);
      expect([setCookie, text]).toEqual([[], '[null,{"secret":"hidden"}]']);
    }
  });

  describe("a key is taken from nothing but our cookie:", () => {
    const entries: [
      string,
      (key: string) => Parameters<typeof send> extends [number, ...infer Rest] ? Rest : never,
    ][] = [
      ["the query", (key) => [[], `GET /?sessionid=${key}&sid=${key}&PHPSESSID=${key} HTTP/1.1`]],
      ["the path", (key) => [[], `GET /;sessionid=${key}/;jsessionid=${key} HTTP/1.1`]],
      ["the fragment of the address", (key) => [[], `GET /#sessionid=${key} HTTP/1.1`]],
      [
        "headers",
        (key) => [
          [
            `Authorization: Bearer ${key}`,
            `X-Session-Id: ${key}`,
            `Sessionid: ${key}`,
            `Cookie2: sessionid=${key}`,
            `Set-Cookie: sessionid=${key}`,
            `X-Cookie: sessionid=${key}`,
            `Referer: http://localhost/?sessionid=${key}`,
          ],
        ],
      ],
      ["a form", (key) => [["Content-Type: text/plain"], "POST / HTTP/1.1", `sessionid=${key}`]],
      ["JSON", (key) => [["Content-Type: application/json"], "POST / HTTP/1.1", `{"sessionid":"${key}"}`]],
      [
        "cookies of other names",
        (key) => [
          [
            `Cookie: __Host-sessionid=${key}; __Secure-sessionid=${key}; SESSIONID=${key}; sessionid.=${key}; connect.sid=${key}; sid=${key}; ` +
              `$sessionid=${key}; sessionid%20=${key}; sessionid[]=${key}; =sessionid=${key}; a="sessionid=${key}"`,
          ],
        ],
      ],
      [
        "a legacy cookie without its signature, where none is accepted",
        (key) => [[`Cookie: connect.sid=s%3A${key}.AAAA; connect.sid=${key}`]],
      ],
    ];

    test.each(entries)("%s", async (_, request) => {
      asked.clear();
      const [lines, start, body] = request(key);
      const { setCookie, text, status } = await send(port, lines, start, body);
      // Node refuses a fragment in a request, and a router may know only some addresses.
      if (status !== 400 && status !== 404) expect([setCookie, text]).toEqual([[], STRANGER]);
      expect([...asked]).toEqual([]);
      const planted = "p".repeat(32);
      const [more, , form] = request(planted);
      const login = await send(port, [...more, `Cookie: sessionid=${planted}`], "POST /login HTTP/1.1", form);
      expect(login.setCookie).toHaveLength(1);
      expect(login.setCookie[0]).toMatch(/^sessionid=[a-z0-9]{32};/);
      expect(login.setCookie[0]).not.toContain(planted);
      expect(
        await inner.read(idOf(planted), { now: Date.now(), signal: AbortSignal.timeout(1000) }),
      ).toBeNull();
    });
  });
});
