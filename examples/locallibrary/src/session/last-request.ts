import type { Session } from "coatcheck";
import type { Request, RequestHandler } from "express";

/** What a request did to its session, for the inspector to show with the next. */
export interface LastRequest {
  request: string;
  status: number;
  changes: Change[];
  /** What became of the key. */
  key: "created" | "replaced" | "removed" | "kept" | "none";
  /** As it was sent, but for the value. */
  setCookie: string[];
}

export interface Change {
  key: string;
  /** JSON; null = the key was not there. */
  before: string | null;
  after: string | null;
}

const REMEMBERED = 500;
const LONGEST_JSON = 200;

/** The last request of each session, by its handle: in memory, for it is of interest for a moment only. */
export class LastRequests {
  readonly #byName = new Map<string, LastRequest>();

  /** Watches every request but the inspector's own looking. A request that ends its session gives it a name in `res.locals.rememberAs`. */
  readonly watch: RequestHandler = (req, res, next) => {
    if (isLooking(req)) return next();
    const { session } = req;
    const before = { data: entriesOf(session), key: session.key };
    res.once("finish", () => {
      const name = session.handle ?? res.locals.rememberAs;
      if (name === undefined) return;
      this.#remember(name, {
        request: `${req.method} ${req.originalUrl}`,
        status: res.statusCode,
        changes: changesBetween(before.data, entriesOf(session)),
        key: fateOf(before.key, session.key),
        setCookie: [res.getHeader("Set-Cookie") ?? []].flat().map((line) => masked(String(line))),
      });
    });
    next();
  };

  of(name: string): LastRequest | null {
    return this.#byName.get(name) ?? null;
  }

  #remember(name: string, request: LastRequest): void {
    this.#byName.delete(name);
    this.#byName.set(name, request);
    const [oldest] = this.#byName.keys();
    if (this.#byName.size > REMEMBERED && oldest !== undefined) this.#byName.delete(oldest);
  }
}

function isLooking(req: Request): boolean {
  return req.method === "GET" && req.path === "/session/";
}

/** As JSON, which later changes inside a value leave alone. */
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

function fateOf(before: string | null, after: string | null): LastRequest["key"] {
  if (before === after) return before === null ? "none" : "kept";
  if (before === null) return "created";
  return after === null ? "removed" : "replaced";
}

/** The value is the key, and a page is no place for it. */
function masked(setCookie: string): string {
  return setCookie.replace(/^([^=]+)=[^;]+/, "$1=••••••");
}
