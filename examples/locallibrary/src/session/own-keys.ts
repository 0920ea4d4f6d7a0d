import type { SessionData } from "coatcheck";

// The compiler asks for every key that data.ts declares, and refuses any other.
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
  user_agent: true,
  address: true,
  seen_at: true,
};

/** Whether a session's key is the site's own, which trusts what it finds there. */
export function isOwnKey(key: string): boolean {
  return Object.hasOwn(ownKeys, key);
}
