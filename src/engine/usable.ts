/** Tells the records that this release can use from corrupt ones and from those of a newer release. */
import { FORMAT, type StoredRecord, type StoreId } from "../contract/record.ts";
import { dictionaryOf, extrasOf } from "../contract/record-data.ts";
import type { StoredSession } from "../contract/ticket.ts";
import { logIdOf } from "../cookie/key.ts";
import { parseObject } from "../data/json.ts";
import { tell } from "../events.ts";
import type { Deadline } from "./deadlines.ts";
import type { GuardedStore } from "./guarded-store.ts";

/** Whether the record is of a newer release. Such a record is left alone, as that release may read it again. */
export function isNewer(id: StoreId, { format }: StoredRecord): boolean {
  if (format <= FORMAT) return false;
  tell("newer", () => ({ session: logIdOf(id), format }));
  return true;
}

/** The visitor's data in a record of this release; null, and an event tells, where it cannot be read. */
export function dataIn(id: StoreId, record: StoredRecord): object | null {
  if (isNewer(id, record)) return null;
  try {
    extrasOf(record.data);
    return parseObject(dictionaryOf(record.data));
  } catch {
    tellCorrupt(id);
    return null;
  }
}

export const isUsable = (id: StoreId, record: StoredRecord): boolean => dataIn(id, record) !== null;

export function tellCorrupt(id: StoreId): void {
  tell("corrupt", () => ({ session: logIdOf(id), reason: "its data is not a JSON object" }));
}

/** The live session of an id, wherever it has moved to; null also for one that this release cannot use. */
export async function locateUsable(
  store: GuardedStore,
  id: StoreId,
  deadline: Deadline,
): Promise<StoredSession | null> {
  const found = await store.locate(id, deadline);
  return found !== null && isUsable(found.id, found.record) ? found : null;
}
