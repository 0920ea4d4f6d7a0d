/**
 * The keys of the application's sessions, for it to declare:
 * `declare module "coatcheck" { interface SessionData { num_visits: number } }`. Undeclared, any key goes.
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be merged into.
export interface SessionData {}
