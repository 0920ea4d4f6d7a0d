/** The writers of one session stand in line: each gets its own outcome, and no fault spreads. */
import type { Session } from "coatcheck";
import { expect, test } from "vitest";
import { deadlinesPass } from "../../instruments/deadline.ts";
import { type Handler, jar, nobody, type Race, type Start } from "../race.ts";

const increment = (n = 0) => n + 1;
const set =
  (key: string): Handler =>
  (session) =>
    void session.set(key, 1);

class TokenUsed extends Error {
  override readonly name = "TokenUsed";
  readonly status = 403;
}

/** Takes the one-time token. Run again on newer data, the second request finds no token and throws. */
const takeToken: Handler = (session) => {
  session.set("took", "the token");
  session.update("token", (token) => {
    if (token === undefined) throw new TokenUsed();
  });
};

export function lines(start: Start): void {
  test("32 at once from two servers all land", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 0 });
    const writers = Array.from({ length: 32 }, (_, number) =>
      race[number % 2 === 0 ? "here" : "there"].send(cookie, (session) => {
        session.update("n", increment);
        session.set(`key${number}`, number);
      }),
    );
    const answers = await Promise.all(writers.map(({ answer }) => answer));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const expected = Object.fromEntries(Array.from({ length: 32 }, (_, number) => [`key${number}`, number]));
    expect((await race.look(cookie)).data).toEqual({ n: 32, ...expected });
  });

  test("share writes: those that wait are stored together", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 0 });
    const held = race.store.hold("update");
    const mark = race.store.calls.length;
    const first = race.here.send(cookie, (session) => void session.update("n", increment));
    await held.arrived;
    const others = Array.from({ length: 10 }, () =>
      race.here.send(cookie, (session) => void session.update("n", increment)),
    );
    await Promise.all(others.map(({ handled }) => handled));
    held.release();
    await Promise.all([first, ...others].map(({ answer }) => answer));
    expect(race.store.count("update", mark)).toBe(2);
    expect((await race.look(cookie)).data).toEqual({ n: 11 });
  });

  test("whose answer was lost is not stored twice", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 0 });
    race.store.answer("update", async (run) => {
      await run();
      return "conflict";
    });
    const mark = race.store.calls.length;
    const answer = await race.here.send(cookie, (session) => void session.update("n", increment)).answer;
    expect(answer.status).toBe(200);
    expect((await race.look(cookie)).data).toEqual({ n: 1 });
    expect(race.store.count("update", mark)).toBe(1);
  });

  test("whose answer to a new key was lost still brings that key", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 0 });
    race.store.answer("rotate", async (run) => {
      await run();
      return "conflict";
    });
    const answer = await race.here.send(cookie, (session) => {
      session.update("n", increment);
      session.login("ada");
    }).answer;
    expect(await race.look(jar(cookie, [answer]))).toEqual({ isStored: true, user: "ada", data: { n: 1 } });
  });

  for (const { verb, change } of [
    { verb: "update", change: (session: Session) => void session.update("n", increment) },
    { verb: "rotate", change: (session: Session) => session.login("ada") },
    { verb: "create", change: (session: Session) => session.login("ada") },
  ] as const) {
    test(`whose ${verb} the store carried out and then failed find their own write, and succeed`, async () => {
      const race = await start();
      const cookie = verb === "create" ? null : await race.visitor({ n: 0 });
      race.store.answer(verb, async (run) => {
        await run();
        throw new Error("the connection was lost");
      });
      const mark = race.store.calls.length;
      const answer = await race.here.send(cookie, change).answer;
      expect(answer.status).toBe(200);
      expect(race.store.count(verb, mark)).toBe(1);
      expect(await race.look(jar(cookie, [answer]))).toEqual(
        verb === "update"
          ? { isStored: true, user: null, data: { n: 1 } }
          : { isStored: true, user: "ada", data: verb === "create" ? {} : { n: 0 } },
      );
    });
  }

  /** Two writers that share a batch, and a third that comes while their write fails. */
  async function failingBatch(then: (race: Race) => void) {
    const race = await start();
    const cookie = await race.visitor({ n: 0 });
    const held = race.store.hold("update");
    const first = race.here.send(cookie, set("first"));
    await held.arrived;
    // One after the other, so that they stand in line in this order.
    const second = race.here.send(cookie, set("second"));
    await second.handled;
    const third = race.here.send(cookie, set("third"));
    await third.handled;
    const batch = [second, third];
    const failing = Promise.withResolvers<void>();
    const fail = Promise.withResolvers<void>();
    race.store.answer("update", async () => {
      failing.resolve();
      await fail.promise;
      throw new Error("a record is too large");
    });
    held.release();
    await failing.promise;
    const next = race.here.send(cookie, set("next"));
    await next.handled;
    then(race);
    const mark = race.store.calls.length;
    fail.resolve();
    expect((await first.answer).status).toBe(200);
    const answers = await Promise.all([...batch, next].map(({ answer }) => answer));
    const calls = race.store.calls.slice(mark);
    const { data } = await race.look(cookie);
    return { statuses: answers.map(({ status }) => status), data, calls };
  }
  const refuses = async () => {
    throw new Error("the record is too large");
  };

  test("are each tried alone where their batch failed, so that the one whose record the store refuses fails alone", async () => {
    const { statuses, data, calls } = await failingBatch(({ store }) => store.answer("update", refuses));
    expect(statuses).toEqual([503, 200, 200]);
    expect(data).toEqual({ n: 0, first: 1, third: 1, next: 1 });
    // The look at what the batch has left, the first writer alone, a look again, the second alone; then the next batch.
    expect(calls).toEqual(["read", "update", "read", "update", "update"]);
  });

  test("that are tried alone store no update twice where their batch is stored late", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 0 });
    const count: Handler = (session) => void session.update("n", increment);
    const held = race.store.hold("update");
    const first = race.here.send(cookie, count);
    await held.arrived;
    const batch = [race.here.send(cookie, count), race.here.send(cookie, count)];
    await Promise.all(batch.map(({ handled }) => handled));
    let store = async (): Promise<unknown> => "nothing was held back";
    race.store.answer("update", async (run) => {
      store = run;
      throw new Error("the connection was lost");
    });
    const alone = race.store.hold("update");
    held.release();
    await alone.arrived;
    expect(await store()).toBe("saved");
    alone.release();
    for (const { answer } of [first, ...batch]) expect((await answer).status).toBe(200);
    expect((await race.look(cookie)).data).toEqual({ n: 3 });
  });

  test("all fail where the store cannot be looked at after a fault, and the next reads again", async () => {
    const { statuses, data, calls } = await failingBatch(({ store }) => store.answer("read", refuses));
    expect(statuses).toEqual([503, 503, 200]);
    expect(data).toEqual({ n: 0, first: 1, next: 1 });
    expect(calls).toEqual(["read", "read", "update"]);
  });

  for (const place of ["here", "there"] as const) {
    test(`whose function throws when run again fail alone, from a server ${place}`, async () => {
      const race = await start();
      const cookie = await race.visitor({ token: "once", n: 0 });
      const held = race.store.hold("update");
      const slow = race.here.send(cookie, takeToken);
      await held.arrived;
      const quick = race[place].send(cookie, takeToken);
      await (place === "here" ? quick.handled : quick.answer);
      const bystander = race.here.send(cookie, (session) => void session.update("n", increment));
      await bystander.handled;
      held.release();
      const answers = [await slow.answer, await quick.answer];
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 403]);
      expect(answers.find(({ status }) => status === 403)?.error).toBe("TokenUsed");
      expect((await bystander.answer).status).toBe(200);
      expect((await race.look(cookie)).data).toEqual({ took: "the token", n: 1 });
    });
  }

  test("are not held up by one that met a logout", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 0 });
    const held = race.store.hold("update");
    const mark = race.store.calls.length;
    const sent = [race.here.send(cookie, set("a"))];
    await held.arrived;
    for (const key of ["b", "c"]) sent.push(race.here.send(cookie, set(key)));
    await Promise.all(sent.map(({ handled }) => handled));
    await race.there.send(cookie, (session) => session.flush()).answer;
    held.release();
    for (const { answer } of sent)
      expect(await answer).toEqual({ status: 200, setCookie: null, error: null });
    expect(race.store.count("update", mark)).toBe(1);
    expect(await race.look(cookie)).toEqual(nobody);
  });

  test("whose store does not answer are told at the deadline, and leave the line to the next", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 0 });
    const held = race.store.hold("update");
    const first = race.here.send(cookie, set("first"));
    await held.arrived;
    const waiting = race.here.send(cookie, set("waiting"));
    await waiting.handled;
    deadlinesPass();
    for (const { answer } of [first, waiting])
      expect(await answer).toEqual({ status: 503, setCookie: null, error: "StoreUnavailableError" });
    expect((await race.here.send(cookie, set("next")).answer).status).toBe(200);
    expect((await race.look(cookie)).data).toEqual({ n: 0, next: 1 });
  });

  test("give up at the deadline where others write all the time, and store nothing", async () => {
    const race = await start();
    const cookie = await race.visitor({ n: 0 });
    let conflicts = 0;
    const conflict = async () => {
      if (++conflicts === 3) deadlinesPass();
      race.store.answer("update", conflict);
      return "conflict";
    };
    race.store.answer("update", conflict);
    const answer = await race.here.send(cookie, set("a")).answer;
    expect(answer).toEqual({ status: 503, setCookie: null, error: "StoreUnavailableError" });
    expect(conflicts).toBe(3);
    expect((await race.look(cookie)).data).toEqual({ n: 0 });
  });
}
