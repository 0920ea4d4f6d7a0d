// Days are written as YYYY-MM-DD, so they can be sorted and compared as texts.

export function today(): string {
  return daysFromToday(0);
}

export function daysFromToday(days: number): string {
  const date = new Date();
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}
