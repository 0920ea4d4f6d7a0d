/**
 * An item of a structured field (RFC 9651, 3.3), of which only the text counts. Browsers send it in quotes, or bare where the draft has a
 * string; parameters that a later draft may add are read over.
 */

const STRING = String.raw`"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"`;
/** Tokens, and what begins otherwise: a name in base64url may begin with a digit or a dash. As a parameter also numbers, dates and bytes. */
const BARE = String.raw`[\w!#$%&'*+.^|~:/?@=\x60-]+`;
const PARAMETER = `; *[a-z*][a-z0-9_.*-]*(?:=(?:%?${STRING}|${BARE}))?`;
const ITEM = new RegExp(`^ *(${STRING}|${BARE})(?:${PARAMETER})* *$`);

/** The text of an item; undefined where the field did not come, null where it is no item. */
export function itemIn(field: string | null | undefined): string | null | undefined {
  if (field === null || field === undefined) return undefined;
  const item = ITEM.exec(field)?.[1];
  if (item === undefined) return null;
  return item.startsWith('"') ? item.slice(1, -1).replace(/\\(.)/g, "$1") : item;
}
