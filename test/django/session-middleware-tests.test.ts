/** Django's SessionMiddlewareTests, by its own names. */
import { createSessions, type Options, SessionInterruptedError } from "coatcheck";
import { describe, expect, it } from "vitest";
import { Browser } from "../instruments/browser.ts";
import { MovedClock } from "../instruments/moved-clock.ts";
import { stores } from "./stores.ts";

describe.each(stores)("SessionMiddlewareTests over $name", ({ make }) => {
  const browserOf = (options: Options = {}, connection = { secure: false }) =>
    new Browser(createSessions({ store: make(), ...options }), connection);

  it("test_secure_session_cookie", async () => {
    const browser = browserOf({ cookie: { secure: true } }, { secure: true });
    const reply = await browser.visit((session) => session.set("hello", "world"));
    expect(reply.attributes).toContain("Secure");
    expect(reply.vary).toBe("Cookie");
  });

  it("test_httponly_session_cookie", async () => {
    const reply = await browserOf().visit((session) => session.set("hello", "world"));
    expect(reply.attributes).toContain("HttpOnly");
    expect(reply.vary).toBe("Cookie");
  });

  it("test_samesite_session_cookie", async () => {
    const browser = browserOf({ cookie: { sameSite: "strict" } });
    const reply = await browser.visit((session) => session.set("hello", "world"));
    expect(reply.attributes).toContain("SameSite=Strict");
  });

  it("test_no_httponly_session_cookie", async () => {
    const browser = browserOf({ cookie: { httpOnly: false } });
    const reply = await browser.visit((session) => session.set("hello", "world"));
    expect(reply.cookie).toBe("set");
    expect(reply.attributes).not.toContain("HttpOnly");
    expect(reply.vary).toBe("Cookie");
  });

  it.each([
    { name: "test_session_save_on_500", status: 500 },
    { name: "test_session_save_on_5xx", status: 503 },
  ])("$name", async ({ status }) => {
    const browser = browserOf();
    await browser.visit((session) => session.set("hello", "before"));
    const reply = await browser.visit((session) => session.set("hello", "world"), status);
    expect(reply.cookie).toBe("none");
    expect(await browser.sees()).toEqual({ hello: "before" });
  });

  it('test_session_update_error_redirect: an error with onInterrupted "error"', async () => {
    const browser = browserOf({ onInterrupted: "error" });
    await browser.visit((session) => session.set("hello", "world"));
    const other = browser.copy();
    const session = await browser.open();
    session.set("hello", "again");
    await other.visit((session) => session.flush());

    const failure = await browser.respond(session).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SessionInterruptedError);
    expect(failure).toMatchObject({
      status: 400,
      message:
        "The session ended while this request ran, so its changes were not kept: most likely the visitor signed " +
        "out in another tab. Load the page again.",
    });
  });

  it("test_session_delete_on_end", async () => {
    const browser = browserOf();
    await browser.visit((session) => session.set("hello", "world"));
    const reply = await browser.visit((session) => session.flush());
    expect(reply.setCookie).toBe(
      "sessionid=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax",
    );
    expect(reply.vary).toBe("Cookie");
  });

  it("test_session_delete_on_end_with_custom_domain_and_path", async () => {
    const browser = browserOf({ cookie: { domain: ".example.local", path: "/example/" } });
    await browser.visit((session) => session.set("hello", "world"));
    const reply = await browser.visit((session) => session.flush());
    expect(reply.setCookie).toBe(
      "sessionid=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/example/; Domain=.example.local; " +
        "HttpOnly; SameSite=Lax",
    );
    expect(reply.vary).toBe("Cookie");
  });

  it("test_flush_empty_without_session_cookie_doesnt_set_cookie", async () => {
    const reply = await browserOf().visit((session) => session.flush());
    expect(reply.cookie).toBe("none");
    expect(reply.vary).toBe("Cookie");
  });

  it("test_save_every_request_with_non_empty_session_renews_session_cookie", async () => {
    const clock = new MovedClock();
    const browser = browserOf({ saveEveryRequest: true, cookieAge: 1000, clock: clock.read });
    await browser.visit((session) => session.set("hello", "world"));
    clock.pass(11);
    const reply = await browser.visit();
    expect(reply.cookie).toBe("set");
    expect(reply.maxAge).toBe(1000);
    expect(reply.vary).toBe("Cookie");
  });

  it("test_empty_session_saved", async () => {
    const browser = browserOf();
    await browser.visit((session) => session.set("foo", "bar"));
    const { key } = browser;
    const reply = await browser.visit((session) => session.delete("foo"));
    expect(reply.vary).toBe("Cookie");
    expect(browser.key).toBe(key);
    const session = await browser.open();
    expect(session.key).toBe(key);
    expect(session.toObject()).toEqual({});
  });
});
