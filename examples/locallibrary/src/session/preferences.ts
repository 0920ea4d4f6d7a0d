import type { Session } from "coatcheck";

// What a visitor may set without an account. The session keeps it, and signing in carries it along.

export const pageSizes = [12, 24, 48] as const;

export const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

export function perPage(session: Session): number {
  return session.get("per_page", pageSizes[0]);
}
