import type { Store } from "../contract/store.ts";
import { SettingsError } from "../errors.ts";
import { isToken, Reader } from "./reader.ts";

/** The cookie of express-session: its name, and the secrets of which one signed it. */
export interface LegacySettings {
  readonly name: string;
  readonly secrets: readonly string[];
}

/** Checks the option `legacy`. null where it is not given. */
export function readLegacy(given: unknown, store: Store | undefined): LegacySettings | null {
  if (given === undefined) return null;
  if (store?.ticket !== undefined) {
    throw new SettingsError("legacy", "no value with a store that brings its own kind of cookie");
  }
  const takes = "an object with the secret of express-session: a text, or a list of them";
  // Neither value is shown, because it may be a secret.
  if (typeof given !== "object" || given === null) throw new SettingsError("legacy", takes);
  const read = new Reader(given, "legacy");
  const secret = read.value<unknown>("secret", undefined, "a secret", () => true);
  const name = read.value("name", "connect.sid", "a cookie name, such as connect.sid", isToken);
  read.end();
  const secrets = [secret].flat();
  if (secrets.length === 0 || !secrets.every((one) => typeof one === "string" && one !== "")) {
    throw new SettingsError("legacy.secret", "the secret of express-session: a text, or a list of them");
  }
  return { name, secrets: secrets as string[] };
}
