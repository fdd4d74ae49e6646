package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/orderhub/orderhub"
)

// LineLink says which product a line of an order sells, and through which
// listing. Pos counts from 0.
type LineLink struct {
	OrderID   int64
	Pos       int
	SKU       string // "" = no product is known
	ListingID int64  // 0 = the line names no listing that the hub knows
	// Counted is how many units of it were taken off the listing's exposure.
	Counted int64
	// Parts is what a unit of the line was made of when it left, as JSON of
	// components; "" = of the product itself, or nothing has left yet.
	Parts string
}

// FindLinks finds the product of each line of an order: that of the listing which
// the line names, and none if that listing has none. Only a line whose listing is
// not known yet finds its product by its article, unless several listings of the
// account have that, else by a barcode that one product alone has. The links of
// the orders' lines as they were saved come back as known.
func (tx *Tx) FindLinks(ctx context.Context, accountID string, orders []*orderhub.Order) (found map[int64][]LineLink, known map[int64]map[int]LineLink, err error) {
	var listingKeys, articles, barcodes []string
	ids := make([]int64, len(orders))
	for i, o := range orders {
		ids[i] = o.ID
		for _, l := range o.Snapshot.Lines {
			if l.ListingKey != "" {
				listingKeys = append(listingKeys, l.ListingKey)
			}
			articles, barcodes = append(articles, l.SKU), append(barcodes, l.Barcodes...)
		}
	}
	byKey, err := tx.listingsByKey(ctx, accountID, unique(listingKeys))
	if err != nil {
		return nil, nil, err
	}
	byArticle, byBarcode, err := findProducts(ctx, tx.q, unique(articles), unique(barcodes))
	if err != nil {
		return nil, nil, err
	}
	if known, err = tx.lineLinks(ctx, ids); err != nil {
		return nil, nil, err
	}
	shared, err := sharedArticles(ctx, tx.q, looseArticles(orders, byKey, byArticle))
	if err != nil {
		return nil, nil, err
	}
	found = map[int64][]LineLink{}
	for _, o := range orders {
		for pos, l := range o.Snapshot.Lines {
			link := LineLink{OrderID: o.ID, Pos: pos}
			if on, ok := byKey[l.ListingKey]; ok {
				link.SKU, link.ListingID = on.SKU, on.ID
			} else {
				link.SKU = looseProduct(l, accountID, byArticle, byBarcode, shared)
			}
			found[o.ID] = append(found[o.ID], link)
		}
	}
	return found, known, nil
}

// looseArticles are the articles of products in lines whose listing is not known.
func looseArticles(orders []*orderhub.Order, byKey map[string]orderhub.Listing, byArticle map[string]bool) (articles []string) {
	for _, o := range orders {
		for _, l := range o.Snapshot.Lines {
			if _, ok := byKey[l.ListingKey]; !ok && byArticle[l.SKU] {
				articles = append(articles, l.SKU)
			}
		}
	}
	return articles
}

// looseProduct is the product of a line whose listing is not known.
func looseProduct(l orderhub.Line, accountID string, byArticle map[string]bool, byBarcode map[string]string, shared map[string]bool) string {
	if byArticle[l.SKU] && !shared[accountID+"\x00"+l.SKU] {
		return l.SKU
	}
	for _, b := range l.Barcodes {
		if sku := byBarcode[b]; sku != "" {
			return sku
		}
	}
	return ""
}

