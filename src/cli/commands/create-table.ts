import { EXIT } from "../exit.ts";
import type { Place } from "../place.ts";

export async function createTable({ store, tell, within }: Place) {
  if (store.createTable === undefined) {
    tell({ created: false }, "This store has no table: there is nothing to create.");
    return EXIT.DONE;
  }
  await within(store.createTable);
  tell({ created: true }, "The table of sessions is there, with its indexes.");
  return EXIT.DONE;
}
