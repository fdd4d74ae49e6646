package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
)

// OnecGoods are articles of a node: its own id and the SKU.
type OnecGoods struct{ ID, SKU string }

// OnecSKUs finds the SKUs of a node's articles, by their ids.
func (s *Store) OnecSKUs(ctx context.Context, nodeID int64, ids []string) (map[string]string, error) {
	return s.onecGoods(ctx, nodeID, "onec_id", "sku", ids)
}

// OnecIDs finds a node's ids of articles, by SKU.
func (s *Store) OnecIDs(ctx context.Context, nodeID int64, skus []string) (map[string]string, error) {
	return s.onecGoods(ctx, nodeID, "sku", "onec_id", skus)
}

func (s *Store) onecGoods(ctx context.Context, nodeID int64, from, to string, keys []string) (map[string]string, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	q := s.engine.reader()
	cond, arg := q.in(from, keys)
	rows, err := q.query(ctx, "SELECT "+from+", "+to+" FROM onec_goods WHERE node_id = ? AND "+cond, nodeID, arg)
	if err != nil {
		return nil, fmt.Errorf("read goods of 1C: %w", err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return nil, fmt.Errorf("read goods of 1C: %w", err)
		}
		out[key] = value
	}
	return out, rows.Err()
}

// SaveOnecGoods notes which SKU a node's article is. One that is known keeps its
// SKU: an article that was renamed there is the same product here. seen tells
// that they stood in a list of offers.
func (tx *Tx) SaveOnecGoods(ctx context.Context, nodeID int64, goods []OnecGoods, seen bool) error {
	at := int64(0)
	if seen {
		at = micros(tx.s.Now())
	}
	rows := make([][]any, len(goods))
	for i, g := range goods {
		rows[i] = []any{nodeID, g.ID, g.SKU, at}
	}
	if err := tx.q.execMany(ctx, `INSERT INTO onec_goods (node_id, onec_id, sku, seen_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (node_id, onec_id) DO UPDATE SET seen_at = CASE WHEN excluded.seen_at > onec_goods.seen_at THEN excluded.seen_at ELSE onec_goods.seen_at END`, rows); err != nil {
		return fmt.Errorf("save goods of 1C: %w", err)
	}
	return nil
}

// ForgetOnecGoods drops articles of a node that it has deleted: another may have
// their SKU from now on.
func (tx *Tx) ForgetOnecGoods(ctx context.Context, nodeID int64, goods []OnecGoods) error {
	rows := make([][]any, len(goods))
	for i, g := range goods {
		rows[i] = []any{nodeID, g.ID}
	}
	if err := tx.q.execMany(ctx, "DELETE FROM onec_goods WHERE node_id = ? AND onec_id = ?", rows); err != nil {
		return fmt.Errorf("forget goods of 1C: %w", err)
	}
	return nil
}

// OnecPrice is a price of a node.
type OnecPrice struct {
	SKU, Type string
	Price     orderhub.Money
}

// SaveOnecPrices writes prices.
func (tx *Tx) SaveOnecPrices(ctx context.Context, nodeID int64, prices []OnecPrice) error {
	now := micros(tx.s.Now())
	rows := make([][]any, len(prices))
	for i, p := range prices {
		rows[i] = []any{nodeID, p.SKU, p.Type, p.Price.Minor, p.Price.Currency, now}
	}
	if err := tx.q.execMany(ctx, `INSERT INTO onec_prices (node_id, sku, price_type, minor, currency, updated_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (node_id, sku, price_type) DO UPDATE SET minor = excluded.minor, currency = excluded.currency, updated_at = excluded.updated_at`, rows); err != nil {
		return fmt.Errorf("save prices of 1C: %w", err)
	}
	return nil
}

// OnecPrices reads the prices of a product.
func (s *Store) OnecPrices(ctx context.Context, nodeID int64, sku string) ([]OnecPrice, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT sku, price_type, minor, currency FROM onec_prices WHERE node_id = ? AND sku = ? ORDER BY price_type", nodeID, sku)
	if err != nil {
		return nil, fmt.Errorf("read prices of 1C: %w", err)
	}
	defer rows.Close()
	var out []OnecPrice
	for rows.Next() {
		var p OnecPrice
		if err := rows.Scan(&p.SKU, &p.Type, &p.Price.Minor, &p.Price.Currency); err != nil {
			return nil, fmt.Errorf("read prices of 1C: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// SaveOnecPriceType notes the name of a kind of prices.
func (tx *Tx) SaveOnecPriceType(ctx context.Context, nodeID int64, id, name, currency string) error {
	if _, err := tx.q.exec(ctx, `INSERT INTO onec_price_types (node_id, id, name, currency) VALUES (?, ?, ?, ?)
		ON CONFLICT (node_id, id) DO UPDATE SET name = excluded.name, currency = excluded.currency`, nodeID, id, name, currency); err != nil {
		return fmt.Errorf("save a kind of prices: %w", err)
	}
	return nil
}

// BeginOnecFull notes that a whole list of offers has begun: what no portion of
// it names is gone, see OnecUnseen. Of several that follow each other the first
// counts: a 1C may have many catalogues, each with a whole list of its own.
func (tx *Tx) BeginOnecFull(ctx context.Context, nodeID int64) error {
	now, quiet := micros(tx.s.Now()), micros(tx.s.Now().Add(-OnecQuiet))
	if _, err := tx.q.exec(ctx, "UPDATE onec_nodes SET full_at = CASE WHEN full_at = 0 OR goods_at <= ? THEN ? ELSE full_at END, goods_at = ? WHERE id = ?",
		quiet, now, now, nodeID); err != nil {
		return fmt.Errorf("begin a whole list: %w", err)
	}
	return nil
}

// TouchOnecGoods notes that a file of goods was read now.
func (tx *Tx) TouchOnecGoods(ctx context.Context, nodeID int64) error {
	if _, err := tx.q.exec(ctx, "UPDATE onec_nodes SET goods_at = ? WHERE id = ?", micros(tx.s.Now()), nodeID); err != nil {
		return fmt.Errorf("note a file of goods: %w", err)
	}
	return nil
}

// EndOnecFull ends a whole list; false: it is over already, or another began.
func (tx *Tx) EndOnecFull(ctx context.Context, nodeID int64, began time.Time) (bool, error) {
	n, err := tx.q.exec(ctx, "UPDATE onec_nodes SET full_at = 0 WHERE id = ? AND full_at = ?", nodeID, micros(began))
	if err != nil {
		return false, fmt.Errorf("end a whole list: %w", err)
	}
	return n > 0, nil
}

// OnecUnseen pages through products of a node that stood in its lists of offers
// before a moment and not since, as far as there is some on hand.
func (s *Store) OnecUnseen(ctx context.Context, nodeID int64, since time.Time, after string, limit int) ([]string, error) {
	return readTexts(ctx, s.engine.reader(), `SELECT g.sku FROM onec_goods g JOIN stock t ON t.sku = g.sku AND t.warehouse = ?
		WHERE g.node_id = ? AND g.seen_at > 0 AND g.seen_at < ? AND t.on_hand > 0 AND g.sku > ? ORDER BY g.sku LIMIT ?`,
		orderhub.MainWarehouse, nodeID, micros(since), after, limit)
}

// OnecSeen tells whether any product stood in the node's lists since a moment.
func (s *Store) OnecSeen(ctx context.Context, nodeID int64, since time.Time) (bool, error) {
	list, err := readTexts(ctx, s.engine.reader(), "SELECT sku FROM onec_goods WHERE node_id = ? AND seen_at >= ? LIMIT 1", nodeID, micros(since))
	return len(list) > 0, err
}
