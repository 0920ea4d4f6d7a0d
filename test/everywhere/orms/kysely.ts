import { Migrator } from "kysely/migration";
import { db, migration } from "./docs/kysely.ts";

export async function migrate() {
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => ({ sessions: migration }) },
  }).migrateToLatest();
  if (error) throw error;
}

export const users = async () =>
  (await db.selectFrom("coatcheck_sessions").select("user_id").execute()).map(({ user_id }) => user_id);

export const close = () => db.destroy();
