/** The exit codes of the command. */
export const EXIT = {
  DONE: 0,
  /** The command failed, or found something wrong. */
  FAILED: 1,
  /** The command was called wrongly. */
  WRONG_USE: 2,
  /** Ctrl-C stopped the command: 128 and the number of SIGINT. */
  INTERRUPTED: 130,
} as const;
