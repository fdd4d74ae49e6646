package store

import "context"

// ForceReturned writes a demand past all code that could refuse it.
func (s *Store) ForceReturned(ctx context.Context, holder int64, sku string, consumed, returned int64) error {
	return s.InTx(ctx, func(tx *Tx) error {
		return tx.q.insert(ctx, "demands", demandColumns, [][]any{{holder, "main", sku, consumed, 0, consumed, 0, returned, 1}})
	})
}
