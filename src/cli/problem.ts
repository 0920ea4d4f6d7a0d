import { SettingsError, StoreUnavailableError } from "../errors.ts";
import { WrongStoreError } from "./user-index.ts";

/** The message of an error with those of its causes. An operator on a terminal may see causes that a visitor may not. */
export function problemOf(error: unknown): string {
  const said: string[] = [];
  // The words of this error are for a site that answers requests. On a terminal its cause helps.
  if (error instanceof StoreUnavailableError) said.push("The store could not do its work.");
  const first = error instanceof StoreUnavailableError ? error.cause : error;
  for (let at = first; at instanceof Error && said.length < 5; at = at.cause) {
    // A driver that tries several addresses gives an error without a message of its own.
    const text = at.message || (at as { code?: string }).code || at.name;
    if (!said.some((before) => before.includes(text))) said.push(text);
    if (at instanceof AggregateError) said.push(...at.errors.map((one) => String((one as Error).message)));
  }
  return withoutPasswords(said.join("\n  because: ") || String(error));
}

export const isWrongUse = (error: unknown) =>
  error instanceof SettingsError || error instanceof WrongStoreError;

/** The login of a URL: `scheme://user:password@`. */
const LOGIN = /([\w+.-]+:\/\/([^\s:@/]*)):(.*)@/s;

/** A shorter password may be a part of any message: it is hidden only within its URL. */
const SHORTEST_HIDDEN = 6;

/** Hides the passwords of URLs: those of all URLs in the text, and those of our own store wherever they stand. */
export function withoutPasswords(text: string): string {
  const given = [process.env.SESSION_STORE, ...process.argv].filter((word) => word !== undefined);
  let shown = text;
  for (const url of given) {
    const [, , user = "", password = ""] = LOGIN.exec(url) ?? [];
    if (password === "") continue;
    shown = shown.replaceAll(url, url.replace(LOGIN, "$1:***@"));
    const others = url.replace(LOGIN, "").concat(user);
    for (const secret of [password, decoded(password)]) {
      // A password that is also the user or the database is no secret, and its word belongs into the message.
      if (secret.length < SHORTEST_HIDDEN || others.includes(secret)) continue;
      shown = shown.replace(wholeWord(secret), "***");
    }
  }
  return shown
    .replace(/([\w+.-]+:\/\/[^\s:@/]*):\S*@/g, "$1:***@")
    .replace(/([?&]password=)[^&\s'"]*/g, "$1***");
}

/** Finds a text where it is not a part of a longer word. */
function wholeWord(text: string): RegExp {
  return new RegExp(`(?<!\\w)${text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}(?!\\w)`, "g");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
