import { z } from "zod";
import { choice, choices, requiredText, text, year } from "./fields.ts";

export const bookForm = z.object({
  title: requiredText(200),
  authorId: choice,
  languageId: choice,
  published: year,
  summary: requiredText(1000),
  isbn: text(20)
    .transform((isbn) => isbn.replaceAll(/[\s-]/g, "").toUpperCase() || null)
    .refine((isbn) => isbn === null || /^(\d{9}[\dX]|\d{13})$/.test(isbn), {
      error: "An ISBN has 10 or 13 digits. Check it, or leave it empty.",
    }),
  genreIds: choices,
});
export type BookFields = z.output<typeof bookForm>;
