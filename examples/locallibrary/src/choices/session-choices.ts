import type { Session } from "coatcheck";
import { type Choices, defaults, LONGEST_READING_LIST, type Preferences } from "./choices.ts";

/** The choices of a visitor without an account. */
export function sessionChoices(session: Session): Choices {
  return {
    get preferences() {
      return {
        theme: session.get("theme", defaults.theme),
        perPage: session.get("per_page", defaults.perPage),
        noticeDismissed: session.get("notice_dismissed", defaults.noticeDismissed),
      };
    },
    prefer({ theme, perPage, noticeDismissed }) {
      if (theme !== undefined) session.set("theme", theme);
      if (perPage !== undefined) session.set("per_page", perPage);
      if (noticeDismissed !== undefined) session.set("notice_dismissed", noticeDismissed);
    },
    get readingList() {
      return session.get("reading_list", []);
    },
    // By `update`: when two tabs add a book at the same moment, both books are on the list.
    list: (bookId) =>
      session
        .update("reading_list", (ids = []) =>
          ids.includes(bookId) || ids.length >= LONGEST_READING_LIST ? ids : [...ids, bookId],
        )
        .includes(bookId),
    unlist: (bookId) => {
      session.update("reading_list", (ids = []) => ids.filter((listed) => listed !== bookId));
    },
  };
}

/** Takes everything that a visitor chose without an account out of the session. */
export function takeChoices(session: Session): { preferences: Partial<Preferences>; readingList: number[] } {
  const [theme, perPage] = [session.pop("theme"), session.pop("per_page")];
  const noticeDismissed = session.pop("notice_dismissed");
  return {
    preferences: {
      ...(theme !== undefined && { theme }),
      ...(perPage !== undefined && { perPage }),
      ...(noticeDismissed !== undefined && { noticeDismissed }),
    },
    readingList: session.pop("reading_list", []),
  };
}
