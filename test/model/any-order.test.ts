/** Any requests, in any order of their store calls, with any faults: each run is held against `specification.ts`. */
import fc from "fast-check";
import { test } from "vitest";
import { choices, program } from "./program.ts";
import { run } from "./run.ts";

test("two processes keep the specification, whatever the order of their calls and the faults of the store", async () => {
  // The same schedules each time, so that what broke them is the last change. `npm run test:long` takes new ones.
  await fc.assert(fc.asyncProperty(program, choices, run), { seed: 1, numRuns: 2000 });
}, 60_000);
