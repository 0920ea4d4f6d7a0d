/** Mistakes that are easy to make with the options, and what to write in their place. */

import { VERBS } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";

/** Options of other session packages, by their names there. */
const OTHERS: Readonly<Record<string, string>> = {
  secret:
    "Keys are random and need no secret. For sessions in the cookie, write store: signedCookieStore({ secrets }); for those of express-session, " +
    "legacy: { secret }",
  keys: "For sessions in a signed cookie, write store: signedCookieStore({ secrets })",
  password: "For sessions in an encrypted cookie, write store: encryptedCookieStore({ secrets })",
  resave: "Leave it out: a session is written when it was changed",
  saveUninitialized: "Leave it out: a session is created when something is stored in it",
  rolling: "Write saveEveryRequest: true, or idleTimeout in seconds",
  renew: "Write saveEveryRequest: true, or idleTimeout in seconds",
  name: "Write cookie: { name }",
  key: "Write cookie: { name }",
  cookieName: "Write cookie: { name }",
  maxAge: "Write cookieAge, in seconds",
  ttl: "Write cookieAge, in seconds",
  unset: "Leave it out: session.flush() ends a session",
  genid: "Leave it out: keys are random, and made here",
  proxy: 'Tell the framework which proxy to trust: in Express, app.set("trust proxy", 1)',
};

/** Attributes that other session packages take within `cookie`. */
const OTHERS_IN_COOKIE: Readonly<Record<string, string>> = {
  maxAge: "Write cookieAge beside cookie, in seconds",
  expires: "Call session.setExpiry(date)",
  signed: "For sessions in a signed cookie, write store: signedCookieStore({ secrets })",
};

/** The advice for an option that does not exist; empty where there is none. */
export function adviceFor(name: string, within: string): string {
  const advice = (within === "cookie" ? OTHERS_IN_COOKIE : OTHERS)[name];
  return advice === undefined ? "" : `. ${advice}`;
}

/** Whether a value has every verb of the store contract. */
export function isStore(value: unknown): boolean {
  const store = value as Record<string, unknown> | null;
  return (
    typeof store === "object" && store !== null && VERBS.every((verb) => typeof store[verb] === "function")
  );
}

/** Throws SettingsError when a value cannot be the options, and says what was probably meant. Never shows the value. */
export function checkIsOptions(given: unknown): void {
  const mistake = mistakeOf(given);
  if (mistake !== null) throw new SettingsError("options", `an object${mistake}`);
}

function mistakeOf(given: unknown): string | null {
  if (typeof given === "function") return ", and got a function: call it, and give what it returns";
  if (typeof given === "string") return ", and got a string: for a file write { store: sqliteStore(path) }";
  if (typeof given !== "object" || given === null)
    return `, such as { store: memoryStore() }, and got ${given === null ? "null" : typeof given}`;
  if (Array.isArray(given)) return ", and got a list: give one object";
  if (isStore(given)) return ", and got a store: write { store }";
  if ("then" in given) return ", and got a promise: await it first";
  if ("req" in given || ("headers" in given && "method" in given))
    return ", and got a request: write app.use(session()), with the call, not app.use(session)";
  if ("open" in given && "commit" in given)
    return ", and got the Sessions of another release: install one copy of coatcheck";
  return null;
}
