import { z } from "zod";
import { singleValue } from "../request/single-value.ts";

const SHORTEST = 10;

// Not trimmed, because a space may belong to a password.
const password = z
  .unknown()
  .optional()
  .transform((value) => singleValue(value) ?? "");

export const passwordForm = z
  .object({
    fresh: password.pipe(
      z
        .string()
        .min(SHORTEST, `Use at least ${SHORTEST} characters; a few words make a good password.`)
        .max(200, "Use at most 200 characters."),
    ),
    again: password,
  })
  .refine(({ fresh, again }) => fresh === again, {
    path: ["again"],
    error: "This differs from the new password. Type both once more.",
  });
