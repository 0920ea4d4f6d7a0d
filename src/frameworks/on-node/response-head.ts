/** The head of a Node response: remembered, filled in as `writeHead` does, and joined with the session's headers. */
import type { ServerResponse } from "node:http";
import { checkHeaderList } from "./refusals.ts";

/** One header: `[name, value]`. */
export type Header = readonly [name: string, value: string];

/** HTTP/2 has no status message: Node warns whoever touches it there. */
export function isHttp2(response: ServerResponse): boolean {
  return "createPushResponse" in response;
}

/** Status and headers as they are now, to be put back. */
export class Head {
  readonly #response: ServerResponse;
  readonly #statusCode: number;
  readonly #statusMessage: string | undefined;
  readonly #sendDate: boolean;
  /** By names in lower case, which take less time to ask for than names as they are spelt. */
  readonly #headers: (readonly [name: string, value: HeaderValue])[] = [];

  constructor(response: ServerResponse) {
    this.#response = response;
    this.#statusCode = response.statusCode;
    this.#statusMessage = isHttp2(response) ? undefined : response.statusMessage;
    this.#sendDate = response.sendDate;
    for (const name of response.getHeaderNames()) {
      const value = response.getHeader(name) as HeaderValue;
      // appendHeader grows the list that it finds in place.
      this.#headers.push([name, Array.isArray(value) ? [...value] : value]);
    }
  }

  putBack(): void {
    const response = this.#response;
    const kept = new Map(this.#headers);
    const spelt = new Map(rawNames(response).map((name) => [name.toLowerCase(), name]));
    for (const name of spelt.keys()) if (!kept.has(name)) response.removeHeader(name);
    for (const [name, value] of kept) response.setHeader(spelt.get(name) ?? name, value);
    response.sendDate = this.#sendDate;
    response.statusCode = this.#statusCode;
    if (!isHttp2(response)) response.statusMessage = this.#statusMessage as string;
    // Only HTTP/1 forgets trailers this way; Node has no other.
    response.addTrailers({});
  }
}

/** The names as they were spelt; HTTP/2 has only one spelling. (Node's types know the method on requests only.) */
function rawNames(response: ServerResponse & { getRawHeaderNames?(): string[] }): string[] {
  return response.getRawHeaderNames?.() ?? response.getHeaderNames();
}

/** Sets the headers of a `writeHead` call, in each of the forms that Node takes: object, flat list, list of pairs. */
export function setHeaders(response: ServerResponse, headers: unknown): void {
  if (Array.isArray(headers)) {
    const set = new Set<string>();
    for (const [name, value] of Array.isArray(headers[0]) ? headers : pairs(headers)) {
      const field = String(name).toLowerCase();
      if (set.has(field)) response.appendHeader(name, value);
      else response.setHeader(name, value);
      set.add(field);
    }
  } else if (typeof headers === "object" && headers !== null) {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  }
}

function pairs(flat: readonly unknown[]): [name: string, value: string][] {
  checkHeaderList(flat);
  return flat.flatMap((name, i) => (i % 2 === 0 ? [[name as string, flat[i + 1] as string]] : []));
}

/** Joins the headers of a commit with those of the handler. */
export function addSessionHeaders(response: ServerResponse, headers: readonly Header[]): void {
  for (const [name, value] of headers) {
    const present = response.getHeader(name);
    if (present === undefined) response.setHeader(name, value);
    else response.setHeader(name, joined(name, present, value));
  }
}

type HeaderValue = number | string | string[];

export function joined(name: string, present: HeaderValue, value: string): HeaderValue {
  switch (name.toLowerCase()) {
    case "vary": {
      const words = wordsOf(present);
      const missing = wordsOf(value).filter((word) => !includes(words, word));
      return words.includes("*") ? present : [...words, ...missing].join(", ");
    }
    case "cache-control":
      return includes(wordsOf(present), "public") ? value : present;
    default:
      // A new list: the handler's own may be one that every response gets, and this one has a visitor's cookie.
      return [present].flat().map(String).concat(value);
  }
}

function wordsOf(value: HeaderValue): string[] {
  return String(value)
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function includes(words: readonly string[], wanted: string): boolean {
  return words.some((word) => word.toLowerCase() === wanted.toLowerCase());
}
