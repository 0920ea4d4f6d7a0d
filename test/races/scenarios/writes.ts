/** Two requests that write at once: in one process they stand in line, in two they meet at the store. */
import type { Options } from "coatcheck";
import { expect, test } from "vitest";
import type { Answer, Handler, Race, Start } from "../race.ts";

const PLACES = ["here", "there"] as const;
const NAMES = { here: "in one process", there: "in two processes" };

/** The first write is held at the store, and the second comes meanwhile. On the same server it waits in line; on the other it wins. */
async function cross(race: Race, place: "here" | "there", cookie: string, first: Handler, second: Handler) {
  const held = race.store.hold("update");
  const one = race.here.send(cookie, first);
  await held.arrived;
  const two = race[place].send(cookie, second);
  await (place === "here" ? two.handled : two.answer);
  held.release();
  return [await one.answer, await two.answer] as [Answer, Answer];
}

const increment = (n = 0) => n + 1;

export function writes(start: Start): void {
  for (const place of PLACES) {
    test(`to different keys are both kept, ${NAMES[place]}`, async () => {
      const race = await start();
      const cookie = await race.visitor({ old: 1 });
      const answers = await cross(
        race,
        place,
        cookie,
        (session) => void session.set("a", 1),
        (session) => void session.set("b", { deep: [2] }),
      );
      expect(answers.map(({ status, setCookie }) => ({ status, setCookie }))).toEqual([
        { status: 200, setCookie: null },
        { status: 200, setCookie: null },
      ]);
      expect((await race.look(cookie)).data).toEqual({ old: 1, a: 1, b: { deep: [2] } });
    });

    test(`to one key by update are exact, ${NAMES[place]}`, async () => {
      const race = await start();
      const cookie = await race.visitor({ visits: 5 });
      await cross(
        race,
        place,
        cookie,
        (session) => void session.update("visits", increment),
        (session) => void session.update("visits", increment),
      );
      expect((await race.look(cookie)).data).toEqual({ visits: 7 });
    });

    test(`within a value and to another key are both kept, ${NAMES[place]}`, async () => {
      const race = await start();
      const cookie = await race.visitor({ cart: { books: ["Emma"] } });
      await cross(
        race,
        place,
        cookie,
        (session) => void session.get("cart").books.push("Ulysses"),
        (session) => void session.set("theme", "dark"),
      );
      expect((await race.look(cookie)).data).toEqual({
        cart: { books: ["Emma", "Ulysses"] },
        theme: "dark",
      });
    });

    test(`that delete one key and set another both hold, ${NAMES[place]}`, async () => {
      const race = await start();
      const cookie = await race.visitor({ flash: "saved", other: 1 });
      await cross(
        race,
        place,
        cookie,
        (session) => void session.pop("flash"),
        (session) => void session.set("other", 2),
      );
      expect((await race.look(cookie)).data).toEqual({ other: 2 });
    });

    // The last write is the second's if they stood in line, and the first's, which was held, if they met at the store.
    const last = place === "here" ? "second" : "first";
    const early = place === "here" ? "first" : "second";
    const settings: [Options["onConflict"], unknown][] = [
      ["mine", last],
      ["theirs", early],
      [(key, base, mine, theirs) => `${key}: ${base}, ${mine}, ${theirs}`, `name: base, ${last}, ${early}`],
      [() => undefined, undefined],
    ];
    for (const [onConflict = "mine", expected] of settings) {
      test(`to one key by set follow onConflict ${onConflict}, ${NAMES[place]}`, async () => {
        const race = await start({ onConflict });
        const cookie = await race.visitor({ name: "base" });
        await cross(
          race,
          place,
          cookie,
          (session) => void session.set("name", "first").set("a", 1),
          (session) => void session.set("name", "second").set("b", 1),
        );
        const { name, ...rest } = (await race.look(cookie)).data;
        expect(name).toBe(expected);
        expect(rest).toEqual({ a: 1, b: 1 });
      });
    }

    test(`to one key by set, where that is an error, store nothing of the later, ${NAMES[place]}`, async () => {
      const race = await start({ onConflict: "error" });
      const cookie = await race.visitor({ name: "base" });
      const answers = await cross(
        race,
        place,
        cookie,
        (session) => void session.set("name", "first").set("first", 1),
        (session) => void session.set("name", "second").set("second", 1),
      );
      const failed = answers[last === "first" ? 0 : 1];
      expect(failed).toEqual({ status: 409, setCookie: null, error: "SessionConflictError" });
      expect((await race.look(cookie)).data).toEqual({ name: early, [early]: 1 });
    });

    test(`of one value to one key are no conflict, ${NAMES[place]}`, async () => {
      const race = await start({ onConflict: "error" });
      const cookie = await race.visitor({ name: "base" });
      const same: Handler = (session) => void session.set("name", "same");
      const answers = await cross(race, place, cookie, same, same);
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    });
  }

  test("meet clear(): it empties what another has just stored, then holds what was set after it", async () => {
    const race = await start();
    const cookie = await race.visitor({ old: 1 });
    await cross(
      race,
      "there",
      cookie,
      (session) => {
        session.clear();
        session.set("after", 1);
      },
      (session) => void session.set("other", 1),
    );
    expect((await race.look(cookie)).data).toEqual({ after: 1 });
  });

  test("after clear() in another request land on what it left", async () => {
    const race = await start();
    const cookie = await race.visitor({ old: 1, n: 1 });
    await cross(
      race,
      "there",
      cookie,
      (session) => {
        session.set("mine", 1);
        session.update("n", increment);
      },
      (session) => session.clear(),
    );
    expect((await race.look(cookie)).data).toEqual({ mine: 1, n: 1 });
  });
}
