import { randomUUID } from "node:crypto";
import { hash, verify } from "@node-rs/argon2";
import type { LibraryDatabase } from "../database/open.ts";
import type { User } from "../database/schema.ts";
import { findUserByName } from "../queries/users.ts";
import { Queues } from "./queues.ts";
import { type Attempt, countWrong, resetCount, secondsToWait } from "./wrong-passwords.ts";

const hashOfNoUser = await hash(randomUUID());
const queues = new Queues();

/** `user` is null after a wrong password, and for a user who may not sign in. With `wait` above 0 there were too many of them, and this one was not checked. */
export interface Authentication {
  user: User | null;
  /** Seconds. */
  wait: number;
}

/**
 * Finds the user with this name and password. Attempts on one account are checked one after another: if many were checked
 * at once, none of them would count for the others.
 */
export function authenticate(
  database: LibraryDatabase,
  attempt: Attempt,
  password: string,
): Promise<Authentication> {
  return queues.run(attempt.username, async () => {
    const wait = secondsToWait(database, attempt);
    if (wait > 0) return { user: null, wait };
    const user = findUserByName(database, attempt.username);
    // An unknown name takes the same time as a known one, so the time does not tell which names exist (OWASP).
    const matches = await verify(user?.passwordHash ?? hashOfNoUser, password);
    if (!user?.isActive || !matches) {
      countWrong(database, attempt);
      return { user: null, wait };
    }
    resetCount(database, attempt);
    return { user, wait };
  });
}
