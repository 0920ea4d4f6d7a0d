import { afterAll, beforeAll, describe, test } from "vitest";
import type { Server, ServerKind } from "./server.ts";
import { missing, start } from "./start.ts";

/** A suite on a real server, started before its first test and stopped after its last; skipped by name where there is none. */
export function describeWithServer(kind: ServerKind, tests: (server: () => Server) => void): void {
  describe(`on ${kind.name}`, () => {
    const why = missing(kind);
    if (why) {
      test.skip(why, () => {});
      return;
    }
    let server: Server | undefined;
    // Long enough for the server's package to be installed.
    beforeAll(async () => {
      server = await start(kind);
    }, 300_000);
    afterAll(() => server?.stop());
    tests(() => server as Server);
  });
}
