import type { StoredRecord, StoreId } from "../../contract/record.ts";
import type { WriteOutcome } from "../../contract/store.ts";
import { InDoubtError } from "../calls/borrow.ts";

/** The row of a session, as a statement finds it that has not changed it. A mark keeps the version of the record that it was made of. */
export interface RowState {
  readonly movedTo: StoreId | null;
  readonly version: number;
}

/** The outcome of a write, by what its statement did or found. */
export function outcome(found: "changed" | RowState | undefined): WriteOutcome {
  if (found === "changed") return "saved";
  if (found === undefined) return "gone";
  return found.movedTo === null ? "conflict" : { movedTo: found.movedTo };
}

/**
 * Judges the row that an update finds when it is repeated, as an earlier try may have been carried out. Throws InDoubtError where the
 * row is of another version: others may have built on this update, and a "conflict" would make its changes twice.
 */
export function ownUpdate(record: StoredRecord): (found: RowState) => "changed" {
  return ({ version }) => {
    if (version === record.version) return "changed";
    throw new InDoubtError(new Error("the answer was lost, and the session has been changed since"));
  };
}

/** The same for a rotation. A mark tells whose it is. */
export function ownRotation(newId: StoreId): (found: RowState) => "changed" | RowState {
  return (found) => (found.movedTo === newId ? "changed" : found);
}
