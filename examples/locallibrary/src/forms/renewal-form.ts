import { z } from "zod";
import { daysFromToday, today } from "../format/days.ts";
import { day } from "./fields.ts";

/** The tutorial's rule: the new day is not past, and not more than four weeks ahead. */
export const LONGEST_RENEWAL_DAYS = 28;

export const renewalForm = z.object({
  dueBack: day
    .refine((dueBack) => dueBack >= today(), { error: "That day is past. Choose today or a later day." })
    .refine((dueBack) => dueBack <= daysFromToday(LONGEST_RENEWAL_DAYS), {
      error: "That is more than four weeks ahead. Choose an earlier day.",
    }),
});
