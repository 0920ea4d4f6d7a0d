/** For the tests of an application: the cookie of a session that stands in the store already. */
import type { SessionData } from "../data/session-data.ts";
import type { Sessions } from "../sessions.ts";

export interface SessionCookieOptions<Data = SessionData> {
  /** The user who is signed in. Default none: an anonymous visitor. */
  readonly userId?: string | number | undefined;
  /** The name of the device, as `login(userId, { label })` takes it. Default none. */
  readonly label?: string | undefined;
  /** The data of the session. Default none. */
  readonly data?: ([keyof Data] extends [never] ? Record<string, unknown> : Partial<Data>) | undefined;
  /** Whether the test sends its requests over https: the name of the cookie depends on it. Default false. */
  readonly secure?: boolean | undefined;
}

/** A cookie as Playwright's `addCookies` takes it, with a `domain` beside it. */
export interface SessionCookie {
  /** The value of a Cookie header: `name=value`. */
  readonly header: string;
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: "Strict" | "Lax" | "None";
}

/**
 * Stores a session as a login would, and resolves to its cookie: a test begins signed in, without a visit to the login page.
 * `sessions` is what the application has: the same `Sessions`, or another with the same store and cookie. Rejects with
 * StoreUnavailableError, with a TypeError for data that is not JSON, and with an Error where the cookie could not be sent.
 *
 * ```ts
 * const { header } = await sessionCookie(sessions, { userId: 7, data: { cart: ["apple"] } });
 * await request(app).get("/cart").set("Cookie", header).expect(200);
 * ```
 */
export async function sessionCookie<Data>(
  sessions: Sessions<Data>,
  { userId, data, label, secure = false }: SessionCookieOptions<Data> = {},
): Promise<SessionCookie> {
  const session = await sessions.open(null, { secure });
  await session.load(); // With `lazy: true` nothing else may be called before it.
  if (data !== undefined) session.assign(data as Parameters<typeof session.assign>[0]);
  if (userId !== undefined) session.login(userId, { label });
  await session.save(); // An empty session is stored too.
  const headers = await sessions.commit(session, { status: 200 });
  const setCookie = headers.find(([name]) => name === "Set-Cookie")?.[1];
  if (setCookie === undefined) {
    throw new Error(
      "sessionCookie made no cookie, because a response would not have sent one. Where the option cookie has secure: true, " +
        "write sessionCookie(sessions, { secure: true }).",
    );
  }
  return parse(setCookie);
}

function parse(setCookie: string): SessionCookie {
  const [header = "", ...rest] = setCookie.split("; ");
  const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(header) ?? [];
  const attributes = new Map(rest.map((text) => text.split("=", 2) as [string, string | undefined]));
  return {
    header,
    name,
    value,
    path: attributes.get("Path") ?? "/",
    secure: attributes.has("Secure"),
    httpOnly: attributes.has("HttpOnly"),
    sameSite: attributes.get("SameSite") as SessionCookie["sameSite"],
  };
}
