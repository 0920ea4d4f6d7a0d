import { z } from "zod";
import { requiredText } from "./fields.ts";

export const genreForm = z.object({ name: requiredText(60) });
