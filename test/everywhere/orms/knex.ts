import { db, migration } from "./docs/knex.ts";

export const migrate = () =>
  db.migrate.latest({
    migrationSource: {
      getMigrations: async () => ["sessions"],
      getMigrationName: (name) => String(name),
      getMigration: async () => migration,
    },
  });

export const users = () => db("coatcheck_sessions").pluck("user_id");

export const close = () => db.destroy();
