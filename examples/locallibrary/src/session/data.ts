import type { InterruptedForm } from "../accounts/interrupted-form.ts";
import type { Theme } from "../choices/choices.ts";
import type { Flash } from "./flash.ts";

// What LocalLibrary keeps in a session: the keys and their types, for the compiler to hold us to.
declare module "coatcheck" {
  interface SessionData {
    num_visits: number;
    /** Ids of books, the one seen last first. */
    recent_books: number[];
    /** Ids of books, in the order they were added. */
    reading_list: number[];
    per_page: number;
    theme: Theme;
    notice_dismissed: boolean;
    flashes: Flash[];
    /** The tokens of the forms that were sent last. */
    sent_forms: string[];
    /** Waits for the visitor to sign in. */
    interrupted_form: InterruptedForm;
    /** Of the device, kept at login for the page of all one's sessions. */
    user_agent: string;
    address: string;
    /** Epoch milliseconds, to the minute. */
    seen_at: number;
  }
}