func unique(list []string) []string {
	list = slices.Compact(slices.Sorted(slices.Values(list)))
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

func (tx *Tx) listingsByKey(ctx context.Context, accountID string, listingKeys []string) (map[string]orderhub.Listing, error) {
	out := map[string]orderhub.Listing{}
	if len(listingKeys) == 0 {
		return out, nil
	}
	cond, arg := tx.q.in("key", listingKeys)
	rows, err := tx.q.query(ctx, "SELECT key, id, sku FROM listings WHERE account_id = ? AND "+cond, accountID, arg)
	if err != nil {
		return nil, fmt.Errorf("look for listings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l orderhub.Listing
		if err := rows.Scan(&l.Key, &l.ID, &l.SKU); err != nil {
			return nil, fmt.Errorf("look for listings: %w", err)
		}
		out[l.Key] = l
	}
	return out, rows.Err()
}

func (tx *Tx) lineLinks(ctx context.Context, orderIDs []int64) (map[int64]map[int]LineLink, error) {
	cond, arg := tx.q.in("order_id", orderIDs)
	rows, err := tx.q.query(ctx, "SELECT order_id, pos, sku, listing_id, counted, parts FROM line_links WHERE "+cond, arg)
	if err != nil {
		return nil, fmt.Errorf("read links of lines: %w", err)
	}
	defer rows.Close()
	out := map[int64]map[int]LineLink{}
	for rows.Next() {
		var l LineLink
		if err := rows.Scan(&l.OrderID, &l.Pos, &l.SKU, &l.ListingID, &l.Counted, &l.Parts); err != nil {
			return nil, fmt.Errorf("read links of lines: %w", err)
		}
		if out[l.OrderID] == nil {
			out[l.OrderID] = map[int]LineLink{}
		}
		out[l.OrderID][l.Pos] = l
	}
	return out, rows.Err()
}

// SaveLinks writes links of lines.
func (tx *Tx) SaveLinks(ctx context.Context, links []LineLink) error {
	rows := make([][]any, 0, len(links))
	for _, l := range links {
		rows = append(rows, []any{l.OrderID, l.Pos, l.SKU, l.ListingID, l.Counted, l.Parts})
	}
	if err := tx.q.execMany(ctx, `INSERT INTO line_links (order_id, pos, sku, listing_id, counted, parts) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (order_id, pos) DO UPDATE SET sku = excluded.sku, listing_id = excluded.listing_id, counted = excluded.counted,
		parts = excluded.parts`, rows); err != nil {
		return fmt.Errorf("save links of lines: %w", err)
	}
	return nil
}

// LinksOf reads the links of an order's lines by position.
func (s *Store) LinksOf(ctx context.Context, orderID int64) (map[int]LineLink, error) {
	var out map[int]LineLink
	err := s.engine.snapshot(ctx, func(q querier) error {
		all, err := (&Tx{s: s, q: q}).lineLinks(ctx, []int64{orderID})
		out = all[orderID]
		return err
	})
	return out, err
}

// LineName is what the product of an order's line is called.
type LineName struct {
	OrderID int64
	Pos     int
	Name    string
}

// NamesOfLines reads what the products of orders' lines are called, of those that
// have one.
func (s *Store) NamesOfLines(ctx context.Context, orderIDs []int64) ([]LineName, error) {
	q := s.engine.reader()
	cond, arg := q.in("l.order_id", orderIDs)
	rows, err := q.query(ctx, "SELECT l.order_id, l.pos, p.name FROM line_links l JOIN products p ON p.sku = l.sku WHERE "+cond+" AND l.sku <> ''", arg)
	if err != nil {
		return nil, fmt.Errorf("read names of lines: %w", err)
	}
	defer rows.Close()
	var out []LineName
	for rows.Next() {
		var n LineName
		if err := rows.Scan(&n.OrderID, &n.Pos, &n.Name); err != nil {
			return nil, fmt.Errorf("read names of lines: %w", err)
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// UnmappedOrders pages through orders with a line that has no product.
func (s *Store) UnmappedOrders(ctx context.Context, after int64, limit int) ([]int64, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT DISTINCT order_id FROM line_links WHERE sku = '' AND order_id > ? ORDER BY order_id LIMIT ?", after, limit)
	if err != nil {
		return nil, fmt.Errorf("read unmapped orders: %w", err)
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read unmapped orders: %w", err)
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// Kits reads what kits are made of, by the kit's SKU; plain products are not in
// the answer.
func (tx *Tx) Kits(ctx context.Context, skus []string) (map[string][]orderhub.Component, error) {
	return kitsOf(ctx, tx.q, skus)
}

// SharedArticles tells which articles several listings of one account have, as
// account, a zero byte and the article.
func (s *Store) SharedArticles(ctx context.Context, articles []string) (map[string]bool, error) {
	return sharedArticles(ctx, s.engine.reader(), articles)
}

func sharedArticles(ctx context.Context, q querier, articles []string) (map[string]bool, error) {
	if len(articles) == 0 {
		return nil, nil
	}
	cond, arg := q.in("article", unique(articles))
	rows, err := q.query(ctx, "SELECT account_id, article FROM listings WHERE "+cond+" GROUP BY account_id, article HAVING COUNT(*) > 1", arg)
	if err != nil {
		return nil, fmt.Errorf("look for shared articles: %w", err)
	}
	defer rows.Close()
	out := map[string]bool{}
	for rows.Next() {
		var account, article string
		if err := rows.Scan(&account, &article); err != nil {
			return nil, fmt.Errorf("look for shared articles: %w", err)
		}
		out[account+"\x00"+article] = true
	}
	return out, rows.Err()
}
