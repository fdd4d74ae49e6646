package store

import (
	"context"
	"encoding/base64"
	"fmt"
)

// meta reads one of the database's own facts; "" when it is not there.
func (tx *Tx) meta(ctx context.Context, key string) (string, error) {
	rows, err := tx.q.query(ctx, "SELECT value FROM meta WHERE key = ?", key)
	if err != nil {
		return "", fmt.Errorf("read meta %s: %w", key, err)
	}
	defer rows.Close()
	var v string
	if rows.Next() {
		if err := rows.Scan(&v); err != nil {
			return "", fmt.Errorf("read meta %s: %w", key, err)
		}
	}
	raw, err := base64.StdEncoding.DecodeString(v)
	if err != nil {
		return "", fmt.Errorf("read meta %s: %w", key, err)
	}
	return string(raw), rows.Err()
}

func (tx *Tx) setMeta(ctx context.Context, key, value string) error {
	_, err := tx.q.exec(ctx, "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		key, base64.StdEncoding.EncodeToString([]byte(value)))
	if err != nil {
		return fmt.Errorf("write meta %s: %w", key, err)
	}
	return nil
}
