// One contender in a process of its own, for as long as the bench runs: node serve.ts NAME PLACE. Tells the bench its port.
import type { AddressInfo } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type ContenderName, contenders } from "./contenders/index.ts";
import type { Turns } from "./serving.ts";

/** Milliseconds. A timer that is not late comes after so long. */
const RESOLUTION = 1;

const [name, place] = process.argv.slice(2) as [ContenderName, string];
process.once("disconnect", () => process.exit());
const server = await contenders[name].open(JSON.parse(place));
process.send?.((server.address() as AddressInfo).port);

const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION);
process.on("message", () => {
  // Watched from the first question on: its timer costs the other cases time.
  delay.enable();
  const turns: Turns = {
    p50: late(delay.percentile(50)),
    p99: late(delay.percentile(99)),
    longest: late(delay.max),
  };
  delay.reset();
  process.send?.(turns);
});
