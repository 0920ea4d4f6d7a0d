import { randomUUID } from "node:crypto";
import { hash, verify } from "@node-rs/argon2";
import type { LibraryDatabase } from "../database/open.ts";
import type { User } from "../database/schema.ts";
import { findUserByName } from "../queries/users.ts";
import { Turns } from "./turns.ts";
import { type Attempt, countWrong, forgive, secondsToWait } from "./wrong-passwords.ts";

const nobodysHash = await hash(randomUUID());
const turns = new Turns();

/** No user means a wrong password, or with `wait` too many of them: then this one was not even looked at. */
export interface Authentication {
  user: User | null;
  /** Seconds. */
  wait: number;
}

/** The user with this name and password. In turn, so that guesses sent all at once do not slip through together. */
export function authenticate(
  database: LibraryDatabase,
  attempt: Attempt,
  password: string,
): Promise<Authentication> {
  return turns.take(attempt.username, async () => {
    const wait = secondsToWait(database, attempt);
    if (wait > 0) return { user: null, wait };
    const user = findUserByName(database, attempt.username);
    // An unknown name costs the same work, so that time does not tell which names exist.
    const matches = await verify(user?.passwordHash ?? nobodysHash, password);
    if (!user || !matches) {
      countWrong(database, attempt);
      return { user: null, wait };
    }
    forgive(database, attempt);
    return { user, wait };
  });
}
