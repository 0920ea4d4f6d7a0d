/** What a request makes the contender do. */
export interface Case {
  readonly route: "none" | "read" | "write" | "login" | "mix";
  /** The size of each session's data, as JSON. */
  readonly bytes: number;
  readonly sessions: number;
  readonly connections: number;
}

const usual = { bytes: 200, sessions: 64, connections: 32 } as const;

export const cases = {
  "not used": { ...usual, route: "none" },
  read: { ...usual, route: "read" },
  write: { ...usual, route: "write" },
  login: { ...usual, route: "login" },
  "95 % reads": { ...usual, route: "mix" },
  "read, 4 kB": { ...usual, route: "read", bytes: 4000 },
  "write, 4 kB": { ...usual, route: "write", bytes: 4000 },
  "read, 32 kB": { ...usual, route: "read", bytes: 32_000 },
  "write, 32 kB": { ...usual, route: "write", bytes: 32_000 },
  "write, one session, 1 at a time": { ...usual, route: "write", sessions: 1, connections: 1 },
  "write, one session, 32 at once": { ...usual, route: "write", sessions: 1 },
} as const satisfies Record<string, Case>;

export type CaseName = keyof typeof cases;

/** The requests of a burst, sent in turn: each a path and the cookies of a session. */
export interface Ask {
  readonly path: string;
  readonly cookie: string;
}

/** In a mix, one request in twenty writes. The sessions take turns. */
export function asksOf({ route }: Case, cookies: readonly string[]): Ask[] {
  if (route !== "mix") return cookies.map((cookie) => ({ path: `/${route}`, cookie }));
  return Array.from({ length: 20 * cookies.length }, (_, n) => ({
    path: n % 20 === 7 ? "/write" : "/read",
    cookie: cookies[n % cookies.length] as string,
  }));
}
