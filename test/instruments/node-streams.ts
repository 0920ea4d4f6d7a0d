/** Streams of Node that note what happens to them. */
import { Readable } from "node:stream";
import { settle } from "./loopback.ts";
import type { Told } from "./random-handlers.ts";

function noted(stream: Readable, told: Told): Readable {
  for (const event of ["end", "close"]) stream.on(event, told(`stream ${event}`));
  return stream;
}

export function partsStream(told: Told, parts: readonly string[]): Readable {
  return noted(Readable.from(parts.map((part) => Buffer.from(part))), told);
}

/** It fails once its first parts have left: what is still held does not leave, when the response is destroyed. */
export function brokenStream(told: Told, parts: readonly string[]): Readable {
  async function* failing() {
    for (const part of parts) yield Buffer.from(part);
    await settle();
    throw new Error("broken");
  }
  return noted(Readable.from(failing()), told);
}
