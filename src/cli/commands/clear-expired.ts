import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";
import { untilInterrupted } from "../interrupt.ts";
import { progressBar } from "../progress.ts";
import { sessionsWord } from "../words.ts";

export interface ClearExpiredOptions {
  readonly dryRun?: boolean;
  readonly batchSize: number;
  readonly json?: boolean;
}

/** Deletes expired sessions in batches. Ctrl-C stops it after the batch under way, a second Ctrl-C at once. */
export async function clearExpired(
  context: Context,
  { dryRun = false, batchSize, json = false }: ClearExpiredOptions,
) {
  const { sessions, store, tell } = context;
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
  const progress = await progressBar(expected);
  let deleted = 0;
  const { isInterrupted } = await untilInterrupted(async (signal) => {
    await sessions.clearExpired({
      batchSize,
      signal,
      onProgress(made) {
        deleted = made.deleted;
        progress.to(deleted);
      },
    });
  }).finally(() => progress.end());
  tell(
    { deleted, interrupted: isInterrupted },
    `${sessionsWord(deleted)} deleted${isInterrupted ? " before you stopped it. Run it again for the rest" : ""}.`,
  );
  return isInterrupted ? EXIT.INTERRUPTED : EXIT.DONE;
}
