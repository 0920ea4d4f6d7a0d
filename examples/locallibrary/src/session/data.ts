import type { InterruptedForm } from "../accounts/interrupted-form.ts";
import type { Theme } from "../choices/choices.ts";
import type { Signature } from "../tour/guest-book.ts";
import type { Tour } from "../tour/tour.ts";
import type { Flash } from "./flash.ts";
import type { SentForm } from "./sent-forms.ts";
import type { Token } from "./token-office.ts";

// Declares the keys of the site's sessions and their types, so that the compiler checks each use.
declare module "coatcheck" {
  interface SessionData {
    num_visits: number;
    /** Ids of books, the last seen first. */
    recent_books: number[];
    /** Ids of books, in the order in which they were added. Only of visitors without an account, as the three below. */
    reading_list: number[];
    per_page: number;
    theme: Theme;
    notice_dismissed: boolean;
    flashes: Flash[];
    /** The forms that were sent last. */
    sent_forms: SentForm[];
    /** A form that waits until its visitor has signed in. */
    interrupted_form: InterruptedForm;
    /** What the inspector's example of `once` has stored. */
    token: Token;
    /** The hash of the token in a letter whose link was opened. */
    reset_token: string;
    sign_up_token: string;
    /** Where the visitor is on the guided tour; kept through a sign-out. */
    tour: Tour;
    /** What the tabs of the tour's second stop have signed. */
    guest_book: Signature[];
    /** Of the device, noted at sign-in and shown on the page "Your sessions" beside the label of the session. */
    address: string;
    /** When the session was last used: epoch milliseconds, at most a minute old. */
    seen_at: number;
  }
}
