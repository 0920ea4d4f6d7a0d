/**
 * The keys of the application's sessions and the types of their values. The application declares them:
 * `declare module "coatcheck" { interface SessionData { num_visits: number } }`. Without a declaration every key compiles.
 */
// biome-ignore lint/suspicious/noEmptyInterface: applications merge their keys into it.
export interface SessionData {}
