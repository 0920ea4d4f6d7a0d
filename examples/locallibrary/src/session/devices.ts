import type { Session, Sessions } from "coatcheck";

/** The devices on which a user is signed in, for the pages that list them: this one first, then the one seen last. */
export async function devicesOf(sessions: Sessions, userId: number, here: Session) {
  const all = await sessions.listUserSessions(userId);
  return all
    .map(({ handle, label, isDeviceBound, createdAt, lastSeenAt, data }) => ({
      handle,
      isThis: handle === here.handle,
      isBound: isDeviceBound,
      name: label ?? "Unknown browser",
      address: String(data.address ?? "unknown"),
      firstSeen: createdAt,
      lastSeen: new Date(Math.max(lastSeenAt.getTime(), Number(data.seen_at ?? 0))),
    }))
    .sort((a, b) => Number(b.isThis) - Number(a.isThis) || b.lastSeen.getTime() - a.lastSeen.getTime());
}
