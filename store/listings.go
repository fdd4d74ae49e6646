package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
)

const listingColumns = "id, account_id, key, article, name, aliases, barcodes, live, sku, linked_by, mode, value, buffer, seen_at, picture"

// listingFields are what a new listing is written with.
var listingFields = []string{
	"account_id", "key", "article", "name", "aliases", "barcodes", "live", "sku", "linked_by", "mode", "value", "buffer", "seen_at", "created_at", "updated_at", "picture",
}

// SaveListings writes what a channel's catalogue shows. Links and policies of
// listings that the hub knows stay as they are.
func (tx *Tx) SaveListings(ctx context.Context, accountID string, listings []orderhub.Listing, seenAt time.Time) error {
	now := micros(tx.s.Now())
	rows := make([][]any, 0, len(listings))
	for _, l := range listings {
		aliases, err := json.Marshal(l.Aliases)
		if err != nil {
			return fmt.Errorf("encode listing %s: %w", l.Key, err)
		}
		rows = append(rows, []any{accountID, l.Key, l.Article, l.Name, string(aliases), strings.Join(l.Barcodes, "\n"), flag(l.Live), "", "", "", 0, 0,
			micros(seenAt), now, now, orderhub.PictureAddress(l.Picture)})
	}
	slices.SortFunc(rows, func(a, b []any) int { return strings.Compare(a[1].(string), b[1].(string)) })
	turned, err := tx.turned(ctx, accountID, listings)
	if err != nil {
		return err
	}
	if err := tx.q.execMany(ctx, insertSQL("listings", listingFields, 1)+` ON CONFLICT (account_id, key) DO UPDATE SET
		article = excluded.article, name = excluded.name, aliases = excluded.aliases, barcodes = excluded.barcodes, live = excluded.live,
		seen_at = excluded.seen_at, updated_at = excluded.updated_at, picture = excluded.picture`, rows); err != nil {
		return fmt.Errorf("save listings: %w", err)
	}
	return tx.MarkListings(ctx, turned)
}

// LearnListings keeps offers that are not known yet, sorted by key; known ones stay
// as they are.
func (tx *Tx) LearnListings(ctx context.Context, accountID string, listings []orderhub.Listing) error {
	now := micros(tx.s.Now())
	rows := make([][]any, len(listings))
	for i, l := range listings {
		rows[i] = []any{accountID, l.Key, l.Article, l.Name, "{}", strings.Join(l.Barcodes, "\n"), flag(l.Live), "", "", "", 0, 0, now, now, now, orderhub.PictureAddress(l.Picture)}
	}
	if err := tx.q.execMany(ctx, insertSQL("listings", listingFields, 1)+" ON CONFLICT DO NOTHING", rows); err != nil {
		return fmt.Errorf("learn listings: %w", err)
	}
	return nil
}

// turned lists the known ones of some offers that are about to become live, or not
// live any more.
func (tx *Tx) turned(ctx context.Context, accountID string, offers []orderhub.Listing) ([]int64, error) {
	keys, live := make([]string, len(offers)), map[string]bool{}
	for i, l := range offers {
		keys[i], live[l.Key] = l.Key, l.Live
	}
	cond, arg := tx.q.in("key", keys)
	rows, err := tx.q.query(ctx, "SELECT id, key, live FROM listings WHERE account_id = ? AND "+cond+" ORDER BY id", accountID, arg)
	if err != nil {
		return nil, fmt.Errorf("save listings: %w", err)
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id, was int64
		var key string
		if err := rows.Scan(&id, &key, &was); err != nil {
			return nil, fmt.Errorf("save listings: %w", err)
		}
		if live[key] != (was != 0) {
			out = append(out, id)
		}
	}
	return out, rows.Err()
}

