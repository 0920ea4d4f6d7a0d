/** Tortures every store with every fault, and writes docs/reliability.md. TORTURE_SECONDS says how long each pair takes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { page, type Row } from "./page.ts";
import { places } from "./places.ts";
import { faultsOf, mayLose, torture } from "./torture.ts";

const seconds = Number(process.env.TORTURE_SECONDS ?? 20);
const clients = 24;
const file = join(import.meta.dirname, "../../docs/reliability.md");

const rows: Row[] = [];

for (const store of Object.keys(places)) {
  test(store, { timeout: 3600_000 }, async () => {
    const broken: Row[] = [];
    for (const fault of await faultsOf(store)) {
      const row = { store, fault, ...(await torture({ store, fault, clients, seconds })) };
      rows.push(row);
      console.log(JSON.stringify(row));
      const { lost, doubled, foreign, resurrected } = row;
      if (doubled + foreign + resurrected > 0 || (lost > 0 && !mayLose(store, fault))) broken.push(row);
    }
    writeFileSync(file, page({ rows, seconds, clients }));
    expect(broken).toEqual([]);
  });
}
