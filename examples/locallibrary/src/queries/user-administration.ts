import { and, asc, count, eq, ne, or, type SQL, sql } from "drizzle-orm";
import { fold } from "../database/fold.ts";
import type { LibraryDatabase } from "../database/open.ts";
import { copies, users } from "../database/schema.ts";
import type { FieldErrors } from "../forms/read-form.ts";
import type { UserFields } from "../forms/user-form.ts";
import type { Page } from "../request/paging.ts";

export function countUsers(database: LibraryDatabase, search: string): number {
  return database.select({ users: count() }).from(users).where(matches(search)).get()?.users ?? 0;
}

export function findUsers(database: LibraryDatabase, search: string, { limit, offset }: Page) {
  return database
    .select({ user: users, loans: database.$count(copies, eq(copies.borrowerId, users.id)) })
    .from(users)
    .where(matches(search))
    .orderBy(sql`fold(${users.name})`, asc(users.id))
    .limit(limit)
    .offset(offset)
    .all();
}

/** A username or an address that another user has. */
export function takenFields(
  database: LibraryDatabase,
  { username, email }: Pick<UserFields, "username" | "email">,
  id = 0,
): FieldErrors {
  const others = database
    .select()
    .from(users)
    .where(and(ne(users.id, id), or(eq(users.username, username), eq(users.email, email))))
    .all();
  return {
    ...(others.some((other) => other.username === username) && { username: "Another user has this name." }),
    ...(others.some((other) => other.email === email) && { email: "Another user has this address." }),
  };
}

/** Returns false, and changes nothing, if no active librarian would be left. */
export function updateUser(database: LibraryDatabase, id: number, fields: UserFields): boolean {
  return database.transaction(
    (transaction) => {
      const keepsLibrarian = fields.role === "librarian" && fields.isActive;
      if (!keepsLibrarian && !hasOtherLibrarian(transaction, id)) return false;
      transaction.update(users).set(fields).where(eq(users.id, id)).run();
      return true;
    },
    { behavior: "immediate" },
  );
}

/** Removes a user. Otherwise returns why it removed nothing: books at home, or no other librarian. */
export function deleteUser(database: LibraryDatabase, id: number): "removed" | "loans" | "last librarian" {
  return database.transaction(
    (transaction) => {
      if (transaction.select().from(copies).where(eq(copies.borrowerId, id)).get()) return "loans";
      if (!hasOtherLibrarian(transaction, id)) return "last librarian";
      transaction.delete(users).where(eq(users.id, id)).run();
      return "removed";
    },
    { behavior: "immediate" },
  );
}

function hasOtherLibrarian(database: Pick<LibraryDatabase, "select">, id: number): boolean {
  const other = and(ne(users.id, id), eq(users.role, "librarian"), eq(users.isActive, true));
  return database.select().from(users).where(other).get() !== undefined;
}

function matches(search: string): SQL | undefined {
  const searched = sql`fold(${users.name} || ' ' || ${users.username} || ' ' || ${users.email})`;
  return search.trim() === "" ? undefined : sql`instr(${searched}, ${fold(search.trim())}) > 0`;
}
