// What the bench uses of better-sqlite3-session-store.
import type { Database } from "better-sqlite3";
import type session from "express-session";
import type { Store } from "express-session";

interface Options {
  client: Database;
  expired?: { clear: boolean; intervalMs: number };
}
export default function (of: typeof session): new (options: Options) => Store;
