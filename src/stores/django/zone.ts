/** The dates of Django's table: text of the date and the time of day in UTC or, with USE_TZ off, in Django's TIME_ZONE. */
import { SettingsError } from "../../errors.ts";

/** The last millisecond of the year 9999, the last that the databases keep. */
const LAST = 253_402_300_799_999;

export class Zone {
  /** null for UTC. */
  readonly #format: Intl.DateTimeFormat | null;

  /** Throws a SettingsError for a zone that this runtime does not know. */
  constructor(timeZone: string | null) {
    this.#format = timeZone === null ? null : formatOf(timeZone);
  }

  /** `YYYY-MM-DD HH:MM:SS.ffffff`, as Django writes it. */
  textOf(moment: number): string {
    const at = Math.min(moment, LAST);
    const shown = new Date(at + this.#offset(at)).toISOString();
    return `${shown.slice(0, 10)} ${shown.slice(11, 23)}000`;
  }

  /** Epoch milliseconds of such a text, or of one in ISO 8601, which may name its own offset; NaN for any other. */
  momentOf(text: string): number {
    const iso = text.replace(" ", "T");
    if (/(Z|[+-]\d\d(:?\d\d)?)$/i.test(iso.slice(10))) return Date.parse(iso);
    const asUtc = Date.parse(`${iso}Z`);
    // The offset of a moment near a change of clocks is found by looking twice.
    const near = asUtc - this.#offset(asUtc);
    return asUtc - this.#offset(near);
  }

  /** The milliseconds by which the zone's clocks are ahead of UTC at a moment. */
  #offset(moment: number): number {
    if (this.#format === null || Number.isNaN(moment)) return 0;
    const parts = Object.fromEntries(
      this.#format.formatToParts(moment).map(({ type, value }) => [type, value]),
    );
    const { year, month, day, hour, minute, second } = parts;
    return (
      Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) - Math.floor(moment / 1000) * 1000
    );
  }
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const digits = "2-digit";
  const fields = { month: digits, day: digits, hour: digits, minute: digits, second: digits } as const;
  try {
    return new Intl.DateTimeFormat("en", { timeZone, hourCycle: "h23", year: "numeric", ...fields });
  } catch {
    throw new SettingsError(
      "timeZone",
      "the TIME_ZONE of Django's settings, such as Europe/Berlin",
      timeZone,
    );
  }
}
