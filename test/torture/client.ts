/**
 * A visitor of the tortured site, with a cookie jar, who remembers everything that was acknowledged. Writes go to both servers at
 * once; logins and logouts alone. Each write has a tag of its own, which the session must hold once.
 */
import { Visitor } from "../instruments/visitor.ts";

/** What a session of the site shows. */
interface Seen {
  readonly userId: string | null;
  readonly count: number;
  readonly tags: readonly string[];
}

export interface Figures {
  /** Writes, logins and logouts that were answered with 200. */
  acknowledged: number;
  /** Acknowledged writes that the session does not hold. */
  lost: number;
  /** Sessions that a login left behind which was not answered with 200. */
  leftBehind: number;
  /** Writes that the session holds twice, or counts twice. */
  doubled: number;
  /** Tags and users of another visitor. */
  foreign: number;
  /** Sessions that could be read after their logout was acknowledged. */
  resurrected: number;
  /** Requests that were answered with an error, or not at all. */
  errors: number;
}

export const NOTHING: Figures = {
  acknowledged: 0,
  lost: 0,
  leftBehind: 0,
  doubled: 0,
  foreign: 0,
  resurrected: 0,
  errors: 0,
};

/** Milliseconds. PgBouncer connects to a PostgreSQL that was away only after 15 seconds (`server_login_retry`). */
const RECOVERY = 30_000;

/** Milliseconds that a visitor waits for an answer. */
const PATIENCE = 6000;

export class Client {
  readonly figures: Figures = { ...NOTHING };
  readonly #name: string;
  readonly #ports: readonly number[];
  #cookie: string | undefined;
  #tags = 0;
  /** The acknowledged writes of the present session. */
  #acknowledged: string[] = [];
  readonly #loggedOut: string[] = [];
  #hasSession = false;
  /** The writes before each login that failed: its change of key may be stored, and the visitor has the old key. */
  #beforeFailedLogins: (readonly string[])[] = [];

  constructor(name: string, ports: readonly number[]) {
    this.#name = name;
    this.#ports = ports;
  }

  /** Uses the site until it is told to stop. */
  async visit(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const chance = Math.random();
      if (!this.#hasSession) await this.#write(1);
      else if (chance < 0.1) await this.#login(isOver);
      else if (chance < 0.16) await this.#logout(isOver);
      else if (chance < 0.3) await this.#check();
      else await this.#write(1 + Math.floor(Math.random() * 3));
    }
  }

  async #write(atOnce: number): Promise<void> {
    const answers = await Promise.all(
      Array.from({ length: atOnce }, async (_, place) => {
        const tag = `${this.#name}-${this.#tags++}`;
        const seen = await this.#ask(`/write?tag=${tag}`, place);
        if (seen !== null) this.#acknowledged.push(tag);
        return seen;
      }),
    );
    if (answers.some((seen) => seen !== null)) this.#hasSession = true;
  }

  /** A visitor whose login fails tries again. */
  async #login(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const tag = `${this.#name}-${this.#tags++}`;
      const before = [...this.#acknowledged];
      if ((await this.#ask(`/login?user=${this.#name}&tag=${tag}`)) === null) {
        this.#beforeFailedLogins.push(before);
        continue;
      }
      this.#acknowledged.push(tag);
      return;
    }
  }

  async #logout(isOver: () => boolean): Promise<void> {
    if (!(await this.#check())) return;
    const cookie = this.#cookie;
    while (!isOver()) {
      if ((await this.#ask("/logout")) === null) continue;
      if (cookie !== undefined) this.#loggedOut.push(cookie);
      this.#forget();
      return;
    }
  }

  #forget(): void {
    this.#acknowledged = [];
    this.#beforeFailedLogins = [];
    this.#hasSession = false;
    this.#cookie = undefined;
  }

  /** Compares the session with what was acknowledged. False where it could not be read. */
  async #check(): Promise<boolean> {
    const expected = [...this.#acknowledged];
    const seen = await this.#ask("/");
    if (seen === null) return false;
    const there = new Set(seen.tags);
    const lost = expected.filter((tag) => !there.has(tag));
    const isLeftBehind = lost.length > 0 && this.#isLeftBehind(lost, there);
    if (isLeftBehind) this.figures.leftBehind += 1;
    else this.figures.lost += lost.length;
    this.figures.doubled += Math.max(seen.tags.length - there.size, seen.count - there.size);
    const isForeign = (tag: string) => !tag.startsWith(`${this.#name}-`);
    const isOtherUser = seen.userId !== null && seen.userId !== this.#name;
    this.figures.foreign += seen.tags.filter(isForeign).length + (isOtherUser ? 1 : 0);
    // So that nothing is counted again.
    if (lost.length > 0) this.#acknowledged = expected.filter((tag) => there.has(tag));
    return true;
  }

  /** Whether all that is lost, and nothing that is there, was written before one of the logins that failed. */
  #isLeftBehind(lost: readonly string[], there: ReadonlySet<string>): boolean {
    return this.#beforeFailedLogins.some(
      (before) => lost.every((tag) => before.includes(tag)) && !before.some((tag) => there.has(tag)),
    );
  }

  /** When all faults are over: looks at the session, and for sessions that must have ended. */
  async finish(): Promise<void> {
    const { errors, acknowledged } = this.figures;
    const deadline = Date.now() + RECOVERY;
    const untilAnswered = async <T>(ask: () => Promise<T | null>): Promise<T> => {
      for (;;) {
        const answer = await ask();
        if (answer !== null) return answer;
        if (Date.now() > deadline) throw new Error("The site does not answer after its fault is over.");
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    };
    await untilAnswered(async () => (await this.#check()) || null);
    for (const cookie of this.#loggedOut) {
      for (const port of this.#ports) {
        const { tags, userId } = await untilAnswered(() => see(port, cookie));
        if (tags.length > 0 || userId !== null) this.figures.resurrected += 1;
      }
    }
    Object.assign(this.figures, { errors, acknowledged });
  }

  /** null for an error. The cookie of the answer goes into the jar, in the order in which the answers come. */
  async #ask(path: string, place = Math.floor(Math.random() * 2)): Promise<Seen | null> {
    const visitor = new Visitor(this.#ports[place % this.#ports.length] as number);
    visitor.cookie = this.#cookie;
    try {
      const { status, body, setCookie } = await visitor.visit(path, {
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (status !== 200) throw new Error(`${status}`);
      if (setCookie.length > 0) this.#cookie = visitor.cookie;
      if (path !== "/") this.figures.acknowledged += 1;
      return JSON.parse(body) as Seen;
    } catch {
      this.figures.errors += 1;
      await new Promise((resolve) => setTimeout(resolve, 20)); // A server that refuses connections does it at once.
      return null;
    }
  }
}

/** The session of a cookie, as a server shows it; null for an error. */
async function see(port: number, cookie: string): Promise<Seen | null> {
  const visitor = new Visitor(port);
  visitor.cookie = cookie;
  try {
    const { status, body } = await visitor.visit("/", { signal: AbortSignal.timeout(PATIENCE) });
    return status === 200 ? (JSON.parse(body) as Seen) : null;
  } catch {
    return null;
  }
}
