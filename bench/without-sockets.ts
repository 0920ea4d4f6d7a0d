// What a session adds to a request without sockets, beside the aims: node bench/without-sockets.ts [--only TEXT] [--processes N].
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { addedAlone } from "./aims.ts";
import type { Added } from "./bursts-in-turn.ts";
import type { ContenderName } from "./contenders/index.ts";
import { median, quartiles } from "./median.ts";

/** Each contender, and the framework that it is measured over. */
const ours: Partial<Record<ContenderName, ContenderName>> = {
  "coatcheck memory": "Express",
  "coatcheck SQLite in memory": "Express",
  "coatcheck Redis, made up": "Express",
  "coatcheck PostgreSQL, made up": "Express",
  "coatcheck encrypted cookie": "Express",
  "drop-in memory": "Express",
  "coatcheck memory, Fastify": "Fastify",
};
const peers: Partial<Record<ContenderName, ContenderName>> = {
  "express-session MemoryStore": "Express",
  "@fastify/session": "Fastify",
};

/** Measures coatcheck's contenders, each in processes of its own: the luck of a process is larger than most changes. */
export function* addedWithoutSockets(
  processes: number,
  { only = "", withPeers = false } = {},
): Generator<[ContenderName, Added[]]> {
  const program = join(import.meta.dirname, "bursts-in-turn.ts");
  const env = { ...process.env, NODE_ENV: "production" };
  for (const [name, bare] of Object.entries({ ...ours, ...(withPeers && peers) })) {
    if (!name.toLowerCase().includes(only.toLowerCase())) continue;
    const args = ["--disable-warning=COATCHECK_MEMORY_STORE", program, bare, name];
    const all = Array.from({ length: processes }, (): Added => {
      return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", stdio: "pipe", env }));
    });
    yield [name as ContenderName, all];
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { only: { type: "string", default: "" }, processes: { type: "string", default: "5" } },
  });
  const { only, processes } = values;
  console.log(
    "Microseconds of CPU that a session adds to a request: the median of the processes, and their quartiles.",
  );
  for (const [name, all] of addedWithoutSockets(Number(processes), { only, withPeers: true })) {
    const column = (of: keyof Added) => all.map((one) => one[of]);
    const said = (of: keyof Added) => {
      const [lower, upper] = quartiles(column(of));
      return `${median(column(of)).toFixed(1)} (${lower.toFixed(1)} to ${upper.toFixed(1)})`;
    };
    const aim = addedAlone[name];
    const wanted = aim === undefined ? "" : `; aim ${aim.read} / ${aim.write}`;
    console.log(`${name}: read ${said("read")}, write ${said("write")}${wanted}`);
    console.log(`  bare ${said("bare")}, against itself ${said("again")}`);
  }
}
