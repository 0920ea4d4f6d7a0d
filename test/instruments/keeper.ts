import type { Keeper } from "../../src/frameworks/on-node/held-response.ts";
import type { Header } from "../../src/frameworks/session-headers.ts";

/** A commit that gives the headers of the response: a promise of them where the response is to be held meanwhile. */
export type Commit = (status: number) => readonly Header[] | Promise<readonly Header[]>;

/** The session's side of a held response, played by a test. */
export function keeperOf(commit: Commit, failed: (error: unknown) => void): Keeper {
  let headers: readonly Header[] = [];
  return {
    commit(status) {
      const committed = commit(status);
      if (committed instanceof Promise) {
        return committed.then((given) => {
          headers = given;
        });
      }
      headers = committed;
      return undefined;
    },
    headers: () => headers,
    failed,
  };
}
