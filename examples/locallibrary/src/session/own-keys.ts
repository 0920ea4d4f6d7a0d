import type { SessionData } from "coatcheck";

// The type makes the compiler ask for every key that data.ts declares, and refuse any other.
const ownKeys: Record<keyof SessionData, true> = {
  num_visits: true,
  recent_books: true,
  reading_list: true,
  per_page: true,
  theme: true,
  notice_dismissed: true,
  flashes: true,
  sent_forms: true,
  interrupted_form: true,
  token: true,
  reset_token: true,
  sign_up_token: true,
  tour: true,
  guest_book: true,
  address: true,
  seen_at: true,
};

/** Returns whether a key is one of the site's own. A visitor must not write those: the site trusts their values. */
export function isOwnKey(key: string): boolean {
  return Object.hasOwn(ownKeys, key);
}
