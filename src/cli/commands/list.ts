import { EXIT } from "../exit.ts";
import type { Place } from "../place.ts";
import { sessionsWord, table, time } from "../words.ts";

/** The sessions of a user, without what is in them: that is between the user and the site. */
export async function list({ sessions, tell }: Place, { user }: { readonly user: string }) {
  const found = (await sessions.listUserSessions(user)).map(({ data: _data, ...session }) => session);
  const rows = found.map(({ handle, authenticatedAt, lastSeenAt, expiresAt }) => [
    handle,
    time(authenticatedAt),
    time(lastSeenAt),
    time(expiresAt),
  ]);
  const words = table([["HANDLE", "SIGNED IN", "LAST SEEN", "EXPIRES"], ...rows]);
  tell(
    { user, sessions: found },
    found.length === 0 ? `${user} has no sessions.` : `${words}\n${sessionsWord(found.length)}`,
  );
  return EXIT.DONE;
}
