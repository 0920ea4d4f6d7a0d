import { z } from "zod";
import { singleValue } from "../request/single-value.ts";

// What a form sends is text, or nothing; each of these makes one kind of value of it.

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

/** Null where the field was left empty. */
export const year = typed.pipe(
  z
    .string()
    .regex(/^(-?\d{1,4})?$/, "Write a year in digits, or leave it empty.")
    .transform((digits) => (digits === "" ? null : Number(digits))),
);

/** A row chosen from a list. */
export const choice = typed.pipe(
  z
    .string()
    .regex(/^[1-9]\d{0,14}$/, "Choose one from the list.")
    .transform(Number),
);

/** Any number of rows, ticked in a list; one alone arrives as a text. */
export const choices = z
  .unknown()
  .optional()
  .transform((value): unknown[] => [value ?? []].flat())
  .pipe(z.array(choice));

export const day = typed.pipe(z.iso.date("Give a day, as in 2026-05-31."));
