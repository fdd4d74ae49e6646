package store

import "context"

// ForceReturned writes a demand past all code that could refuse it.
func (s *Store) ForceReturned(ctx context.Context, holder int64, sku string, consumed, returned int64) error {
	return s.InTx(ctx, func(tx *Tx) error {
		return tx.q.insert(ctx, "demands", demandColumns, [][]any{{holder, "main", sku, consumed, 0, consumed, 0, returned, 1}})
	})
}

// MigrateTo brings an empty database to an older schema.
func (s *Store) MigrateTo(ctx context.Context, version int64) error {
	p, db, err := s.provider()
	if err != nil {
		return err
	}
	if db != nil {
		defer func() { _ = db.Close() }()
	}
	_, err = p.UpTo(ctx, version)
	return err
}

// Exec runs a statement that no code has.
func (s *Store) Exec(ctx context.Context, statement string, args ...any) error {
	return s.InTx(ctx, func(tx *Tx) error {
		_, err := tx.q.exec(ctx, statement, args...)
		return err
	})
}
