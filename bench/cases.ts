/** What a request makes the contender do. */
export interface Case {
  readonly route: "none" | "read" | "write" | "login";
  /** The size of each session's data, as JSON. */
  readonly bytes: number;
  readonly sessions: number;
  readonly connections: number;
  readonly seconds: number;
}

const usual = { bytes: 200, sessions: 64, connections: 32, seconds: 1 } as const;

export const cases = {
  "not used": { ...usual, route: "none" },
  read: { ...usual, route: "read" },
  write: { ...usual, route: "write" },
  login: { ...usual, route: "login" },
  "write, 4 kB": { ...usual, route: "write", bytes: 4000 },
  "write, 32 kB": { ...usual, route: "write", bytes: 32_000, connections: 4 },
  "read, 1 MB": { ...usual, route: "read", bytes: 1_000_000, connections: 4, sessions: 8, seconds: 3 },
  "write, 1 MB": { ...usual, route: "write", bytes: 1_000_000, connections: 4, sessions: 8, seconds: 3 },
  "not used, one at a time": { ...usual, route: "none", sessions: 1, connections: 1 },
  "write, one at a time": { ...usual, route: "write", sessions: 1, connections: 1 },
  "write, 512 connections": { ...usual, route: "write", sessions: 512, connections: 512, seconds: 3 },
  "write, one session, 32 at once": { ...usual, route: "write", sessions: 1 },
} as const satisfies Record<string, Case>;

export type CaseName = keyof typeof cases;

/** The requests of a burst, sent in turn: each a path and the cookies of a session. */
export interface Ask {
  readonly path: string;
  readonly cookie: string;
}

/** The sessions take turns. */
export const asksOf = ({ route }: Case, cookies: readonly string[]): Ask[] =>
  cookies.map((cookie) => ({ path: `/${route}`, cookie }));
