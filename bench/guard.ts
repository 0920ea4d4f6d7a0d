// Measures what a session adds to a request of Express, without sockets, and compares it with the figures in guard.json.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { median } from "./median.ts";
import type { Added } from "./without-sockets.ts";

/** Processes to measure in: the luck of a process is larger than most changes. */
const PROCESSES = 5;

/** A case that is dearer than its figure by more than this fails. */
const TOLERANCE = 1.1;

/** Where the bare framework differs from itself by more than this part, the machine is too busy to tell anything. */
const MOST_NOISE = 0.05;

const file = join(import.meta.dirname, "guard.json");

/** Resolves to false when a case is dearer than it may be, or nothing could be told. With `write`, writes the figures down. */
export function guard({ write }: { readonly write: boolean }): boolean {
  const now = measured();
  console.log(
    `Express alone: ${now.bare.toFixed(1)} µs for a request; against itself ${now.again.toFixed(2)} µs.`,
  );
  if (Math.abs(now.again) > MOST_NOISE * now.bare) {
    console.log("The machine is too busy for a figure. Run it again when nothing else runs.");
    return false;
  }
  if (write) {
    writeFileSync(file, `${JSON.stringify(now, rounded, 2)}\n`);
    return true;
  }
  const noted = JSON.parse(readFileSync(file, "utf8")) as Added;
  // Another machine is faster or slower with the framework, too.
  const pace = now.bare / noted.bare;
  const rows = Object.entries(now.cases).map(([name, added]) => {
    const aim = (noted.cases[name] ?? 0) * pace;
    return { name, added, aim, isDearer: added > aim * TOLERANCE };
  });
  for (const { name, added, aim, isDearer } of rows)
    console.log(
      `${name}: ${added.toFixed(1)} µs added, noted ${aim.toFixed(1)}${isDearer ? ": dearer than it may be" : ""}`,
    );
  return rows.every(({ isDearer }) => !isDearer);
}

/** The medians over several processes. */
function measured(): Added {
  const program = join(import.meta.dirname, "without-sockets.ts");
  const all = Array.from({ length: PROCESSES }, (): Added => {
    const env = { ...process.env, NODE_ENV: "production" };
    return JSON.parse(
      execFileSync(process.execPath, ["--disable-warning=COATCHECK_MEMORY_STORE", program], {
        encoding: "utf8",
        env,
      }),
    );
  });
  const names = Object.keys((all[0] as Added).cases);
  return {
    bare: median(all.map(({ bare }) => bare)),
    again: median(all.map(({ again }) => again)),
    cases: Object.fromEntries(
      names.map((name) => [name, median(all.map(({ cases }) => cases[name] as number))]),
    ),
  };
}

const rounded = (_name: string, value: unknown) =>
  typeof value === "number" ? Math.round(value * 100) / 100 : value;
