/** Makes docs/reliability.md from the figures of a run. */
import { cpus } from "node:os";
import type { Figures } from "./client.ts";

export interface Row extends Figures {
  readonly store: string;
  readonly fault: string;
}

interface Run {
  readonly rows: readonly Row[];
  /** The time that each pair of a store and a fault had. */
  readonly seconds: number;
  readonly clients: number;
}

const columns = [
  "acknowledged",
  "lost",
  "leftBehind",
  "doubled",
  "foreign",
  "resurrected",
  "errors",
] as const;

export function page({ rows, seconds, clients }: Run): string {
  const names = columns.join(" | ").replace("leftBehind", "left behind");
  const lines = rows.map(
    (row) => `| ${row.store} | ${row.fault} | ${columns.map((column) => row[column]).join(" | ")} |`,
  );
  const total = rows.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  return `# Reliability

\`npm run test:long\` writes this page. To repeat this run: \`TORTURE_SECONDS=${seconds} npm run test:long -- torture\`. \`npm test\` takes three of these
pairs.

Two server processes share one store. SQLite and the files lie on a disk in memory, where root can make one. ${clients} visitors, each with a cookie jar, write to both at once, sign in and sign out. A third of the time
passes before the fault, a third while it lasts, and a third after it; each pair of a store and a fault had ${seconds} seconds. In the end every visitor
compares the session with what was acknowledged, and shows the cookies of the sessions that it has left to both servers. This run had
${total.toLocaleString("en")} acknowledged requests, on ${cpus().length} processor cores that did other work too, with Node ${process.versions.node}. The number of
acknowledged requests is no measure of speed.

| Column | Meaning |
|---|---|
| acknowledged | writes, logins and logouts that were answered with 200 |
| lost | acknowledged writes that the session did not hold |
| left behind | sessions that a login left behind, because it was not answered with 200 though its change of key was stored |
| doubled | writes that the session held twice, or counted twice |
| foreign | tags or users of another visitor in a session |
| resurrected | sessions that could be read after their logout was acknowledged |
| errors | requests that were answered with an error, or with nothing within 6 seconds |

An eviction, a restart of memcached and a failover of Redis without \`wait\` destroy what the store has acknowledged. There the column *lost* is a
measurement. A login that fails while it changes the key leaves the visitor with the old key. Where it is tried again before that change was taken
back, or its server was killed, the next login begins a new session; the column *left behind* counts those. In all other rows anything but 0 in the columns *lost*, *doubled*, *foreign* and *resurrected* fails the run.

| Store | Fault | ${names} |
|---|---|${columns.map(() => "---:").join("|")}|
${lines.join("\n")}
`;
}
