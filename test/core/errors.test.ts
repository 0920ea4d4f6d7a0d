import {
  ConfirmationNeededError,
  CookieTooLargeError,
  createSessions,
  memoryStore,
  SessionCommittedError,
  SessionConflictError,
  SessionInterruptedError,
  SessionKeyError,
  SessionNotLoadedError,
  SettingsError,
  StoreUnavailableError,
} from "coatcheck";
import { describe, expect, it } from "vitest";
import { faultyStore } from "../instruments/faulty-store.ts";

describe("every error has what frameworks look for", () => {
  it.each([
    [new SessionKeyError("cart"), "SessionKeyError", 500],
    [new SessionNotLoadedError("get"), "SessionNotLoadedError", 500],
    [new SessionInterruptedError(), "SessionInterruptedError", 400],
    [new ConfirmationNeededError(), "ConfirmationNeededError", 403],
    [new SessionConflictError("cart"), "SessionConflictError", 409],
    [new StoreUnavailableError("read"), "StoreUnavailableError", 503],
    [new SessionCommittedError("login()"), "SessionCommittedError", 500],
    [new CookieTooLargeError(5000, 4096, ["cart"]), "CookieTooLargeError", 500],
    [new SettingsError("cookieAge", "seconds", -1), "SettingsError", 500],
  ])("%s", (error, name, status) => {
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe(name);
    expect([error.status, error.statusCode]).toEqual([status, status]);
    expect(error.expose).toBe(status < 500);
    expect(error.headers).toEqual(status === 503 ? { "Retry-After": expect.stringMatching(/^\d+$/) } : {});
    expect(error.message).toMatch(/\w{3}.*\.$/);
    expect(`${error}`).toContain(name);
  });
});

it("an error names the key that is missing, and what to use instead", async () => {
  const session = await createSessions({ store: memoryStore() }).open(null, { secure: false });
  expect(() => session.require("cart")).toThrow(/"cart".*get\(name, fallback\)/);
});

it("what a store said is only the cause, never in the message", async () => {
  const { store, breaks } = faultyStore(memoryStore());
  const said = new Error("connect ECONNREFUSED db.internal user=root password=hunter2");
  breaks("read", () => Promise.reject(said));
  const sessions = createSessions({ store });
  const error = await sessions.open(`sessionid=${"a".repeat(32)}`, { secure: false }).catch((error) => error);
  expect(error).toBeInstanceOf(StoreUnavailableError);
  expect(error.cause).toBe(said);
  expect(error.message).not.toMatch(/hunter2|ECONNREFUSED|internal/);
  expect(JSON.stringify(error)).not.toContain("hunter2");
});
