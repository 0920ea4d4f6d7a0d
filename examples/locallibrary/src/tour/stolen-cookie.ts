import type { Session, Sessions } from "coatcheck";
import type { Request } from "express";

/** The session as a thief would find it who has the session cookie of this request, and not the key in the user's device. */
export async function openStolen(sessions: Sessions, req: Request): Promise<Session> {
  const stolen = (req.headers.cookie ?? "").split(";").filter((pair) => /^\s*[^=]*sessionid=/.test(pair));
  const session = await sessions.open(stolen.join(";"), { secure: req.secure, readOnly: true });
  await session.load();
  return session;
}
