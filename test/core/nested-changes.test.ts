import { createSessions, memoryStore, type Options, type Session } from "coatcheck";
import { describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { spyStore } from "../instruments/spy-store.ts";

const car = () => ({ car: { wheels: [{ flat: false }, { flat: false }] }, n: 1 });

async function withCar(options: Options = {}) {
  const { store, took } = spyStore(memoryStore());
  const browser = new Browser(createSessions({ store, ...options }));
  await browser.visit((session) => session.assign(car()));
  took();
  return { browser, took };
}

describe("a nested change is seen without being told", () => {
  const ways: Record<string, (session: Session) => unknown> = {
    get: (session) => session.get("car"),
    require: (session) => session.require("car"),
    setDefault: (session) => session.setDefault("car", {}),
    values: (session) => [...session.values()][0],
    entries: (session) => [...session.entries()][0]?.[1],
    iteration: (session) => [...session][0]?.[1],
    toObject: (session) => session.toObject().car,
    forEach: (session) => {
      let found: unknown;
      session.forEach((value, key) => {
        if (key === "car") found = value;
      });
      return found;
    },
  };

  it.each(Object.keys(ways))("through %s", async (way) => {
    const { browser } = await withCar();
    const session = await browser.open();
    const found = ways[way]?.(session) as ReturnType<typeof car>["car"];
    expect(session.modified).toBe(false);
    found.wheels[1] = { flat: true };
    expect(session.modified).toBe(true);
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ car: { wheels: [{ flat: false }, { flat: true }] }, n: 1 });
  });

  it("also after set, update and save", async () => {
    const { browser } = await withCar();
    await browser.visit(async (session) => {
      const list: number[] = [];
      session.set("list", list);
      list.push(1);
      await session.save();
      list.push(2);
      const made = session.update("made", (): number[] => []);
      made.push(3);
    });
    expect(await browser.sees()).toEqual({ ...car(), list: [1, 2], made: [3] });
  });

  it("that is undone is no change", async () => {
    const { browser, took } = await withCar();
    const session = await browser.open();
    const found = session.get("car");
    found.wheels.push("spare");
    found.wheels.pop();
    expect(session.modified).toBe(false);
    await browser.respond(session);
    expect(took()).toEqual(["read"]);
  });

  // Reports: expressjs/express#1922.
  it("that is JSON no more fails the commit, naming the place, and nothing is stored", async () => {
    const { browser, took } = await withCar();
    const session = await browser.open();
    session.get("car").wheels[1].flat = new Date(0);
    expect(session.modified).toBe(true);
    await expect(browser.respond(session)).rejects.toThrow("car.wheels[1].flat is a Date with toJSON");
    expect(took()).toEqual(["read"]);
  });

  it("that goes round in a circle fails the commit too", async () => {
    const { browser } = await withCar();
    const session = await browser.open();
    session.get("car").wheels[0].of = session.get("car");
    await expect(browser.respond(session)).rejects.toThrow("car.wheels[0].of is inside itself");
  });

  it("does not undo another request's change to another key", async () => {
    const { browser } = await withCar();
    const session = await browser.open();
    session.get("car").wheels.pop();
    await browser.copy().visit((other) => other.set("n", 2));
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ car: { wheels: [{ flat: false }] }, n: 2 });
  });
});

describe('with nestedChanges "ignore"', () => {
  it("a nested change is not looked for", async () => {
    const { browser, took } = await withCar({ nestedChanges: "ignore" });
    await browser.visit((session) => session.get("car").wheels.pop());
    expect(took()).toEqual(["read"]);
  });

  it("modified = true saves it", async () => {
    const { browser } = await withCar({ nestedChanges: "ignore" });
    await browser.visit((session) => {
      session.get("car").wheels = [];
      session.modified = true;
    });
    expect(await browser.sees()).toEqual({ car: { wheels: [] }, n: 1 });
  });

  it("modified = true saves it also when another request wrote meanwhile", async () => {
    const { browser } = await withCar({ nestedChanges: "ignore" });
    const session = await browser.open();
    session.get("car").wheels = [];
    session.modified = true;
    await browser.copy().visit((other) => other.set("n", 2));
    await browser.respond(session);
    expect(await browser.sees()).toEqual({ car: { wheels: [] }, n: 2 });
  });
});
