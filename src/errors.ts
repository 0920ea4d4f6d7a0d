/** The errors of coatcheck. A message says what happened, why, and what to do, and never holds a key or a cookie value. */

interface Answer {
  /** The HTTP status of the answer to this error. */
  status: number;
  /** Headers that go along with the error page. */
  headers?: Readonly<Record<string, string>>;
  /** The error that led to this one. It is for logs, and never for a page. */
  cause?: unknown;
}

/** The parts that all errors of coatcheck have. Express, Koa and Fastify read them when they answer. */
abstract class CoatcheckError extends Error {
  /** The HTTP status of the answer, as Koa reads it. */
  readonly status: number;
  /** The same, as Express and Fastify read it. */
  readonly statusCode: number;
  /** Whether visitors may see the message. They may not from status 500 up. */
  readonly expose: boolean;
  /** Headers that go along with the error page, by name. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(message: string, { status, headers = {}, cause }: Answer) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.statusCode = status;
    this.expose = status < 500;
    this.headers = headers;
  }

  /** A plain answer to this error, for frameworks that ask an error for its answer, as Hono does. */
  getResponse(): Response {
    const { headers, status } = this;
    return new Response(publicText(this), { status, headers });
  }
}

/** The text of a plain error page: the message where visitors may see it, else the name of the status. */
export function publicText(error: { status: number; expose: boolean; message: string }): string {
  const { status, expose, message } = error;
  const reason = REASONS[status] ?? `Error ${status}`;
  return `${expose ? message : reason}\n`;
}

const REASONS: Record<number, string> = { 500: "Internal Server Error", 503: "Service Unavailable" };

/** Thrown by `require` and `deleteTestCookie` for a key that the session does not have (500). Django's KeyError. */
export class SessionKeyError extends CoatcheckError {
  override readonly name = "SessionKeyError";

  constructor(name: string) {
    super(`The session has no ${JSON.stringify(name)}. Use get(name, fallback) where it may be absent.`, {
      status: 500,
    });
  }
}

/** Thrown when a session with `lazy: true` is used before `load()` (500). */
export class SessionNotLoadedError extends CoatcheckError {
  override readonly name = "SessionNotLoadedError";

  constructor(member: string) {
    super(
      `The session was used (${member}) before it was loaded, which with lazy: true only load() does. Write ` +
        "`await session.load()` first; flush() and logout() alone need none.",
      { status: 500 },
    );
  }
}

/**
 * Another request has ended the session (400): thrown by `once`, and with `onInterrupted: "error"` by the commit. Django's
 * SessionInterrupted.
 */
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

/** Thrown by `requireRecent` (403) where the password was given too long ago, or no user is signed in. */
export class ConfirmationNeededError extends CoatcheckError {
  override readonly name = "ConfirmationNeededError";

  constructor() {
    super(
      "This needs a password that was given a moment ago. The site has to ask for it again, and to call session.confirm() when it is right; " +
        "then repeat what you did.",
      { status: 403 },
    );
  }
}

/** With `onConflict: "error"`, the commit fails with this error (409) when two requests have changed one key. */
export class SessionConflictError extends CoatcheckError {
  override readonly name = "SessionConflictError";

  constructor(name: string) {
    super(
      `Another request changed ${JSON.stringify(name)} meanwhile, and onConflict is "error", so nothing was stored. Try ` +
        "again, or change the key with update().",
      { status: 409 },
    );
  }
}

/**
 * The store failed or did not answer in time, or `once` has waited long enough (503, with `Retry-After`). The store's own error is
 * only in `cause`.
 */
export class StoreUnavailableError extends CoatcheckError {
  override readonly name = "StoreUnavailableError";

  constructor(doing: string, cause?: unknown) {
    super(
      `The session store could not ${doing}. The cookie stays as it is, and the request may be tried again. Look at the ` +
        "cause of this error and at the store.",
      { status: 503, headers: { "Retry-After": "5" }, cause },
    );
  }
}

/** The commit fails with this error (500) when a login names a user who does not exist in Django, or is not active there. */
export class SessionUserError extends CoatcheckError {
  override readonly name = "SessionUserError";

  constructor() {
    super(
      "Nothing was stored: login() was given a user who is not in Django's table of users, or is not active there. Look the user up, " +
        "and check the password, before you call login().",
      { status: 500 },
    );
  }
}

/** By its name, because bundlers may put two copies of this package into one program. */
export const isSessionUserError = (error: unknown): error is SessionUserError =>
  error instanceof Error && error.name === "SessionUserError";

/** Thrown at a call that needs a new cookie when the response has already begun (500). */
export class SessionCommittedError extends CoatcheckError {
  override readonly name = "SessionCommittedError";

  constructor(member: string) {
    super(
      `${member} came after the response had begun, too late for the cookie that it needs. Call it before the first byte; a ` +
        "session that is stored already can still be changed, with `await session.save()`.",
      { status: 500 },
    );
  }
}

/** Thrown by every call that would change a session which was opened only to be read (500). */
export class SessionReadOnlyError extends CoatcheckError {
  override readonly name = "SessionReadOnlyError";

  constructor(member: string) {
    super(
      `session.${member} was used where the session can only be read, as no cookie can be sent; nothing was changed. In Next.js, ` +
        "change it in a Server Action or a route handler.",
      { status: 500 },
    );
  }
}

/** The commit fails with this error (500) when a session does not fit into its cookie. */
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

/** Thrown at the start, and by calls with options of their own, for an option that cannot work (500). */
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
