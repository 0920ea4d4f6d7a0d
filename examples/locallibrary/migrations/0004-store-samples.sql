CREATE TABLE store_samples (
  at INTEGER PRIMARY KEY,
  live INTEGER,
  authenticated INTEGER,
  expired INTEGER,
  bytes INTEGER
) STRICT;
