-- +goose Up
-- Returns whose order is not in the hub: events and effects may hang on a return
-- alone. One that has both belongs to a return of an order.

ALTER TABLE events ALTER COLUMN order_id DROP NOT NULL;
ALTER TABLE events ADD COLUMN return_id BIGINT REFERENCES returns(id);
UPDATE events SET return_id = r.id FROM returns r WHERE events.kind = 'return' AND r.order_id <> 0 AND r.order_id = events.order_id
  AND r.external_id = CASE WHEN events.data <> '' THEN events.data::json->>'return' END;
ALTER TABLE events ADD CONSTRAINT events_of CHECK (order_id IS NOT NULL OR return_id IS NOT NULL);
CREATE INDEX events_return ON events (return_id, id) WHERE return_id IS NOT NULL;

ALTER TABLE effects ALTER COLUMN order_id DROP NOT NULL;
ALTER TABLE effects ADD COLUMN return_id BIGINT REFERENCES returns(id);
UPDATE effects SET return_id = r.id FROM returns r WHERE effects.kind = 'answer_return'
  AND r.id = CASE WHEN effects.kind = 'answer_return' AND effects.params <> '' THEN (effects.params::json->>'return')::bigint END;
ALTER TABLE effects ADD CONSTRAINT effects_of CHECK (order_id IS NOT NULL OR return_id IS NOT NULL);
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
