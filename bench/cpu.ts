import { readdirSync, readFileSync } from "node:fs";

/** Microseconds of processor that a process, and those it has started, have used so far: user and system, as Linux counts them. */
export function cpuTime(pid: number): number {
  const threads = threadsOf(pid);
  const own = ofThreads(threads) ?? ofProcess(pid);
  const children = threads
    .flatMap((thread) => read(`${thread}/children`)?.trim().split(" ") ?? [])
    .filter(Boolean);
  return children.reduce((sum, child) => sum + cpuTime(Number(child)), own);
}

/** The folders of a process's threads; none where it has just ended, as PostgreSQL's helpers do now and then. */
function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`);
  } catch {
    return [];
  }
}

/** In nanoseconds, if the kernel keeps them (CONFIG_SCHED_INFO): the 10 ms of `stat` are coarse for a burst. */
function ofThreads(threads: string[]): number | undefined {
  const used = threads.map((thread) => read(`${thread}/schedstat`)?.split(" ")[0]);
  if (used.includes(undefined)) return undefined;
  return used.reduce((sum, nanoseconds) => sum + Number(nanoseconds) / 1000, 0);
}

/** The 14th and 15th field of `stat`, in hundredths of a second; the second field, the name, may hold spaces. */
function ofProcess(pid: number): number {
  const fields =
    read(`/proc/${pid}/stat`)
      ?.replace(/^.*\) /s, "")
      .split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // a thread that has just ended
  }
}
