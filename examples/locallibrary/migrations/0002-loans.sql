ALTER TABLE copies ADD COLUMN borrower_id INTEGER REFERENCES users (id);

CREATE INDEX copies_borrower ON copies (borrower_id);
