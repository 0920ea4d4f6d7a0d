// What a contender adds to a request, in this process and without sockets: node bursts-in-turn.ts BARE CONTENDER. Prints JSON.
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { check, newSessions } from "./browser.ts";
import type { Ask } from "./cases.ts";
import { type ContenderName, contenders } from "./contenders/index.ts";
import { answer } from "./made-up-connection.ts";

/** Microseconds of CPU. */
export interface Added {
  /** Of a request of the bare framework. */
  readonly bare: number;
  /** What the bare framework adds to itself: noise. */
  readonly again: number;
  /** What a request adds that reads, or writes. */
  readonly read: number;
  readonly write: number;
}

/** Requests that are under way at one time, as many as the bench has connections. */
const AT_ONCE = 32;
const WAVES = 12;
const ROUNDS = 60;
const WARM_UP_ROUNDS = 40;

const [bare, contender] = process.argv.slice(2) as [ContenderName, ContenderName];

/** Without a place: those that need one are not measured here. */
const open = (name: ContenderName) =>
  contenders[name].open({ folder: "", redis: "", postgres: "", pids: [] });
const alone = await open(bare);
const server = await open(contender);

const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
await check(url);
const cookies = await newSessions(url, 2 * AT_ONCE, 200);
const asks = (path: string) => cookies.map((cookie): Ask => ({ path, cookie }));

const runs: Record<keyof Added, [Server, Ask[]]> = {
  bare: [alone, asks("/none")],
  read: [server, asks("/read")],
  write: [server, asks("/write")],
  again: [alone, asks("/none")],
};

/** Microseconds of CPU for each request of a burst. */
async function burst(server: Server, asks: readonly Ask[]): Promise<number> {
  const before = process.cpuUsage();
  for (let wave = 0; wave < WAVES; wave++) {
    const from = (wave * AT_ONCE) % asks.length;
    await Promise.all(asks.slice(from, from + AT_ONCE).map((ask) => answer(server, ask)));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (WAVES * AT_ONCE);
}

const names = Object.keys(runs) as (keyof Added)[];
const costs: Record<keyof Added, number[]> = { bare: [], again: [], read: [], write: [] };
for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
  // There and back again, each time from another one on, so that none always follows the same other one.
  const from = Math.abs(round) % names.length;
  const order = [...names.slice(from), ...names.slice(0, from)];
  for (const name of round % 2 === 0 ? order : order.toReversed()) {
    const cost = await burst(...runs[name]);
    if (round >= 0) costs[name].push(cost);
  }
}

/** The lower quartile: whatever else runs on the machine makes bursts dearer, and none cheaper. */
const costOf = (name: keyof Added) => costs[name].toSorted((a, b) => a - b)[ROUNDS / 4] as number;
const added = (name: keyof Added) => costOf(name) - costOf("bare");
const result: Added = {
  bare: costOf("bare"),
  again: added("again"),
  read: added("read"),
  write: added("write"),
};
console.log(JSON.stringify(result));
process.exit();
