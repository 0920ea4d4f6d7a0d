import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";
import { number, size, table, time } from "../words.ts";

/** Counts the sessions. */
export async function stats({ sessions, store, tell }: Context) {
  if (store.stats === undefined) {
    tell({ stats: null }, "This store cannot count its sessions.");
    return EXIT.FAILED;
  }
  const counted = await sessions.stats();
  const { live, expired, authenticated, oldest, bytes } = counted;
  const known = (value: number | null, show = number) => (value === null ? "not known" : show(value));
  const anonymous = live === null || authenticated === null ? null : live - authenticated;
  const words = table([
    ["live sessions", known(live)],
    ["  of users", known(authenticated)],
    ["  anonymous", known(anonymous)],
    ["expired, to be cleared", known(expired)],
    ["oldest", oldest === null ? "-" : time(new Date(oldest))],
    ["data", known(bytes, size)],
  ]);
  tell({ ...counted, anonymous, oldest: oldest === null ? null : new Date(oldest).toISOString() }, words);
  return EXIT.DONE;
}
