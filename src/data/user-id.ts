/** The id of a user. Only such ids are taken as every store keeps and compares exactly as they are. */

/** The longest id, in bytes of UTF-8: the width of the column in MySQL. */
const LONGEST = 1200;

/** The fault of a user's id, as the end of a sentence; null where it has none. */
function faultOf(userId: string): string | null {
  if (userId === "") return "an empty string";
  if (userId.includes("\0")) return "one with NUL in it";
  if (/\p{Surrogate}/u.test(userId)) return "one with half a surrogate pair in it, which has no UTF-8";
  if (new TextEncoder().encode(userId).length > LONGEST) return "one of more than 1,200 bytes of UTF-8";
  return null;
}

/** Whether there can be a user with this id. */
export const isUserId = (userId: string): boolean => faultOf(userId) === null;

/** The user's id as text. Throws a TypeError when no store could keep it. */
export function userIdFrom(given: unknown): string {
  const isText = typeof given === "string";
  if (!isText && !Number.isFinite(given)) {
    throw new TypeError(
      `login takes the user's id, a string or a number, and got ${typeof given === "number" ? given : `a value of type ${typeof given}`}.`,
    );
  }
  const fault = isText ? faultOf(given) : null;
  if (fault !== null) throw new TypeError(`login takes the user's id, and got ${fault}.`);
  return String(given);
}
