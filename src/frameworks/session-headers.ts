/** Joins the headers of a session with those that the application has set, on Node and on the web. */
import type { ServerResponse } from "node:http";
import type { Header } from "../engine/commit.ts";
import type { Draft } from "../engine/draft.ts";
import type { Engine } from "../engine/engine.ts";

export type { Header } from "../engine/commit.ts";

/** The value of a header, as Node keeps it. */
export type HeaderValue = number | string | string[];

/** The value of a header once the session's is joined to the application's: `present` is the application's. */
export function joined([name, value]: Header, present: HeaderValue | null | undefined): HeaderValue {
  if (present === undefined || present === null) return value;
  switch (name.toLowerCase()) {
    case "vary": {
      const words = wordsOf(present);
      const missing = wordsOf(value).filter((word) => !includes(words, word));
      return words.includes("*") ? present : [...words, ...missing].join(", ");
    }
    case "cache-control":
      return isPrivate(present) ? present : value;
    default:
      // A new list: the application may use its own for every response, and this one holds a visitor's cookie.
      return [present].flat().map(String).concat(value);
  }
}

/**
 * The headers of a commit, and with them the privacy of a response to a signed-in visitor, where the handler looked at the
 * session. An HTML page becomes `private, no-store`: otherwise the browser's Back shows it after the visitor has signed
 * out. Any other response keeps its `Cache-Control`, with one warning where that lets shared caches keep it.
 */
export function withPrivacy(
  headers: readonly Header[],
  { accessed, userId }: Pick<Draft, "accessed" | "userId">,
  application: Pick<ServerResponse, "getHeader"> | Headers,
  engine: Pick<Engine, "warnOnce">,
): readonly Header[] {
  if (!accessed || userId === null) return headers;
  // A response with our cookie is private already.
  if (headers.some(([name]) => name === "Cache-Control")) return headers;
  if (/^text\/html\b/i.test(String(read(application, "content-type") ?? ""))) {
    return [...headers, ["Cache-Control", "private, no-store"]];
  }
  const cacheControl = read(application, "cache-control");
  if (cacheControl !== undefined && cacheControl !== null && isShared(cacheControl)) {
    engine.warnOnce(
      "COATCHECK_CACHEABLE",
      "A handler looked at the session of a signed-in visitor, and its response allows shared caches to keep it " +
        `(Cache-Control: ${cacheControl}), so a cache could show it to other visitors. Add "private" or "no-store"; or, where ` +
        "the response is the same for everyone, do not look at the session.",
    );
  }
  return headers;
}

function read(head: Pick<ServerResponse, "getHeader"> | Headers, name: string) {
  return "getHeader" in head ? head.getHeader(name) : head.get(name);
}

/** True when shared caches must not keep a response with this `Cache-Control` (RFC 9111). `private="name"` names one header only. */
function isPrivate(cacheControl: HeaderValue): boolean {
  const words = wordsOf(cacheControl);
  return includes(words, "private") || includes(words, "no-store");
}

/** True when this `Cache-Control` lets shared caches answer with a kept response. */
function isShared(cacheControl: HeaderValue): boolean {
  if (isPrivate(cacheControl)) return false;
  const words = wordsOf(cacheControl);
  const lasts = words.some((word) => /^(s-maxage|max-age)="?0*[1-9]/i.test(word));
  return !includes(words, "no-cache") && (lasts || includes(words, "public"));
}

function wordsOf(value: HeaderValue): string[] {
  return String(value)
    .split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/) // Not at a comma within quotes.
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function includes(words: readonly string[], wanted: string): boolean {
  return words.some((word) => word.toLowerCase() === wanted.toLowerCase());
}
