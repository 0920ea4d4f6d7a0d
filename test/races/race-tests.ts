import { describe } from "vitest";
import { type MakeServer, type MakeStore, starter } from "./race.ts";
import { confirmations } from "./scenarios/confirmations.ts";
import { devices } from "./scenarios/devices.ts";
import { doubt } from "./scenarios/doubt.ts";
import { limits } from "./scenarios/limits.ts";
import { lines } from "./scenarios/lines.ts";
import { loads } from "./scenarios/loads.ts";
import { logouts } from "./scenarios/logouts.ts";
import { once } from "./scenarios/once.ts";
import { renewals } from "./scenarios/renewals.ts";
import { rotations } from "./scenarios/rotations.ts";
import { saves } from "./scenarios/saves.ts";
import { watches } from "./scenarios/watches.ts";
import { writes } from "./scenarios/writes.ts";

/** Every race that one session can get into, over servers and stores of one kind. */
export function raceTests(
  name: string,
  makeServer: MakeServer,
  makeStore: MakeStore,
  { hasUsers = true } = {},
): void {
  describe(`races: ${name}`, () => {
    const start = starter(makeServer, makeStore);
    describe("writes", () => writes(start));
    describe("logouts", () => logouts(start));
    describe("new keys", () => rotations(start));
    describe("renewals of the cookie", () => renewals(start));
    describe("load()", () => loads(start));
    describe("save()", () => saves(start));
    describe("writers in line", () => lines(start));
    describe("once()", () => once(start));
    describe("confirmations", () => confirmations(start));
    describe("devices", () => devices(start));
    describe("watch()", () => watches(start));
    // They need a store with an index of users.
    if (hasUsers) describe("limits", () => limits(start));
    describe("writes in doubt", () => doubt(start));
  });
}
