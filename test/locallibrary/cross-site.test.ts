import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { siteOfThisFile } from "./site.ts";

const site = siteOfThisFile();

test.each([
  ["another site", { "sec-fetch-site": "cross-site" }],
  ["a sibling subdomain", { "sec-fetch-site": "same-site" }],
  ["another origin, in an old browser", { origin: "https://evil.example" }],
  ["a sandboxed frame", { origin: "null" }],
])("a form from %s is refused and changes nothing", async (_, headers) => {
  const browser = new Reader(site().url);
  await browser.login("reader", "borrow-a-book");
  const response = await browser.post("/accounts/logout/", {}, headers);
  expect(response.status).toBe(403);
  expect(await response.text()).toContain("That did not come from here");
  expect(await browser.text("/catalog/")).toContain("Robin Reader");
});

test("the site's own forms are let in, by browsers new and old", async () => {
  for (const headers of [{ "sec-fetch-site": "same-origin" }, { origin: site().url }]) {
    const browser = new Reader(site().url);
    await browser.login("reader", "borrow-a-book");
    expect((await browser.post("/accounts/logout/", {}, headers)).status).toBe(303);
  }
});

test("a link from another site still opens a page", async () => {
  const response = await new Reader(site().url).get("/catalog/", { "sec-fetch-site": "cross-site" });
  expect(response.status).toBe(200);
});

test.each(["//evil.example/", "/\\evil.example/"])("no address of the site leads to %s", async (address) => {
  // By node:http, because fetch takes such an address apart by itself.
  const { hostname, host, port } = new URL(site().url);
  const request = get({
    hostname,
    port,
    path: `${address}?cookies=asked`,
    agent: false,
    headers: { cookie: "sessionid=x" },
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  expect(new URL(response.headers.location ?? "", site().url).host).toBe(host);
});
