ALTER TABLE users ADD COLUMN is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1));

-- The ids of users who were removed. No new user gets one of them: sessions know their user by the id.
CREATE TABLE former_users (id INTEGER PRIMARY KEY) STRICT;

CREATE TRIGGER users_leave AFTER DELETE ON users BEGIN
  INSERT INTO former_users VALUES (old.id);
END;
