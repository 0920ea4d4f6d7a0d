import type { Session } from "coatcheck";
import type { LibraryDatabase } from "../database/open.ts";
import type { User } from "../database/schema.ts";
import { addToList, findList, removeFromList } from "../queries/reading-lists.ts";
import { findUser, setPreferences } from "../queries/users.ts";
import { type Choices, defaults, LONGEST_READING_LIST } from "./choices.ts";
import { takeChoices } from "./session-choices.ts";

/** The choices of a user, in the library's database. */
export function accountChoices(database: LibraryDatabase, { id }: User): Choices {
  return {
    get preferences() {
      const user = findUser(database, id);
      return {
        theme: user?.theme ?? defaults.theme,
        perPage: user?.perPage ?? defaults.perPage,
        noticeDismissed: user?.noticeDismissed ?? defaults.noticeDismissed,
      };
    },
    prefer: (changes) => setPreferences(database, id, changes),
    get readingList() {
      return findList(database, id);
    },
    list: (bookId) => addToList(database, id, bookId, LONGEST_READING_LIST),
    unlist: (bookId) => removeFromList(database, id, bookId),
  };
}

/**
 * Moves the choices that a visitor made before signing in from the session to the account. This is done with every request
 * and not only at sign-in, because another tab may have added a book while the sign-in was running.
 */
export function adoptChoices(session: Session, choices: Choices): void {
  const { preferences, readingList } = takeChoices(session);
  if (Object.keys(preferences).length > 0) choices.prefer(preferences);
  for (const bookId of readingList) choices.list(bookId);
}
