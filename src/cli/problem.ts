import { SettingsError, StoreUnavailableError } from "../errors.ts";

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
  return withoutPassword(said.join("\n  because: ") || String(error));
}

export const isWrongUse = (error: unknown) => error instanceof SettingsError;

/** No driver that we know shows the password; should one do, we do not. */
function withoutPassword(text: string): string {
  const urls = [process.env.SESSION_STORE, ...process.argv];
  let shown = text;
  for (const url of urls) {
    const password = /^[\w+]+:\/\/[^/]*?:([^/]+)@/.exec(url ?? "")?.[1];
    if (password === undefined) continue;
    for (const secret of [password, decodeURIComponentOr(password)]) shown = shown.replaceAll(secret, "***");
  }
  return shown;
}

function decodeURIComponentOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
