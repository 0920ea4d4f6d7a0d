// Measures what a session adds to a request without sockets, and compares it with the figures in guard.json.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Added } from "./bursts-in-turn.ts";
import { median } from "./median.ts";
import { addedWithoutSockets } from "./without-sockets.ts";

const PROCESSES = 5;

/** A case that is dearer than its figure by more than this fails. */
const TOLERANCE = 1.1;

/** Where the bare framework differs from itself by more than this part, the machine is too busy to tell anything. */
const MOST_NOISE = 0.05;

const file = join(import.meta.dirname, "guard.json");

type Figures = Readonly<Record<string, Added>>;

/** False when a case is dearer than it may be, or nothing could be told. With `write`, writes the figures down. */
export function guard({ write }: { readonly write: boolean }): boolean {
  const now = measured();
  for (const [name, { bare, again }] of Object.entries(now)) {
    if (Math.abs(again) <= MOST_NOISE * bare) continue;
    console.log(
      `Beside ${name} the bare framework took ${bare.toFixed(1)} µs, and ${again.toFixed(2)} more against itself.`,
    );
    console.log("The machine is too busy for a figure. Run it again when nothing else runs.");
    return false;
  }
  if (write) {
    writeFileSync(file, `${JSON.stringify(now, rounded, 2)}\n`);
    return true;
  }
  const noted = JSON.parse(readFileSync(file, "utf8")) as Figures;
  const dearer = Object.entries(now).flatMap(([name, added]) => comparison(name, added, noted[name]));
  return !dearer.includes(true);
}

/** Prints both figures of a case; true for each that is dearer than it may be. */
function comparison(name: string, now: Added, noted: Added | undefined): boolean[] {
  if (noted === undefined) throw new Error(`${file} has no figure of ${name}: write it by --guard --write.`);
  // Another machine is faster or slower with the framework, too.
  const pace = now.bare / noted.bare;
  return (["read", "write"] as const).map((use) => {
    const aim = noted[use] * pace;
    const isDearer = now[use] > aim * TOLERANCE;
    console.log(
      `${name}, ${use}: ${now[use].toFixed(1)} µs added, noted ${aim.toFixed(1)}${isDearer ? ": dearer than it may be" : ""}`,
    );
    return isDearer;
  });
}

/** The medians over several processes, of our own contenders. */
function measured(): Figures {
  return Object.fromEntries(
    Array.from(addedWithoutSockets(PROCESSES), ([name, all]): [string, Added] => {
      const middle = (of: keyof Added) => median(all.map((one) => one[of]));
      return [
        name,
        { bare: middle("bare"), again: middle("again"), read: middle("read"), write: middle("write") },
      ];
    }),
  );
}

const rounded = (_name: string, value: unknown) =>
  typeof value === "number" ? Math.round(value * 100) / 100 : value;
