package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// Once is a request that may come twice: who sends it, what it is, its key and a
// digest of what it says.
type Once struct{ Caller, Operation, Key, Digest string }

// FindOnce looks for what the same request made before; 0 = it is new. The same key
// with another content is refused.
func (tx *Tx) FindOnce(ctx context.Context, o Once) (ref int64, err error) {
	rows, err := tx.q.query(ctx, "SELECT digest, ref FROM once_keys WHERE caller = ? AND operation = ? AND key = ?", o.Caller, o.Operation, o.Key)
	if err != nil {
		return 0, fmt.Errorf("look for a key: %w", err)
	}
	defer rows.Close()
	var digest string
	if rows.Next() {
		if err := rows.Scan(&digest, &ref); err != nil {
			return 0, fmt.Errorf("look for a key: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("look for a key: %w", err)
	}
	if ref != 0 && digest != o.Digest {
		return 0, orderhub.Errorf(orderhub.CodeConflict, "the Idempotency-Key was used before with another content; take a new one")
	}
	return ref, nil
}

// SaveOnce remembers what a request made. Of two at once one fails, see IsConflict.
func (tx *Tx) SaveOnce(ctx context.Context, o Once, ref int64) error {
	if err := tx.q.insert(ctx, "once_keys", []string{"caller", "operation", "key", "digest", "ref", "at"},
		[][]any{{o.Caller, o.Operation, o.Key, o.Digest, ref, micros(tx.s.Now())}}); err != nil {
		return fmt.Errorf("save a key: %w", err)
	}
	return nil
}

// ForgetOnce drops keys of before a moment, at most limit of them.
func (s *Store) ForgetOnce(ctx context.Context, before time.Time, limit int) error {
	return s.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.q.exec(ctx, `DELETE FROM once_keys WHERE (caller, operation, key) IN
			(SELECT caller, operation, key FROM once_keys WHERE at < ? ORDER BY at LIMIT ?)`, micros(before), limit); err != nil {
			return fmt.Errorf("forget keys: %w", err)
		}
		return nil
	})
}
