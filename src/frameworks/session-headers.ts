/** Joins the headers of a session with those that the application has set, on Node and on the web. */
import type { ServerResponse } from "node:http";
import type { Header } from "../engine/announcer.ts";
import type { Draft } from "../engine/draft.ts";
import type { Engine } from "../engine/engine.ts";

export type { Header } from "../engine/announcer.ts";

/** The value of a header, as Node keeps it. */
export type HeaderValue = number | string | string[];

/** The head of the application's response. */
type Head = Pick<ServerResponse, "getHeader" | "getHeaderNames"> | Headers;

/** The fields that caches of a CDN obey in place of `Cache-Control` (RFC 9213), and their forerunner. */
const TARGETED = /-cache-control$|^surrogate-control$/i;

/** The headers of a session, each with its value once it is joined to the application's. */
export function joinedTo(head: Head, headers: readonly Header[]): (readonly [name: string, HeaderValue])[] {
  const [first] = headers;
  if (first === undefined) return [];
  // Most responses have `Vary` alone.
  if (first[0] === "Vary" && headers.length === 1) return [[first[0], joined(first, read(head, first[0]))]];
  const privacy = headers.find(([name]) => name === "Cache-Control");
  const targeted = privacy === undefined ? [] : targetedIn(head).map((name): Header => [name, privacy[1]]);
  // The session may have several headers of one name: a logout can remove two cookies.
  const all = new Map<string, HeaderValue>();
  for (const header of [...headers, ...targeted])
    all.set(header[0], joined(header, all.get(header[0]) ?? read(head, header[0])));
  return [...all];
}

const targetedIn = (head: Head): string[] => {
  const names = "getHeader" in head ? head.getHeaderNames() : [...head.keys()];
  return names.filter((name) => TARGETED.test(name));
};

/** The value of a header once the session's is joined to the application's: `present` is the application's. */
function joined([name, value]: Header, present: HeaderValue | null | undefined): HeaderValue {
  if (present === undefined || present === null) return value;
  if (TARGETED.test(name)) return isPrivate(present) ? present : value;
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
  application: Head,
  engine: Pick<Engine, "warnOnce">,
): readonly Header[] {
  if (!accessed || userId === null) return headers;
  // A response with our cookie is private already.
  if (headers.some(([name]) => name === "Cache-Control")) return headers;
  if (/^text\/html\b/i.test(String(read(application, "content-type") ?? ""))) {
    return [...headers, ["Cache-Control", "private, no-store"]];
  }
  for (const name of ["Cache-Control", ...targetedIn(application)]) {
    const value = read(application, name);
    if (value === undefined || value === null || !isShared(value)) continue;
    engine.warnOnce(
      "COATCHECK_CACHEABLE",
      "A handler looked at the session of a signed-in visitor, and shared caches may show its response to others " +
        `(${name}: ${value}). Add "private" or "no-store"; or, where it is the same for everyone, do not look at the session.`,
    );
  }
  return headers;
}

function read(head: Head, name: string): HeaderValue | null | undefined {
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
