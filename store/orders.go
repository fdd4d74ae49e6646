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

const orderColumns = `id, account_id, channel, status, requested, hub_holds, doubt, doubt_since, data, version, inbox_id, read_at,
	created_at, updated_at, customer_id, erased_at, tags, assignee`

// orderByExternal finds the number of one order of an account.
const orderByExternal = "SELECT o.id FROM orders o WHERE o.account_id = ? AND o.external_id = k.value"

// LockOrders reads the orders of an account by external id and locks them until
// the commit, in one fixed order so that two batches never wait for each other.
func (tx *Tx) LockOrders(ctx context.Context, accountID string, externalIDs []string) (map[string]*orderhub.Order, error) {
	cond, arg := tx.q.inEach(orderByExternal, externalIDs)
	list, err := scanOrders(ctx, tx.q, "WHERE "+cond+" ORDER BY id"+tx.q.lock(), accountID, arg)
	if err != nil {
		return nil, err
	}
	out := make(map[string]*orderhub.Order, len(list))
	for _, o := range list {
		out[o.Snapshot.ExternalID] = o
	}
	return out, nil
}

// LockOrder reads one order by its number and locks it until the commit.
func (tx *Tx) LockOrder(ctx context.Context, id int64) (*orderhub.Order, error) {
	list, err := scanOrders(ctx, tx.q, "WHERE id = ?"+tx.q.lock(), id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, orderhub.Errorf(orderhub.CodeNotFound, "there is no order %d", id)
	}
	return list[0], nil
}

// LockOrdersByIDs reads orders by number and locks them until the commit, in one
// fixed order. A transaction that needs orders and effects locks orders first.
func (tx *Tx) LockOrdersByIDs(ctx context.Context, ids []int64) (map[int64]*orderhub.Order, error) {
	cond, arg := tx.q.in("id", ids)
	list, err := scanOrders(ctx, tx.q, "WHERE "+cond+" ORDER BY id"+tx.q.lock(), arg)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]*orderhub.Order, len(list))
	for _, o := range list {
		out[o.ID] = o
	}
	return out, nil
}

// Order reads one order by its number.
func (s *Store) Order(ctx context.Context, id int64) (*orderhub.Order, error) {
	list, err := s.readOrders(ctx, "WHERE id = ?", id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, orderhub.Errorf(orderhub.CodeNotFound, "there is no order %d", id)
	}
	return list[0], nil
}

// OrdersByIDs reads orders by number.
func (s *Store) OrdersByIDs(ctx context.Context, ids []int64) ([]*orderhub.Order, error) {
	q := s.engine.reader()
	cond, arg := q.in("id", ids)
	return s.readOrders(ctx, "WHERE "+cond+" ORDER BY id", arg)
}

// OrdersNow is OrdersByIDs inside the transaction, without locking them.
func (tx *Tx) OrdersNow(ctx context.Context, ids []int64) ([]*orderhub.Order, error) {
	cond, arg := tx.q.in("id", ids)
	return scanOrders(ctx, tx.q, "WHERE "+cond+" ORDER BY id", arg)
}

// OrdersByExternal reads orders of an account by external id.
func (s *Store) OrdersByExternal(ctx context.Context, accountID string, externalIDs []string) ([]*orderhub.Order, error) {
	q := s.engine.reader()
	cond, arg := q.inEach(orderByExternal, externalIDs)
	return s.readOrders(ctx, "WHERE "+cond+" ORDER BY id", accountID, arg)
}

// Group reads the orders that the buyer sees as one purchase, of all accounts:
// a delivery by Ozon shares its key with the site's order.
func (s *Store) Group(ctx context.Context, groupKey string) ([]*orderhub.Order, error) {
	if groupKey == "" {
		return nil, nil
	}
	return s.readOrders(ctx, "WHERE group_key = ? AND group_key <> '' ORDER BY id LIMIT 200", groupKey)
}

// ExternalDeliveries pages through the unfinished orders of an account that
// only deliver an order of the shop's own site.
func (s *Store) ExternalDeliveries(ctx context.Context, accountID string, after int64, limit int) ([]*orderhub.Order, error) {
	return s.readOrders(ctx, `WHERE account_id = ? AND site_order_id <> '' AND id > ?
		AND status IN ('unknown','pending','new','confirmed','packed','shipped','ready_for_pickup') ORDER BY id LIMIT ?`, accountID, after, limit)
}

