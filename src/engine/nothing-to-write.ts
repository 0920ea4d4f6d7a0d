import type { StoredRecord } from "../contract/record.ts";

/** Thrown within a write that finds nothing to write. */
export class NothingToWrite extends Error {
  readonly there: StoredRecord;

  constructor(there: StoredRecord) {
    super("nothing to write");
    this.there = there;
  }
}
