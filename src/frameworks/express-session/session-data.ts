/**
 * The keys of `req.session`. Declare yours with
 * `declare module "coatcheck/express-session" { interface SessionData { views: number } }`. Where the types of
 * express-session are installed, what is declared for either of the two names holds for both.
 */
// biome-ignore lint/suspicious/noEmptyInterface: applications declare its members.
export interface SessionData {}
