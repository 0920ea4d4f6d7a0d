import type { Session, Sessions } from "coatcheck";

/** What a response tells the browser about its session. */
export class Reply {
  readonly headers: readonly (readonly [name: string, value: string])[];

  constructor(headers: readonly (readonly [name: string, value: string])[]) {
    this.headers = headers;
  }

  /** The values of a header, each as it was sent. */
  all(name: string): string[] {
    return this.headers.filter(([sent]) => sent === name).map(([, value]) => value);
  }

  get setCookie(): string | null {
    return this.all("Set-Cookie")[0] ?? null;
  }

  /** The attributes of the cookie, in alphabetical order. */
  get attributes(): string[] {
    return (this.setCookie ?? "").split("; ").slice(1).sort();
  }

  get maxAge(): number | null {
    const age = this.attributes.find((attribute) => attribute.startsWith("Max-Age="));
    return age === undefined ? null : Number(age.slice("Max-Age=".length));
  }

  get vary(): string | null {
    return this.all("Vary")[0] ?? null;
  }

  get cacheControl(): string | null {
    return this.all("Cache-Control")[0] ?? null;
  }

  /** What happened to the cookie, in a word. */
  get cookie(): "none" | "set" | "removed" {
    if (this.setCookie === null) return "none";
    return this.maxAge === 0 ? "removed" : "set";
  }
}

/** A browser with one cookie jar, and a site without a server in between: requests are `open`, responses `respond`. */
export class Browser {
  readonly jar = new Map<string, string>();
  readonly #sessions: Sessions;
  readonly #secure: boolean;

  constructor(sessions: Sessions, { secure = false } = {}) {
    this.#sessions = sessions;
    this.#secure = secure;
  }

  /** The Cookie header of the next request. */
  get cookie(): string | null {
    return this.jar.size === 0 ? null : [...this.jar].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** The value of the session's cookie. */
  get key(): string | null {
    return [...this.jar.values()][0] ?? null;
  }

  /** A second browser with the same cookies: another tab, or a thief. */
  copy(): Browser {
    const copy = new Browser(this.#sessions, { secure: this.#secure });
    for (const [name, value] of this.jar) copy.jar.set(name, value);
    return copy;
  }

  /** A request arrives; its response is not under way yet. */
  open(): Promise<Session> {
    return this.#sessions.open(this.cookie, { secure: this.#secure });
  }

  /** The response leaves, and its cookies reach the jar. */
  async respond(session: Session, status = 200): Promise<Reply> {
    const reply = new Reply(await this.#sessions.commit(session, { status }));
    for (const cookie of reply.all("Set-Cookie")) {
      const [name = "", value = ""] = (cookie.split(";")[0] ?? "").split(/=(.*)/s);
      if (/; Max-Age=0(;|$)/.test(cookie)) this.jar.delete(name);
      else this.jar.set(name, value);
    }
    return reply;
  }

  /** A request and its response. */
  async visit(handle: (session: Session) => unknown = () => {}, status = 200): Promise<Reply> {
    const session = await this.open();
    await handle(session);
    return this.respond(session, status);
  }

  /** All that the session holds. */
  async sees(): Promise<Record<string, unknown>> {
    return (await this.open()).toObject();
  }
}
