/** A process that counts visits, in the SQLite file that it is given; it ends with the test that started it. */
import type { AddressInfo } from "node:net";
import { session } from "coatcheck/express";
import { sqliteStore } from "coatcheck/sqlite";
import express from "express";

const app = express();
app.use(session({ store: sqliteStore(process.argv[2] as string) }));
app.get("/", (request, response) => {
  response.send(String(request.session.update("visits", (visits = 0) => visits + 1)));
});

const server = app.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.once("disconnect", () => process.exit());
