/** Tortures one store with one fault, and counts what became of every write that was acknowledged. */
import { setTimeout as sleep } from "node:timers/promises";
import { Visitor } from "../instruments/visitor.ts";
import { Client, type Figures, NOTHING } from "./client.ts";
import { type Place, places, type Wound } from "./places.ts";
import { type SiteServer, startSite } from "./site.ts";

/** Faults of the site itself, for every store. */
const siteWounds: Readonly<Record<string, (servers: readonly SiteServer[]) => Wound>> = {
  none: () => ({ begin: () => {}, end: () => {} }),
  "a server killed (SIGKILL) and restarted": ([, second]) => ({
    begin: () => second?.kill(),
    end: () => second?.start(),
  }),
  "a server frozen (SIGSTOP)": ([, second]) => ({
    begin: () => second?.signal("SIGSTOP"),
    end: () => second?.signal("SIGCONT"),
  }),
  "a server whose clock is 45 s ahead": () => ({ begin: () => {}, end: () => {} }),
};

/** Faults that destroy sessions: what the store has lost is measured, and no failure. */
const DESTROYS = /evicted|empties it|failover/;

export const mayLose = (store: string, fault: string) => DESTROYS.test(fault) && !store.includes("wait: all");

export interface Torture {
  readonly store: string;
  readonly fault: string;
  readonly clients: number;
  /** Seconds: a third before the fault, a third while it lasts, a third after it; the fault comes again in every ten. */
  readonly seconds: number;
}

/** All pairs of a store and a fault that it can have. */
export async function faultsOf(store: string): Promise<string[]> {
  const place = await open(store);
  await place.close();
  return [...Object.keys(siteWounds), ...Object.keys(place.wounds)];
}

function open(store: string): Promise<Place> {
  const place = places[store];
  if (place === undefined)
    throw new Error(`There is no store ${store}: there are ${Object.keys(places).join(", ")}.`);
  return place();
}

export async function torture({ store, fault, clients: count, seconds }: Torture): Promise<Figures> {
  const place = await open(store);
  try {
    const servers = await startSite(place.environment, fault.includes("clock") ? { SKEW: "45" } : {});
    try {
      const wound = siteWounds[fault]?.(servers) ?? place.wounds[fault];
      if (wound === undefined) throw new Error(`${store} has no fault ${fault}.`);
      const ports = servers.map(({ port }) => port);
      // The first request loads the driver and connects, which may take longer than the fault.
      await Promise.all(ports.map((port) => new Visitor(port).visit("/write?tag=first")));
      const clients = Array.from({ length: count }, (_, number) => new Client(`visitor${number}`, ports));
      let isOver = false;
      const visits = Promise.all(clients.map((client) => client.visit(() => isOver)));
      const times = Math.max(1, Math.round(seconds / 10));
      const third = (seconds * 1000) / times / 3;
      for (let time = 0; time < times; time++) {
        await sleep(third);
        await wound.begin();
        await sleep(third);
        await wound.end();
        await sleep(third);
      }
      isOver = true;
      await visits;
      await Promise.all(clients.map((client) => client.finish()));
      return sum(clients.map(({ figures }) => figures));
    } finally {
      await Promise.all(servers.map((server) => server.kill()));
    }
  } finally {
    await place.close();
  }
}

function sum(figures: readonly Figures[]): Figures {
  const total = { ...NOTHING };
  for (const one of figures)
    for (const name of Object.keys(total) as (keyof Figures)[]) total[name] += one[name];
  return total;
}
