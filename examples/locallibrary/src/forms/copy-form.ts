import { z } from "zod";
import { requiredText } from "./fields.ts";

export const copyForm = z.object({ imprint: requiredText(100) });
