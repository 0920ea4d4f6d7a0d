import { z } from "zod";
import { requiredText } from "./fields.ts";

export const copyForm = z.object({ imprint: requiredText(100) });

/** What a librarian may make of a copy that is in the house. */
export const copyStatusForm = z.object({ status: z.enum(["available", "maintenance"]) });
