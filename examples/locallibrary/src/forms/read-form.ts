import { z } from "zod";

/** The values of a form that was sent, or the errors of its fields. */
export type FormResult<Values> = { values: Values; errors?: never } | { values?: never; errors: FieldErrors };

/** One sentence for each field that has to be changed, by the name of the field. */
export type FieldErrors = Record<string, string>;

export function readForm<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
): FormResult<z.output<Schema>> {
  const result = schema.safeParse(body ?? {});
  if (result.success) return { values: result.data };
  const { fieldErrors } = z.flattenError(result.error);
  const errors = Object.entries(fieldErrors as Record<string, string[]>).map(([field, [first]]) => [
    field,
    first,
  ]);
  return { errors: Object.fromEntries(errors) };
}
