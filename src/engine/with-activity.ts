import type { StoredRecord } from "../contract/record.ts";
import type { Settings } from "../settings/settings.ts";
import { endByActivity } from "./expiry.ts";

/**
 * A record that a request writes before its response, with the end that the response would give it. Another request may have moved
 * the end since this one has read it, and that is in no version: it must not be put back.
 */
export function withActivity(record: StoredRecord, settings: Settings): StoredRecord {
  return { ...record, expiresAt: endByActivity(record, settings) ?? record.expiresAt };
}
