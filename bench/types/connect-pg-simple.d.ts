// What the bench uses of connect-pg-simple.
import type session from "express-session";
import type { Store } from "express-session";
import type { Pool } from "pg";

interface Options {
  pool: Pool;
  createTableIfMissing: boolean;
  disableTouch: boolean;
}
export default function (of: typeof session): new (options: Options) => Store;
