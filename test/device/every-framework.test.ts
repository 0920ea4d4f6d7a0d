/** Device-bound sessions over every framework. */
import { describe } from "vitest";
import { everyAdapter } from "../frameworks/adapters/every-adapter.ts";
import { life } from "./scenarios/life.ts";
import { races } from "./scenarios/races.ts";
import { starter } from "./site.ts";

describe.each(everyAdapter)("device-bound sessions: $name", (adapter) => {
  const start = starter(adapter);
  describe("life", () => life(start));
  describe("races", () => races(start));
});
