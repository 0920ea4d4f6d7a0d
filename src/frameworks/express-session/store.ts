/** The base of connect stores. */
import { EventEmitter } from "node:events";
import { type ConnectStore, type SessionRequest, VISIT } from "./contract.ts";
import { Cookie } from "./cookie.ts";
import { Session } from "./session.ts";

/** A function and no class, so that older stores can write `Store.call(this)`. */
function StoreFunction(this: EventEmitter): void {
  EventEmitter.call(this);
}

Object.setPrototypeOf(StoreFunction, EventEmitter);
StoreFunction.prototype = Object.create(EventEmitter.prototype, {
  constructor: { value: StoreFunction, writable: true, configurable: true },
});
Object.defineProperty(StoreFunction, "name", { value: "Store" });

const methods: Pick<ConnectStore, "regenerate" | "createSession" | "load"> & ThisType<ConnectStore> = {
  regenerate(request, done) {
    this.destroy((request as SessionRequest).sessionID, (error) => {
      this.generate(request);
      done(error);
    });
  },

  createSession(request, found) {
    const expires = found.cookie.expires;
    const originalMaxAge = found.cookie.originalMaxAge;
    const cookie = new Cookie(found.cookie);
    found.cookie = cookie;
    if (typeof expires === "string") cookie.expires = new Date(expires);
    cookie.originalMaxAge = originalMaxAge;
    const session = new Session(request, found);
    (request as SessionRequest).session = session;
    (request as SessionRequest)[VISIT]?.wasRead(session);
    return session;
  },

  load(id, done) {
    this.get(id, (error, found) => {
      if (error) return done(error);
      if (!found) return done();
      done(null, this.createSession({ sessionID: id, sessionStore: this }, found));
    });
  },
};

Object.assign(StoreFunction.prototype, methods);

/** The base class of stores. Subclasses have at least `get`, `set` and `destroy`. */
export type Store = ConnectStore;
// biome-ignore lint/suspicious/noExplicitAny: stores hand their own options to the base.
export const Store = StoreFunction as unknown as abstract new (...options: any[]) => Store;
