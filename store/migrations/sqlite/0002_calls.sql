-- +goose Up
-- Calls to the channels as they went over the wire: those that were to change
-- something, and readings that failed.
CREATE TABLE calls (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id TEXT NOT NULL REFERENCES accounts(id),
  purpose    TEXT NOT NULL, -- "push", or the feed that was read
  at         INTEGER NOT NULL,
  took       INTEGER NOT NULL, -- microseconds
  method     TEXT NOT NULL,
  path       TEXT NOT NULL,
  status     INTEGER NOT NULL, -- 0: no answer came
  failure    TEXT NOT NULL,
  request    BLOB NOT NULL, -- zstd
  reply      BLOB NOT NULL  -- zstd
);
CREATE INDEX calls_account ON calls (account_id, id);

-- Which effects a call was made for.
CREATE TABLE effect_calls (
  effect_id INTEGER NOT NULL,
  call_id   INTEGER NOT NULL,
  PRIMARY KEY (effect_id, call_id)
) WITHOUT ROWID;
