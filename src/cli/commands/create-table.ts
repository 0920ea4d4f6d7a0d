import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";

/** Creates the table of a SQL store where it is missing. */
export async function createTable({ store, tell, within }: Context) {
  if (store.createTable === undefined) {
    tell({ created: false }, "This store has no table: there is nothing to create.");
    return EXIT.DONE;
  }
  await within(store.createTable);
  tell({ created: true }, "The table of sessions is there, with its indexes.");
  return EXIT.DONE;
}
