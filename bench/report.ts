import type { Row } from "./compare.ts";
import type { Cost } from "./in-process.ts";
import type { Trips } from "./round-trips.ts";

/** The results of one run of the bench. */
export interface Report {
  readonly kind: "full" | "quick";
  readonly date: string;
  readonly machine: readonly string[];
  readonly load: { readonly before: string; readonly after: string };
  /** How long the run took. */
  readonly minutes: number;
  readonly groups: readonly { readonly title: string; readonly rows: readonly Row[] }[];
  /** Empty in a run of only some groups, as what follows. */
  readonly trips: readonly Trips[];
  readonly costs: readonly Cost[];
  /** Bytes of memory that memoryStore takes for a session beside its data. */
  readonly heap: number | null;
  /** What could not be measured here, and why. */
  readonly skipped: readonly string[];
}
