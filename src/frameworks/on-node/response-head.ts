/** The head of a Node response: saved, filled in as `writeHead` does, and joined with the session's headers. */
import type { ServerResponse } from "node:http";
import { type Header, type HeaderValue, joinedTo } from "../session-headers.ts";
import { checkHeaderList } from "./refusals.ts";

/** HTTP/2 has no status message: Node emits a warning when it is read or set there. */
export function isHttp2(response: ServerResponse & { createPushResponse?: unknown }): boolean {
  // Read and not asked for with `in`, which takes six times as long where nothing is there.
  return response.createPushResponse !== undefined;
}

/** The status and the headers of a response at one moment, to be put back later. */
export class SavedHead {
  readonly #response: ServerResponse;
  readonly #statusCode: number;
  readonly #statusMessage: string | undefined;
  readonly #sendDate: boolean;
  /** With names in lower case: Node finds them faster than names as they were spelt. */
  readonly #headers: (readonly [name: string, value: HeaderValue])[] = [];

  constructor(response: ServerResponse) {
    this.#response = response;
    this.#statusCode = response.statusCode;
    this.#statusMessage = isHttp2(response) ? undefined : response.statusMessage;
    this.#sendDate = response.sendDate;
    for (const name of response.getHeaderNames()) {
      const value = response.getHeader(name) as HeaderValue;
      // A copy, because `appendHeader` adds to the list that it finds.
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
    // This removes trailers on HTTP/1; there is no other way, and none on HTTP/2.
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
    const list = Array.isArray(headers[0]) ? headers : pairs(headers);
    // Removed first, as Node does, so that they stand behind the headers that are there already.
    for (const [name] of list) response.removeHeader(name);
    for (const [name, value] of list) {
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
  for (const [name, value] of joinedTo(response, headers)) response.setHeader(name, value);
}
