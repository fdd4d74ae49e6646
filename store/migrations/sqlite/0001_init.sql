-- +goose Up
-- Times are microseconds since 1970 in UTC, 0 = none. JSON is text. Both
-- engines have the same tables and columns; store/parity_test.go compares them.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE accounts (
  id         TEXT PRIMARY KEY,
  channel    TEXT NOT NULL,
  name       TEXT NOT NULL,
  state      TEXT NOT NULL,
  settings   BLOB NOT NULL, -- JSON, AES-256-GCM
  hook_key   TEXT NOT NULL UNIQUE,
  health     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

-- Where each feed of an account stands.
CREATE TABLE feeds (
  account_id       TEXT NOT NULL REFERENCES accounts(id),
  feed             TEXT NOT NULL,
  cursor           BLOB,
  sweep_started_at INTEGER NOT NULL, -- of the sweep under way, 0 = none
  confirmed_at     INTEGER NOT NULL, -- start of the last sweep that reached the end
  finished_at      INTEGER NOT NULL, -- when it reached it
  next_at          INTEGER NOT NULL,
  pages            INTEGER NOT NULL, -- of the sweep under way or the last one
  items            INTEGER NOT NULL,
  failures         INTEGER NOT NULL, -- in a row
  error            TEXT NOT NULL,
  error_class      TEXT NOT NULL,
  PRIMARY KEY (account_id, feed)
);

-- Every raw answer that differs from the one before it, as it came.
CREATE TABLE inbox (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id  TEXT NOT NULL REFERENCES accounts(id),
  kind        TEXT NOT NULL,
  external_id TEXT NOT NULL,
  sha256      BLOB NOT NULL,
  body        BLOB NOT NULL, -- zstd
  source      TEXT NOT NULL,  -- feed, "hint", "refresh", "webhook", "api", "push", "repull"
  read_at     INTEGER NOT NULL,
  state       TEXT NOT NULL,  -- pending, done, quarantined, dropped
  attempts    INTEGER NOT NULL,
  error       TEXT NOT NULL,
  done_at     INTEGER NOT NULL
);
CREATE INDEX inbox_pending ON inbox (account_id, id) WHERE state = 'pending';
CREATE INDEX inbox_quarantined ON inbox (account_id, id) WHERE state = 'quarantined';
CREATE INDEX inbox_external ON inbox (account_id, external_id, kind, id);

CREATE TABLE orders (
  id              INTEGER PRIMARY KEY AUTOINCREMENT, -- also the hub's order number
  account_id      TEXT NOT NULL REFERENCES accounts(id),
  channel         TEXT NOT NULL,
  external_id     TEXT NOT NULL,
  external_number TEXT NOT NULL,
  group_key       TEXT NOT NULL,
  parent_id       TEXT NOT NULL,
  site_order_id   TEXT NOT NULL,
  scheme          TEXT NOT NULL,
  status          TEXT NOT NULL, -- the headline
  requested       TEXT NOT NULL,
  channel_status  TEXT NOT NULL,
  native          TEXT NOT NULL,
  native_sub      TEXT NOT NULL,
  payment         TEXT NOT NULL,
  holds           TEXT NOT NULL, -- ",arbitration,manual," for filters
  hub_holds       TEXT NOT NULL,
  read_only       INTEGER NOT NULL,
  placed_at       INTEGER NOT NULL,
  changed_at      INTEGER NOT NULL,
  ship_by         INTEGER NOT NULL,
  total_minor     INTEGER NOT NULL,
  currency        TEXT NOT NULL,
  customer        TEXT NOT NULL, -- name, for the list
  units           INTEGER NOT NULL,
  doubt           TEXT NOT NULL,
  doubt_since     INTEGER NOT NULL,
  data            TEXT NOT NULL, -- the snapshot without lines
  version         INTEGER NOT NULL,
  inbox_id        INTEGER NOT NULL, -- the last raw answer that changed the order
  read_at         INTEGER NOT NULL, -- when that answer was read
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  UNIQUE (account_id, external_id)
);
CREATE INDEX orders_placed ON orders (placed_at, id);
CREATE INDEX orders_account_placed ON orders (account_id, placed_at, id);
CREATE INDEX orders_status_placed ON orders (status, placed_at, id);
CREATE INDEX orders_account_status ON orders (account_id, status, placed_at, id);
CREATE INDEX orders_group ON orders (group_key) WHERE group_key <> '';
CREATE INDEX orders_delivery ON orders (account_id, id) WHERE site_order_id <> '';
CREATE INDEX orders_parent ON orders (account_id, parent_id) WHERE parent_id <> '';
CREATE INDEX orders_held ON orders (placed_at, id, account_id, status, holds) WHERE holds <> '';
CREATE INDEX orders_doubt ON orders (account_id, external_id) WHERE doubt <> '';
CREATE INDEX orders_open ON orders (account_id, id)
  WHERE status IN ('unknown','pending','new','confirmed','packed','shipped','ready_for_pickup');

CREATE TABLE lines (
  order_id       INTEGER NOT NULL REFERENCES orders(id),
  pos            INTEGER NOT NULL,
  line_id        TEXT NOT NULL,
  sku            TEXT NOT NULL,
  listing_key    TEXT NOT NULL,
  name           TEXT NOT NULL,
  quantity       INTEGER NOT NULL CHECK (quantity >= 0),
  unit_minor     INTEGER NOT NULL,
  discount_minor INTEGER NOT NULL,
  total_minor    INTEGER NOT NULL,
  currency       TEXT NOT NULL,
  vat            TEXT NOT NULL,
  barcodes       TEXT NOT NULL, -- JSON list
  PRIMARY KEY (order_id, pos)
) WITHOUT ROWID;

-- Words by which an order is found: numbers, SKUs, phone, names.
CREATE TABLE terms (
  term     TEXT NOT NULL,
  order_id INTEGER NOT NULL,
  PRIMARY KEY (term, order_id)
) WITHOUT ROWID;
CREATE INDEX terms_order ON terms (order_id, term);

CREATE TABLE events (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  order_id    INTEGER NOT NULL REFERENCES orders(id),
  at          INTEGER NOT NULL,
  kind        TEXT NOT NULL,
  actor_kind  TEXT NOT NULL,
  actor       TEXT NOT NULL,
  from_status TEXT NOT NULL,
  to_status   TEXT NOT NULL,
  why         TEXT NOT NULL,
  inbox_id    INTEGER NOT NULL,
  data        TEXT NOT NULL
);
CREATE INDEX events_order ON events (order_id, id);

CREATE TABLE effects (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  order_id    INTEGER NOT NULL REFERENCES orders(id),
  account_id  TEXT NOT NULL REFERENCES accounts(id),
  kind        TEXT NOT NULL,
  to_status   TEXT NOT NULL,
  reason      TEXT NOT NULL,
  comment     TEXT NOT NULL,
  params      TEXT NOT NULL,
  actor_kind  TEXT NOT NULL,
  actor       TEXT NOT NULL,
  state       TEXT NOT NULL,
  attempts    INTEGER NOT NULL,
  checks      INTEGER NOT NULL,
  next_at     INTEGER NOT NULL,
  class       TEXT NOT NULL,
  error       TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  sent_at     INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  finished_at INTEGER NOT NULL
);
CREATE INDEX effects_open ON effects (account_id, next_at, id) WHERE state IN ('intent','sent','accepted');
CREATE INDEX effects_order ON effects (order_id, id);
CREATE INDEX effects_state ON effects (state, id);

-- Orders to read again because somebody hinted at them.
CREATE TABLE hints (
  account_id  TEXT NOT NULL REFERENCES accounts(id),
  external_id TEXT NOT NULL,
  hinted_at   INTEGER NOT NULL,
  next_at     INTEGER NOT NULL,
  attempts    INTEGER NOT NULL,
  PRIMARY KEY (account_id, external_id)
);

-- Webhook messages already taken.
CREATE TABLE hooks (
  account_id  TEXT NOT NULL REFERENCES accounts(id),
  dedupe_id   TEXT NOT NULL,
  sha256      BLOB NOT NULL,
  received_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, dedupe_id)
);

