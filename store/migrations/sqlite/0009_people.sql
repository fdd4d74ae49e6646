-- +goose Up
-- People: who may come in, what they keep, and who did what.

CREATE TABLE users (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  login      TEXT NOT NULL UNIQUE, -- small letters
  name       TEXT NOT NULL,
  role       TEXT NOT NULL,
  language   TEXT NOT NULL, -- '' = the browser's
  disabled   INTEGER NOT NULL,
  password   TEXT NOT NULL, -- argon2id with its parameters, '' = none
  subject    TEXT NOT NULL, -- issuer and subject of the sign-in provider, '' = none
  totp       BLOB, -- secret, AES-256-GCM; NULL = none
  totp_on    INTEGER NOT NULL, -- 1: confirmed by a code, and asked for
  totp_step  INTEGER NOT NULL, -- the last time step used: a code counts once
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX users_subject ON users (subject) WHERE subject <> '';

-- Codes for those who lost their phone; used ones are gone.
CREATE TABLE recovery_codes (
  user_id INTEGER NOT NULL REFERENCES users(id),
  sha256  BLOB NOT NULL,
  PRIMARY KEY (user_id, sha256)
);

CREATE TABLE sessions (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256     BLOB NOT NULL UNIQUE,
  user_id    INTEGER NOT NULL REFERENCES users(id),
  address    TEXT NOT NULL,
  agent      TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  idle_ends  INTEGER NOT NULL,
  ends       INTEGER NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_ends ON sessions (ends);

-- What the panel keeps for a person: saved views, columns.
CREATE TABLE preferences (
  user_id    INTEGER NOT NULL REFERENCES users(id),
  key        TEXT NOT NULL,
  value      TEXT NOT NULL, -- JSON
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, key)
);

ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT '*'; -- permissions with spaces between, * = all
ALTER TABLE tokens ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0; -- 0 = never

-- Who did what. Nothing refers to other tables: entries outlive what they tell of.
CREATE TABLE audit_log (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  at         INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor      TEXT NOT NULL,
  user_id    INTEGER NOT NULL, -- 0 = a program
  permission TEXT NOT NULL,
  operation  TEXT NOT NULL,
  target     TEXT NOT NULL,
  outcome    TEXT NOT NULL,
  status     INTEGER NOT NULL,
  address    TEXT NOT NULL
);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE INDEX audit_log_actor ON audit_log (actor, id);
CREATE INDEX audit_log_operation ON audit_log (operation, id);
