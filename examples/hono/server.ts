import { serve } from "@hono/node-server";
import { type SessionEnv, session } from "coatcheck/hono";
import { sqliteStore } from "coatcheck/sqlite";
import { Hono } from "hono";

const app = new Hono<SessionEnv>();

app.use(session({ store: sqliteStore("sessions.sqlite3") }));

app.get("/", (c) => {
  const visits = c.var.session.update("num_visits", (n = 0) => n + 1);
  return c.text(`You have visited this page ${visits} time(s).\n`);
});

const port = Number(process.env.PORT ?? 8000);
serve({ fetch: app.fetch, port, hostname: "localhost" }, () => console.log(`http://localhost:${port}`));
