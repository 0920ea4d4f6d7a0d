/** The same as `any-order.test.ts`, for as many schedules as the environment says in SCHEDULES, from the seed SEED on. */
import fc from "fast-check";
import { test } from "vitest";
import { choices, program } from "./program.ts";
import { run } from "./run.ts";

const schedules = Number(process.env.SCHEDULES ?? 1_000_000);
const firstSeed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const AT_ONCE = 10_000;

test(
  `two processes keep the specification in ${schedules} schedules`,
  async () => {
    for (let done = 0; done < schedules; done += AT_ONCE) {
      const seed = firstSeed + done / AT_ONCE;
      const numRuns = Math.min(AT_ONCE, schedules - done);
      await fc.assert(fc.asyncProperty(program, choices, run), { seed, numRuns });
      console.log(`${done + numRuns} schedules, the last ${numRuns} with the seed ${seed}`);
    }
  },
  6 * 3600_000,
);
