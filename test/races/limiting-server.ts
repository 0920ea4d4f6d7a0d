/** A process in which a user may have three sessions, in the store whose URL it is given; it ends with the test that started it. */
import type { AddressInfo } from "node:net";
import { session } from "coatcheck/express";
import { storeFromUrl } from "coatcheck/store-url";
import express from "express";

const app = express();
app.use(session({ store: storeFromUrl(process.argv[2] as string), maxUserSessions: 3, storeTimeout: 30 }));
app.get("/login/:user", (request, response) => {
  request.session.login(request.params.user);
  response.send();
});
app.get("/user", (request, response) => {
  response.send(String(request.session.userId));
});

const server = app.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.once("disconnect", () => process.exit());
