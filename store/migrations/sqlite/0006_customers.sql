-- +goose Up
-- Buyers: one card each, over all channels.

CREATE TABLE customers (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  parent_id  INTEGER NOT NULL, -- the card that this one was merged into, 0 = none
  root_id    INTEGER NOT NULL, -- the end of the parents: what people see; its own id where there is no parent
  name       TEXT NOT NULL, -- a person's choice
  shown      TEXT NOT NULL, -- the first name that an order told
  keys       TEXT NOT NULL, -- the words of customer_keys, a line each
  erasing    INTEGER NOT NULL, -- 1: its orders are still to be erased
  erased_at  INTEGER NOT NULL, -- 0 = not erased
  erase_kind TEXT NOT NULL,
  erase_by   TEXT NOT NULL,
  erase_why  TEXT NOT NULL,
  version    INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);
CREATE INDEX customers_root ON customers (root_id, id);
CREATE INDEX customers_erasing ON customers (id) WHERE erasing = 1;

-- Words by which a card is found: "phone:+79001234567", "email:…", "buyer:account:id", and "name:…" for each word of a name.
CREATE TABLE customer_keys (
  word        TEXT NOT NULL,
  customer_id INTEGER NOT NULL,
  PRIMARY KEY (word, customer_id)
) WITHOUT ROWID;

CREATE TABLE customer_tags (
  tag         TEXT NOT NULL,
  customer_id INTEGER NOT NULL REFERENCES customers(id),
  PRIMARY KEY (tag, customer_id)
) WITHOUT ROWID;
CREATE INDEX customer_tags_customer ON customer_tags (customer_id, tag);

CREATE TABLE customer_notes (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  customer_id INTEGER NOT NULL REFERENCES customers(id),
  body        TEXT NOT NULL,
  actor_kind  TEXT NOT NULL,
  actor       TEXT NOT NULL,
  at          INTEGER NOT NULL
);
CREATE INDEX customer_notes_customer ON customer_notes (customer_id, id);

-- Append only but for the undoing: who merged which cards, and why.
CREATE TABLE customer_merges (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  winner_id   INTEGER NOT NULL REFERENCES customers(id),
  loser_id    INTEGER NOT NULL REFERENCES customers(id),
  why         TEXT NOT NULL,
  actor_kind  TEXT NOT NULL,
  actor       TEXT NOT NULL,
  at          INTEGER NOT NULL,
  undone_at   INTEGER NOT NULL, -- 0 = it holds
  undone_kind TEXT NOT NULL,
  undone_by   TEXT NOT NULL,
  undone_why  TEXT NOT NULL
);
CREATE UNIQUE INDEX customer_merges_holds ON customer_merges (loser_id) WHERE undone_at = 0;
CREATE INDEX customer_merges_loser ON customer_merges (loser_id, id);

-- Pairs of cards that may be one buyer, and what a person said of it.
CREATE TABLE customer_suggestions (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  low_id     INTEGER NOT NULL REFERENCES customers(id),
  high_id    INTEGER NOT NULL REFERENCES customers(id),
  same       TEXT NOT NULL, -- phone, email, buyer
  reason     TEXT NOT NULL,
  order_id   INTEGER NOT NULL, -- where it was noticed, 0 = a merge was undone
  state      TEXT NOT NULL, -- open, accepted, declined
  actor_kind TEXT NOT NULL,
  actor      TEXT NOT NULL,
  at         INTEGER NOT NULL,
  decided_at INTEGER NOT NULL,
  UNIQUE (low_id, high_id),
  CHECK (low_id < high_id)
);
CREATE INDEX customer_suggestions_open ON customer_suggestions (id) WHERE state = 'open';
CREATE INDEX customer_suggestions_high ON customer_suggestions (high_id);

-- How far the back-fill and the nightly rule are.
CREATE TABLE customer_cursors (
  name     TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  until    INTEGER NOT NULL
);

ALTER TABLE orders ADD COLUMN customer_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN erased_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX orders_customer ON orders (customer_id, id) WHERE customer_id <> 0;
CREATE INDEX notify_messages_order ON notify_messages (order_id) WHERE order_id <> 0;

-- Orders that were here before have no cards yet.
INSERT INTO customer_cursors (name, position, until) SELECT 'backfill', 0, COALESCE(MAX(id), 0) FROM orders;
INSERT INTO customer_cursors (name, position, until) VALUES ('retention', 0, 9223372036854775807);
