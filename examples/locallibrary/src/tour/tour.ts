import type { Session } from "coatcheck";
import { areMet } from "./guest-book.ts";
import type { Outages } from "./outages.ts";
import { type Stop, type StopId, stops } from "./stops.ts";

/** How far a visitor has come on the tour. The session keeps it. */
export interface Tour {
  /** The place of the present stop in the list of stops. */
  at: number;
  isOpen: boolean;
  /** The visits to the home page before the tour. */
  visits: number;
  done: StopId[];
  /** What came of the stolen cookie. */
  theft?: "let in" | "refused";
}

/** The page that a visitor comes to with the first stop, and the reload that the stop asks for. */
const VISITS = 2;

export function beginTour(session: Session): void {
  session.delete("guest_book");
  session.set("tour", { at: 0, isOpen: true, visits: session.get("num_visits", 0), done: [] });
}

/** Notes that a stop was done. Without a tour, nothing is noted. By `update`, like each change: no tab undoes another's. */
export function passStop(session: Session, stop: StopId, changes: Pick<Tour, "theft"> = {}): void {
  if (!session.has("tour")) return;
  session.update("tour", (tour) => tour && { ...tour, ...changes, done: [...new Set([...tour.done, stop])] });
}

export function goTo(session: Session, changes: Partial<Pick<Tour, "at" | "isOpen">>): void {
  if (!session.has("tour")) return;
  session.update("tour", (tour) => tour && { ...tour, ...changes });
}

/** Everything that the pages show of a tour. */
export interface TourView {
  isOpen: boolean;
  stop: Stop & { number: number; isDone: boolean };
  stops: (Stop & { number: number; isDone: boolean })[];
  isLast: boolean;
  theft: Tour["theft"] | null;
}

/** The tour as it stands, or null without one. First notes the stops that the visitor has done meanwhile. */
export function viewOf(session: Session, outages: Outages): TourView | null {
  const before = session.get("tour");
  if (before === undefined) return null;
  for (const id of newlyDone(session, before, outages)) passStop(session, id);
  const { at, isOpen, done, theft = null } = session.get("tour", before);
  const seen = stops.map((stop, index) => ({ ...stop, number: index + 1, isDone: done.includes(stop.id) }));
  const stop = seen[at] ?? seen[0];
  return stop ? { isOpen, stop, stops: seen, isLast: at === seen.length - 1, theft } : null;
}

/** The stops whose task shows in the session. The others are noted by the routes that carry them out. */
function newlyDone(session: Session, { visits, done }: Tour, outages: Outages): StopId[] {
  const facts: Partial<Record<StopId, () => boolean>> = {
    counter: () => session.get("num_visits", 0) >= visits + VISITS,
    tabs: () => areMet(session.get("guest_book", [])),
    "sign-in": () => session.userId !== null,
    outage: () => outages.wasFelt(session.handle),
  };
  return stops.map(({ id }) => id).filter((id) => !done.includes(id) && facts[id]?.() === true);
}
