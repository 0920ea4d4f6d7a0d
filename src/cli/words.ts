/** Numbers, times and tables for people to read. */
export const number = (value: number) => value.toLocaleString("en-US");

export const sessionsWord = (count: number) => `${number(count)} session${count === 1 ? "" : "s"}`;

export const time = (moment: Date | null) =>
  moment === null ? "-" : `${moment.toISOString().slice(0, 19).replace("T", " ")}Z`;

/** A text that a visitor may have chosen, without characters by which it could steer the terminal. */
export const plain = (text: string) => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");

export function size(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** Rows as lines of text, each column as wide as its widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [n, cell] of row.entries()) widths[n] = Math.max(widths[n] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, n) => cell.padEnd(widths[n] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
