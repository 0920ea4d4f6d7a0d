/** The class of `req.session`. */

import { type Callback, type Session as Contract, type SessionRequest, VISIT } from "./contract.ts";
import type { Cookie } from "./cookie.ts";

/** Sessions that their handler has touched. */
const touched = new WeakSet<object>();
let isEnding = false;

/** Whether a handler has touched the session itself. */
export const wasTouched = (session: object): boolean => touched.has(session);

/** Touches a session because its request ends. */
export function touchAtEnd(session: Contract): void {
  isEnding = true;
  try {
    session.touch();
  } finally {
    isEnding = false;
  }
}

class VisitorSession {
  declare cookie: Cookie;
  declare readonly id: string;
  declare readonly req: SessionRequest;

  constructor(request: object, data?: unknown) {
    const { sessionID } = request as SessionRequest;
    Object.defineProperty(this, "req", { value: request });
    Object.defineProperty(this, "id", { value: sessionID });
    if (typeof data !== "object" || data === null) return;
    const own = this as unknown as Record<string, unknown>;
    // A stored key with the name of a method would hide the method.
    for (const key in data) if (!(key in this)) own[key] = (data as Record<string, unknown>)[key];
  }

  touch(): this {
    if (!isEnding) touched.add(this);
    return this.resetMaxAge();
  }

  resetMaxAge(): this {
    const { cookie } = this;
    cookie.maxAge = cookie.originalMaxAge;
    return this;
  }

  /** `done` has no default, because packages see by the number of arguments that it can be given. */
  save(done?: Callback): this {
    const visit = this.req[VISIT];
    const saved = done ?? (() => {});
    if (visit === undefined) this.req.sessionStore.set(this.id, this, saved);
    else visit.save(this, saved);
    return this;
  }

  reload(done: Callback): this {
    const { req } = this;
    const store = req.sessionStore;
    store.get(this.id, (error, found) => {
      if (error) return done(error);
      if (!found) return done(new Error("failed to load session"));
      store.createSession(req, found);
      done();
    });
    return this;
  }

  destroy(done?: Callback): this {
    delete (this.req as { session?: unknown }).session;
    this.req.sessionStore.destroy(this.id, done);
    return this;
  }

  regenerate(done: Callback): this {
    this.req.sessionStore.regenerate(this.req, done);
    return this;
  }
}

Object.defineProperty(VisitorSession, "name", { value: "Session" });

export type Session = Contract;
/** Makes the session of a request, with the data that a store gave. */
export const Session = VisitorSession as unknown as new (request: object, data?: unknown) => Session;
