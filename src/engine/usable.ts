/** Tells the records that this release can use from corrupt ones and from those of a newer release. */
import { FORMAT, type StoredRecord, type StoreId } from "../contract/record.ts";
import { dictionaryOf, extrasOf } from "../contract/record-data.ts";
import { logIdOf } from "../cookie/key.ts";
import { parseData } from "../data/json.ts";
import { tell } from "../events.ts";

/** Whether the record is of a newer release. Such a record is left alone, as that release may read it again. */
export function isNewer(id: StoreId, { format }: StoredRecord): boolean {
  if (format <= FORMAT) return false;
  tell("newer", () => ({ session: logIdOf(id), format }));
  return true;
}

/** Whether the data can be read. If it cannot, an event tells. */
function isIntact(id: StoreId, { data }: StoredRecord): boolean {
  try {
    parseData(dictionaryOf(data));
    extrasOf(data);
    return true;
  } catch {
    tellCorrupt(id);
    return false;
  }
}

export const isUsable = (id: StoreId, record: StoredRecord): boolean =>
  !isNewer(id, record) && isIntact(id, record);

export function tellCorrupt(id: StoreId): void {
  tell("corrupt", () => ({ session: logIdOf(id), reason: "its data is not a JSON object" }));
}
