/** Django's SessionBaseTests, by its own names. */
import { createSessions, type Session, SessionKeyError } from "coatcheck";
import { beforeEach, describe, expect, it } from "vitest";
import { stores } from "./stores.ts";

describe.each(stores)("SessionBaseTests over $name", ({ make }) => {
  let session: Session;

  beforeEach(async () => {
    session = await createSessions({ store: make() }).open(null, { secure: false });
  });

  it("test_test_cookie", () => {
    expect(session.testCookieWorked()).toBe(false);
    session.setTestCookie();
    expect(session.testCookieWorked()).toBe(true);
    session.deleteTestCookie();
    expect(session.testCookieWorked()).toBe(false);
    expect(session.has("testcookie")).toBe(false);
    expect(() => session.deleteTestCookie()).toThrow(SessionKeyError);
  });

  it("test_is_empty", () => {
    expect(session.isEmpty).toBe(true);
  });

  it("test_bool: a session with data or a key is not empty", async () => {
    expect(session.isEmpty).toBe(true);
    session.set("foo", "bar");
    expect(session.isEmpty).toBe(false);
    session.delete("foo");
    expect(session.isEmpty).toBe(true);
    await session.save();
    expect(session.isEmpty).toBe(false);
  });
});