// OpenOrders pages through the orders of an account that are not finished, by
// number; after 0 begins.
func (s *Store) OpenOrders(ctx context.Context, accountID string, after int64, limit int) ([]*orderhub.Order, error) {
	return s.readOrders(ctx, `WHERE account_id = ? AND id > ?
		AND status IN ('unknown','pending','new','confirmed','packed','shipped','ready_for_pickup') ORDER BY id LIMIT ?`, accountID, after, limit)
}

// readOrders reads orders and their lines as of one moment.
func (s *Store) readOrders(ctx context.Context, where string, args ...any) (list []*orderhub.Order, err error) {
	err = s.engine.snapshot(ctx, func(q querier) error {
		list, err = scanOrders(ctx, q, where, args...)
		return err
	})
	return list, err
}

func scanOrders(ctx context.Context, q querier, where string, args ...any) ([]*orderhub.Order, error) {
	rows, err := q.query(ctx, "SELECT "+orderColumns+" FROM orders "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	var out []*orderhub.Order
	for rows.Next() {
		o, err := scanOrder(rows)
		if err != nil {
			rows.Close()
			return nil, err
		}
		out = append(out, o)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	return out, readLines(ctx, q, out)
}

func scanOrder(rows rowset) (*orderhub.Order, error) {
	var o orderhub.Order
	var ch, status, requested, holds, doubt, data, tags, assignee string
	var doubtSince, readAt, created, updated, erased int64
	if err := rows.Scan(&o.ID, &o.AccountID, &ch, &status, &requested, &holds, &doubt, &doubtSince, &data, &o.Version,
		&o.RawID, &readAt, &created, &updated, &o.CardID, &erased, &tags, &assignee); err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	if err := json.Unmarshal([]byte(data), &o.Snapshot); err != nil {
		return nil, fmt.Errorf("read order %d: %w", o.ID, err)
	}
	o.Channel, o.Headline, o.Requested = orderhub.Channel(ch), orderhub.Status(status), orderhub.Status(requested)
	o.Doubt, o.DoubtSince = orderhub.Status(doubt), fromMicros(doubtSince)
	o.ReadAt, o.CreatedAt, o.UpdatedAt, o.ErasedAt = fromMicros(readAt), fromMicros(created), fromMicros(updated), fromMicros(erased)
	if o.Assignee = orderhub.Assignee(assignee); tags != "" {
		o.Tags = strings.Split(tags, ",")
	}
	for _, h := range strings.Split(holds, ",") {
		if h != "" {
			o.HubHolds = append(o.HubHolds, orderhub.Hold(h))
		}
	}
	return &o, nil
}

// readLines fills in the lines of the orders with one query.
func readLines(ctx context.Context, q querier, orders []*orderhub.Order) error {
	if len(orders) == 0 {
		return nil
	}
	byID := make(map[int64]*orderhub.Order, len(orders))
	ids := make([]int64, len(orders))
	for i, o := range orders {
		byID[o.ID], ids[i] = o, o.ID
	}
	cond, arg := q.in("order_id", ids)
	rows, err := q.query(ctx, `SELECT order_id, line_id, sku, listing_key, name, quantity, unit_minor, discount_minor, total_minor,
		currency, vat, barcodes FROM lines WHERE `+cond+" ORDER BY order_id, pos", arg)
	if err != nil {
		return fmt.Errorf("read lines: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, unit, discount, total int64
		var l orderhub.Line
		var currency, barcodes string
		if err := rows.Scan(&id, &l.ID, &l.SKU, &l.ListingKey, &l.Name, &l.Quantity, &unit, &discount, &total, &currency,
			&l.VAT, &barcodes); err != nil {
			return fmt.Errorf("read lines: %w", err)
		}
		l.UnitPrice, l.Discount, l.Total = amount(unit, currency), amount(discount, currency), amount(total, currency)
		if barcodes != "" {
			l.Barcodes = strings.Split(barcodes, "\n")
		}
		byID[id].Snapshot.Lines = append(byID[id].Snapshot.Lines, l)
	}
	return rows.Err()
}

// amount reads a column of a line; a line without a currency has no amounts.
// A discount of nothing is absent, a price of 0.00 is a price.
func amount(minor int64, currency string) orderhub.Money {
	if currency == "" || minor == absent {
		return orderhub.Money{}
	}
	return orderhub.Money{Minor: minor, Currency: currency}
}

// absent marks an amount that the channel did not give.
const absent = -1 << 62

func minorOf(m orderhub.Money) int64 {
	if m.IsZero() {
		return absent
	}
	return m.Minor
}

// Change is a locked order to write.
type Change struct {
	Order *orderhub.Order
	// Content tells that more than the status changed: lines and search words
	// are written anew.
	Content bool
}

var orderInsertColumns = []string{"id", "account_id", "channel", "external_id", "external_number", "group_key", "parent_id",
	"site_order_id", "scheme", "status", "requested", "channel_status", "native", "native_sub", "payment", "holds", "hub_holds",
	"read_only", "placed_at", "changed_at", "ship_by", "answer_by", "total_minor", "currency", "customer", "units",
	"doubt", "doubt_since", "data", "version", "inbox_id", "read_at", "created_at", "updated_at", "customer_id", "erased_at"}

// orderValues lists the values of orderInsertColumns.
func orderValues(o *orderhub.Order) ([]any, error) {
	snap := o.Snapshot
	snap.Lines = nil
	data, err := json.Marshal(snap)
	if err != nil {
		return nil, fmt.Errorf("encode order %s: %w", snap.ExternalID, err)
	}
	readOnly := 0
	if snap.ReadOnly {
		readOnly = 1
	}
	return []any{o.ID, o.AccountID, string(o.Channel), snap.ExternalID, snap.ExternalNumber, snap.GroupKey, snap.ParentID,
		snap.SiteOrderID, string(snap.Scheme), string(o.Headline), string(o.Requested), string(snap.Status), snap.Native,
		snap.NativeSub, string(snap.Payment), holdList(o.Holds(), true), holdList(o.HubHolds, false), readOnly,
		micros(snap.PlacedAt), micros(snap.ChangedAt), micros(snap.ShipBy), answerBy(snap), snap.Total.Minor, snap.Total.Currency,
		snap.Customer.Name, snap.Units(), string(o.Doubt), micros(o.DoubtSince), string(data), o.Version, o.RawID,
		micros(o.ReadAt), micros(o.CreatedAt), micros(o.UpdatedAt), o.CardID, micros(o.ErasedAt)}, nil
}

// answerBy is when the buyer's wish to cancel is to be answered, 0 = nobody waits.
func answerBy(s orderhub.Snapshot) int64 {
	if s.CancelRequest == nil {
		return 0
	}
	return micros(s.CancelRequest.AnswerBy)
}

// holdList writes holds as "a,b", fenced as ",a,b," so that a filter can look
// for ",a,".
func holdList(holds []orderhub.Hold, fenced bool) string {
	if len(holds) == 0 {
		return ""
	}
	words := make([]string, len(holds))
	for i, h := range holds {
		words[i] = string(h)
	}
	s := strings.Join(words, ",")
	if fenced {
		s = "," + s + ","
	}
	return s
}

// InsertOrders writes new orders with their lines and search terms and gives
// them their numbers. An order that exists already fails the whole with a
// conflict, see IsConflict.
func (tx *Tx) InsertOrders(ctx context.Context, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	ids, err := tx.q.nextIDs(ctx, "orders", len(changes))
	if err != nil {
		return fmt.Errorf("number orders: %w", err)
	}
	now := tx.s.Now().Truncate(time.Microsecond) // as it will be read
	orders, lines, terms := make([][]any, 0, len(changes)), make([][]any, 0, 2*len(changes)), make([][]any, 0, 12*len(changes))
	for i, c := range changes {
		o := c.Order
		o.ID, o.Version, o.CreatedAt, o.UpdatedAt = ids[i], 1, now, now
		row, err := orderValues(o)
		if err != nil {
			return err
		}
		orders = append(orders, row)
		lines = append(lines, lineValues(o)...)
		for _, t := range orderTerms(o) {
			terms = append(terms, []any{t, o.ID})
		}
	}
	if err := tx.q.insert(ctx, "orders", orderInsertColumns, orders); err != nil {
		return fmt.Errorf("insert orders: %w", err)
	}
	if err := tx.q.insert(ctx, "lines", lineColumns, lines); err != nil {
		return fmt.Errorf("insert lines: %w", err)
	}
	// In the order of their table: neighbours go to the same page.
	slices.SortFunc(terms, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
	if err := tx.q.insert(ctx, "terms", []string{"term", "order_id"}, terms); err != nil {
		return fmt.Errorf("insert search terms: %w", err)
	}
	return nil
}

var lineColumns = []string{"order_id", "pos", "line_id", "sku", "listing_key", "name", "quantity", "unit_minor", "discount_minor",
	"total_minor", "currency", "vat", "barcodes"}

func lineValues(o *orderhub.Order) [][]any {
	rows := make([][]any, 0, len(o.Snapshot.Lines))
	for i, l := range o.Snapshot.Lines {
		currency := l.UnitPrice.Currency
		if currency == "" {
			currency = l.Total.Currency
		}
		if currency == "" {
			currency = l.Discount.Currency
		}
		rows = append(rows, []any{o.ID, i, l.ID, l.SKU, l.ListingKey, l.Name, l.Quantity, minorOf(l.UnitPrice), minorOf(l.Discount),
			minorOf(l.Total), currency, l.VAT, strings.Join(l.Barcodes, "\n")})
	}
	return rows
}

const orderUpdate = `UPDATE orders SET external_number = ?, group_key = ?, parent_id = ?, site_order_id = ?, scheme = ?, status = ?,
	requested = ?, channel_status = ?, native = ?, native_sub = ?, payment = ?, holds = ?, hub_holds = ?, read_only = ?,
	placed_at = ?, changed_at = ?, ship_by = ?, answer_by = ?, total_minor = ?, currency = ?, customer = ?, units = ?, doubt = ?,
	doubt_since = ?, data = ?, version = ?, inbox_id = ?, read_at = ?, updated_at = ? WHERE id = ?`

// UpdateOrders writes changed orders, locked before in this transaction.
func (tx *Tx) UpdateOrders(ctx context.Context, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	now := tx.s.Now().Truncate(time.Microsecond) // as it will be read
	rows := make([][]any, 0, len(changes))
	for _, c := range changes {
		o := c.Order
		o.Version++
		o.UpdatedAt = now
		v, err := orderValues(o)
		if err != nil {
			return err
		}
		// orderValues from external_number to read_at.
		row := append([]any{}, v[4:32]...)
		rows = append(rows, append(row, micros(now), o.ID))
	}
	if err := tx.q.execMany(ctx, orderUpdate, rows); err != nil {
		return fmt.Errorf("update orders: %w", err)
	}
	if err := tx.moveTags(ctx, changes); err != nil {
		return err
	}
	return tx.rewriteLines(ctx, changes)
}

// rewriteLines replaces the lines of orders whose content changed and adds
// their new search words; old words keep finding the order.
func (tx *Tx) rewriteLines(ctx context.Context, changes []Change) error {
	var gone, lines, terms [][]any
	for _, c := range changes {
		if !c.Content {
			continue
		}
		gone = append(gone, []any{c.Order.ID})
		lines = append(lines, lineValues(c.Order)...)
		for _, t := range orderTerms(c.Order) {
			terms = append(terms, []any{t, c.Order.ID})
		}
	}
	if err := tx.q.execMany(ctx, "DELETE FROM lines WHERE order_id = ?", gone); err != nil {
		return fmt.Errorf("rewrite lines: %w", err)
	}
	if err := tx.q.insert(ctx, "lines", lineColumns, lines); err != nil {
		return fmt.Errorf("rewrite lines: %w", err)
	}
	if err := tx.q.execMany(ctx, "INSERT INTO terms (term, order_id) VALUES (?, ?) ON CONFLICT DO NOTHING", terms); err != nil {
		return fmt.Errorf("rewrite search terms: %w", err)
	}
	return nil
}
