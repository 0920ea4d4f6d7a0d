import { serve } from "@hono/node-server";
import { withSession } from "coatcheck/fetch";
import { sqliteStore } from "coatcheck/sqlite";

const fetch = withSession({ store: sqliteStore("sessions.sqlite3") }, (_request, session) => {
  const visits = session.update("num_visits", (n = 0) => n + 1);
  return new Response(`You have visited this page ${visits} time(s).\n`);
});

// This serves the function on Node. On Deno write `Deno.serve(fetch)`, on Bun `Bun.serve({ fetch })`.
const port = Number(process.env.PORT ?? 8000);
serve({ fetch: (request) => fetch(request), port, hostname: "localhost" }, () =>
  console.log(`http://localhost:${port}`),
);
