/** The keys of a Django site, which looks sessions up by the key itself. So an id is the hexadecimal of the key's 32 letters. */
import type { StoreId } from "../contract/record.ts";
import type { Ticket } from "../contract/ticket.ts";
import { isKey, newKey } from "./key.ts";

const idOf = (key: string) => Buffer.from(key, "latin1").toString("hex") as StoreId;

/** The key in `session_key`, of an id that `clearTicket` made. */
export const keyOf = (id: StoreId): string => Buffer.from(id, "hex").toString("latin1");

export const clearTicket: Ticket = {
  kind: "clear",
  parse: (value) => (isKey(value) ? { key: value, id: idOf(value) } : null),
  mint() {
    const key = newKey();
    return { key, id: idOf(key) };
  },
  issue: ({ key }) => key ?? "",
};
