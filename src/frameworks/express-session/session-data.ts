import type { Cookie } from "./cookie.ts";

/**
 * The keys of `req.session`. Declare yours with
 * `declare module "coatcheck/express-session" { interface SessionData { views: number } }`.
 */
export interface SessionData {
  cookie: Cookie;
}
