-- Epoch milliseconds; NULL while the user has the password from the seed.
ALTER TABLE users ADD COLUMN password_changed_at INTEGER;

CREATE TABLE wrong_passwords (
  subject TEXT PRIMARY KEY,
  count INTEGER NOT NULL,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX wrong_passwords_since ON wrong_passwords (since);
