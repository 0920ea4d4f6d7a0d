/** Taken when the module loads: a test of an application may fake all timers later, and requests must still be answered. */
const { setTimeout } = globalThis;

/** Resolves after so many milliseconds. With `unref`, the process may end meanwhile. */
export function wait(milliseconds: number, { unref = false } = {}): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    if (unref) timer.unref?.();
  });
}
