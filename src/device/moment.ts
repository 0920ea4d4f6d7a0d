/** A moment in a cookie or a challenge: whole seconds since 1970, in base 36. */

export const momentAt = (milliseconds: number): string => Math.floor(milliseconds / 1000).toString(36);

/** Epoch milliseconds; NaN for a text that `momentAt` does not write. */
export const millisecondsOf = (moment: string): number =>
  /^[1-9a-z][0-9a-z]{0,8}$/.test(moment) ? Number.parseInt(moment, 36) * 1000 : Number.NaN;
