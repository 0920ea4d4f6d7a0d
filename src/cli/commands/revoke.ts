import { SettingsError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";
import { untilInterrupted } from "../interrupt.ts";
import { needUserIndex } from "../user-index.ts";
import { sessionsWord } from "../words.ts";

export interface RevokeOptions {
  readonly user: string;
  readonly all?: boolean;
  readonly except?: string;
}

/** Ends one session of a user, or all of them. */
export async function revoke(
  context: Context,
  handle: string | undefined,
  { user, all = false, except }: RevokeOptions,
) {
  if ((handle === undefined) !== all)
    throw new SettingsError("handle", "the handle of one session, or --all in its place");
  if (except !== undefined && !all) throw new SettingsError("--except", "a handle, only with --all", except);
  return handle === undefined
    ? await revokeAll(context, user, except)
    : await revokeOne(context, user, handle);
}

async function revokeOne({ sessions, tell }: Context, user: string, handle: string) {
  const isEnded = await sessions.revoke(handle, { userId: user });
  tell(
    { user, ended: isEnded ? 1 : 0 },
    isEnded
      ? `The session of ${user} has ended.`
      : `${user} has no session with that handle: nothing was ended.`,
  );
  return isEnded ? EXIT.DONE : EXIT.FAILED;
}

/** Ctrl-C stops it after the step under way. */
async function revokeAll({ sessions, store, tell }: Context, user: string, except: string | undefined) {
  needUserIndex(store);
  let ended = 0;
  const { isInterrupted } = await untilInterrupted(async (signal) => {
    ended = await sessions.revokeUser(user, { signal, ...(except !== undefined && { except }) });
  });
  tell(
    { user, ended, ...(isInterrupted && { interrupted: true }) },
    `${sessionsWord(ended)} of ${user} ended${isInterrupted ? " before you stopped it. Run it again for the rest" : ""}.`,
  );
  return isInterrupted ? EXIT.INTERRUPTED : EXIT.DONE;
}
