import { SettingsError } from "../../errors.ts";
import { warn } from "../../warn.ts";

/**
 * Throws a SettingsError where this is no list of secrets, and warns when the first of them is short. `danger` says what an
 * attacker who guesses it can do.
 */
export function checkSecrets(secrets: readonly string[], store: string, danger: string): void {
  const isList = Array.isArray(secrets) && secrets.length > 0;
  if (!isList || !secrets.every((secret) => typeof secret === "string" && secret !== "")) {
    throw new SettingsError("secrets", "a list of one or more secret strings, the one to seal with first");
  }
  if (secrets[0].length < 32) {
    warn(
      "COATCHECK_SHORT_SECRET",
      `The first secret of ${store} has fewer than 32 characters. An attacker who guesses it can ${danger}. ` +
        "Make one with: node -p \"crypto.randomBytes(32).toString('hex')\"",
    );
  }
}
