/** Shows how far a long command is. */
export interface Progress {
  to(done: number): void;
  end(): void;
}

/** A bar on the terminal, with rate and time left. It shows nothing where standard error is no terminal. */
export async function progressBar(total: number): Promise<Progress> {
  if (!process.stderr.isTTY || total === 0) return { to() {}, end() {} };
  const { SingleBar, Presets } = (await import("cli-progress")).default;
  const format = "{bar} {percentage}% | {value}/{total} sessions | {rate}/s | {eta_formatted} left";
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true }, Presets.shades_classic);
  const begun = performance.now();
  bar.start(total, 0, { rate: 0 });
  return {
    to(done) {
      const rate = Math.round(done / ((performance.now() - begun) / 1000));
      // Sessions that expire meanwhile are cleared too.
      if (done > total) bar.setTotal(done);
      bar.update(done, { rate });
    },
    end: () => bar.stop(),
  };
}
