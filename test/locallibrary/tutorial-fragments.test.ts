import { createSessions, memoryStore, type Session, SessionKeyError } from "coatcheck";
import { expect, test } from "vitest";

// The fragments of the LocalLibrary tutorial's chapter on sessions, each inside a request of its own.

const sessions = createSessions({ store: memoryStore() });

/** One browser: each call is a request that sees the session as the request before it left it. */
function browser() {
  let cookie: string | undefined;
  return async (view: (session: Session) => void) => {
    const session = await sessions.open(cookie, { secure: false });
    view(session);
    for (const [name, value] of await sessions.commit(session, { status: 200 })) {
      if (name === "Set-Cookie") cookie = value.split(";")[0];
    }
  };
}

test("require raises when the key is not present", async () => {
  await browser()((session) => {
    expect(() => session.require("my_car")).toThrow(SessionKeyError);
  });
});

test("get gives the default when the key is not present", async () => {
  await browser()((session) => {
    expect(session.get("my_car", "mini")).toBe("mini");
    expect(session.has("my_car")).toBe(false);
  });
});

test("what is set is there on the next request, and what is deleted is gone", async () => {
  const request = browser();
  await request((session) => session.set("my_car", "mini"));
  await request((session) => {
    expect(session.require("my_car")).toBe("mini");
    expect(session.delete("my_car")).toBe(true);
  });
  await request((session) => expect(session.has("my_car")).toBe(false));
});

test("a change inside my_car is saved without being told", async () => {
  const request = browser();
  await request((session) => session.set("my_car", { wheels: "steel" }));
  await request((session) => {
    session.require("my_car").wheels = "alloy";
  });
  await request((session) => expect(session.require("my_car")).toEqual({ wheels: "alloy" }));
});

test("visits are counted as the tutorial counts them", async () => {
  const request = browser();
  for (const visit of [1, 2, 3]) {
    await request((session) => {
      const num_visits = session.get("num_visits", 0);
      session.set("num_visits", num_visits + 1);
      expect(session.get("num_visits")).toBe(visit);
    });
  }
});
