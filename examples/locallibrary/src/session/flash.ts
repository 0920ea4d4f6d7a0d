import type { Session } from "coatcheck";

/** A message for the next page that the visitor sees, whichever that is. */
export interface Flash {
  kind: "done" | "refused";
  text: string;
}

/** `update`, so that of two actions at once both are told of. */
export function flash(session: Session, kind: Flash["kind"], text: string): void {
  session.update("flashes", (flashes = []) => [...flashes, { kind, text }]);
}

/** The messages that wait, and with that they are delivered. */
export function takeFlashes(session: Session): Flash[] {
  return session.pop("flashes", []);
}
