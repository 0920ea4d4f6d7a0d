/**
 * A process whose requests refresh a token in the store whose URL it is given, at the endpoint whose URL follows; it ends with the
 * test that started it.
 */
import type { AddressInfo } from "node:net";
import { session } from "coatcheck/express";
import { storeFromUrl } from "coatcheck/store-url";
import express from "express";

const [, , storeUrl = "", endpoint = ""] = process.argv;
const app = express();
app.use(session({ store: storeFromUrl(storeUrl), storeTimeout: 30 }));
app.get("/first", (request, response) => {
  request.session.set("token", 1);
  response.send("1");
});
app.get("/refresh", async (request, response) => {
  const token = await request.session.once("token", async (current) => {
    const answer = await fetch(`${endpoint}/${current}`);
    if (!answer.ok) throw new Error(await answer.text());
    return Number(await answer.text());
  });
  response.send(String(token));
});
app.get("/die", async (request) => {
  await request.session.once("token", () => process.kill(process.pid, "SIGKILL"), { lease: 1 });
});

const server = app.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.once("disconnect", () => process.exit());
