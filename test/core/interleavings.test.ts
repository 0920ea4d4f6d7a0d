/** Any operations of several requests, in any order: what was committed is stored, and what was ended stays ended. */
import { createSessions, memoryStore, type Session } from "coatcheck";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { wrapStore } from "../instruments/wrapped-store.ts";

const acts = {
  read: (session) => session.toObject(),
  write: (session, n) => session.set(`k${n}`, n),
  nested: (session, n) => Object.assign(session.get("nested"), { [`k${n}`]: n }),
  count: (session) => session.update("n", (count: number) => count + 1),
  rotate: (session) => session.cycleKey(),
  logout: (session) => session.logout(),
} satisfies Record<string, (session: Session, n: number) => unknown>;

type Act = keyof typeof acts;

/** Opens all requests, then lets the scheduler choose the order in which the store carries out their calls. */
async function run(scheduler: fc.Scheduler, plan: Act[]) {
  let isHeld = false;
  const store = wrapStore(memoryStore(), async (verb, run) => {
    if (isHeld) await scheduler.schedule(Promise.resolve(), verb);
    const answer = await run();
    if (isHeld) await scheduler.schedule(Promise.resolve(), `${verb} answered`);
    return answer;
  });
  const browser = new Browser(createSessions({ store }));
  await browser.visit((session) => session.assign({ n: 0, nested: {} }));
  const stale = browser.copy();
  const requests = await Promise.all(plan.map(() => browser.open()));
  isHeld = true;
  const replies = requests.map((session, n) => {
    acts[plan[n] as Act](session, n);
    return browser.respond(session);
  });
  await scheduler.waitFor(Promise.all(replies));
  isHeld = false;
  return { now: await browser.sees(), stale: await stale.sees() };
}

const plans = (...names: Act[]) =>
  fc.array(fc.constantFrom(...names), { minLength: 2, maxLength: 6 }) as fc.Arbitrary<Act[]>;

it("no committed key and no count is lost", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), plans("read", "write", "count", "rotate"), async (scheduler, plan) => {
      const { now } = await run(scheduler, plan);
      const written = plan.flatMap((act, n) => (act === "write" ? [[`k${n}`, n]] : []));
      const n = plan.filter((act) => act === "count").length;
      expect(now).toEqual({ n, nested: {}, ...Object.fromEntries(written) });
    }),
    { numRuns: 200 },
  );
});

it("a logged-out session stays gone", async () => {
  const others = plans("read", "write", "nested", "count", "rotate");
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), others, fc.nat(6), async (scheduler, plan, at) => {
      const { now, stale } = await run(scheduler, plan.toSpliced(at, 0, "logout"));
      expect([now, stale]).toEqual([{}, {}]);
    }),
    { numRuns: 200 },
  );
});
