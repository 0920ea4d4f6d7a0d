import type { Session } from "coatcheck";

/** What a handler does with its session before it answers. */
export type SessionUse = (session: Session) => unknown;

/** The application without a session, and those with one. */
export const uses: Record<string, SessionUse | null> = {
  plain: null,
  "a session that is not used": () => {},
  "a session that is read": (session) => session.get("a"),
  "a session that is written": (session) => session.set("a", 1),
  "a session that is saved and ended": async (session) => {
    session.set("a", 1);
    await session.save();
    session.flush();
  },
};
