import { z } from "zod";
import { requiredText, text, year } from "./fields.ts";

export const authorForm = z
  .object({ firstName: text(100), lastName: requiredText(100), born: year, died: year })
  .refine(({ born, died }) => born === null || died === null || born <= died, {
    path: ["died"],
    error: "Nobody dies before being born: check both years.",
  });
