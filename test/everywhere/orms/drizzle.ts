import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { migrate as runMigrations } from "drizzle-orm/node-postgres/migrator";
import { db } from "./docs/drizzle.ts";
import { sessions } from "./docs/drizzle-schema.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export async function migrate() {
  const kit = here("node_modules/drizzle-kit/bin.cjs");
  const what = [
    "generate",
    "--dialect",
    "postgresql",
    "--schema",
    "docs/drizzle-schema.ts",
    "--out",
    "docs/migrations",
  ];
  await promisify(execFile)(process.execPath, [kit, ...what], { cwd: here(".") });
  await runMigrations(db, { migrationsFolder: here("docs/migrations") });
}

export const users = async () =>
  (await db.select({ user: sessions.userId }).from(sessions)).map(({ user }) => user);

export const close = () => db.$client.end();
