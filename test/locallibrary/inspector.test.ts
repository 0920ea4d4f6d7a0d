import { expect, test } from "vitest";
import { startHeldSite } from "./held-site.ts";
import { Reader } from "./reader.ts";
import { siteOfThisFile } from "./site.ts";

const site = siteOfThisFile();

/** Presses one of the inspector's buttons and reads the page that it leads to. */
async function press(browser: Reader, button: string, form: Record<string, string> = {}): Promise<string> {
  const response = await browser.post(`/session/${button}/`, form);
  expect(response.status, await response.clone().text()).toBe(303);
  return unescaped(await browser.text(response.headers.get("location") as string));
}

function unescaped(page: string): string {
  return page.replaceAll("&#34;", '"').replaceAll("&#39;", "'").replaceAll("&quot;", '"');
}

const myCar = { key: "my_car", value: '{"model": "mini", "wheels": "steel"}' };

test("looking creates nothing", async () => {
  const browser = new Reader(site().url);
  expect(await browser.text("/session/")).toContain("Nothing is stored for you");
  expect(browser.cookies.size).toBe(0);
});

test("the tutorials' my_car: set, changed inside, deleted, and each time what the request did", async () => {
  const browser = new Reader(site().url);
  const set = await press(browser, "set", myCar);
  expect(set).toContain('my_car</code>\n                set to <ins>{"model":"mini","wheels":"steel"}</ins>');
  expect(set).toContain("The session was <strong>created</strong>");
  expect(set).toMatch(/Set-Cookie: sessionid=••••••; [^<]*HttpOnly/);

  const nested = await press(browser, "nest", { key: "my_car", member: "wheels", value: "alloy" });
  expect(nested).toContain('"wheels":"alloy"');
  expect(nested).toContain("No cookie had to be sent.");

  const deleted = await press(browser, "delete", { key: "my_car" });
  expect(deleted).toContain('deleted, was <del>{"model":"mini","wheels":"alloy"}</del>');
  expect(deleted).toContain("It is empty.");
});

test("the key is never shown whole, nor is the cookie's value", async () => {
  const browser = new Reader(site().url);
  await browser.login("reader", "borrow-a-book");
  const pages = [
    await browser.text("/session/"),
    await press(browser, "set", myCar),
    await press(browser, "rotate"),
    await browser.text("/accounts/sessions/"),
  ];
  const [key] = [...browser.cookies.values()] as [string];
  for (const page of pages) {
    for (const cookie of [key, key.slice(0, 8), key.slice(-8)]) expect(page).not.toContain(cookie);
  }
  expect(pages[2]).toContain(`${key.slice(0, 4)}…`);
});

test("rotate replaces the key and keeps the data", async () => {
  const browser = new Reader(site().url);
  await press(browser, "set", myCar);
  const before = [...browser.cookies.values()];
  const page = await press(browser, "rotate");
  expect(page).toContain("The key was <strong>replaced</strong>");
  expect(page).toContain('"model":"mini"');
  expect([...browser.cookies.values()]).not.toEqual(before);
});

test("clear empties the dictionary and keeps the user; flush ends it all, and shows the removal of the cookie", async () => {
  const browser = new Reader(site().url);
  await browser.login("reader", "borrow-a-book");
  await browser.visit();
  const cleared = await press(browser, "clear");
  expect(cleared).not.toContain('<code class="entry-key">num_visits');
  expect(cleared).toContain("Signed in as <strong>Robin Reader</strong>");

  const flushed = await press(browser, "flush");
  expect(flushed).toContain("its record is deleted");
  expect(flushed).toMatch(/Set-Cookie: sessionid=[^<]*Max-Age=0/);
  expect(flushed).toContain("Nothing is stored for you");
  expect(flushed).not.toContain("Robin Reader");
  expect(browser.cookies.size).toBe(0);
});

test("an expiry is set, and the record counts down to it", async () => {
  const browser = new Reader(site().url);
  await press(browser, "set", myCar);
  expect(await browser.text("/session/")).toMatch(/data-countdown>in (14 days 00:00:00|13 days 23:59:5\d)/);
  expect(await press(browser, "expiry", { expiry: "1 hour" })).toMatch(
    /data-countdown>in (01:00:00|00:59:5\d)/,
  );
  const closing = await press(browser, "expiry", { expiry: "the browser closes" });
  expect(closing).toContain("or when the browser closes");
  expect(closing).toMatch(/Set-Cookie: sessionid=••••••; (?!.*Max-Age)/);
});

