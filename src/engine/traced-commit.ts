/** A commit as a trace: tells what it has made of the session. */
import { commits, type TracedCommit, trace } from "../tracing.ts";
import type { Draft } from "./draft.ts";

/** Runs a commit of a draft. `status` is that of the response; null for `save()`. */
export function traceCommit<T>(draft: Draft, status: number | null, run: () => Promise<T>): Promise<T> {
  const { stored: before, isBarred: wasBarred, attempts: earlier, intent } = draft;
  // Of a response with an error, only the handler's own flush is carried out.
  const ends =
    intent.toDelete.size > 0 && (status === null || status < 500 || intent.flushedBy === "handler");

  function outcome(): NonNullable<TracedCommit["result"]>["outcome"] {
    const { stored, isBarred, newAddresses } = draft;
    if (isBarred && !wasBarred) return "interrupted";
    if (stored === null || stored === before) return ends ? "ended" : "nothing";
    if (before === null) return "created";
    if (newAddresses.some(({ id }) => id === stored.id)) return stored.id === before.id ? "saved" : "rotated";
    return stored.record.version === before.record.version ? "touched" : "saved";
  }

  return trace(commits, { status }, run, () => ({ outcome: outcome(), attempts: draft.attempts - earlier }));
}
