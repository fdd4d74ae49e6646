-- +goose Up
-- When a buyer's wish to cancel is to be answered, 0 = nobody waits.
ALTER TABLE orders ADD COLUMN answer_by INTEGER NOT NULL DEFAULT 0;
CREATE INDEX orders_answer_by ON orders (answer_by, id) WHERE answer_by <> 0;

-- What of a return is here, where a person counted: JSON, '' = all that is to come.
ALTER TABLE returns ADD COLUMN came TEXT NOT NULL DEFAULT '';
ALTER TABLE returns ADD COLUMN units_here INTEGER NOT NULL DEFAULT 0;
UPDATE returns SET units_here = units WHERE received_at <> 0;
