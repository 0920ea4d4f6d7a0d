/** One text from a query or a form, where a name given twice arrives as an array: then the last one counts, as in Django. */
export function singleValue(value: unknown): string | undefined {
  const single = Array.isArray(value) ? value.at(-1) : value;
  return typeof single === "string" ? single : undefined;
}
