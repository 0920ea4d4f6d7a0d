import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { browserMissing, chromiumPath } from "./chromium.ts";
import { mariadb } from "./mariadb.ts";
import { memcached } from "./memcached.ts";
import { postgres } from "./postgres.ts";
import { redis } from "./redis.ts";
import { describeWithServer } from "./suite.ts";

// A server that the environment names is not ours to freeze and kill.
const ours = [redis, memcached, postgres, mariadb].filter((kind) => !process.env[kind.variable]);

for (const kind of ours) {
  describeWithServer(kind, (server) => {
    test("answers when the suite begins", async () => {
      expect(new URL(server().url).port).toBe(`${server().port}`);
      await expect.poll(() => kind.ready(server().port)).toBe(true);
    });

    test("can be frozen, killed and started again on its port", async () => {
      await server().pause();
      expect(await kind.ready(server().port)).toBe(false);
      await server().resume();
      await expect.poll(() => kind.ready(server().port)).toBe(true);
      await server().kill();
      expect(await kind.ready(server().port)).toBe(false);
      await server().restart();
      await expect.poll(() => kind.ready(server().port)).toBe(true);
    }, 60_000);
  });
}

if (ours.includes(redis)) {
  describeWithServer(redis, () => {
    test("a server does not outlive a test process that is killed", async () => {
      const name = `orphan-${process.pid}`;
      const script = `
      const { start } = await import(${JSON.stringify(new URL("./start.ts", import.meta.url).href)});
      const { redis } = await import(${JSON.stringify(new URL("./redis.ts", import.meta.url).href)});
      process.stdout.write(String((await start({ ...redis, name: "${name}" })).port));
      setInterval(() => {}, 1000);`;
      const env = { ...process.env, [redis.variable]: "" };
      const tests = spawn(process.execPath, ["--input-type=module", "-e", script], { env });
      const [port] = await once(tests.stdout, "data");
      await expect.poll(() => redis.ready(Number(port))).toBe(true);
      tests.kill("SIGKILL");
      await expect.poll(() => redis.ready(Number(port))).toBe(false);
      await expect.poll(() => globSync(join(tmpdir(), `coatcheck-${name}-*`))).toEqual([]);
    });
  });
}

const noBrowser = browserMissing();
test.skipIf(noBrowser)(
  `a Chromium is found or installed${noBrowser ? ` (${noBrowser})` : ""}`,
  () => {
    expect(existsSync(chromiumPath())).toBe(true);
  },
  300_000,
);
