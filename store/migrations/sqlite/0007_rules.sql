-- +goose Up
-- What people and rules note on orders, and the rules.

ALTER TABLE orders ADD COLUMN tags TEXT NOT NULL DEFAULT ''; -- "gift,vip", the same as in order_tags
ALTER TABLE orders ADD COLUMN assignee TEXT NOT NULL DEFAULT '';
CREATE INDEX orders_assignee ON orders (assignee, placed_at, id) WHERE assignee <> '';

-- By these a list finds orders with a tag, newest placed first.
CREATE TABLE order_tags (
  order_id  INTEGER NOT NULL REFERENCES orders(id),
  tag       TEXT NOT NULL,
  placed_at INTEGER NOT NULL, -- of the order
  PRIMARY KEY (order_id, tag)
);
CREATE INDEX order_tags_placed ON order_tags (tag, placed_at, order_id);

CREATE TABLE order_notes (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  order_id   INTEGER NOT NULL REFERENCES orders(id),
  at         INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor      TEXT NOT NULL,
  body       TEXT NOT NULL
);
CREATE INDEX order_notes_order ON order_notes (order_id, id);

-- The firing that an event comes from; 0 = no rule was at work.
ALTER TABLE events ADD COLUMN cause_rule INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN cause_event INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;

CREATE TABLE rules (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  name        TEXT NOT NULL,
  enabled     INTEGER NOT NULL,
  events      TEXT NOT NULL, -- JSON list of kinds
  condition   TEXT NOT NULL,
  actions     TEXT NOT NULL, -- JSON
  per_hour    INTEGER NOT NULL,
  after_event INTEGER NOT NULL, -- only later events are looked at
  error       TEXT NOT NULL, -- why it failed last, or stopped itself
  error_at    INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
);

-- Each rule and event at most once, whatever is killed.
CREATE TABLE firings (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  rule_id  INTEGER NOT NULL,
  event_id INTEGER NOT NULL,
  order_id INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  outcome  TEXT NOT NULL, -- done, refused, failed, too_deep, stopped
  why      TEXT NOT NULL,
  actions  TEXT NOT NULL, -- JSON: what became of each
  UNIQUE (rule_id, event_id)
);
CREATE INDEX firings_rule ON firings (rule_id, id);
CREATE INDEX firings_often ON firings (rule_id, order_id, at);
CREATE INDEX firings_order ON firings (order_id, id);
CREATE INDEX firings_at ON firings (at);

-- What happened before is not looked at.
INSERT INTO notify_cursors (name, position, at) SELECT 'rules', COALESCE(MAX(id), 0), 0 FROM events;
