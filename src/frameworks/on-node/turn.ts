/**
 * Requests of one turn of the event loop go on together: all of them are read before the first handler runs, and all
 * handlers have run before the first session is stored or the first response leaves. The code and data of each phase then
 * stay in the processor's caches, stores can answer many calls at once, and answers leave together (docs/decisions.md,
 * "frameworks/on-node").
 */

/** Taken when the module loads: a test of the application may fake all timers later. */
const { setImmediate } = globalThis;

let turn: Promise<void> | null = null;

/** Resolves in the next turn of the event loop. All that ask in one turn share the promise; each goes on in its own async context. */
function nextTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = null;
      resolve();
    });
  });
  return turn;
}

/** Calls `go` with the value of a promise, but not before the next turn of the event loop. */
export function afterTurn<T>(
  coming: Promise<T> | undefined,
  go: (value: T | undefined) => void,
  fail: (error: unknown) => void,
): void {
  const isOver = nextTurn();
  const goOn = (value: T | undefined) => void isOver.then(() => go(value));
  if (coming === undefined) goOn(undefined);
  else coming.then(goOn, fail);
}
