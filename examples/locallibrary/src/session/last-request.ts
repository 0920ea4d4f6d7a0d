import type { Session } from "coatcheck";
import type { Request, RequestHandler } from "express";

/** What a request did to its session. The inspector shows it on the next page. */
export interface LastRequest {
  request: string;
  status: number;
  changes: Change[];
  /** What the request did to the session key. */
  key: "created" | "replaced" | "removed" | "kept" | "none";
  /** The Set-Cookie headers as they were sent, with the values masked. */
  setCookie: string[];
}

/** One key of the dictionary before and after the request, as JSON. null means that the key was absent. */
export interface Change {
  key: string;
  before: string | null;
  after: string | null;
}

const REMEMBERED = 500;
const LONGEST_JSON = 200;

/** The last request of each session. Kept in memory, because it is of interest for a moment only. */
export class LastRequests {
  readonly #byHandle = new Map<string, LastRequest>();
  readonly #ended = new Map<string, LastRequest>();

  /** Notes every request, except one that only opens the inspector. */
  readonly watch: RequestHandler = (req, res, next) => {
    if (res.locals.storeError || isInspecting(req)) return next();
    const { session } = req;
    const before = { data: entriesOf(session), key: session.key };
    const lastRequest = (): LastRequest => ({
      request: `${req.method} ${withoutTokens(req.originalUrl)}`,
      status: res.statusCode,
      changes: changesBetween(before.data, entriesOf(session)),
      key: keyChange(before.key, session.key),
      setCookie: [res.getHeader("Set-Cookie") ?? []].flat().map((line) => masked(String(line))),
    });
    res.once("finish", () => {
      if (session.handle !== null) remember(this.#byHandle, session.handle, lastRequest());
      else if (res.locals.endedAs !== undefined) remember(this.#ended, res.locals.endedAs, lastRequest());
    });
    next();
  };

  of(session: Session): LastRequest | null {
    return session.handle === null ? null : (this.#byHandle.get(session.handle) ?? null);
  }

  /**
   * The request that ended a session, by the random name which its route put into `res.locals.endedAs`. A session is
   * never found by its handle here: handles stand in pages, and would show a stranger what another visitor did.
   */
  thatEnded(name: string): LastRequest | null {
    return this.#ended.get(name) ?? null;
  }
}

/** Adds to a map that holds the 500 newest. */
function remember(requests: Map<string, LastRequest>, name: string, request: LastRequest): void {
  requests.delete(name);
  requests.set(name, request);
  const [oldest] = requests.keys();
  if (requests.size > REMEMBERED && oldest !== undefined) requests.delete(oldest);
}

function isInspecting(req: Request): boolean {
  return req.method === "GET" && req.path === "/session/";
}

/** The dictionary as JSON texts, which do not change when a handler changes something inside a value. */
function entriesOf(session: Session): Map<string, string> {
  return new Map(Object.entries(session.toObject()).map(([key, value]) => [key, JSON.stringify(value)]));
}

function changesBetween(before: Map<string, string>, after: Map<string, string>): Change[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => before.get(key) !== after.get(key))
    .map((key) => ({ key, before: shortened(before.get(key)), after: shortened(after.get(key)) }));
}

function shortened(json: string | undefined): string | null {
  if (json === undefined) return null;
  return json.length > LONGEST_JSON ? `${json.slice(0, LONGEST_JSON)}…` : json;
}

function keyChange(before: string | null, after: string | null): LastRequest["key"] {
  if (before === after) return before === null ? "none" : "kept";
  if (before === null) return "created";
  return after === null ? "removed" : "replaced";
}

/** Hides the token in the link of a letter: 256 bits in Base64. */
function withoutTokens(address: string): string {
  return address.replaceAll(/[\w-]{43}/g, "••••••");
}

/** Hides the cookie's value: it is the session key, and must not stand in a page. */
function masked(setCookie: string): string {
  return setCookie.replace(/^([^=]+)=[^;]+/, "$1=••••••");
}
