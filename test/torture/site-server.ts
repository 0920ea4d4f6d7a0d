/** A server process of the tortured site; the test that started it tells by the environment how. It ends with that test. */
import { createServer } from "node:http";
import { createSessions, type Store } from "coatcheck";
import { session } from "coatcheck/node";
import { postgresStore } from "coatcheck/postgres";
import { storeFromUrl } from "coatcheck/store-url";
import pg from "pg";

const { STORE = "", PORT = "", POOL, SKEW = "0" } = process.env;

function openStore(): Store {
  if (POOL === undefined) return storeFromUrl(STORE);
  const pool = new pg.Pool({ connectionString: STORE, max: Number(POOL) });
  pool.on("error", () => {}); // A connection of the pool that breaks while it rests.
  return postgresStore({ pool });
}

const sessions = createSessions({
  store: openStore(),
  storeTimeout: 2,
  clock: () => Date.now() + Number(SKEW) * 1000,
});

/** The visitor's session as it stands: the tags of all writes, a counter, and the user. */
const server = createServer(
  session(sessions, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const tag = searchParams.get("tag");
    if (pathname === "/logout") request.session.logout();
    if (pathname === "/login") request.session.login(`${searchParams.get("user")}`);
    if (tag !== null) {
      request.session.update("count", (count = 0) => count + 1);
      request.session.update("tags", (tags: string[] = []) => [...tags, tag]);
    }
    const { userId } = request.session;
    response.end(
      JSON.stringify({
        userId,
        count: request.session.get("count", 0),
        tags: request.session.get("tags", []),
      }),
    );
  }),
);
server.listen(Number(PORT), "127.0.0.1", () => process.send?.("listening"));
process.once("disconnect", () => process.exit());
process.on("uncaughtException", (error, origin) => {
  console.error(origin, error);
  process.exit(1);
});
