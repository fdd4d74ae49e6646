package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
)

// Shelf is everything that decides what listings show: the figures of their
// products, and all listings that sell any of these.
type Shelf struct {
	Stock        map[string]orderhub.Stock
	Products     map[string]orderhub.Product // of the listings; kits with their components
	Listings     []orderhub.Listing          // by id
	Publications map[int64]*Publication
}

// LockShelf locks the shelf of some listings: figures first, then what is
// published, each in one order.
func (tx *Tx) LockShelf(ctx context.Context, warehouse string, listingIDs []int64) (*Shelf, error) {
	own, err := listListings(ctx, tx.q, ListingFilter{IDs: listingIDs, Limit: len(listingIDs)})
	if err != nil {
		return nil, err
	}
	var skus []string
	for _, l := range own {
		skus = append(skus, l.SKU)
	}
	kits, err := kitsOf(ctx, tx.q, unique(skus))
	if err != nil {
		return nil, err
	}
	var plain []string
	for _, sku := range unique(skus) {
		if len(kits[sku]) == 0 {
			plain = append(plain, sku)
		}
		for _, c := range kits[sku] {
			plain = append(plain, c.SKU)
		}
	}
	book, err := tx.stockBook(ctx, warehouse, plain, orderhub.Actor{})
	if err != nil {
		return nil, err
	}
	return tx.readShelf(ctx, book)
}

// LockShelfOf locks the shelf of products that are no kits.
func (tx *Tx) LockShelfOf(ctx context.Context, warehouse string, needs map[string]int64) (*Shelf, error) {
	book, err := tx.stockBook(ctx, warehouse, slices.Collect(maps.Keys(needs)), orderhub.Actor{})
	if err != nil {
		return nil, err
	}
	return tx.readShelf(ctx, book)
}

// readShelf reads all listings that sell the locked products, alone or in kits.
// What is published is locked before listings and products are read: whoever
// changes these marks the published rows in the same transaction, so that nobody
// plans by what was true before.
func (tx *Tx) readShelf(ctx context.Context, book *stockBook) (*Shelf, error) {
	selling, err := kitsFrom(ctx, tx.q, book.skus)
	if err != nil {
		return nil, err
	}
	selling = append(selling, book.skus...)
	sh := &Shelf{Stock: book.stock, Products: map[string]orderhub.Product{}, Publications: map[int64]*Publication{}}
	in, arg := tx.q.in("l.sku", selling)
	pubs, err := readPublications(ctx, tx.q, "WHERE "+tx.q.inQuery("listing_id", "SELECT l.id FROM listings l WHERE l.sku <> '' AND "+in)+
		" ORDER BY listing_id"+tx.q.lock(), arg)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(pubs))
	for i, p := range pubs {
		ids[i] = p.ListingID
	}
	all, err := listListings(ctx, tx.q, ListingFilter{IDs: ids, Limit: len(ids)})
	if err != nil {
		return nil, err
	}
	linked := map[int64]bool{}
	for _, l := range all {
		if slices.Contains(selling, l.SKU) {
			sh.Listings, linked[l.ID] = append(sh.Listings, l), true
		}
	}
	for _, p := range pubs {
		if linked[p.ListingID] {
			sh.Publications[p.ListingID] = p
		}
	}
	list, err := listProducts(ctx, tx.q, ProductFilter{SKUs: selling, Archived: true, Limit: len(selling)})
	for _, p := range list {
		sh.Products[p.SKU] = p
	}
	return sh, err
}

// kitsFrom lists the kits that any of the products is part of.
func kitsFrom(ctx context.Context, q querier, skus []string) ([]string, error) {
	cond, arg := q.in("component", skus)
	rows, err := q.query(ctx, "SELECT DISTINCT sku FROM product_components WHERE "+cond+" ORDER BY sku", arg)
	if err != nil {
		return nil, fmt.Errorf("read kits: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var sku string
		if err := rows.Scan(&sku); err != nil {
			return nil, fmt.Errorf("read kits: %w", err)
		}
		out = append(out, sku)
	}
	return out, rows.Err()
}

// KitsFrom lists the kits that a product is part of.
func (s *Store) KitsFrom(ctx context.Context, sku string) ([]string, error) {
	return kitsFrom(ctx, s.engine.reader(), []string{sku})
}

// StateExposure works out how many units of products could be sold twice now, and
// writes it. Accounts that ask before they sell do not count.
func (tx *Tx) StateExposure(ctx context.Context, warehouse string, skus, asking []string) error {
	in, arg := tx.q.in("s.sku", skus)
	// Locked first, in a statement of its own: the sums are to see what whoever held
	// the lock has written.
	if _, err := readStock(ctx, tx.q, "WHERE warehouse = ? AND "+strings.ReplaceAll(in, "s.sku", "sku")+" ORDER BY sku"+tx.q.lock(), warehouse, arg); err != nil {
		return err
	}
	silent, silentArg := tx.q.in("p.account_id", asking)
	rows, err := tx.q.query(ctx, `SELECT s.sku, s.on_hand - s.reserved - s.quarantine, s.exposure,
		(SELECT CAST(COALESCE(SUM(p.exposure), 0) AS BIGINT) FROM listings l JOIN publications p ON p.listing_id = l.id
			WHERE l.sku = s.sku AND l.sku <> '' AND NOT `+silent+`),
		(SELECT CAST(COALESCE(SUM(p.exposure * c.quantity), 0) AS BIGINT) FROM product_components c JOIN listings l ON l.sku = c.sku
			JOIN publications p ON p.listing_id = l.id WHERE c.component = s.sku AND l.sku <> '' AND NOT `+silent+`)
		FROM stock s WHERE s.warehouse = ? AND `+in, silentArg, silentArg, warehouse, arg)
	if err != nil {
		return fmt.Errorf("work out exposure: %w", err)
	}
	defer rows.Close()
	exposure := map[string]int64{}
	for rows.Next() {
		var sku string
		var available, stated, own, inKits int64
		if err := rows.Scan(&sku, &available, &stated, &own, &inKits); err != nil {
			return fmt.Errorf("work out exposure: %w", err)
		}
		if n := max(0, own+inKits-max(0, available)); n != stated {
			exposure[sku] = n
		}
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return fmt.Errorf("work out exposure: %w", err)
	}
	return tx.SaveExposure(ctx, warehouse, exposure)
}

// SaveExposure writes how many units of products could be sold twice now.
func (tx *Tx) SaveExposure(ctx context.Context, warehouse string, exposure map[string]int64) error {
	var rows [][]any
	for _, sku := range slices.Sorted(maps.Keys(exposure)) {
		n := exposure[sku]
		rows = append(rows, []any{n, n, n, warehouse, sku})
	}
	if err := tx.q.execMany(ctx, `UPDATE stock SET exposure = ?, exposure_max = CASE WHEN exposure_max < ? THEN ? ELSE exposure_max END
		WHERE warehouse = ? AND sku = ?`, rows); err != nil {
		return fmt.Errorf("write exposure: %w", err)
	}
	return nil
}
