// What the project wants to reach.
import type { ContenderName } from "./contenders/index.ts";

export interface Aim {
  /** Microseconds of CPU that the session adds to a request without sockets, at most. */
  readonly added?: { readonly read: number; readonly write: number };
}

export const aims: Partial<Record<ContenderName, Aim>> = {
  "coatcheck memory": { added: { read: 5, write: 8 } },
  "coatcheck SQLite in memory": { added: { read: 8, write: 15 } },
  "coatcheck Redis, made up": { added: { read: 8, write: 12 } },
  "coatcheck PostgreSQL, made up": { added: { read: 15, write: 35 } },
  "coatcheck memory, Fastify": { added: { read: 8, write: 11 } },
};
