/** Random bodies of a web `Response`, made anew for each of the handlers that are compared, and what a client sees of one. */
import fc from "fast-check";
import { codeOf, named, type Program, type Step, type Told } from "./random-handlers.ts";

export type Body = ConstructorParameters<typeof Response>[0];

/** A stream that notes when it is given up; after its parts it ends, fails, or gives nothing more. */
function noted(told: Told, parts: readonly string[], then: "ends" | "fails" | "waits"): ReadableStream {
  const encoder = new TextEncoder();
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      const part = parts[next++];
      if (part !== undefined) return controller.enqueue(encoder.encode(part));
      told("all read")();
      if (then === "ends") controller.close();
      if (then === "fails") controller.error(new Error("broken"));
      return undefined;
    },
    cancel: (reason) => told("cancelled")(reason),
  });
}

async function* slowly(parts: readonly string[]) {
  for (const part of parts) {
    await new Promise((resolve) => setImmediate(resolve));
    yield new TextEncoder().encode(part);
  }
}

const parts = fc.array(fc.constantFrom("a", "héllo", "0".repeat(20_000)), { maxLength: 3 });

/** The text of the step says which one it is; running it makes the body. */
export const body: fc.Arbitrary<Step<unknown>> = fc.oneof(
  fc.constantFrom<Step<unknown>>(
    named("null", () => null),
    named("undefined", () => undefined),
    named('""', () => ""),
    named('"héllo"', () => "héllo"),
    named("70,000 letters", () => "0".repeat(70_000)),
    named("bytes", () => new Uint8Array([1, 2, 3])),
    named("an ArrayBuffer", () => new Uint8Array([1, 2, 3]).buffer),
    named("a Blob", () => new Blob(["<p>"], { type: "text/html" })),
    named("a form", () => new URLSearchParams({ a: "1" })),
  ),
  parts.map((parts) => named(`a stream of ${parts.length}`, (_, told) => noted(told, parts, "ends"))),
  parts.map((parts) =>
    named(`a stream that fails after ${parts.length}`, (_, told) => noted(told, parts, "fails")),
  ),
  parts.map((parts) => named(`a slow stream of ${parts.length}`, () => ReadableStream.from(slowly(parts)))),
);

export type Reader = "all" | "none" | "one";

export const readers = fc.constantFrom<Reader>("all", "none", "one");

/** Reads a body as a client does that takes all of it, nothing, or one part. */
async function read(body: ReadableStream<Uint8Array> | null, reader: Reader): Promise<unknown> {
  if (body === null) return null;
  const chunks: string[] = [];
  const from = body.getReader();
  try {
    // The cancel of a clone waits for that of the other one, which may never come.
    const giveUp = () => void from.cancel(new Error("gone")).catch(() => {});
    // Whether the first part or the failure of a stream comes first depends on the moment.
    if (reader === "one") await from.read().catch(() => {});
    if (reader !== "all") return giveUp();
    for (let part = await from.read(); !part.done; part = await from.read())
      chunks.push(Buffer.from(part.value).toString("latin1"));
    return chunks;
  } catch (error) {
    return codeOf(error); // A stream that fails drops the parts that were not read yet: how many depends on the moment.
  }
}

const isOurs = ([name, value]: [string, string]) =>
  ["vary", "cache-control"].includes(name) || (name === "set-cookie" && value.startsWith("sessionid="));

/** All that a runtime sees of a response, but for the headers of a session. */
export async function look(response: Response, reader: Reader) {
  const { status, statusText, ok, bodyUsed } = response;
  const headers = [...response.headers].filter((header) => !isOurs(header));
  return { status, statusText, ok, bodyUsed, headers, body: await read(response.body, reader) };
}

/**
 * What came over the wire, with the headers in lower case and in order: @hono/node-server spells and orders them by the way in which
 * it sends a `Response`. Whether it knows the length of a stream depends on how soon the parts come, so only the length of other
 * bodies counts.
 */
export function messageOf(bytes: string, { steps, ending }: Program<never>) {
  const end = bytes.indexOf("\r\n\r\n");
  const [line, ...headers] = bytes.slice(0, end).split("\r\n");
  const lower = headers.map((header) => header.replace(/^[^:]+/, (name) => name.toLowerCase())).sort();
  const isStream = [...steps, ending].some(({ text }) => /stream|Blob|fetch/.test(text));
  const isLength = (header: string) => /^(content-length|transfer-encoding):/.test(header);
  const body = bytes.slice(end + 4);
  if (!isStream) return [line, lower, body];
  const isChunked = lower.includes("transfer-encoding: chunked");
  const whole = isChunked ? body.endsWith("0\r\n\r\n") : undefined;
  const text = isChunked ? body.replace(/([0-9a-f]+)\r\n([^\r]*)\r\n/g, "$2") : body;
  const others = lower.filter((header) => !isLength(header));
  return [line, others, text.replace(/\r\n$/, ""), whole ?? true];
}
