/** The errors of coatcheck. Each says what happened, why, and what to do; none names a session key or a cookie value. */

interface Answer {
  /** The HTTP status that suits the error. */
  status: number;
  /** Headers to send along with an error page. */
  headers?: Readonly<Record<string, string>>;
  /** What led to it: for logs, never for a page. */
  cause?: unknown;
}

/** What all errors of coatcheck share. Express, Koa and Fastify read these names when they answer. */
abstract class CoatcheckError extends Error {
  readonly status: number;
  readonly statusCode: number;
  /** Whether a visitor may see the message: not from 500 up. */
  readonly expose: boolean;
  readonly headers: Readonly<Record<string, string>>;

  constructor(message: string, { status, headers = {}, cause }: Answer) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.statusCode = status;
    this.expose = status < 500;
    this.headers = headers;
  }

  /** The plain answer to it, for frameworks that ask an error for one, as Hono does. */
  getResponse(): Response {
    const { headers, status } = this;
    return new Response(publicText(this), { status, headers });
  }
}

/** What a plain page shows of an error: its message only where visitors may see it. */
export function publicText(error: { status: number; expose: boolean; message: string }): string {
  const { status, expose, message } = error;
  const reason = REASONS[status] ?? `Error ${status}`;
  return `${expose ? message : reason}\n`;
}

const REASONS: Record<number, string> = { 500: "Internal Server Error", 503: "Service Unavailable" };

/** `require(name)` found no such key: Django's KeyError. */
export class SessionKeyError extends CoatcheckError {
  override readonly name = "SessionKeyError";

  constructor(name: string) {
    super(`The session has no ${JSON.stringify(name)}. Use get(name, fallback) where it may be absent.`, {
      status: 500,
    });
  }
}

/** The session is lazy and was used before `load()`. */
export class SessionNotLoadedError extends CoatcheckError {
  override readonly name = "SessionNotLoadedError";

  constructor(member: string) {
    super(
      `The session was used (${member}) before it was loaded: with lazy: true the store is asked only by load(). ` +
        "Write `await session.load()` first; only flush() and logout() work without it.",
      { status: 500 },
    );
  }
}

/** Another request ended the session while this one ran. Raised only with `onInterrupted: "error"`. */
export class SessionInterruptedError extends CoatcheckError {
  override readonly name = "SessionInterruptedError";

  constructor() {
    super(
      "The session ended while this request ran, so its changes were not kept: most likely the visitor signed out in " +
        "another tab. Load the page again.",
      { status: 400 },
    );
  }
}

/** Two requests set one key, and `onConflict` is "error". */
export class SessionConflictError extends CoatcheckError {
  override readonly name = "SessionConflictError";

  constructor(name: string) {
    super(
      `Another request changed ${JSON.stringify(name)} while this one did, and onConflict is "error", so nothing of ` +
        "this request was stored. Try again, or change the key with update().",
      { status: 409 },
    );
  }
}

/** The store could not do its work in time. What it said is only in `cause`. */
export class StoreUnavailableError extends CoatcheckError {
  override readonly name = "StoreUnavailableError";

  constructor(doing: string, cause?: unknown) {
    super(
      `The session store could not ${doing}, so the session is unavailable; the cookie stays as it is. Look at the ` +
        "cause of this error and at the store; the request may be tried again.",
      { status: 503, headers: { "Retry-After": "5" }, cause },
    );
  }
}

/** The response has begun, and what was asked for would need a new cookie. */
export class SessionCommittedError extends CoatcheckError {
  override readonly name = "SessionCommittedError";

  constructor(member: string) {
    super(
      `${member} came after the response had begun, too late to send the cookie it needs. Call it before the first ` +
        "byte; changes to a session that is already stored can still be kept with `await session.save()`.",
      { status: 500 },
    );
  }
}

/** The session does not fit into a cookie. */
export class CookieTooLargeError extends CoatcheckError {
  override readonly name = "CookieTooLargeError";

  /** `size` and `limit` in bytes; `keys` are the names stored, the largest first. */
  constructor(size: number, limit: number, keys: readonly string[]) {
    super(
      `The session takes a cookie of ${size} bytes; browsers keep at most ${limit}. The largest keys are ` +
        `${keys.slice(0, 5).join(", ")}. Store less, or use a store on the server.`,
      { status: 500 },
    );
  }
}

/** An option has a value that cannot work. */
export class SettingsError extends CoatcheckError {
  override readonly name = "SettingsError";

  /** `got` is shown where it is a number, a flag or a string; leave it out where it may be a secret. */
  constructor(option: string, takes: string, ...got: [unknown?]) {
    super(`The option ${option} takes ${takes}${got.length === 0 ? "" : `, and got ${describe(got[0])}`}.`, {
      status: 500,
    });
  }
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  return `a ${Array.isArray(value) ? "list" : typeof value}`;
}
