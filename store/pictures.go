package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// KeptPicture is the small picture of an offer as the hub keeps it.
type KeptPicture struct {
	// Address is where the channel has the picture now, "" = it has none.
	Address string
	// Made is the address that Thumb was made of, "" = it was never asked for.
	Made  string
	At    time.Time // when it was asked for
	Thumb []byte    // JPEG; empty = it could not be had
}

// KeptPicture reads the picture of a listing.
func (s *Store) KeptPicture(ctx context.Context, listing int64) (KeptPicture, error) {
	var p KeptPicture
	rows, err := s.engine.reader().query(ctx, `SELECT l.picture, COALESCE(p.address, ''), COALESCE(p.at, 0), p.thumb
		FROM listings l LEFT JOIN listing_pictures p ON p.listing_id = l.id WHERE l.id = ?`, listing)
	if err != nil {
		return p, fmt.Errorf("read the picture of listing %d: %w", listing, err)
	}
	defer rows.Close()
	found := false
	for rows.Next() {
		var at int64
		if err := rows.Scan(&p.Address, &p.Made, &at, &p.Thumb); err != nil {
			return p, fmt.Errorf("read the picture of listing %d: %w", listing, err)
		}
		p.At, found = fromMicros(at), true
	}
	if err := rows.Err(); err != nil {
		return p, fmt.Errorf("read the picture of listing %d: %w", listing, err)
	}
	if !found {
		return p, orderhub.Errorf(orderhub.CodeNotFound, "there is no listing %d", listing)
	}
	return p, nil
}

// KeepPicture keeps what a picture's address gave; an empty thumb says that it could
// not be had.
func (tx *Tx) KeepPicture(ctx context.Context, listing int64, p KeptPicture) error {
	thumb := p.Thumb
	if thumb == nil {
		thumb = []byte{}
	}
	if _, err := tx.q.exec(ctx, insertSQL("listing_pictures", []string{"listing_id", "address", "at", "thumb"}, 1)+` ON CONFLICT (listing_id) DO UPDATE SET
		address = excluded.address, at = excluded.at, thumb = excluded.thumb`, listing, p.Made, micros(p.At), thumb); err != nil {
		return fmt.Errorf("keep the picture of listing %d: %w", listing, err)
	}
	return nil
}

// Pictured finds listings with a picture: which of some have one, and of products the
// oldest listing that has one.
func (s *Store) Pictured(ctx context.Context, listings []int64, skus []string) (own map[int64]bool, ofSKU map[string]int64, err error) {
	q := s.engine.reader()
	own, ofSKU = map[int64]bool{}, map[string]int64{}
	byID, ids := q.in("id", listings)
	bySKU, names := q.in("sku", skus)
	for _, part := range []struct {
		sql string
		arg any
	}{
		{"SELECT id, '' FROM listings WHERE picture <> '' AND " + byID, ids},
		{"SELECT MIN(id), sku FROM listings WHERE picture <> '' AND sku <> '' AND " + bySKU + " GROUP BY sku", names},
	} {
		rows, err := q.query(ctx, part.sql, part.arg)
		if err != nil {
			return nil, nil, fmt.Errorf("look for pictures: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			var sku string
			if err := rows.Scan(&id, &sku); err != nil {
				return nil, nil, fmt.Errorf("look for pictures: %w", err)
			}
			if sku == "" {
				own[id] = true
			} else {
				ofSKU[sku] = id
			}
		}
		if err := rows.Err(); err != nil {
			return nil, nil, fmt.Errorf("look for pictures: %w", err)
		}
	}
	return own, ofSKU, nil
}
