import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";
import { needUserIndex } from "../user-index.ts";
import { plain, sessionsWord, table, time } from "../words.ts";

/** Lists the sessions of a user, without their data: that is between the user and the site. */
export async function list({ sessions, store, tell }: Context, { user }: { readonly user: string }) {
  needUserIndex(store);
  const found = (await sessions.listUserSessions(user)).map(({ data: _data, ...session }) => session);
  const rows = found.map(({ handle, label, authenticatedAt, lastSeenAt, expiresAt }) => [
    handle,
    time(authenticatedAt),
    time(lastSeenAt),
    time(expiresAt),
    plain(label ?? ""),
  ]);
  const words = table([["HANDLE", "SIGNED IN", "LAST SEEN", "EXPIRES", "LABEL"], ...rows]);
  tell(
    { user, sessions: found },
    found.length === 0 ? `${user} has no sessions.` : `${words}\n${sessionsWord(found.length)}`,
  );
  return EXIT.DONE;
}