test("a page elsewhere that changes the session shows here as the last request", async () => {
  const browser = new Reader(site().url);
  await browser.visit();
  await browser.visit();
  const page = unescaped(await browser.text("/session/"));
  expect(page).toContain("GET /catalog/");
  expect(page).toContain("<del>1</del> → <ins>2</ins>");
});

test.each([
  ["set", { key: "num_visits", value: "1000000" }, "num_visits is the site's own key"],
  ["set", { key: "reading_list", value: '"oops"' }, "reading_list is the site's own key"],
  ["nest", { key: "recent_books", member: "0", value: "1" }, "recent_books is the site's own key"],
  ["set", { key: "__proto__", value: "1" }, "A name has"],
  ["set", { key: "a b", value: "1" }, "A name has"],
  ["set", { key: "huge", value: "x".repeat(1001) }, "Use at most 1000 characters"],
  ["set", { key: "infinite", value: "1e999" }, "infinite"],
  ["nest", { key: "nothing", member: "wheels", value: "1" }, "nothing is no object"],
  ["expiry", { expiry: "for ever" }, "Choose one of the expiries"],
])("%s with %j is refused with the reason, and changes nothing", async (button, form, why) => {
  const browser = new Reader(site().url);
  await browser.visit();
  const before = await browser.text("/session/");
  const response = await browser.post(`/session/${button}/`, form as Record<string, string>);
  expect(response.status).toBe(422);
  const refusal = await response.text();
  expect(unescaped(refusal)).toContain(why);
  expect(refusal).toContain('href="/accounts/login/?next=%2Fsession%2F"');
  expect(refusal).toContain('name="next" value="/session/"');
  const dictionary = (page: string) =>
    page.slice(page.indexOf("The dictionary"), page.indexOf("Its methods"));
  expect(dictionary(await browser.text("/session/"))).toBe(dictionary(before));
});

test("the last request of a session is shown to its own visitor only", async () => {
  const [laptop, phone] = [new Reader(site().url), new Reader(site().url)];
  for (const browser of [laptop, phone]) await browser.login("reader", "borrow-a-book");
  await press(laptop, "set", { key: "secret_car", value: "mini" });
  const handles = [
    ...(await phone.text("/accounts/sessions/")).matchAll(/name="handle" value="([0-9a-f]+)"/g),
  ];
  expect(handles.length).toBeGreaterThan(0);
  for (const [, handle] of handles) {
    const page = await new Reader(site().url).text(`/session/?ended=${handle}`);
    expect(page).toContain("Nothing seen yet.");
    expect(page).not.toContain("secret_car");
  }
});

test("a visitor without a session is told why no token can be shared", async () => {
  const browser = new Reader(site().url);
  const refused = await browser.post("/session/token/");
  expect([refused.status, browser.cookies.size]).toEqual([422, 0]);
  expect(await refused.text()).toContain("Set a value first.");
  expect((await browser.get("/session/?asked_by=this")).status).toBe(200);
});

test("tabs whose session another flushes while they ask for a token are led back", async () => {
  const { url, hold } = await startHeldSite();
  const browser = new Reader(url);
  await press(browser, "set", myCar);
  const other = new Reader(url);
  for (const [name, value] of browser.cookies) other.cookies.set(name, value);
  const reads = [hold("read", "after"), hold("read", "after")];
  const asking = reads.map(() => browser.post("/session/token/"));
  for (const { arrived } of reads) await arrived;
  await press(other, "flush");
  for (const { release } of reads) release();
  for (const answer of await Promise.all(asking)) {
    expect(answer.status).toBe(303);
    expect(await browser.text(answer.headers.get("location") as string)).toContain(
      "Nothing is stored for you",
    );
  }
});

test("twenty keys of one's own are enough", async () => {
  const browser = new Reader(site().url);
  for (let i = 0; i < 20; i++) await press(browser, "set", { key: `key_${i}`, value: "1" });
  expect((await browser.post("/session/set/", { key: "one_more", value: "1" })).status).toBe(422);
  await press(browser, "set", { key: "key_1", value: "2" });
});

test("what is in the session is shown as text, never as markup", async () => {
  const browser = new Reader(site().url);
  await browser.post("/session/set/", { key: "markup", value: "<img src=x onerror=alert(1)>" });
  expect(await browser.text("/session/")).not.toContain("<img src=x");
});
