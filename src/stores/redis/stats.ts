import type { StoreCall, StoreStats } from "../../contract/store.ts";
import type { Connection } from "./client.ts";
import { fieldsOf } from "./layout.ts";

/** Goes through every key of every primary, a few hundred at a time. A key that Redis moves meanwhile may count twice. */
export async function count(
  connection: Connection,
  prefix: string,
  weigh: (key: string) => Promise<string>,
  { signal, now }: StoreCall,
): Promise<StoreStats> {
  const pattern = `${(connection.keyPrefix + prefix).replace(/[\\*?[\]]/g, "\\$&")}{*`;
  let live = 0;
  let authenticated = 0;
  let bytes = 0;
  let oldest: number | null = null;

  const add = (size: string, line: string) => {
    if (!line.startsWith("r ") || Number(line.slice(2, 18)) <= now) return;
    const [, createdAt, , , userId] = fieldsOf(line);
    live++;
    bytes += Number(size);
    if (userId !== null) authenticated++;
    oldest = Math.min(oldest ?? createdAt, createdAt);
  };

  for (const ask of await connection.primaries()) {
    let cursor = "0";
    do {
      signal.throwIfAborted();
      const answer = await ask(["scan", cursor, "match", pattern, "count", "500"]);
      const [next, keys] = answer as [unknown, string[]];
      const weighed = await Promise.all(keys.map((key) => weigh(key.slice(connection.keyPrefix.length))));
      for (const text of weighed) {
        const space = text.indexOf(" ");
        if (space > 0) add(text.slice(0, space), text.slice(space + 1));
      }
      cursor = String(next);
    } while (cursor !== "0");
  }
  // Redis removes expired sessions by itself, so there are none to count.
  return { live, expired: 0, authenticated, oldest, bytes };
}
