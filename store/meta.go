package store

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/orderhub/orderhub"
)

// meta reads one of the database's own facts; "" when it is not there.
func meta(ctx context.Context, q querier, key string) (string, error) {
	rows, err := q.query(ctx, "SELECT value FROM meta WHERE key = ?", key)
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

// Oversell is the hub's default policy, shared unless set.
func (tx *Tx) Oversell(ctx context.Context) (orderhub.OversellPolicy, error) {
	return oversell(ctx, tx.q)
}

func oversell(ctx context.Context, q querier) (orderhub.OversellPolicy, error) {
	v, err := meta(ctx, q, "oversell")
	if v == "" {
		v = string(orderhub.OversellShared)
	}
	return orderhub.OversellPolicy(v), err
}

// SetOversell sets the hub's default policy; every listing is worked out again.
func (tx *Tx) SetOversell(ctx context.Context, p orderhub.OversellPolicy) error {
	if p != orderhub.OversellShared && p != orderhub.OversellStrict {
		return orderhub.InvalidField("oversell", "%q is not known; allowed: shared, strict", p)
	}
	if err := tx.setMeta(ctx, "oversell", string(p)); err != nil {
		return err
	}
	if _, err := tx.q.exec(ctx, "UPDATE publications SET dirty = 1, revision = revision + 1 WHERE "+
		tx.q.inQuery("listing_id", "SELECT p.listing_id FROM publications p ORDER BY p.listing_id"+tx.q.lock())); err != nil {
		return fmt.Errorf("set the oversell policy: %w", err)
	}
	return nil
}
