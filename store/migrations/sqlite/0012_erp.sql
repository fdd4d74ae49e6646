-- +goose Up
-- ERP and WMS: who reads the feed of orders, who is told by webhook, shipments and the codes of units, exchange of files.

-- Programs that read the feed of orders, and how far each says it has got.
CREATE TABLE feed_consumers (
  name       TEXT NOT NULL PRIMARY KEY,
  position   INTEGER NOT NULL, -- the last event that it acknowledged
  filter     TEXT NOT NULL, -- JSON
  read_at    INTEGER NOT NULL,
  acked_at   INTEGER NOT NULL,
  created_at INTEGER NOT NULL
);

-- Where events are sent.
CREATE TABLE webhook_endpoints (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  name          TEXT NOT NULL,
  url           TEXT NOT NULL,
  state         TEXT NOT NULL, -- active, paused, stopped (by the hub), removed
  filter        TEXT NOT NULL, -- JSON
  personal      INTEGER NOT NULL, -- 1 = with the buyer's data
  secrets       BLOB NOT NULL, -- encrypted JSON
  after_event   INTEGER NOT NULL, -- events up to it are not for this endpoint
  failures      INTEGER NOT NULL, -- of the receiver, one after the other
  failing_since INTEGER NOT NULL, -- 0 = it answers
  next_at       INTEGER NOT NULL,
  error         TEXT NOT NULL,
  delivered_at  INTEGER NOT NULL,
  created_by    TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL
);

-- What an endpoint is to be told. The body is made when it is sent.
CREATE TABLE webhook_deliveries (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  endpoint_id INTEGER NOT NULL REFERENCES webhook_endpoints(id),
  event_id    INTEGER NOT NULL,
  order_id    INTEGER NOT NULL,
  kind        TEXT NOT NULL,
  state       TEXT NOT NULL, -- pending, delivered, dead
  attempts    INTEGER NOT NULL,
  next_at     INTEGER NOT NULL,
  began_at    INTEGER NOT NULL, -- the first attempt since it became pending; 0 = none
  tried_at    INTEGER NOT NULL,
  status      INTEGER NOT NULL, -- of the last answer; 0 = none came
  excerpt     TEXT NOT NULL,
  error       TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  settled_at  INTEGER NOT NULL
);
CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (endpoint_id, event_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_at, event_id) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_order ON webhook_deliveries (endpoint_id, order_id, event_id) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (endpoint_id, state, id);
CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (settled_at) WHERE state <> 'pending';

-- How an order was packed and handed over, as a warehouse says.
CREATE TABLE shipments (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  order_id   INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor      TEXT NOT NULL,
  packages   TEXT NOT NULL, -- JSON
  sent       TEXT NOT NULL, -- JSON: what the channel takes of it
  state      TEXT NOT NULL, -- current, replaced
  created_at INTEGER NOT NULL
);
CREATE INDEX shipments_order ON shipments (order_id, id);

-- Marking codes and serial numbers of units. A code that is taken is on one order only.
CREATE TABLE unit_codes (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  kind        TEXT NOT NULL,
  code        TEXT NOT NULL,
  order_id    INTEGER NOT NULL,
  shipment_id INTEGER NOT NULL,
  line        INTEGER NOT NULL,
  taken       INTEGER NOT NULL -- 0: of a shipment that was replaced, or it came back
);
CREATE UNIQUE INDEX unit_codes_taken ON unit_codes (kind, code) WHERE taken = 1;
CREATE INDEX unit_codes_order ON unit_codes (order_id, id);

-- Requests with an Idempotency-Key, and what they made.
CREATE TABLE once_keys (
  caller    TEXT NOT NULL,
  operation TEXT NOT NULL,
  key       TEXT NOT NULL,
  digest    TEXT NOT NULL,
  ref       INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  PRIMARY KEY (caller, operation, key)
);
CREATE INDEX once_keys_at ON once_keys (at);

-- Exchanges of files with a folder or an SFTP server.
CREATE TABLE file_exchanges (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL,
  kind       TEXT NOT NULL, -- folder, sftp
  state      TEXT NOT NULL, -- active, paused, removed
  settings   BLOB NOT NULL, -- encrypted JSON
  position   INTEGER NOT NULL, -- the last event whose order was written out
  next_at    INTEGER NOT NULL,
  ran_at     INTEGER NOT NULL,
  error      TEXT NOT NULL,
  error_at   INTEGER NOT NULL, -- since when it fails; 0 = it goes
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

-- Files that came, or went out.
CREATE TABLE exchange_files (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  exchange_id INTEGER NOT NULL REFERENCES file_exchanges(id),
  name        TEXT NOT NULL,
  direction   TEXT NOT NULL, -- in, out
  digest      TEXT NOT NULL,
  state       TEXT NOT NULL, -- began, applied, archived, failed
  row_count   INTEGER NOT NULL,
  bad         INTEGER NOT NULL,
  error       TEXT NOT NULL,
  report      TEXT NOT NULL, -- JSON: the first bad rows
  created_at  INTEGER NOT NULL,
  finished_at INTEGER NOT NULL
);
CREATE INDEX exchange_files_name ON exchange_files (exchange_id, direction, name, id);

-- The reader that makes deliveries: what happened before matters to nobody.
INSERT INTO notify_cursors (name, position, at) SELECT 'webhooks', COALESCE(MAX(id), 0), 0 FROM events;
