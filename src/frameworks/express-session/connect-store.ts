/**
 * A connect store under our own `session()`. Each session is stored there under its id, as an object that stores for
 * express-session take: `{ cookie, coatcheck }`. Of the cookie stores read only the end, in one of three forms.
 */
import type { Store } from "../../contract/store.ts";
import { type UnstorageStorage, unstorageStore } from "../../stores/unstorage.ts";
import { type CallableStore, PromisedStore } from "./promised.ts";

/**
 * Any store for express-session, to be given as `store` to the `session()` of every adapter. A connect store cannot compare and
 * set, so it keeps the promises within one process only: of two servers that write one session at once, one can lose its
 * change, and a slow write can bring an ended session back. It has no index of users, so `listUserSessions`, `revokeUser` and
 * `stats` do not work on it. Expired sessions are removed by the connect store itself, as far as it does that.
 *
 * Throws SettingsError for a value that is no connect store.
 */
export function connectStore(store: CallableStore): Store {
  const { read, create, update, rotate, touch, check, ...others } = unstorageStore({
    storage: storageOn(new PromisedStore(store, "store")),
    prefix: "",
  });
  const capabilities = { compareAndSet: false, expiresNatively: true };
  return { name: "connect", capabilities, read, create, update, rotate, touch, delete: others.delete, check };
}

/** Milliseconds, fifty years: columns of tables have no room for any date. A browser gives the cookie up long before. */
const LONGEST = 50 * 365 * 24 * 60 * 60 * 1000;

/** Keeps each item in a session object. */
function storageOn(store: PromisedStore): UnstorageStorage {
  return {
    async getItem(id) {
      const found = await store.get(id);
      return found?.coatcheck ?? null;
    },
    setItem(id, item, { ttl }) {
      const maxAge = Math.min(ttl * 1000, LONGEST);
      const expires = new Date(Date.now() + maxAge);
      const cookie = { path: "/", httpOnly: true, originalMaxAge: maxAge, maxAge, expires };
      return store.set(id, { cookie, coatcheck: item });
    },
    removeItem: (id) => store.destroy(id),
    getKeys: () => Promise.reject(new Error("A connect store does not list its sessions.")),
  };
}
