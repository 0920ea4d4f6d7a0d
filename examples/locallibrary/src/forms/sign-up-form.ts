import { z } from "zod";
import { requiredText } from "./fields.ts";

export const signUpForm = z.object({
  username: requiredText(30).pipe(
    z
      .string()
      .regex(
        /^[a-z0-9][a-z0-9._-]*$/,
        "Use small letters, digits, and . _ - for a username, and begin with a letter or a digit.",
      ),
  ),
  name: requiredText(80),
});
