-- The address of a user, in lower case.
ALTER TABLE users ADD COLUMN email TEXT;
UPDATE users SET email = lower(username) || '@library.example';
CREATE UNIQUE INDEX users_email ON users (email);

-- Holds the requests for letters too, from now on.
ALTER TABLE wrong_passwords RENAME TO attempts;

-- The links in letters. Only the SHA-256 of the token is kept.
CREATE TABLE mail_tokens (
  hash TEXT PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('reset', 'sign up')),
  email TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX mail_tokens_email ON mail_tokens (email);

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  recipient TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  sent_at INTEGER NOT NULL
) STRICT;
