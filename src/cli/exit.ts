/** How the command ends. */
export const EXIT = {
  DONE: 0,
  /** Something was found wrong, or could not be done. */
  FAILED: 1,
  /** It was called wrongly. */
  WRONG_USE: 2,
  /** Ctrl-C: 128 and the number of SIGINT. */
  INTERRUPTED: 130,
} as const;
