import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postgres } from "../test/servers/postgres.ts";
import { redis } from "../test/servers/redis.ts";
import { start } from "../test/servers/start.ts";
import type { Place } from "./contenders/contender.ts";

/** Starts the servers that stores need, and removes all of it when the work is done or has failed. */
export async function withPlace(work: (place: Place) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "coatcheck-bench-"));
  const servers = await Promise.all([start(redis), start(postgres)]);
  try {
    const pids = servers.flatMap(({ pid }) => pid ?? []);
    await work({ folder, redis: servers[0].url, postgres: servers[1].url, pids });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}
