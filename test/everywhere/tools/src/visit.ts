import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createSessions, SettingsError } from "coatcheck";
import { session } from "coatcheck/express";
import { sqliteStore } from "coatcheck/sqlite";
import express from "express";

const sessions = createSessions({ store: sqliteStore(":memory:") });
const app = express();
app.use(session(sessions));
app.get("/", (req, res) => {
  res.send(String(req.session.update("visits", (n = 0) => n + 1)));
});
app.post("/login", async (req, res) => {
  req.session.login("ann");
  await req.session.save();
  const token = await req.session.once("token", () => "a token");
  const listed = await sessions.listUserSessions("ann");
  res.send(`${token}, ${listed.length} session`);
});

/** Serves the application, and visits it as a browser does. Whatever is loaded with its first use is used. */
export async function visit(): Promise<void> {
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const first = await fetch(site);
  assert.equal(await first.text(), "1");
  const cookie = String(first.headers.getSetCookie()[0]).replace(/;.*/, "");
  const second = await fetch(site, { headers: { cookie } });
  assert.equal(await second.text(), "2");
  const login = await fetch(`${site}/login`, { method: "POST", headers: { cookie } });
  assert.equal(await login.text(), "a token, 1 session");
  assert.equal(await sessions.clearExpired(), 0);
  assert.throws(() => session({ cookieAge: -1 }), SettingsError);
  server.close();
  server.closeAllConnections();
  await sessions.close();
}