-- Who may work on a lane of an account now. The token grows with every change
-- of hands and fences late writers off.
CREATE TABLE leases (
  name       TEXT PRIMARY KEY,
  owner      TEXT NOT NULL,
  token      INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);

-- Doorbells of the job lanes: how often rung since a job last took them.
CREATE TABLE bells (
  lane     TEXT PRIMARY KEY,
  rung     INTEGER NOT NULL,
  rung_at  INTEGER NOT NULL,
  taken_at INTEGER NOT NULL
);

-- Words of the channels that the adapters do not know.
CREATE TABLE drift (
  account_id TEXT NOT NULL REFERENCES accounts(id),
  field      TEXT NOT NULL,
  word       TEXT NOT NULL,
  order_id   INTEGER NOT NULL, -- where it was seen last
  first_at   INTEGER NOT NULL,
  last_at    INTEGER NOT NULL,
  count      INTEGER NOT NULL,
  PRIMARY KEY (account_id, field, word)
);

-- Results of the loss audit, one row per account and day of placement.
CREATE TABLE audits (
  account_id TEXT NOT NULL REFERENCES accounts(id),
  day        TEXT NOT NULL, -- 2026-11-23, UTC
  at         INTEGER NOT NULL,
  theirs     INTEGER NOT NULL,
  ours       INTEGER NOT NULL,
  missing    TEXT NOT NULL, -- JSON list of external ids
  extra      TEXT NOT NULL,
  PRIMARY KEY (account_id, day)
);

CREATE TABLE tokens (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL,
  sha256     BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
);

-- Order numbers start at 100001.
INSERT INTO sqlite_sequence (name, seq) VALUES ('orders', 100000);
