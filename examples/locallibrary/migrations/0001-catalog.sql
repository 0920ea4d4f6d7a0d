CREATE TABLE authors (
  id INTEGER PRIMARY KEY,
  first_name TEXT NOT NULL,
  last_name TEXT NOT NULL,
  born INTEGER,
  died INTEGER
) STRICT;

CREATE TABLE genres (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE languages (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE books (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  author_id INTEGER NOT NULL REFERENCES authors (id),
  language_id INTEGER NOT NULL REFERENCES languages (id),
  published INTEGER,
  summary TEXT NOT NULL,
  isbn TEXT UNIQUE
) STRICT;

CREATE INDEX books_author ON books (author_id);
CREATE INDEX books_language ON books (language_id);

CREATE TABLE book_genres (
  book_id INTEGER NOT NULL REFERENCES books (id) ON DELETE CASCADE,
  genre_id INTEGER NOT NULL REFERENCES genres (id),
  PRIMARY KEY (book_id, genre_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX book_genres_genre ON book_genres (genre_id);

CREATE TABLE copies (
  id TEXT PRIMARY KEY,
  book_id INTEGER NOT NULL REFERENCES books (id),
  imprint TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('available', 'on loan', 'maintenance', 'reserved')),
  due_back TEXT
) STRICT;

CREATE INDEX copies_book ON copies (book_id);
CREATE INDEX copies_status ON copies (status);

CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  username TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('reader', 'librarian')),
  password_hash TEXT NOT NULL
) STRICT;
