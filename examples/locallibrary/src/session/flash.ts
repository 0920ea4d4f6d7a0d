import type { Session } from "coatcheck";

/** A message that is shown once, on the next page that the visitor sees. */
export interface Flash {
  kind: "done" | "refused";
  text: string;
}

/** Adds a message. By `update`: when two requests add one at the same moment, both are shown. */
export function flash(session: Session, kind: Flash["kind"], text: string): void {
  session.update("flashes", (flashes = []) => [...flashes, { kind, text }]);
}
