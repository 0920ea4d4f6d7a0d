import { randomUUID } from "node:crypto";
import { hash, verify } from "@node-rs/argon2";
import type { LibraryDatabase } from "./database/open.ts";
import { findUserByName } from "./queries/users.ts";

const nobodysHash = await hash(randomUUID());

/** The user with this name and password. An unknown name costs the same work, so that time does not tell which names exist. */
export async function authenticate(database: LibraryDatabase, username: string, password: string) {
  const user = findUserByName(database, username);
  const matches = await verify(user?.passwordHash ?? nobodysHash, password);
  return matches ? user : undefined;
}
