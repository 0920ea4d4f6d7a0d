/**
 * A process of its own on a folder of sessions, as a second server would be.
 * `node file-writer.ts count FOLDER ID TIMES` raises a counter; `node file-writer.ts storm FOLDER` does everything until it is killed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { StoredRecord, StoreId } from "coatcheck";
import { fileStore } from "coatcheck/file";

const [mode = "", folder = "", id = "", times = "0"] = process.argv.slice(2);
const store = fileStore(folder);
const call = () => ({ signal: AbortSignal.timeout(30_000), now: Date.now() });
const version = () => Math.floor(Math.random() * 2 ** 53);

function record(data: string, userId: string | null): StoredRecord {
  const times = {
    createdAt: Date.now(),
    authenticatedAt: null,
    expiresAt: Date.now() + 3_600_000,
    expiry: null,
  };
  return { data, version: version(), userId, ...times, format: 1 };
}

// All begin at one signal, so that they meet.
process.send?.("ready");
await new Promise((resolve) => process.once("message", resolve));

if (mode === "count") {
  await store.create(id as StoreId, record("0", null), call());
  for (let raised = 0; raised < Number(times); ) {
    const found = await store.read(id as StoreId, call());
    if (found === null || found === "moved") throw new Error("the session is gone");
    const next = { ...found, data: String(Number(found.data) + 1), version: version() };
    if ((await store.update(id as StoreId, next, found.version, call())) === "saved") {
      raised++;
      process.send?.(Number(next.data));
    } else await sleep(Math.random() * 3);
  }
  process.disconnect();
} else {
  for (;;) await Promise.all([life(), life(), life()]);
}

/** One session from its creation on, through a rotation, sometimes to its end. Its data tells whether it is whole. */
async function life(): Promise<void> {
  const [first, second] = [newId(), newId()];
  const data = () => {
    const length = Math.floor(Math.random() * 20_000);
    return `${length}:${"x".repeat(length)}`;
  };
  let now = record(data(), null);
  await store.create(first, now, call());
  for (let n = 0; n < 3; n++) {
    const next = record(data(), null);
    await store.update(first, next, now.version, call());
    now = next;
    await store.touch(first, now.expiresAt + 60_000, now.version, call());
  }
  await store.rotate(first, second, record(data(), "ann"), now.version, call());
  if (Math.random() < 0.3) await store.delete(second, call());
  if (Math.random() < 0.1) await store.clearExpired({ ...call(), limit: 10 });
}

function newId(): StoreId {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex") as StoreId;
}
