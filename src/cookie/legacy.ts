/** The cookie that express-session has set, as a key: its signed text, percent-encoded. */
import type { Ticket } from "../contract/ticket.ts";
import type { LegacySettings } from "../settings/legacy.ts";
import { keyTicket, storeIdOf } from "./key.ts";
import { Signature } from "./signature.ts";

/** The text of a percent-encoded value; empty where it is not encoded well. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return "";
  }
}

/**
 * The ticket of an application that came from express-session: beside keys of our own it takes signed ids as keys. Such a key
 * keeps its signature, so that it is never accepted without.
 */
export function legacyTicket({ secrets }: LegacySettings): Ticket {
  const signature = new Signature(secrets);
  return {
    ...keyTicket,
    parse(value, name) {
      const own = keyTicket.parse(value, name);
      if (own !== null) return own;
      const key = signature.unsign(value, decoded);
      return key === null ? null : { key, id: storeIdOf(key) };
    },
    issue(session, name) {
      const { key } = session;
      const isOurs = key === null || keyTicket.parse(key, name) !== null;
      return isOurs ? keyTicket.issue(session, name) : encodeURIComponent(signature.sign(key));
    },
  };
}
