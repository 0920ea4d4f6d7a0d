import { getEventListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { LockQueue } from "../../src/stores/sqlite/lock-queue.ts";

class Locked extends Error {}

/** A lock, and work that waits for it. */
function lockable() {
  const lock = { held: false };
  const done: string[] = [];
  const work = (name: string) => () => {
    if (lock.held) throw new Locked(`${name} is locked out`);
    done.push(name);
    return name;
  };
  return { lock, done, work, queue: new LockQueue((error) => error instanceof Locked) };
}

const { signal: never } = new AbortController();

describe("the queue at a lock", () => {
  it("runs at once what nothing stops, and passes on what it throws", () => {
    const { queue, work } = lockable();
    expect(queue.run(work("a"), never)).toBe("a");
    const fail = () => {
      throw new TypeError("broken");
    };
    expect(() => queue.run(fail, never)).toThrow("broken");
  });

  it("lets nobody overtake those that wait, even when the lock has gone", async () => {
    const { queue, work, lock, done } = lockable();
    lock.held = true;
    const waiting = [queue.run(work("a"), never), queue.run(work("b"), never)];
    lock.held = false;
    waiting.push(queue.run(work("c"), never));
    expect(done).toEqual([]);
    expect(await Promise.all(waiting)).toEqual(["a", "b", "c"]);
    expect(done).toEqual(["a", "b", "c"]);
    expect(queue.run(work("d"), never)).toBe("d");
  });

  it("rejects what fails after the wait, and goes on with the next", async () => {
    const { queue, work, lock } = lockable();
    lock.held = true;
    let tries = 0;
    const broken = queue.run(() => {
      tries++;
      if (lock.held) throw new Locked();
      throw new TypeError("broken");
    }, never);
    const next = queue.run(work("next"), never);
    lock.held = false;
    await expect(broken).rejects.toThrow("broken");
    expect(tries).toBe(2);
    expect(await next).toBe("next");
  });

  it("drops what its signal aborts, naming the lock, and hangs on to no signal", async () => {
    const { queue, work, lock, done } = lockable();
    const controller = new AbortController();
    lock.held = true;
    const dropped = queue.run(work("dropped"), controller.signal);
    const kept = queue.run(work("kept"), never);
    await sleep(10);
    controller.abort(new Error("too late"));
    await expect(dropped).rejects.toMatchObject({
      message: expect.stringContaining("stayed locked"),
      cause: expect.objectContaining({ message: "dropped is locked out" }),
    });
    lock.held = false;
    await kept;
    expect(done).toEqual(["kept"]);
    expect(getEventListeners(never, "abort")).toEqual([]);
  });

  it("lets the server breathe between the many that waited", async () => {
    const { queue, lock } = lockable();
    lock.held = true;
    const slow = () => {
      if (lock.held) throw new Locked();
      for (const end = performance.now() + 2; performance.now() < end; );
    };
    const waiting = Promise.all(Array.from({ length: 30 }, () => queue.run(slow, never)));
    lock.held = false;
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await waiting;
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(5);
  });
});
