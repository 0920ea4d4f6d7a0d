/** The same as `any-order.test.ts`, for as many schedules as the environment says in SCHEDULES. */
import fc from "fast-check";
import { test } from "vitest";
import { choices, program } from "./program.ts";
import { run } from "./run.ts";

const schedules = Number(process.env.SCHEDULES ?? 1_000_000);
const AT_ONCE = 10_000;

test(
  `two processes keep the specification in ${schedules} schedules`,
  async () => {
    for (let done = 0; done < schedules; done += AT_ONCE) {
      await fc.assert(fc.asyncProperty(program, choices, run), {
        numRuns: Math.min(AT_ONCE, schedules - done),
      });
      console.log(`${Math.min(done + AT_ONCE, schedules)} schedules`);
    }
  },
  6 * 3600_000,
);
