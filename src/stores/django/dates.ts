/** Finds out by the newest rows whether dates are read in another time zone than Django writes them in. */
import { decodeExpiry } from "../../engine/expiry.ts";
import type { SessionRow } from "./tables.ts";
import type { SessionTexts } from "./text.ts";

/** Milliseconds. */
const SECOND = 1000;
const QUARTER = 900 * SECOND;

/** Django's SESSION_COOKIE_AGE, where it was not changed, milliseconds. */
const DEFAULT_AGE = 1_209_600 * SECOND;

/** Offsets of time zones lie between -12 and +14 hours, in quarters of an hour. */
const isOffset = (shift: number) =>
  shift >= -48 * QUARTER &&
  shift <= 56 * QUARTER &&
  Math.abs(shift - Math.round(shift / QUARTER) * QUARTER) <= 2 * SECOND;

/**
 * Throws where the rows show that dates are read wrongly. A row ends its session's age after it was signed; the age is the
 * session's own or Django's default. The rows show it where none of them ends then, and one ends before it was signed or misses
 * that moment by the offset of a time zone. Sessions of other ages, and those that were prolonged since, show nothing.
 */
export function checkDates(rows: readonly SessionRow[], texts: SessionTexts, useTz: boolean): void {
  const shifts = rows.flatMap(({ text, expiresAt }) => {
    const session = texts.read(text);
    if (session === null) return [];
    const expiry = decodeExpiry(texts.expiryOf(session));
    // A date is in the same zone as the column.
    if (expiry instanceof Date || (expiry !== null && expiry < 0)) return [];
    const life = expiresAt - session.at;
    if (life < -SECOND) return [life];
    const shift = life - (expiry ? expiry * SECOND : DEFAULT_AGE);
    if (Math.abs(shift) <= 2 * SECOND) return [0];
    // An idle timeout of ours may end a session of its own age earlier.
    return isOffset(shift) && (shift > 0 || !expiry) ? [shift] : [];
  });
  const [shift] = shifts;
  if (shift === undefined || shifts.includes(0)) return;
  throw new Error(
    "The newest sessions in Django's table end hours away from when they should, so their dates are in another time zone. " +
      (useTz
        ? "Give useTz: false and Django's TIME_ZONE as timeZone, if Django's settings say USE_TZ = False."
        : "Give Django's TIME_ZONE as timeZone, or leave useTz out, if Django's settings say USE_TZ = True.") +
      " Nothing was cleared.",
  );
}
