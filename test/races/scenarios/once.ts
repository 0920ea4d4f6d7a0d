/** `once`: of all requests of a session, on all servers, one runs the function, and the others get what it stored. */
import { expect, test } from "vitest";
import { jar, nobody, type Start } from "../race.ts";

/** An OAuth endpoint that takes each refresh token once. */
function endpoint() {
  let valid = 1;
  return async (token: unknown): Promise<number> => {
    const isValid = token === valid;
    valid++;
    await new Promise((resolve) => setImmediate(resolve));
    if (!isValid) throw new Error("This refresh token was used before.");
    return valid;
  };
}

/** A function of `once` that waits for the test. */
function held(value: unknown = 2) {
  const started = Promise.withResolvers<void>();
  const done = Promise.withResolvers<unknown>();
  return {
    started: started.promise,
    finish: () => done.resolve(value),
    fail: (error: Error) => done.reject(error),
    run: () => {
      started.resolve();
      return done.promise;
    },
  };
}

const mustNotRun = () => {
  throw new Error("A second function ran.");
};

class EndpointDown extends Error {
  override readonly name = "EndpointDown";
  readonly status = 502;
}

export function once(start: Start): void {
  // Reports: nextauthjs/next-auth#8897, nightscout/nocturne#326.
  test("20 requests at once from two servers ask the endpoint once, and all get its token", async () => {
    const race = await start();
    const cookie = await race.visitor({ token: 1 });
    const refresh = endpoint();
    let asked = 0;
    const opened = Promise.withResolvers<void>();
    let count = 0;
    const tokens: unknown[] = [];
    const sent = Array.from({ length: 20 }, (_, number) =>
      race[number % 2 === 0 ? "here" : "there"].send(cookie, async (session) => {
        await session.load();
        if (++count === 20) opened.resolve();
        await opened.promise;
        const token = await session.once("token", (current) => {
          asked++;
          return refresh(current);
        });
        tokens.push(token, session.get("token"));
      }),
    );
    const answers = await Promise.all(sent.map(({ answer }) => answer));
    expect(answers.map(({ error }) => error)).toEqual(answers.map(() => null));
    expect(asked).toBe(1);
    expect(tokens).toEqual(tokens.map(() => 2));
    expect(await race.look(cookie)).toEqual({ isStored: true, user: null, data: { token: 2 } });
  });

  test("a request that had read the value before, and asks when all is done, gets the new one", async () => {
    const race = await start();
    const cookie = await race.visitor({ token: 1 });
    let seen: unknown;
    const late = race.here.send(cookie, async (session) => {
      await session.load();
      await race.there.send(cookie, async (other) => {
        await other.load();
        await other.once("token", () => 2);
      }).answer;
      seen = await session.once("token", mustNotRun);
    });
    expect((await late.answer).error).toBeNull();
    expect(seen).toBe(2);
    // A request that has read the new value runs its own function.
    await race.there.send(cookie, async (session) => void (await session.once("token", (n) => n + 1))).answer;
    expect((await race.look(cookie)).data).toEqual({ token: 3 });
  });

  test("a request in line behind one that finds a stored value runs its own, if it has read that value itself", async () => {
    const race = await start();
    const cookie = await race.visitor({ token: 1 });
    const hasRead = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const late = race.here.send(cookie, async (session) => {
      await session.load();
      hasRead.resolve();
      await goOn.promise;
      expect(await session.once("token", mustNotRun)).toBe(2);
    });
    await hasRead.promise;
    await race.there.send(cookie, async (session) => void (await session.once("token", () => 2))).answer;
    const looks = race.store.hold("update");
    goOn.resolve();
    await looks.arrived;
    const inLine = Promise.withResolvers<void>();
    const next = race.here.send(cookie, async (session) => {
      await session.load();
      const value = session.once("token", (n) => n + 1);
      setImmediate(inLine.resolve);
      expect(await value).toBe(3);
    });
    await inLine.promise;
    looks.release();
    expect([(await late.answer).error, (await next.answer).error]).toEqual([null, null]);
    expect((await race.look(cookie)).data).toEqual({ token: 3 });
  });

  test("the value is stored at once, whatever the status, and nothing else of the request", async () => {
    const race = await start();
    const cookie = await race.visitor({ token: 1, n: 1 });
    let between: unknown;
    const failed = race.here.send(cookie, async (session) => {
      await session.load();
      session.update("n", (n) => n + 1);
      await session.once("token", () => ({ access: "a" }));
      expect(session.toObject()).toEqual({ token: { access: "a" }, n: 2 });
      between = (await race.look(cookie)).data;
      return 500;
    });
    expect((await failed.answer).status).toBe(500);
    expect(between).toEqual({ token: { access: "a" }, n: 1 });
    expect((await race.look(cookie)).data).toEqual({ token: { access: "a" }, n: 1 });
  });

  test("changes of this request and of others meanwhile all arrive", async () => {
    const race = await start();
    const cookie = await race.visitor({ token: 1, n: 1 });
    const { started, finish, run } = held();
    const holder = race.here.send(cookie, async (session) => {
      await session.load();
      session.update("n", (n) => n + 1);
      await session.once("token", run);
    });
    await started;
    await race.there.send(cookie, (session) => void session.update("n", (n) => n + 1)).answer;
    finish();
    expect((await holder.answer).status).toBe(200);
    expect((await race.look(cookie)).data).toEqual({ token: 2, n: 3 });
  });

  for (const place of ["here", "there"] as const) {
    test(`when the function throws, the next request ${place} runs its own`, async () => {
      const race = await start();
      const cookie = await race.visitor({ token: 1 });
      const { started, fail, run } = held();
      const first = race.here.send(cookie, async (session) => void (await session.once("token", run)));
      await started;
      const waits = Promise.withResolvers<void>();
      const next = race[place].send(cookie, async (session) => {
        await session.load();
        waits.resolve();
        await session.once("token", (n) => n + 1);
      });
      await waits.promise;
      fail(new EndpointDown());
      expect(await first.answer).toEqual({ status: 502, setCookie: null, error: "EndpointDown" });
      expect((await next.answer).status).toBe(200);
      expect((await race.look(cookie)).data).toEqual({ token: 2 });
    });

    test(`a request ${place} that has waited long enough is told so`, async () => {
      const race = await start();
      const cookie = await race.visitor({ token: 1 });
      const { started, finish, run } = held();
      const first = race.here.send(cookie, async (session) => void (await session.once("token", run)));
      await started;
      const other = race[place].send(
        cookie,
        async (session) => void (await session.once("token", mustNotRun, { wait: 0.1 })),
      );
      expect(await other.answer).toEqual({ status: 503, setCookie: null, error: "StoreUnavailableError" });
      finish();
      expect((await first.answer).status).toBe(200);
    });

    test(`where the session ends meanwhile, the function's own request gets its value, and one ${place} is told`, async () => {
      const race = await start();
      const cookie = await race.visitor({ token: 1 }, "ann");
      const { started, finish, run } = held();
      let value: unknown;
      const first = race.here.send(cookie, async (session) => {
        value = await session.once("token", run);
      });
      await started;
      const waits = Promise.withResolvers<void>();
      const other = race[place].send(cookie, async (session) => {
        await session.load();
        waits.resolve();
        await session.once("token", mustNotRun);
      });
      await waits.promise;
      await race.there.send(cookie, (session) => session.logout()).answer;
      finish();
      expect(await first.answer).toEqual({ status: 200, setCookie: null, error: null });
      expect(value).toBe(2);
      expect(await other.answer).toEqual({ status: 400, setCookie: null, error: "SessionInterruptedError" });
      expect(await race.look(cookie)).toEqual(nobody);
    });
  }

  test("where the key changes meanwhile, the value arrives, and a request elsewhere with the old key is not shown it", async () => {
    const race = await start();
    const cookie = await race.visitor({ token: 1 });
    const { started, finish, run } = held();
    let value: unknown;
    const first = race.here.send(cookie, async (session) => {
      value = [await session.once("token", run), session.get("token"), session.get("secret")];
    });
    await started;
    const waits = Promise.withResolvers<void>();
    const other = race.there.send(cookie, async (session) => {
      await session.load();
      waits.resolve();
      await session.once("token", mustNotRun);
    });
    await waits.promise;
    const login = await race.here.send(cookie, (session) => {
      session.login("ann");
      session.set("secret", 1);
    }).answer;
    finish();
    expect((await first.answer).status).toBe(200);
    expect(value).toEqual([2, 2, undefined]);
    expect((await other.answer).error).toBe("SessionInterruptedError");
    const seen = await race.look(jar(cookie, [login]));
    expect(seen).toEqual({ isStored: true, user: "ann", data: { token: 2, secret: 1 } });
  });

  test("a lease that has run out goes to the next request, and the value that is stored first counts for both", async () => {
    let now = Date.now();
    const race = await start({ clock: () => now });
    const cookie = await race.visitor({ token: 1 });
    const { started, finish, run } = held("too late");
    let value: unknown;
    const slow = race.here.send(cookie, async (session) => {
      value = await session.once("token", run);
    });
    await started;
    now += 31_000;
    const next = await race.there.send(cookie, async (session) => void (await session.once("token", () => 2)))
      .answer;
    expect(next.status).toBe(200);
    finish();
    expect((await slow.answer).status).toBe(200);
    expect(value).toBe(2);
    expect((await race.look(cookie)).data).toEqual({ token: 2 });
  });

  test("a function that ends after its lease and its key gets its own value, and not that behind the new key", async () => {
    let now = Date.now();
    const race = await start({ clock: () => now });
    const cookie = await race.visitor({ token: 1 });
    const { started, finish, run } = held("own");
    let value: unknown;
    const slow = race.here.send(cookie, async (session) => {
      value = await session.once("token", run);
    });
    await started;
    now += 31_000;
    const login = await race.there.send(cookie, (session) => session.login("ann")).answer;
    const fresh = jar(cookie, [login]);
    await race.there.send(fresh, async (session) => void (await session.once("token", () => "hidden")))
      .answer;
    finish();
    expect([(await slow.answer).status, value]).toEqual([200, "own"]);
    expect((await race.look(fresh)).data).toEqual({ token: "hidden" });
  });

  test("a function that throws after its lease has run out leaves the lease of the next one alone", async () => {
    let now = Date.now();
    const race = await start({ clock: () => now });
    const cookie = await race.visitor({ token: 1 });
    const [slow, next] = [held(), held()];
    const failing = race.here.send(cookie, async (session) => void (await session.once("token", slow.run)));
    await slow.started;
    now += 31_000;
    const holder = race.there.send(cookie, async (session) => void (await session.once("token", next.run)));
    await next.started;
    slow.fail(new EndpointDown());
    expect((await failing.answer).error).toBe("EndpointDown");
    const looks = Promise.withResolvers<void>();
    const third = race.here.send(cookie, async (session) => {
      await session.load();
      const look = race.store.hold("read");
      void look.arrived.then(looks.resolve);
      void holder.answer.then(look.release);
      expect(await session.once("token", mustNotRun)).toBe(2);
    });
    await looks.promise;
    next.finish();
    expect([(await holder.answer).error, (await third.answer).error]).toEqual([null, null]);
  });

  test("the lease is prolonged while the function runs", async () => {
    let now = Date.now();
    const race = await start({ clock: () => now });
    const cookie = await race.visitor({ token: 1 });
    const { started, finish, run } = held();
    const slow = race.here.send(
      cookie,
      async (session) => void (await session.once("token", run, { lease: 0.3 })),
    );
    await started;
    now += 1000;
    const prolonged = race.store.hold("update", "after");
    await prolonged.arrived;
    prolonged.release();
    const waits = Promise.withResolvers<void>();
    const other = race.there.send(cookie, async (session) => {
      await session.load();
      waits.resolve();
      await session.once("token", mustNotRun);
    });
    await waits.promise;
    finish();
    expect([(await slow.answer).error, (await other.answer).error]).toEqual([null, null]);
    expect((await race.look(cookie)).data).toEqual({ token: 2 });
  });

  test("a value whose answer was lost is stored once", async () => {
    const race = await start();
    const cookie = await race.visitor({ token: 1 });
    const answer = await race.here.send(cookie, async (session) => {
      await session.once("token", (n) => {
        race.store.answer("update", async (carryOut) => {
          await carryOut();
          throw new Error("the connection was lost");
        });
        return n + 1;
      });
    }).answer;
    expect(answer.status).toBe(200);
    let next: unknown;
    await race.there.send(cookie, async (session) => {
      next = await session.once("token", (n) => n + 1);
    }).answer;
    expect(next).toBe(3);
  });
}