// EndListings marks offers of an account as not live that its catalogue showed
// last before a moment; zero = none.
func (tx *Tx) EndListings(ctx context.Context, accountID string, before time.Time) error {
	if before.IsZero() {
		return nil
	}
	ended := "SELECT l.id FROM listings l WHERE l.account_id = ? AND l.live = 1 AND l.seen_at < ?"
	if _, err := tx.q.exec(ctx, "UPDATE publications SET dirty = 1, revision = revision + 1 WHERE "+tx.q.inQuery("listing_id",
		"SELECT p.listing_id FROM publications p WHERE "+tx.q.inQuery("p.listing_id", ended)+" ORDER BY p.listing_id"+tx.q.lock()), accountID, micros(before)); err != nil {
		return fmt.Errorf("end listings: %w", err)
	}
	if _, err := tx.q.exec(ctx, "UPDATE listings SET live = 0, updated_at = ? WHERE account_id = ? AND live = 1 AND seen_at < ?",
		micros(tx.s.Now()), accountID, micros(before)); err != nil {
		return fmt.Errorf("end listings: %w", err)
	}
	return nil
}

// Learn tells the engine that the goods' tables have grown a lot at once.
func (s *Store) Learn(ctx context.Context) error {
	if err := s.engine.learn(ctx); err != nil {
		return fmt.Errorf("look at the tables again: %w", err)
	}
	return nil
}

// ListingFilter selects listings. After continues a list by id.
type ListingFilter struct {
	IDs       []int64 // if not nil, just these
	Accounts  []string
	SKUs      []string // if not nil, those linked to one of these products
	Unmatched bool     // those without a product
	Orphans   bool     // live ones without a product, or whose product has nothing to sell on hand
	State     PublicationState
	Foreign   time.Time // if not zero, those where a figure was found since that is not the hub's
	Text      string    // beginning of key, article or SKU, or a part of the name
	After     int64
	Limit     int
}

// ListListings lists listings by id.
func (s *Store) ListListings(ctx context.Context, f ListingFilter) ([]orderhub.Listing, error) {
	return listListings(ctx, s.engine.reader(), f)
}

