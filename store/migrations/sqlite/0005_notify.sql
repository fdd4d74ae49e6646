-- +goose Up
-- Telling people: who, by which rules, what, and what became of it.

CREATE TABLE notify_recipients (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  kind       TEXT NOT NULL, -- telegram, email, webhook
  name       TEXT NOT NULL,
  state      TEXT NOT NULL, -- waiting, active, removed
  language   TEXT NOT NULL,
  may_act    INTEGER NOT NULL,
  settings   BLOB NOT NULL, -- address and secrets: JSON, AES-256-GCM
  free_at    INTEGER NOT NULL, -- when the next message may be formed
  error      TEXT NOT NULL, -- of the last message
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

CREATE TABLE notify_rules (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL,
  event      TEXT NOT NULL,
  enabled    INTEGER NOT NULL,
  language   TEXT NOT NULL,
  template   TEXT NOT NULL,
  filter     TEXT NOT NULL, -- JSON
  recipients TEXT NOT NULL, -- JSON list of ids, empty = everybody
  timing     TEXT NOT NULL, -- JSON
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

-- What is told: one message for one cause or many.
CREATE TABLE notify_messages (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  key          TEXT NOT NULL UNIQUE, -- the same at every attempt
  rule_id      INTEGER NOT NULL, -- 0 = a test
  recipient_id INTEGER NOT NULL REFERENCES notify_recipients(id),
  kind         TEXT NOT NULL,
  order_id     INTEGER NOT NULL, -- 0 = about several, or none
  confirm      INTEGER NOT NULL, -- 1: with the button that confirms the order
  causes       INTEGER NOT NULL,
  body         TEXT NOT NULL, -- for people
  payload      TEXT NOT NULL, -- for programs: JSON
  state        TEXT NOT NULL, -- pending, sending, sent, failed, uncertain, given_up
  attempts     INTEGER NOT NULL,
  next_at      INTEGER NOT NULL,
  give_up_at   INTEGER NOT NULL,
  class        TEXT NOT NULL,
  error        TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  sent_at      INTEGER NOT NULL
);
CREATE INDEX notify_messages_due ON notify_messages (kind, next_at, id) WHERE state IN ('pending','sending');
CREATE INDEX notify_messages_recipient ON notify_messages (recipient_id, id);
CREATE INDEX notify_messages_state ON notify_messages (state, id);

-- Why it is told. A cause is written once per rule and recipient, and belongs to
-- one message at most.
CREATE TABLE notify_causes (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  rule_id      INTEGER NOT NULL,
  recipient_id INTEGER NOT NULL,
  kind         TEXT NOT NULL, -- of the recipient
  cause        TEXT NOT NULL, -- "event-17"
  at           INTEGER NOT NULL,
  due_at       INTEGER NOT NULL, -- when its message is formed at the latest
  facts        TEXT NOT NULL, -- JSON
  message_id   INTEGER NOT NULL, -- 0 = waits for its message
  UNIQUE (rule_id, cause, recipient_id)
);
CREATE INDEX notify_causes_due ON notify_causes (rule_id, recipient_id, due_at) WHERE message_id = 0;
CREATE INDEX notify_causes_group ON notify_causes (rule_id, recipient_id, id) WHERE message_id = 0;
CREATE INDEX notify_causes_message ON notify_causes (message_id, id) WHERE message_id <> 0;

-- Texts that replace the built-in ones.
CREATE TABLE notify_templates (
  name       TEXT NOT NULL,
  language   TEXT NOT NULL,
  body       TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (name, language)
);

-- Troubles that last: since when.
CREATE TABLE notify_states (
  name  TEXT PRIMARY KEY,
  since INTEGER NOT NULL
);

-- How far the readers are: of the events, of the bot's updates; and when states
-- were looked for last.
CREATE TABLE notify_cursors (
  name     TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  at       INTEGER NOT NULL
);
-- What happened before is not told.
INSERT INTO notify_cursors (name, position, at) SELECT 'events', COALESCE(MAX(id), 0), 0 FROM events;
INSERT INTO notify_cursors (name, position, at) VALUES ('telegram', 0, 0), ('watch', 0, 0);

CREATE INDEX orders_ship_by ON orders (ship_by, id) WHERE ship_by > 0 AND status IN ('new','confirmed','packed');
