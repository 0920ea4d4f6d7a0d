const formats = ["byte", "kilobyte", "megabyte", "gigabyte"].map(
  (unit) =>
    new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "narrow", maximumSignificantDigits: 3 }),
);

/** A number of bytes as "950B" or "12.3kB". */
export function fileSize(bytes: number): string {
  const power = Math.min(formats.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return (formats[power] as Intl.NumberFormat).format(bytes / 1000 ** power);
}
