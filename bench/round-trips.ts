// Counts what one request asks of Redis and PostgreSQL, between them and the server.
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { newSessions, visit } from "./browser.ts";
import type { Place } from "./contenders/contender.ts";
import { median } from "./median.ts";
import { type CountingProxy, countingProxy, type Traffic } from "./proxy.ts";
import { type Name, startServing } from "./serving.ts";

export interface Trips extends Traffic {
  readonly contender: Name;
  readonly use: string;
}

const uses = { "not used": "none", read: "read", write: "write", login: "login", logout: "logout" } as const;
const REPEATED = 5;
const AT_ONCE = 32;

const contenders = {
  "coatcheck Redis": "redis",
  "coatcheck Redis, lazy": "redis",
  "connect-redis": "redis",
  "connect-redis with touch": "redis",
  "coatcheck PostgreSQL": "postgres",
  "coatcheck PostgreSQL, lazy": "postgres",
  "connect-pg-simple": "postgres",
  "connect-pg-simple with touch": "postgres",
} as const satisfies Partial<Record<Name, "redis" | "postgres">>;

export async function countTrips(place: Place): Promise<Trips[]> {
  const trips: Trips[] = [];
  for (const [contender, kind] of Object.entries(contenders) as [Name, "redis" | "postgres"][]) {
    const target = new URL(place[kind]);
    const proxy = await countingProxy({ host: target.hostname, port: Number(target.port) });
    target.host = `127.0.0.1:${proxy.port}`;
    const folder = mkdtempSync(join(place.folder, "counted-"));
    const serving = await startServing(contender, { ...place, folder, [kind]: target.href });
    try {
      const isLazy = contender.endsWith("lazy");
      for (const [use, route] of Object.entries(uses)) {
        if (isLazy && use !== "not used" && use !== "logout") continue;
        trips.push({ contender, use, ...(await oneByOne(proxy, serving.url, route)) });
      }
      if (isLazy) continue;
      for (const use of ["read", "write"])
        trips.push({
          contender,
          use: `${use}, ${AT_ONCE} at once`,
          ...(await atOnce(proxy, serving.url, use)),
        });
    } finally {
      await serving.stop();
      proxy.close();
    }
  }
  return trips;
}

/** What one request costs, each time in a session of its own. */
async function oneByOne(proxy: CountingProxy, url: string, route: string): Promise<Traffic> {
  const counted: Traffic[] = [];
  for (let time = 0; time < REPEATED; time++) {
    const [cookie = ""] = await newSessions(url, 1, 200);
    counted.push(await during(proxy, () => visit(`${url}/${route}`, cookie)));
  }
  const middle = (of: keyof Traffic) => median(counted.map((traffic) => traffic[of]));
  return { roundTrips: middle("roundTrips"), bytes: middle("bytes"), commands: middle("commands") };
}

/** What each request costs when this many sessions are used at the same time. */
async function atOnce(proxy: CountingProxy, url: string, route: string): Promise<Traffic> {
  const cookies = await newSessions(url, AT_ONCE, 200);
  const all = () => Promise.all(cookies.map((cookie) => visit(`${url}/${route}`, cookie)));
  await all(); // opens the connections
  const { roundTrips, bytes, commands } = await during(proxy, all);
  return { roundTrips: roundTrips / AT_ONCE, bytes: bytes / AT_ONCE, commands: commands / AT_ONCE };
}

async function during({ traffic }: CountingProxy, work: () => Promise<unknown>): Promise<Traffic> {
  await sleep(30); // what came before is still being answered
  const before = { ...traffic };
  await work();
  await sleep(30); // a peer may go on after its response
  return {
    roundTrips: traffic.roundTrips - before.roundTrips,
    bytes: traffic.bytes - before.bytes,
    commands: traffic.commands - before.commands,
  };
}
