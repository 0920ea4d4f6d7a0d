import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { session } from "coatcheck/express";
import express from "express";

const app = express();
app.use(session());
app.get("/", (req, res) => void res.send(String(req.session.update("visits", (n = 0) => n + 1))));
app.get("/who", (req, res) => void res.send(`${req.session.userId}, ${req.session.get("visits", 0)}`));
app.get("/login", (req, res) => {
  req.session.login("ann");
  res.redirect("/who");
});
app.get("/logout", (req, res) => {
  req.session.logout();
  res.end();
});
app.get("/stream", (req, res) => {
  req.session.set("streamed", true);
  res.write("one ");
  setTimeout(() => res.end("two"), 20);
});

const server = createServer(app).listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ event: "listen", port: (server.address() as AddressInfo).port }));
});
