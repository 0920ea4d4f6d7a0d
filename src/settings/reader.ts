import { SettingsError } from "../errors.ts";
import { warn } from "../warn.ts";
import { adviceFor, checkIsOptions } from "./mistaken-options.ts";

/** The age from which on a number of seconds is absurd: 3,170 years. The record takes larger numbers for dates. */
const LONGEST_AGE = 1e11;

const FOUR_HUNDRED_DAYS = 400 * 86_400;

/** Reads one option after the other, each with its check, then refuses those that are left over. */
export class Reader {
  readonly #given: Record<string, unknown>;
  readonly #within: string;
  readonly #known: string[] = [];

  constructor(given: unknown, within: string) {
    if (within === "") checkIsOptions(given);
    else if (typeof given !== "object" || given === null) throw new SettingsError(within, "an object", given);
    this.#given = given as Record<string, unknown>;
    this.#within = within;
  }

  value<T>(name: string, fallback: T, takes: string, fits: (value: unknown) => boolean): T {
    this.#known.push(name);
    const value = this.#given[name];
    if (value === undefined) return fallback;
    if (!fits(value)) throw new SettingsError(this.#path(name), takes, value);
    return value as T;
  }

  flag(name: string, fallback: boolean): boolean {
    return this.value(name, fallback, "true or false", (value) => typeof value === "boolean");
  }

  /** Seconds that a session lives. Warns of so many that they may have been meant as milliseconds. */
  age<T>(name: string, fallback: T): T | number {
    const isAge = (value: unknown) => typeof value === "number" && value > 0 && value < LONGEST_AGE;
    const takes = "seconds, more than 0 and less than 3,170 years";
    const age = this.value<T | number>(name, fallback, takes, isAge);
    if (typeof age === "number" && age > FOUR_HUNDRED_DAYS) {
      warn(
        "COATCHECK_LONG_AGE",
        `The option ${name} is in seconds, and ${age} are more than the 400 days that browsers keep a cookie. If milliseconds were ` +
          "meant, divide them by 1000.",
      );
    }
    return age;
  }

  oneOf<const T>(name: string, fallback: T, choices: readonly T[]): T {
    const takes = `one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`;
    return this.value(name, fallback, takes, (value) => choices.includes(value as T));
  }

  end(): void {
    for (const name of Object.keys(this.#given)) {
      if (this.#known.includes(name)) continue;
      const known = `There are ${this.#known.join(", ")}`;
      const advice = adviceFor(name, this.#within);
      throw new SettingsError(this.#path(name), `no value: there is no such option. ${known}${advice}`);
    }
  }

  #path(name: string): string {
    return this.#within ? `${this.#within}.${name}` : name;
  }
}

export const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1;

/** A cookie name is a token of RFC 9110, 5.6.2. */
export const isToken = (value: unknown) =>
  typeof value === "string" && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(value);
