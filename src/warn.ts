/** Warns the developer on the process, where there is one. Tests and logs tell warnings apart by their code. */
export function warn(code: string, message: string): void {
  globalThis.process?.emitWarning?.(message, { type: "CoatcheckWarning", code });
}
