import type { Sessions } from "coatcheck";
import type { LibraryDatabase } from "../database/open.ts";
import { addSample } from "../queries/store-samples.ts";

const EVERY_MS = 60_000;

/** Counts the sessions now and every minute, for the plots of the dashboard. The timer does not keep the process alive. */
export function startSampling(database: LibraryDatabase, sessions: Sessions): void {
  const sample = async () => {
    try {
      addSample(database, await sessions.stats());
    } catch (error) {
      console.error("The sessions could not be counted; the plots will have a gap.", error);
    }
  };
  void sample();
  setInterval(sample, EVERY_MS).unref();
}
