import { z } from "zod";
import { pageSizes, themes } from "../choices/choices.ts";

export const preferencesForm = z.object({
  perPage: z.coerce.number().pipe(z.literal(pageSizes, "Choose one of these.")),
  theme: z.enum(themes, "Choose one of these."),
});
