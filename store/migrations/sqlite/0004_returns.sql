-- +goose Up
-- Goods that come back: the ledger of returns.

CREATE TABLE returns (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id     TEXT NOT NULL REFERENCES accounts(id),
  channel        TEXT NOT NULL,
  external_id    TEXT NOT NULL,
  order_id       INTEGER NOT NULL, -- 0 = the order is not in the hub yet
  order_external TEXT NOT NULL, -- the order's key at the channel
  order_ref      TEXT NOT NULL, -- its other key
  kind           TEXT NOT NULL, -- refused, customer, defect, '' = not told
  state          TEXT NOT NULL, -- announced, on_the_way, at_pickup, received, decided, closed
  units          INTEGER NOT NULL, -- that come back
  deadline       INTEGER NOT NULL, -- next moment by which somebody must act, 0 = none
  waits          INTEGER NOT NULL, -- 1: the channel takes an answer now
  received_at    INTEGER NOT NULL, -- when the hub learned that the goods are here, 0 = they are not
  received_kind  TEXT NOT NULL,
  received_by    TEXT NOT NULL,
  open_goods     INTEGER NOT NULL, -- 1: goods are here that are not in the book yet
  discrepancy    TEXT NOT NULL,
  data           TEXT NOT NULL, -- JSON of what all halves together say
  version        INTEGER NOT NULL,
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL,
  UNIQUE (account_id, external_id)
);
CREATE INDEX returns_order ON returns (order_id) WHERE order_id <> 0;
CREATE INDEX returns_unmatched ON returns (account_id, order_external) WHERE order_id = 0;
CREATE INDEX returns_unmatched_ref ON returns (account_id, order_ref) WHERE order_id = 0;
CREATE INDEX returns_open_goods ON returns (order_id) WHERE open_goods = 1;
CREATE INDEX returns_account ON returns (account_id, id);
CREATE INDEX returns_state ON returns (state, id);
CREATE INDEX returns_deadline ON returns (deadline, id) WHERE deadline <> 0;

-- What each half of a return says, for channels that tell it in two lists.
CREATE TABLE return_parts (
  return_id INTEGER NOT NULL REFERENCES returns(id),
  part      TEXT NOT NULL,
  kind      TEXT NOT NULL, -- of the raw answer
  inbox_id  INTEGER NOT NULL,
  read_at   INTEGER NOT NULL,
  data      TEXT NOT NULL, -- JSON
  PRIMARY KEY (return_id, part)
);

-- Products that came back, kits taken apart, and what became of the units.
CREATE TABLE return_lines (
  return_id   INTEGER NOT NULL REFERENCES returns(id),
  pos         INTEGER NOT NULL,
  line        INTEGER NOT NULL, -- of the return
  sku         TEXT NOT NULL, -- '' = no product is known
  quantity    INTEGER NOT NULL CHECK (quantity >= 0),
  restocked   INTEGER NOT NULL CHECK (restocked >= 0),
  quarantined INTEGER NOT NULL CHECK (quarantined >= 0),
  written_off INTEGER NOT NULL CHECK (written_off >= 0),
  PRIMARY KEY (return_id, pos),
  CHECK (restocked + quarantined + written_off <= quantity)
);

-- Append only: who decided what about which units, and why.
CREATE TABLE return_decisions (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  return_id  INTEGER NOT NULL REFERENCES returns(id),
  pos        INTEGER NOT NULL,
  sku        TEXT NOT NULL,
  decision   TEXT NOT NULL, -- resell, quarantine, write_off
  quantity   INTEGER NOT NULL CHECK (quantity > 0),
  why        TEXT NOT NULL,
  photo      TEXT NOT NULL, -- where a picture lies
  actor_kind TEXT NOT NULL,
  actor      TEXT NOT NULL,
  at         INTEGER NOT NULL
);
CREATE INDEX return_decisions_return ON return_decisions (return_id, id);

-- What an account does with goods that come back.
CREATE TABLE account_returns (
  account_id TEXT PRIMARY KEY REFERENCES accounts(id),
  policy     TEXT NOT NULL, -- restock, inspect
  updated_at INTEGER NOT NULL
);

-- Units that came back are never more than left: restocked, quarantined and
-- written off together are never more than was shipped.
ALTER TABLE demands ADD COLUMN returned INTEGER NOT NULL DEFAULT 0 CHECK (returned >= 0 AND returned <= consumed + unbacked);
