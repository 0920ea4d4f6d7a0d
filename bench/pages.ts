// The figures that README and docs/speed.md show. `npm run bench` writes them, and a test holds the pages to the results.

/** The part of a report that the pages show. Without the names of contenders, so that tests need none of their packages. */
export interface Figures {
  readonly date: string;
  readonly groups: readonly { readonly rows: readonly Figure[] }[];
}

interface Figure {
  readonly contender: string;
  readonly use: string;
  readonly added: { readonly median: number } | null;
  readonly addedLater: { readonly median: number } | null;
}

type Line = readonly [what: string, contender: string, peerSaid: string, peer: string];

const onExpress: readonly Line[] = [
  ["memory", "coatcheck memory", "express-session, MemoryStore", "express-session MemoryStore"],
  [
    "SQLite",
    "coatcheck SQLite",
    "express-session, better-sqlite3-session-store",
    "better-sqlite3-session-store",
  ],
  ["Redis", "coatcheck Redis", "express-session, connect-redis", "connect-redis"],
  ["PostgreSQL", "coatcheck PostgreSQL", "express-session, connect-pg-simple", "connect-pg-simple"],
  ["encrypted cookie", "coatcheck encrypted cookie", "iron-session", "iron-session"],
];

const others: readonly Line[] = [
  ["drop-in, memory", "drop-in memory", "express-session, MemoryStore", "express-session MemoryStore"],
  ["drop-in, Redis", "drop-in Redis", "express-session, connect-redis", "connect-redis"],
  ["drop-in, PostgreSQL", "drop-in PostgreSQL", "express-session, connect-pg-simple", "connect-pg-simple"],
  ["Fastify, memory", "coatcheck memory, Fastify", "@fastify/session", "@fastify/session"],
  [
    "Fastify, encrypted cookie",
    "coatcheck encrypted cookie, Fastify",
    "@fastify/secure-session",
    "@fastify/secure-session",
  ],
  ["Koa, memory", "coatcheck memory, Koa", "koa-session", "koa-session"],
  ["Hono, memory", "coatcheck memory, Hono", "@hono/session", "@hono/session"],
];

/** The tables of each page, by its path. */
export const pages: Readonly<Record<string, readonly Line[]>> = {
  "README.md": onExpress,
  "docs/speed.md": [...onExpress, ...others],
};

const BEGIN = "<!-- figures of bench/results/full.json, written by npm run bench -->";
const END = "<!-- end of the figures -->";

/** The page with these figures in place of the ones that it shows. */
export function withFigures(page: string, lines: readonly Line[], figures: Figures): string {
  const [before, rest = ""] = page.split(BEGIN);
  const after = rest.split(END)[1];
  if (after === undefined) throw new Error(`The page has no place for figures, between ${BEGIN} and ${END}.`);
  return `${before}${BEGIN}\n${tableOf(lines, figures)}\n${END}${after}`;
}

function tableOf(lines: readonly Line[], { groups }: Figures): string {
  const rows = groups.flatMap(({ rows }) => rows);
  /** Of the group in which the two stand beside each other. */
  const added = (contender: string, peer: string, of: string) => {
    const group = groups.find(({ rows }) =>
      [contender, peer].every((one) => rows.some((row) => row.contender === one)),
    );
    const said = ["read", "write"].map((use) => {
      const row = (group?.rows ?? rows).find((row) => row.contender === of && row.use === use);
      return [row?.added, row?.addedLater].map((one) => one?.median.toFixed(1) ?? "?");
    });
    return [0, 1].map((base) => said.map((pair) => pair[base]).join(" / "));
  };
  const cells = lines.map(([what, contender, peerSaid, peer]) => [
    what,
    ...added(contender, peer, contender),
    ...added(contender, peer, peer),
    peerSaid,
  ]);
  const head = [
    "read / write",
    "coatcheck adds, µs",
    "over a turn later",
    "the other adds, µs",
    "over a turn later",
    "the other",
  ];
  return [head, head.map(() => "---"), ...cells].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
