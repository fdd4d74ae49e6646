-- +goose Up
-- What an offer looks like: where the channel has its picture, and the small one that
-- the hub has made of it for people who look at orders.

ALTER TABLE listings ADD COLUMN picture TEXT NOT NULL DEFAULT '';

CREATE TABLE listing_pictures (
  listing_id INTEGER PRIMARY KEY REFERENCES listings(id),
  address    TEXT NOT NULL, -- that it was made of
  at         INTEGER NOT NULL, -- when it was asked for
  thumb      BLOB NOT NULL -- JPEG; empty = it could not be had
);
