/** One text from a query or a form. A name that was given twice arrives as an array, of which the last counts, as in Django. */
export function singleValue(value: unknown): string | undefined {
  const single = Array.isArray(value) ? value.at(-1) : value;
  return typeof single === "string" ? single : undefined;
}
