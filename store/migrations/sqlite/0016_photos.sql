-- +goose Up
-- Photos that the shop took of goods that came back. The bodies stand last: rows
-- are listed without them.
CREATE TABLE return_photos (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  return_id  INTEGER NOT NULL REFERENCES returns(id),
  sha256     BLOB NOT NULL, -- of the body as it was
  width      INTEGER NOT NULL,
  height     INTEGER NOT NULL,
  size       INTEGER NOT NULL, -- bytes of the body as it was
  actor_kind TEXT NOT NULL,
  actor      TEXT NOT NULL,
  at         INTEGER NOT NULL,
  used_at    INTEGER NOT NULL, -- 0 = nobody has received or decided with it
  erased_at  INTEGER NOT NULL, -- 0 = it is there
  thumb      BLOB NOT NULL, -- JPEG; empty = erased
  body       BLOB NOT NULL -- JPEG; empty = erased
);
-- The same picture twice is one: an upload may be repeated.
CREATE UNIQUE INDEX return_photos_content ON return_photos (return_id, sha256);

-- The photos that a decision was made with: JSON, numbers; '' = none. The column
-- photo stays for addresses of pictures that lie elsewhere.
ALTER TABLE return_decisions ADD COLUMN photos TEXT NOT NULL DEFAULT '';
