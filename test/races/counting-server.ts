/**
 * A process that counts visits, in the store whose URL it is given, with the `storeTimeout` that may follow; it ends with the test
 * that started it.
 */
import type { AddressInfo } from "node:net";
import { session } from "coatcheck/express";
import { storeFromUrl } from "coatcheck/store-url";
import express from "express";

const app = express();
const [, , storeUrl = "", storeTimeout = "30"] = process.argv;
app.use(session({ store: storeFromUrl(storeUrl), storeTimeout: Number(storeTimeout) }));
app.get("/", (request, response) => {
  response.send(String(request.session.update("visits", (visits = 0) => visits + 1)));
});

const server = app.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.once("disconnect", () => process.exit());
