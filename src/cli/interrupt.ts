import { EXIT } from "./exit.ts";

/** Runs work in steps that Ctrl-C stops: the first after the step under way, a second one at once. */
export async function untilInterrupted(
  work: (signal: AbortSignal) => Promise<void>,
): Promise<{ isInterrupted: boolean }> {
  const interrupted = new AbortController();
  const onInterrupt = () => {
    if (interrupted.signal.aborted) process.exit(EXIT.INTERRUPTED);
    interrupted.abort();
  };
  process.on("SIGINT", onInterrupt);
  try {
    await work(interrupted.signal);
  } finally {
    process.off("SIGINT", onInterrupt);
  }
  return { isInterrupted: interrupted.signal.aborted };
}
