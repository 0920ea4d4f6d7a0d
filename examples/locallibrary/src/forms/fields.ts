import { z } from "zod";
import { singleValue } from "../request/single-value.ts";

// A form sends texts. Each of these schemas makes one kind of value of them.

const typed = z
  .unknown()
  .optional()
  .transform((value) => singleValue(value)?.trim() ?? "");

export function text(longest: number) {
  return typed.pipe(z.string().max(longest, `Use at most ${longest} characters.`));
}

export function requiredText(longest: number) {
  return typed.pipe(z.string().min(1, "Fill this in.").max(longest, `Use at most ${longest} characters.`));
}

/** A year; null where the field was left empty. */
export const year = typed.pipe(
  z
    .string()
    .regex(/^(-?\d{1,4})?$/, "Write a year in digits, or leave it empty.")
    .transform((digits) => (digits === "" ? null : Number(digits))),
);

/** The id of a row that was chosen from a list. */
export const choice = typed.pipe(
  z
    .string()
    .regex(/^[1-9]\d{0,14}$/, "Choose one from the list.")
    .transform(Number),
);

/** The ids of any number of ticked rows. Where one is ticked, it arrives as a text and not as an array. */
export const choices = z
  .unknown()
  .optional()
  .transform((value): unknown[] => [value ?? []].flat())
  .pipe(z.array(choice));

export const day = typed.pipe(z.iso.date("Give a day, as in 2026-05-31."));
