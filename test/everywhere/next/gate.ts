/** A promise that is kept open until the test lets it go. Next.js loads modules more than once, so it stands on globalThis. */
interface Gate {
  readonly opened: Promise<void>;
  readonly open: () => void;
  arrived: number;
}

declare global {
  var present: Gate | undefined;
  var heard: string[] | undefined;
  /** Milliseconds that the clock of the sessions is ahead. */
  var ahead: number | undefined;
}

const PATIENCE_MS = 20_000;

export function gate(): Gate {
  if (globalThis.present === undefined) {
    const { promise: opened, resolve } = withResolvers();
    const open = () => {
      globalThis.present = undefined;
      resolve();
    };
    setTimeout(open, PATIENCE_MS).unref();
    globalThis.present = { opened, open, arrived: 0 };
  }
  return globalThis.present;
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Waits until two requests are here. */
export async function bothAreHere(): Promise<void> {
  const here = gate();
  here.arrived += 1;
  if (here.arrived === 2) here.open();
  await here.opened;
}

/** Notes something that no page shows. */
export function hear(text: string): void {
  globalThis.heard ??= [];
  globalThis.heard.push(text);
}
