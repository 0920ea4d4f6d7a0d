import { EXIT } from "../exit.ts";
import type { Place } from "../place.ts";
import { progressBar } from "../progress.ts";
import { sessionsWord } from "../words.ts";

export interface ClearExpiredOptions {
  readonly dryRun?: boolean;
  readonly batchSize: number;
  readonly json?: boolean;
}

/** Deletes what has expired, batch by batch. Ctrl-C ends it after the batch under way; a second one at once. */
export async function clearExpired(
  place: Place,
  { dryRun = false, batchSize, json = false }: ClearExpiredOptions,
) {
  const { sessions, store, tell } = place;
  if (store.clearExpired === undefined) {
    const why = "This store forgets expired sessions by itself: there is nothing to clear.";
    tell({ deleted: 0, expiresNatively: true }, why);
    return EXIT.DONE;
  }
  if (dryRun) {
    const expired = await sessions.clearExpired({ dryRun });
    tell({ expired, dryRun }, `${sessionsWord(expired)} would be deleted.`);
    return EXIT.DONE;
  }

  const expected = process.stderr.isTTY && !json ? ((await sessions.stats()).expired ?? 0) : 0;
  const interrupted = new AbortController();
  const onInterrupt = () => {
    if (interrupted.signal.aborted) process.exit(EXIT.INTERRUPTED);
    interrupted.abort();
  };
  process.on("SIGINT", onInterrupt);
  const progress = await progressBar(expected);
  let deleted = 0;
  try {
    await sessions.clearExpired({
      batchSize,
      signal: interrupted.signal,
      onProgress(made) {
        deleted = made.deleted;
        progress.to(deleted);
      },
    });
  } finally {
    progress.end();
    process.off("SIGINT", onInterrupt);
  }
  const isInterrupted = interrupted.signal.aborted;
  tell(
    { deleted, interrupted: isInterrupted },
    `${sessionsWord(deleted)} deleted${isInterrupted ? " before you stopped it. Run it again for the rest" : ""}.`,
  );
  return isInterrupted ? EXIT.INTERRUPTED : EXIT.DONE;
}
