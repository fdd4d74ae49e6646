package store

import (
	"context"
	"fmt"

	"github.com/orderhub/orderhub"
)

// LockProducts reads and locks products by SKU, to change what they are. Those
// that are not there are left out.
func (tx *Tx) LockProducts(ctx context.Context, skus []string) (map[string]orderhub.Product, error) {
	cond, arg := tx.q.in("sku", skus)
	rows, err := tx.q.query(ctx, "SELECT sku FROM products WHERE "+cond+" ORDER BY sku"+tx.q.lock(), arg)
	if err != nil {
		return nil, fmt.Errorf("lock products: %w", err)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("lock products: %w", err)
	}
	list, err := listProducts(ctx, tx.q, ProductFilter{SKUs: skus, Archived: true, Limit: len(skus)})
	if err != nil {
		return nil, err
	}
	out := make(map[string]orderhub.Product, len(list))
	for _, p := range list {
		out[p.SKU] = p
	}
	return out, nil
}

// Demands reads what an order or a cart needs and has got.
func (tx *Tx) Demands(ctx context.Context, holder int64) ([]orderhub.Demand, error) {
	return readDemands(ctx, tx.q, "WHERE holder = ? ORDER BY sku", holder)
}
