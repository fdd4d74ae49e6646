-- +goose Up
-- Returns whose order is not in the hub: events and effects may hang on a return
-- alone. One that has both belongs to a return of an order.

-- SQLite cannot take NOT NULL off a column: the tables are written anew.
CREATE TABLE events_anew (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  order_id    INTEGER REFERENCES orders(id),
  at          INTEGER NOT NULL,
  kind        TEXT NOT NULL,
  actor_kind  TEXT NOT NULL,
  actor       TEXT NOT NULL,
  from_status TEXT NOT NULL,
  to_status   TEXT NOT NULL,
  why         TEXT NOT NULL,
  inbox_id    INTEGER NOT NULL,
  data        TEXT NOT NULL,
  cause_rule  INTEGER NOT NULL DEFAULT 0,
  cause_event INTEGER NOT NULL DEFAULT 0,
  depth       INTEGER NOT NULL DEFAULT 0,
  return_id   INTEGER REFERENCES returns(id),
  CHECK (order_id IS NOT NULL OR return_id IS NOT NULL)
);
INSERT INTO events_anew (id, order_id, at, kind, actor_kind, actor, from_status, to_status,
  why, inbox_id, data, cause_rule, cause_event, depth, return_id)
  SELECT id, order_id, at, kind, actor_kind, actor, from_status, to_status,
  why, inbox_id, data, cause_rule, cause_event, depth,
  CASE WHEN kind = 'return' AND data <> '' THEN (SELECT r.id FROM returns r WHERE r.order_id <> 0 AND r.order_id = events.order_id
    AND r.external_id = json_extract(events.data, '$.return')) END
  FROM events ORDER BY id;
DROP TABLE events;
ALTER TABLE events_anew RENAME TO events;
CREATE INDEX events_order ON events (order_id, id);
CREATE INDEX events_return ON events (return_id, id) WHERE return_id IS NOT NULL;

CREATE TABLE effects_anew (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  order_id    INTEGER REFERENCES orders(id),
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
  finished_at INTEGER NOT NULL,
  return_id   INTEGER REFERENCES returns(id),
  CHECK (order_id IS NOT NULL OR return_id IS NOT NULL)
);
INSERT INTO effects_anew (id, order_id, account_id, kind, to_status, reason, comment, params,
  actor_kind, actor, state, attempts, checks, next_at, class, error,
  created_at, sent_at, accepted_at, finished_at, return_id)
  SELECT id, order_id, account_id, kind, to_status, reason, comment, params,
  actor_kind, actor, state, attempts, checks, next_at, class, error,
  created_at, sent_at, accepted_at, finished_at,
  CASE WHEN kind = 'answer_return' AND params <> '' THEN (SELECT r.id FROM returns r WHERE r.id = CAST(json_extract(effects.params, '$.return') AS INTEGER)) END
  FROM effects ORDER BY id;
DROP TABLE effects;
ALTER TABLE effects_anew RENAME TO effects;
CREATE INDEX effects_open ON effects (account_id, next_at, id) WHERE state IN ('intent','sent','accepted');
CREATE INDEX effects_order ON effects (order_id, id);
CREATE INDEX effects_state ON effects (state, id);
CREATE INDEX effects_return ON effects (return_id, id) WHERE return_id IS NOT NULL;

-- A return is told as new under its own number, whether its order is known or not:
-- what was told under the order's must not be told again.
CREATE INDEX notify_causes_renamed ON notify_causes (cause);
UPDATE notify_causes SET cause = 'return-' || r.id FROM returns r
  WHERE r.order_id <> 0 AND notify_causes.cause = 'return-' || r.order_id || '-' || r.external_id;
DROP INDEX notify_causes_renamed;

-- Who erases a buyer looks through what was set aside, and through readings that
-- failed.
CREATE INDEX calls_readings ON calls (account_id, id) WHERE purpose NOT IN ('push','stock');
CREATE INDEX effect_calls_call ON effect_calls (call_id);
CREATE INDEX inbox_dropped ON inbox (account_id, id) WHERE state = 'dropped';
