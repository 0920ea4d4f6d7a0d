/** Prints the bytes of memory that memoryStore takes for a session beside its data: run with `node --expose-gc`. */
import { createHash } from "node:crypto";
import { memoryStore, type StoreId } from "coatcheck";

// Just past 65,536 the Map of ids has doubled its room: the most memory for a session.
const SESSIONS = 66_000;

const call = { signal: new AbortController().signal, now: Date.now() };
const times = { createdAt: call.now, authenticatedAt: null, expiresAt: call.now + 1e9, expiry: null };

async function fill(store: ReturnType<typeof memoryStore>, sessions: number): Promise<number> {
  let data = 0;
  for (let n = 0; n < sessions; n++) {
    const record = {
      data: JSON.stringify({ n, basket: "x".repeat(150) }),
      version: Math.random() * 2 ** 53,
      userId: null,
      format: 1,
    };
    data += record.data.length;
    await store.create(
      createHash("sha256").update(String(n)).digest("hex") as StoreId,
      { ...record, ...times },
      call,
    );
  }
  return data;
}

function used(): number {
  for (let n = 0; n < 3; n++) globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

await fill(memoryStore(), 1000);
const store = memoryStore();
const before = used();
const data = await fill(store, SESSIONS);
console.log(Math.round((used() - before - data) / SESSIONS));
await store.stats?.(call);
