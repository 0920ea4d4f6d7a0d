/** A process of its own that raises a counter in a session, as a second server would: `node sqlite-writer.ts FILE ID TIMES`. */
import { setTimeout as sleep } from "node:timers/promises";
import type { StoreId } from "coatcheck";
import { sqliteStore } from "coatcheck/sqlite";

const [file = "", id = "", times = "0"] = process.argv.slice(2);
const store = sqliteStore(file);
const call = () => ({ signal: AbortSignal.timeout(30_000), now: Date.now() });
const version = () => Math.floor(Math.random() * 2 ** 53);

// All writers begin at one signal, so that they meet: first in opening the file, then in each write.
process.send?.("ready");
await new Promise((resolve) => process.once("message", resolve));

const first = { data: "0", version: version(), userId: null, createdAt: Date.now(), authenticatedAt: null };
await store.create(
  id as StoreId,
  { ...first, expiresAt: Date.now() + 3_600_000, expiry: null, format: 1 },
  call(),
);

for (let raised = 0; raised < Number(times); ) {
  const found = await store.read(id as StoreId, call());
  if (found === null || found === "moved") throw new Error("the session is gone");
  const next = { ...found, data: String(Number(found.data) + 1), version: version() };
  if ((await store.update(id as StoreId, next, found.version, call())) === "saved") {
    raised++;
    process.send?.(Number(next.data));
  } else await sleep(Math.random() * 3);
}
await store.close();
process.disconnect();
