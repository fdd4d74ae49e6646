-- +goose Up
-- The shop's goods: catalogue, stock ledger, what is shown on the channels.

CREATE TABLE products (
  sku        TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  unit       TEXT NOT NULL,
  weight_g   INTEGER NOT NULL,
  length_mm  INTEGER NOT NULL,
  width_mm   INTEGER NOT NULL,
  height_mm  INTEGER NOT NULL,
  marking    INTEGER NOT NULL, -- 1: each unit needs a marking code
  oversell   TEXT NOT NULL, -- shared, strict, "" = the hub's default
  archived   INTEGER NOT NULL,
  version    INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

CREATE INDEX products_strict ON products (sku) WHERE oversell = 'strict';

CREATE TABLE product_barcodes (
  barcode TEXT NOT NULL,
  sku     TEXT NOT NULL REFERENCES products(sku),
  PRIMARY KEY (barcode, sku)
) WITHOUT ROWID;
CREATE INDEX product_barcodes_sku ON product_barcodes (sku);

-- What a kit is made of. A kit has no stock of its own.
CREATE TABLE product_components (
  sku       TEXT NOT NULL REFERENCES products(sku),
  component TEXT NOT NULL REFERENCES products(sku),
  quantity  INTEGER NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (sku, component)
) WITHOUT ROWID;
CREATE INDEX product_components_component ON product_components (component);

-- Offers of the channels, by their immutable key.
CREATE TABLE listings (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id TEXT NOT NULL REFERENCES accounts(id),
  key        TEXT NOT NULL,
  article    TEXT NOT NULL,
  name       TEXT NOT NULL,
  aliases    TEXT NOT NULL, -- JSON object
  barcodes   TEXT NOT NULL, -- one per line
  live       INTEGER NOT NULL,
  sku        TEXT NOT NULL, -- of the linked product, '' = none
  linked_by  TEXT NOT NULL,
  mode       TEXT NOT NULL, -- of publishing, '' = the account's
  value      INTEGER NOT NULL,
  buffer     INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (account_id, key)
);
CREATE INDEX listings_sku ON listings (sku) WHERE sku <> '';
CREATE INDEX listings_article ON listings (article, account_id);
CREATE INDEX listings_unmatched ON listings (account_id, id) WHERE sku = '';

-- How an account shows stock.
CREATE TABLE account_stock (
  account_id    TEXT PRIMARY KEY REFERENCES accounts(id),
  mode          TEXT NOT NULL,
  value         INTEGER NOT NULL,
  buffer        INTEGER NOT NULL,
  second_writer TEXT NOT NULL, -- overwrite, accept, stop
  updated_at    INTEGER NOT NULL
);

-- The figures of today; the sum of the moves.
CREATE TABLE stock (
  warehouse  TEXT NOT NULL,
  sku        TEXT NOT NULL REFERENCES products(sku),
  on_hand    INTEGER NOT NULL CHECK (on_hand >= 0),
  reserved   INTEGER NOT NULL CHECK (reserved >= 0),
  quarantine INTEGER NOT NULL CHECK (quarantine >= 0),
  expected   INTEGER NOT NULL CHECK (expected >= 0),
  counted_at INTEGER NOT NULL, -- since when the figures are known, 0 = never counted
  exposure   INTEGER NOT NULL, -- units that could be sold twice now
  exposure_max INTEGER NOT NULL, -- the most there ever were
  PRIMARY KEY (sku, warehouse),
  CHECK (reserved + quarantine <= on_hand)
);

-- Append only: every change of a figure and its cause.
CREATE TABLE moves (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  warehouse  TEXT NOT NULL,
  sku        TEXT NOT NULL,
  at         INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  on_hand    INTEGER NOT NULL,
  reserved   INTEGER NOT NULL,
  quarantine INTEGER NOT NULL,
  expected   INTEGER NOT NULL,
  holder     INTEGER NOT NULL, -- see demands, 0 = none
  document   INTEGER NOT NULL, -- 0 = none
  actor_kind TEXT NOT NULL,
  actor      TEXT NOT NULL,
  why        TEXT NOT NULL
);
CREATE INDEX moves_sku ON moves (sku, warehouse, id);
CREATE INDEX moves_holder ON moves (holder, id) WHERE holder <> 0;

-- What an order (holder: its number) or a cart (minus its number) needs of a
-- product, kits taken apart, and what it has got.
CREATE TABLE demands (
  holder    INTEGER NOT NULL,
  warehouse TEXT NOT NULL,
  sku       TEXT NOT NULL,
  needed    INTEGER NOT NULL CHECK (needed >= 0),
  reserved  INTEGER NOT NULL CHECK (reserved >= 0),
  consumed  INTEGER NOT NULL CHECK (consumed >= 0), -- left the warehouse
  unbacked  INTEGER NOT NULL CHECK (unbacked >= 0), -- left it and was not in the book
  rank      INTEGER NOT NULL, -- place in the queue: when it was placed
  PRIMARY KEY (holder, warehouse, sku)
);
CREATE INDEX demands_short ON demands (warehouse, sku, rank, holder) WHERE reserved + consumed + unbacked < needed;
CREATE INDEX demands_sku ON demands (sku, warehouse) WHERE reserved > 0;

-- Which listing sold what: lines of orders by the product they were linked to.
CREATE TABLE line_links (
  order_id   INTEGER NOT NULL,
  pos        INTEGER NOT NULL,
  sku        TEXT NOT NULL, -- of the product, '' = none yet
  listing_id INTEGER NOT NULL, -- 0 = none
  counted    INTEGER NOT NULL, -- units taken off the listing's exposure
  PRIMARY KEY (order_id, pos)
);
CREATE INDEX line_links_unmapped ON line_links (order_id) WHERE sku = '';

-- Stocktakes, deliveries and other papers that change stock.
CREATE TABLE documents (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  kind       TEXT NOT NULL,
  warehouse  TEXT NOT NULL,
  at         INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor      TEXT NOT NULL,
  note       TEXT NOT NULL
);
CREATE TABLE document_lines (
  document INTEGER NOT NULL REFERENCES documents(id),
  pos      INTEGER NOT NULL,
  sku      TEXT NOT NULL,
  quantity INTEGER NOT NULL, -- counted, or received
  before   INTEGER NOT NULL, -- on hand in the book then
  PRIMARY KEY (document, pos)
);

-- Carts of the shop's own site that hold goods for a while.
CREATE TABLE carts (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id  TEXT NOT NULL REFERENCES accounts(id),
  external_id TEXT NOT NULL, -- the shop's id of the cart or the order it becomes
  state       TEXT NOT NULL, -- held, converted, expired, released
  expires_at  INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
);
CREATE UNIQUE INDEX carts_external ON carts (account_id, external_id);
CREATE INDEX carts_expiring ON carts (expires_at) WHERE state = 'held';

-- What a listing shows, shall show, and may still sell without our knowing.
CREATE TABLE publications (
  listing_id   INTEGER PRIMARY KEY REFERENCES listings(id),
  account_id   TEXT NOT NULL,
  dirty        INTEGER NOT NULL, -- 1: something changed since the figure was worked out
  dirty_at     INTEGER NOT NULL, -- since when, or when it was last
  revision     INTEGER NOT NULL, -- grows with every change
  state        TEXT NOT NULL, -- idle, intent, sent, accepted, confirmed, uncertain, rejected, stopped
  wanted       INTEGER NOT NULL, -- -1 = nothing was ever wanted
  wanted_at    INTEGER NOT NULL,
  after_orders INTEGER NOT NULL, -- 1: it waits for the account's newest orders if it is a raise
  sent         INTEGER NOT NULL, -- -1 = never
  sent_at      INTEGER NOT NULL,
  accepted_at  INTEGER NOT NULL,
  confirmed    INTEGER NOT NULL, -- what was read last, -1 = never
  confirmed_at INTEGER NOT NULL,
  settled      INTEGER NOT NULL, -- 1: all that was sold before the confirmed figure is in the ledger
  exposure     INTEGER NOT NULL, -- units that the channel may still sell
  sold         INTEGER NOT NULL, -- units sold since the figure was sent, as far as seen
  next_at      INTEGER NOT NULL,
  attempts     INTEGER NOT NULL,
  checks       INTEGER NOT NULL,
  doubts       INTEGER NOT NULL, -- figures in a row that could not be confirmed
  late_us      INTEGER NOT NULL, -- how long after it was sent the figure was still not shown
  confirm_us   INTEGER NOT NULL, -- from sending the figure to reading it back, 0 = not yet
  foreign_at   INTEGER NOT NULL, -- when somebody else's figure was found here, 0 = never
  foreign_shown INTEGER NOT NULL, -- that figure
  class        TEXT NOT NULL,
  error        TEXT NOT NULL
);
CREATE INDEX publications_due ON publications (account_id, next_at, listing_id)
  WHERE state NOT IN ('idle','stopped');
CREATE INDEX publications_account ON publications (account_id, listing_id);
CREATE INDEX publications_dirty ON publications (account_id, listing_id) WHERE dirty = 1;

-- How long an account's channel took to show figures, hour by hour.
CREATE TABLE stock_times (
  account_id TEXT NOT NULL REFERENCES accounts(id),
  hour       INTEGER NOT NULL, -- its begin
  figures    INTEGER NOT NULL, -- that were read back
  total_us   INTEGER NOT NULL, -- what they took together
  longest_us INTEGER NOT NULL,
  late_us    INTEGER NOT NULL, -- the longest that a lowered figure was seen not to be shown
  PRIMARY KEY (account_id, hour)
);