func listListings(ctx context.Context, q querier, f ListingFilter) ([]orderhub.Listing, error) {
	var c condition
	if f.IDs != nil {
		cond, arg := q.in("id", f.IDs)
		c.add(cond, arg)
	}
	if len(f.Accounts) > 0 {
		cond, arg := q.in("account_id", f.Accounts)
		c.add(cond, arg)
	}
	if f.SKUs != nil {
		cond, arg := q.in("sku", f.SKUs)
		c.add("sku <> '' AND "+cond, arg)
	}
	if f.Unmatched {
		c.add("sku = ''")
	}
	if f.Orphans {
		c.add(`live = 1 AND (sku = '' OR CASE WHEN EXISTS (SELECT 1 FROM product_components p WHERE p.sku = listings.sku)
			THEN EXISTS (SELECT 1 FROM product_components p WHERE p.sku = listings.sku AND NOT EXISTS
				(SELECT 1 FROM stock s WHERE s.sku = p.component AND s.on_hand - s.quarantine >= p.quantity))
			ELSE NOT EXISTS (SELECT 1 FROM stock s WHERE s.sku = listings.sku AND s.on_hand > s.quarantine) END)`)
	}
	if f.State != "" {
		c.add("EXISTS (SELECT 1 FROM publications p WHERE p.listing_id = listings.id AND "+publicationShown+" = ?)", string(f.State))
	}
	if !f.Foreign.IsZero() {
		c.add("EXISTS (SELECT 1 FROM publications p WHERE p.listing_id = listings.id AND p.foreign_at > ?)", micros(f.Foreign))
	}
	if f.Text != "" {
		high := f.Text + "\U0010FFFF"
		c.add("((key >= ? AND key < ?) OR (article >= ? AND article < ?) OR (sku >= ? AND sku < ?) OR name LIKE ? ESCAPE '!')",
			f.Text, high, f.Text, high, f.Text, high, containing(f.Text))
	}
	if f.After > 0 {
		c.add("id > ?", f.After)
	}
	rows, err := q.query(ctx, "SELECT "+listingColumns+" FROM listings"+c.where()+" ORDER BY id LIMIT ?", append(c.args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read listings: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Listing
	for rows.Next() {
		var l orderhub.Listing
		var aliases, barcodes, linked, mode string
		var live, seen int64
		if err := rows.Scan(&l.ID, &l.AccountID, &l.Key, &l.Article, &l.Name, &aliases, &barcodes, &live, &l.SKU, &linked, &mode,
			&l.Publish.Value, &l.Publish.Buffer, &seen, &l.Picture); err != nil {
			return nil, fmt.Errorf("read listings: %w", err)
		}
		if err := json.Unmarshal([]byte(aliases), &l.Aliases); err != nil {
			return nil, fmt.Errorf("read listing %d: %w", l.ID, err)
		}
		if barcodes != "" {
			l.Barcodes = strings.Split(barcodes, "\n")
		}
		l.Live, l.LinkedBy, l.Publish.Mode, l.SeenAt = live != 0, orderhub.LinkedBy(linked), orderhub.PublishMode(mode), fromMicros(seen)
		out = append(out, l)
	}
	return out, rows.Err()
}

// Listing reads one listing.
func (s *Store) Listing(ctx context.Context, id int64) (orderhub.Listing, error) {
	list, err := s.ListListings(ctx, ListingFilter{IDs: []int64{id}, Limit: 1})
	if err != nil {
		return orderhub.Listing{}, err
	}
	if len(list) == 0 {
		return orderhub.Listing{}, orderhub.Errorf(orderhub.CodeNotFound, "there is no listing %d", id)
	}
	return list[0], nil
}

// Link ties listings to products, or, with an empty SKU, unties them.
func (tx *Tx) Link(ctx context.Context, sku string, by orderhub.LinkedBy, ids ...int64) error {
	now := micros(tx.s.Now())
	rows := make([][]any, 0, len(ids))
	for _, id := range slices.Sorted(slices.Values(ids)) {
		rows = append(rows, []any{sku, string(by), now, id})
	}
	if err := tx.q.execMany(ctx, "UPDATE listings SET sku = ?, linked_by = ?, updated_at = ? WHERE id = ?", rows); err != nil {
		return fmt.Errorf("link listings: %w", err)
	}
	if sku == "" {
		// Nothing is to be shown of it any more.
		cond, arg := tx.q.in("listing_id", ids)
		if _, err := tx.q.exec(ctx, "DELETE FROM publications WHERE "+cond, arg); err != nil {
			return fmt.Errorf("unlink listings: %w", err)
		}
		return nil
	}
	return tx.publishNew(ctx, ids)
}

// LinkFound ties a listing to the product that was found for it, unless a person has
// decided about it meanwhile. It reports whether it did.
func (tx *Tx) LinkFound(ctx context.Context, sku string, by orderhub.LinkedBy, id int64) (bool, error) {
	n, err := tx.q.exec(ctx, "UPDATE listings SET sku = ?, linked_by = ?, updated_at = ? WHERE id = ? AND sku = '' AND linked_by <> 'person'",
		sku, string(by), micros(tx.s.Now()), id)
	if err != nil {
		return false, fmt.Errorf("link listings: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	return true, tx.publishNew(ctx, []int64{id})
}

// publishNew gives linked listings their row of publishing.
func (tx *Tx) publishNew(ctx context.Context, ids []int64) error {
	cond, arg := tx.q.in("id", ids)
	if _, err := tx.q.exec(ctx, `INSERT INTO publications (listing_id, account_id, dirty, dirty_at, revision, state, wanted, wanted_at, after_orders, sent, sent_at,
		accepted_at, confirmed, confirmed_at, settled, exposure, sold, next_at, attempts, checks, class, error,
		doubts, late_us, confirm_us, foreign_at, foreign_shown)
		SELECT id, account_id, 1, 0, 1, 'new', -1, 0, 0, -1, 0, 0, -1, 0, 1, 0, 0, 0, 0, 0, '', '', 0, 0, 0, 0, 0 FROM listings WHERE `+cond+`
		ORDER BY id ON CONFLICT (listing_id) DO UPDATE SET dirty = 1, revision = publications.revision + 1`, arg); err != nil {
		return fmt.Errorf("publish new links: %w", err)
	}
	return nil
}

// OfferProducts makes a listing of every product for an account whose channel
// sells by our own SKU, and tells how many were new.
func (tx *Tx) OfferProducts(ctx context.Context, accountID string) (int64, error) {
	now := micros(tx.s.Now())
	n, err := tx.q.exec(ctx, `INSERT INTO listings (account_id, key, article, name, aliases, barcodes, live, sku, linked_by, mode, value, buffer,
		seen_at, created_at, updated_at)
		SELECT CAST(? AS TEXT), p.sku, p.sku, p.name, '{}', '', 1, p.sku, 'article', '', 0, 0, CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT)
		FROM products p WHERE p.archived = 0 AND NOT EXISTS (SELECT 1 FROM listings l WHERE l.account_id = ? AND l.key = p.sku)
		ORDER BY p.sku ON CONFLICT DO NOTHING`, accountID, now, now, now, accountID)
	if err != nil {
		return 0, fmt.Errorf("offer products on %s: %w", accountID, err)
	}
	if n == 0 {
		return 0, nil
	}
	rows, err := tx.q.query(ctx, `SELECT l.id FROM listings l WHERE l.account_id = ? AND l.sku <> ''
		AND NOT EXISTS (SELECT 1 FROM publications p WHERE p.listing_id = l.id)`, accountID)
	if err != nil {
		return 0, fmt.Errorf("offer products on %s: %w", accountID, err)
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			rows.Close()
			return 0, fmt.Errorf("offer products on %s: %w", accountID, err)
		}
		ids = append(ids, id)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("offer products on %s: %w", accountID, err)
	}
	return n, tx.publishNew(ctx, ids)
}

// SetPublish sets the policy of a listing.
func (tx *Tx) SetPublish(ctx context.Context, id int64, p orderhub.Publish) error {
	n, err := tx.q.exec(ctx, "UPDATE listings SET mode = ?, value = ?, buffer = ?, updated_at = ? WHERE id = ?", string(p.Mode), p.Value, p.Buffer, micros(tx.s.Now()), id)
	if err != nil {
		return fmt.Errorf("set the policy of listing %d: %w", id, err)
	}
	if n == 0 {
		return orderhub.Errorf(orderhub.CodeNotFound, "there is no listing %d", id)
	}
	if err := tx.workOut(ctx, "listing_id = ?", id); err != nil {
		return fmt.Errorf("set the policy of listing %d: %w", id, err)
	}
	return nil
}

// FindProducts looks for the products of articles and barcodes. A barcode that
// several products have finds none.
func (s *Store) FindProducts(ctx context.Context, articles, barcodes []string) (byArticle map[string]bool, byBarcode map[string]string, err error) {
	return findProducts(ctx, s.engine.reader(), articles, barcodes)
}

func findProducts(ctx context.Context, q querier, articles, barcodes []string) (byArticle map[string]bool, byBarcode map[string]string, err error) {
	byArticle, byBarcode = map[string]bool{}, map[string]string{}
	if len(articles) > 0 {
		cond, arg := q.in("sku", articles)
		rows, err := q.query(ctx, "SELECT sku FROM products WHERE archived = 0 AND "+cond, arg)
		if err != nil {
			return nil, nil, fmt.Errorf("look for products: %w", err)
		}
		for rows.Next() {
			var sku string
			if err := rows.Scan(&sku); err != nil {
				rows.Close()
				return nil, nil, fmt.Errorf("look for products: %w", err)
			}
			byArticle[sku] = true
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, nil, fmt.Errorf("look for products: %w", err)
		}
	}
	if len(barcodes) == 0 {
		return byArticle, byBarcode, nil
	}
	cond, arg := q.in("b.barcode", barcodes)
	rows, err := q.query(ctx, `SELECT b.barcode, MIN(b.sku) FROM product_barcodes b JOIN products p ON p.sku = b.sku
		WHERE p.archived = 0 AND `+cond+" GROUP BY b.barcode HAVING COUNT(*) = 1", arg)
	if err != nil {
		return nil, nil, fmt.Errorf("look for barcodes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var barcode, sku string
		if err := rows.Scan(&barcode, &sku); err != nil {
			return nil, nil, fmt.Errorf("look for barcodes: %w", err)
		}
		byBarcode[barcode] = sku
	}
	return byArticle, byBarcode, rows.Err()
}
