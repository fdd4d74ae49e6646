-- +goose Up
-- What an offer looks like: where the channel has its picture, and the small one that
-- the hub has made of it for people who look at orders.

ALTER TABLE listings ADD COLUMN picture TEXT NOT NULL DEFAULT '';

CREATE TABLE listing_pictures (
  listing_id BIGINT PRIMARY KEY REFERENCES listings(id),
  address    TEXT NOT NULL, -- that it was made of
  at         BIGINT NOT NULL, -- when it was asked for
  thumb      BYTEA NOT NULL -- JPEG; empty = it could not be had
);
