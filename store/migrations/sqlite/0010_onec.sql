-- +goose Up
-- Exchange with 1C: who, what it was given, what it sent.

CREATE TABLE onec_nodes (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL,
  login      TEXT NOT NULL UNIQUE,
  password   TEXT NOT NULL, -- argon2id
  state      TEXT NOT NULL, -- active, paused, removed
  settings   TEXT NOT NULL, -- JSON
  since      INTEGER NOT NULL, -- orders placed earlier are left out
  seen_at    INTEGER NOT NULL,
  taken_at   INTEGER NOT NULL,
  error      TEXT NOT NULL,
  error_at   INTEGER NOT NULL,
  unanswered INTEGER NOT NULL, -- answers with orders since the last success
  full_at    INTEGER NOT NULL, -- a whole list of offers began; 0 = none
  goods_at   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

CREATE TABLE onec_sessions (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  node_id    INTEGER NOT NULL REFERENCES onec_nodes(id),
  sha256     BLOB NOT NULL UNIQUE, -- of the token
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL
);
CREATE INDEX onec_sessions_seen ON onec_sessions (seen_at);

-- What a node has of an order. It is due as long as marks is above settled.
CREATE TABLE onec_orders (
  node_id     INTEGER NOT NULL REFERENCES onec_nodes(id),
  order_id    INTEGER NOT NULL,
  marks       INTEGER NOT NULL, -- counts changes
  settled     INTEGER NOT NULL, -- marks as of what the node has
  version     INTEGER NOT NULL, -- of the order that it has
  digest      TEXT NOT NULL, -- of what it has, '' = nothing
  row_digest  TEXT NOT NULL, -- of the rows of it
  suspect     INTEGER NOT NULL, -- 1: to be offered alone, 2: sticks
  alone       INTEGER NOT NULL, -- how often it was offered alone in vain
  offered_at  INTEGER NOT NULL,
  taken_at    INTEGER NOT NULL,
  facts       TEXT NOT NULL, -- JSON: what 1C said of it last
  PRIMARY KEY (node_id, order_id)
);
CREATE INDEX onec_orders_due ON onec_orders (node_id, suspect, order_id) WHERE marks > settled;

-- What was given in a session and waits for its success.
CREATE TABLE onec_given (
  session_id  INTEGER NOT NULL,
  order_id    INTEGER NOT NULL,
  node_id     INTEGER NOT NULL,
  marks       INTEGER NOT NULL,
  version     INTEGER NOT NULL,
  digest      TEXT NOT NULL,
  row_digest  TEXT NOT NULL,
  late        INTEGER NOT NULL, -- 1: a cancel, 2: rows that 1C will probably pass over
  taken       INTEGER NOT NULL, -- 1: success came
  at          INTEGER NOT NULL,
  PRIMARY KEY (session_id, order_id)
);
CREATE INDEX onec_given_at ON onec_given (at);

CREATE TABLE onec_goods (
  node_id INTEGER NOT NULL,
  onec_id TEXT NOT NULL, -- "guid" or "guid#guid"
  sku     TEXT NOT NULL,
  seen_at INTEGER NOT NULL, -- in a list of offers; 0 = never
  PRIMARY KEY (node_id, onec_id)
);
CREATE UNIQUE INDEX onec_goods_sku ON onec_goods (node_id, sku);

CREATE TABLE onec_prices (
  node_id    INTEGER NOT NULL,
  sku        TEXT NOT NULL,
  price_type TEXT NOT NULL,
  minor      INTEGER NOT NULL,
  currency   TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (node_id, sku, price_type)
);

CREATE TABLE onec_price_types (
  node_id  INTEGER NOT NULL,
  id       TEXT NOT NULL,
  name     TEXT NOT NULL,
  currency TEXT NOT NULL,
  PRIMARY KEY (node_id, id)
);

-- Orders as the node sent them back. The last one of a number is what it says now.
CREATE TABLE onec_documents (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  node_id    INTEGER NOT NULL,
  number     TEXT NOT NULL,
  digest     TEXT NOT NULL,
  applied_at INTEGER NOT NULL, -- 0 = begun
  created_at INTEGER NOT NULL
);
CREATE INDEX onec_documents_number ON onec_documents (node_id, number, id);

CREATE TABLE onec_conflicts (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  node_id    INTEGER NOT NULL,
  order_id   INTEGER NOT NULL, -- 0 = none that the hub knows
  field      TEXT NOT NULL,
  wanted     TEXT NOT NULL,
  why        TEXT NOT NULL,
  state      TEXT NOT NULL, -- open, done
  marks      INTEGER NOT NULL, -- of the order when it was tried last
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  done_at    INTEGER NOT NULL,
  done_by    TEXT NOT NULL
);
CREATE UNIQUE INDEX onec_conflicts_open ON onec_conflicts (node_id, order_id, field, wanted) WHERE state = 'open';
CREATE INDEX onec_conflicts_state ON onec_conflicts (state, id);

CREATE TABLE onec_files (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  node_id     INTEGER NOT NULL,
  session_id  INTEGER NOT NULL,
  name        TEXT NOT NULL,
  state       TEXT NOT NULL, -- running, done, failed
  lines       INTEGER NOT NULL,
  bad         INTEGER NOT NULL,
  report      TEXT NOT NULL, -- JSON: the first bad rows
  error       TEXT NOT NULL,
  started_at  INTEGER NOT NULL,
  finished_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX onec_files_name ON onec_files (session_id, name);
CREATE INDEX onec_files_node ON onec_files (node_id, id);

-- The reader that marks orders: what happened before matters to nobody.
INSERT INTO notify_cursors (name, position, at) SELECT 'onec', COALESCE(MAX(id), 0), 0 FROM events;
