import { z } from "zod";
import { roles } from "../database/schema.ts";
import { singleValue } from "../request/single-value.ts";
import { emailForm } from "./email-form.ts";
import { signUpForm } from "./sign-up-form.ts";

/** What a librarian can set of a user. A box that is not ticked is not sent. */
export const userForm = z.object({
  ...signUpForm.shape,
  ...emailForm.shape,
  role: z.enum(roles, "Choose one from the list."),
  isActive: z
    .unknown()
    .optional()
    .transform((value) => singleValue(value) === "yes"),
});
export type UserFields = z.output<typeof userForm>;
