-- The preferences of a user; NULL until the user has chosen.
ALTER TABLE users ADD COLUMN theme TEXT CHECK (theme IN ('auto', 'light', 'dark'));
ALTER TABLE users ADD COLUMN per_page INTEGER;
ALTER TABLE users ADD COLUMN notice_dismissed INTEGER CHECK (notice_dismissed IN (0, 1));

-- The order of the ids is the order in which the books were added.
CREATE TABLE reading_list (
  id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  book_id INTEGER NOT NULL REFERENCES books (id) ON DELETE CASCADE,
  UNIQUE (user_id, book_id)
) STRICT;

CREATE INDEX reading_list_book ON reading_list (book_id);
