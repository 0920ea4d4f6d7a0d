/** Events of sessions, on `node:diagnostics_channel`. They cost next to nothing while no listener is there. */
import { channel } from "node:diagnostics_channel";

/** The message of each event. `session` is a log id; keys, cookie values and data are never told. */
export interface SessionEvents {
  /** A record was created. */
  created: { session: string; userId: string | null };
  /** The key was replaced. `from` is the old session's log id. */
  rotated: { session: string; from: string; userId: string | null };
  /** `flush`, `logout` or `revoke` deleted the session. */
  ended: { session: string };
  /** Changes were dropped: another request had ended the session. */
  interrupted: { session: string };
  /** A request came with a key that was rotated away; it got an empty session. */
  moved: { session: string };
  /** A request came with a key that the store does not know, or that has expired. */
  unknown: { session: string };
  /** A cookie of our name held no key. */
  malformed: { length: number };
  /** Several cookies of our name came, from an old domain or path, or set by another site. */
  duplicated: { values: number };
  /** The record could not be read as a session; the visitor got a fresh one. */
  corrupt: { session: string; reason: string };
  /** Keys of the record did not fit the option `schema`; the visitor's session goes on without them. `keys` are their names. */
  misfit: { session: string; keys: string[] };
  /** The record is of a newer release; it was left alone. */
  newer: { session: string; format: number };
  /** A device has registered its key: the session is bound to it. Only with `deviceBound`, as are the next two. */
  bound: { session: string; userId: string | null };
  /** A device has proved that it has the key, and got a new bound cookie. */
  refreshed: { session: string };
  /**
   * A request for a bound session was refused: it showed no bound cookie, or one that does not fit; or a proof was not signed with the
   * session's key, or came for a challenge that is not good.
   */
  refused: { session: string; reason: "no bound cookie" | "unfit bound cookie" | "no valid proof" };
  /** Two requests wrote at once, and this one was replayed on the other's record. */
  conflict: { session: string; attempt: number };
  /** The store failed or was too late. */
  unavailable: { doing: string; error: unknown };
  /** A Secure cookie was withheld from a request that was not secure. */
  withheld: { name: string };
  /** The response ended before changes were saved. */
  unsaved: { session: string | null };
  /** A batch of expired sessions was cleared. */
  cleared: { deleted: number };
}

export type SessionEvent = keyof SessionEvents;

/** The channel of an event is `coatcheck:<event>`. */
const channels = new Map<SessionEvent, ReturnType<typeof channel>>();

/** Publishes an event. The message is made only when the channel has a listener. */
export function tell<E extends SessionEvent>(event: E, message: () => SessionEvents[E]): void {
  let listened = channels.get(event);
  if (listened === undefined) {
    listened = channel(`coatcheck:${event}`);
    channels.set(event, listened);
  }
  if (listened.hasSubscribers) listened.publish(message());
}
