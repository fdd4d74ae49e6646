-- +goose Up
-- What a unit of a line was made of when it left: a kit may be made of other
-- things when it comes back. '' = of its product, or nothing has left yet.
ALTER TABLE line_links ADD COLUMN parts TEXT NOT NULL DEFAULT '';
