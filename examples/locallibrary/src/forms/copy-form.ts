import { z } from "zod";
import { requiredText } from "./fields.ts";

export const copyForm = z.object({ imprint: requiredText(100) });

/** The statuses that a librarian may give to a copy that is not on loan. */
export const copyStatusForm = z.object({ status: z.enum(["available", "maintenance"]) });
