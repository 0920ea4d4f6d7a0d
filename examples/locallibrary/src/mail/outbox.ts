import { desc, lte } from "drizzle-orm";
import type { LibraryDatabase } from "../database/open.ts";
import { outbox } from "../database/schema.ts";
import type { Letter } from "./letters.ts";

const KEPT = 50;

/** "Sends" a letter: the demo keeps the newest fifty in a table, and shows them at /outbox/. */
export function send(database: LibraryDatabase, recipient: string, { subject, body }: Letter): void {
  const { id } = database
    .insert(outbox)
    .values({ recipient, subject, body, sentAt: new Date() })
    .returning()
    .get();
  database
    .delete(outbox)
    .where(lte(outbox.id, id - KEPT))
    .run();
}

/** The newest letter first. */
export function findLetters(database: LibraryDatabase) {
  return database.select().from(outbox).orderBy(desc(outbox.id)).all();
}
