import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { SessionEvents } from "coatcheck";
import { onTestFinished } from "vitest";

export type EventName = keyof SessionEvents;

/** The names of all events; the compiler complains when one is missing. */
export const everyEvent: Record<EventName, true> = {
  created: true,
  rotated: true,
  ended: true,
  interrupted: true,
  moved: true,
  unknown: true,
  malformed: true,
  duplicated: true,
  corrupt: true,
  misfit: true,
  newer: true,
  bound: true,
  refreshed: true,
  refused: true,
  conflict: true,
  unavailable: true,
  withheld: true,
  unsaved: true,
  cleared: true,
};

/** Listens to all events until the test has ended. */
export function overhear() {
  const heard: { event: EventName; message: unknown }[] = [];
  for (const event of Object.keys(everyEvent) as EventName[]) {
    const channel = `coatcheck:${event}`;
    const note = (message: unknown) => void heard.push({ event, message });
    subscribe(channel, note);
    onTestFinished(() => void unsubscribe(channel, note));
  }
  return {
    heard,
    /** The messages of one event. */
    of: <E extends EventName>(event: E) =>
      heard.filter((one) => one.event === event).map((one) => one.message as SessionEvents[E]),
  };
}

/** Collects the warnings of coatcheck until the test has ended; ask for them with `await warnings()`. */
export function overhearWarnings() {
  const heard: { code: string; message: string }[] = [];
  const note = (warning: Error & { code?: string }) => {
    if (warning.name === "CoatcheckWarning")
      heard.push({ code: warning.code ?? "", message: warning.message });
  };
  process.on("warning", note);
  onTestFinished(() => void process.off("warning", note));
  /** Node emits a warning in the next turn of the event loop. */
  return async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return heard;
  };
}
