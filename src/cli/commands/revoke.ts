import { SettingsError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";
import { needUserIndex } from "../user-index.ts";
import { sessionsWord } from "../words.ts";

export interface RevokeOptions {
  readonly user: string;
  readonly all?: boolean;
  readonly except?: string;
}

/** Ends one session of a user, or all of them. */
export async function revoke(
  { sessions, store, tell }: Context,
  handle: string | undefined,
  { user, all = false, except }: RevokeOptions,
) {
  if ((handle === undefined) !== all)
    throw new SettingsError("handle", "the handle of one session, or --all in its place");
  if (except !== undefined && !all) throw new SettingsError("--except", "a handle, only with --all", except);
  if (handle === undefined) {
    needUserIndex(store);
    const ended = await sessions.revokeUser(user, except === undefined ? {} : { except });
    tell({ user, ended }, `${sessionsWord(ended)} of ${user} ended.`);
    return EXIT.DONE;
  }
  const isEnded = await sessions.revoke(handle, { userId: user });
  tell(
    { user, ended: isEnded ? 1 : 0 },
    isEnded
      ? `The session of ${user} has ended.`
      : `${user} has no session with that handle: nothing was ended.`,
  );
  return isEnded ? EXIT.DONE : EXIT.FAILED;
}
