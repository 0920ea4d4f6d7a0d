import { z } from "zod";
import { text } from "./fields.ts";

/** An address in lower case, so that one mailbox has one account. */
export const emailForm = z.object({
  email: text(254)
    .transform((address) => address.toLowerCase())
    .pipe(z.email("Give an e-mail address, as in reader@library.example.")),
});
