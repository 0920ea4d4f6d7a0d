// Days as the catalog writes them, YYYY-MM-DD, which sort as they follow one another.

export function today(): string {
  return daysFromToday(0);
}

export function daysFromToday(days: number): string {
  const date = new Date();
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}
