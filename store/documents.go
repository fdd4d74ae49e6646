package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
)

// DocumentLine is one product of a paper that changes stock.
type DocumentLine struct {
	SKU string `json:"sku"`
	// Quantity is what was counted, received, written off …: see the kind.
	Quantity int64 `json:"quantity"`
	// Before is what the book said then; filled in.
	Before int64 `json:"before"`
}

// Document is a paper that changes stock: a stocktake, a delivery, a write-off.
type Document struct {
	ID        int64             `json:"id"`
	Kind      orderhub.MoveKind `json:"kind"`
	Warehouse string            `json:"warehouse"`
	At        time.Time         `json:"at"`
	Actor     orderhub.Actor    `json:"actor"`
	Note      string            `json:"note,omitempty"`
	Lines     []DocumentLine    `json:"lines,omitempty"`
}

// PostDocument writes a paper and the moves it means, whole or not at all:
//
//	count       Quantity is what lies there; the difference is moved
//	receive     Quantity came in, and is expected no longer
//	restock     Quantity came back and can be sold again
//	quarantine  Quantity came back and waits (negative: a decision was made, see write_off and restock)
//	write_off   Quantity is gone, out of quarantine first
//	expect      Quantity is on its way (negative: no longer)
//
// A count below what is reserved takes goods from those who came last; they are
// short then.
func (tx *Tx) PostDocument(ctx context.Context, d *Document) error {
	skus := make([]string, len(d.Lines))
	for i, l := range d.Lines {
		skus[i] = l.SKU
	}
	if slices.Sort(skus); len(slices.Compact(slices.Clone(skus))) != len(skus) {
		return orderhub.InvalidField("lines", "a SKU is named twice")
	}
	if err := tx.BeginDocument(ctx, d); err != nil {
		return err
	}
	return tx.AddLines(ctx, d, 0, d.Lines)
}

// post moves the stock of one line.
func (b *stockBook) post(ctx context.Context, d *Document, l *DocumentLine) error {
	s := b.stock[l.SKU]
	l.Before = s.OnHand
	m := orderhub.Move{SKU: l.SKU, Kind: d.Kind, Document: d.ID, Why: d.Note}
	n := l.Quantity
	switch d.Kind {
	case orderhub.MoveCount:
		m.OnHand = n - s.OnHand
		m.Quarantine = min(0, n-s.Quarantine)
		if err := b.takeBack(ctx, l.SKU, s.Reserved+s.Quarantine+m.Quarantine-n); err != nil {
			return err
		}
		s = b.stock[l.SKU]
		s.CountedAt = b.at
		b.stock[l.SKU] = s
	case orderhub.MoveReceive:
		m.OnHand, m.Expected = n, -min(n, s.Expected)
		if s.CountedAt.IsZero() {
			s.CountedAt = b.at
			b.stock[l.SKU] = s
		}
	case orderhub.MoveRestock:
		m.OnHand = n
	case orderhub.MoveQuarantine:
		m.Quarantine = n
		if n > 0 {
			m.OnHand = n
		}
	case orderhub.MoveWriteOff:
		m.OnHand, m.Quarantine = -n, -min(n, s.Quarantine)
	case orderhub.MoveExpect:
		m.Expected = n
	case orderhub.MoveReserve, orderhub.MoveRelease, orderhub.MoveConsume:
		return orderhub.InvalidField("kind", "%s happens with orders, not by document", d.Kind)
	default:
		return orderhub.InvalidField("kind", "%q is not known; allowed: count, receive, restock, quarantine, write_off, expect", d.Kind)
	}
	after := b.stock[l.SKU].Add(m)
	if n < 0 && d.Kind != orderhub.MoveQuarantine && d.Kind != orderhub.MoveExpect {
		return orderhub.InvalidField("quantity", "%s: %d units; allowed: 0 and more", l.SKU, n)
	}
	if after.OnHand < 0 || after.Quarantine < 0 || after.Expected < 0 || after.Available() < 0 {
		return orderhub.InvalidField("quantity", "%s: %d units are more than there are (on hand %d, reserved %d, in quarantine %d, expected %d)",
			l.SKU, n, s.OnHand, s.Reserved, s.Quarantine, s.Expected)
	}
	b.move(m)
	return nil
}

// takeBack takes reserved units from those who came last.
func (b *stockBook) takeBack(ctx context.Context, sku string, n int64) error {
	if n <= 0 {
		return nil
	}
	last, err := readDemands(ctx, b.tx.q, "WHERE sku = ? AND warehouse = ? AND reserved > 0 ORDER BY rank DESC, holder DESC"+b.tx.q.lock(), sku, b.warehouse)
	if err != nil {
		return err
	}
	for _, d := range last {
		take := min(n, d.Reserved)
		if take == 0 {
			break
		}
		n -= take
		b.release(&d, take, "the count found fewer than were reserved")
		b.demands, b.fresh = append(b.demands, d), append(b.fresh, false)
	}
	return nil
}

// ShortHolders lists who waits for a product, in the order of the queue, as long
// as what is free reaches. The caller locks the orders and calls Allocate.
func (s *Store) ShortHolders(ctx context.Context, warehouse string, limit int) (holders []int64, err error) {
	rows, err := s.engine.reader().query(ctx, `SELECT d.holder FROM demands d JOIN stock s ON s.warehouse = d.warehouse AND s.sku = d.sku
		WHERE d.warehouse = ? AND d.reserved + d.consumed + d.unbacked < d.needed AND s.on_hand - s.reserved - s.quarantine > 0
		ORDER BY d.rank, d.holder LIMIT ?`, warehouse, limit)
	if err != nil {
		return nil, fmt.Errorf("read the queue for stock: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var h int64
		if err := rows.Scan(&h); err != nil {
			return nil, fmt.Errorf("read the queue for stock: %w", err)
		}
		holders = append(holders, h)
	}
	return slices.Compact(holders), rows.Err()
}

// Allocate gives what is free to those of the holders who wait, the first in the
// queue first, and tells what each still lacks. The caller has locked them.
func (tx *Tx) Allocate(ctx context.Context, warehouse string, holders []int64, actor orderhub.Actor) (short map[int64]int64, err error) {
	cond, arg := tx.q.in("holder", holders)
	list, err := readDemands(ctx, tx.q, "WHERE warehouse = ? AND "+cond+" ORDER BY rank, holder, sku", warehouse, arg)
	if err != nil {
		return nil, err
	}
	var skus []string
	for _, d := range list {
		if d.Short() > 0 {
			skus = append(skus, d.SKU)
		}
	}
	b, err := tx.stockBook(ctx, warehouse, skus, actor)
	if err != nil {
		return nil, err
	}
	// Again, now that the figures are locked.
	if list, err = readDemands(ctx, tx.q, "WHERE warehouse = ? AND "+cond+" ORDER BY rank, holder, sku", warehouse, arg); err != nil {
		return nil, err
	}
	short = map[int64]int64{}
	for _, d := range list {
		if n := min(d.Short(), b.stock[d.SKU].Available()); n > 0 {
			b.reserve(&d, n, "stock appeared")
			b.demands, b.fresh = append(b.demands, d), append(b.fresh, false)
		}
		short[d.Holder] += d.Short()
	}
	return short, b.write(ctx)
}

// MissingShortHolds lists orders that lack goods and do not show it: a count
// took them away.
func (s *Store) MissingShortHolds(ctx context.Context, warehouse string, limit int) ([]int64, error) {
	rows, err := s.engine.reader().query(ctx, `SELECT DISTINCT o.id FROM demands d JOIN orders o ON o.id = d.holder
		WHERE d.warehouse = ? AND d.reserved + d.consumed + d.unbacked < d.needed AND o.hub_holds NOT LIKE '%short%' ORDER BY o.id LIMIT ?`, warehouse, limit)
	if err != nil {
		return nil, fmt.Errorf("read short orders: %w", err)
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read short orders: %w", err)
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// Requeue moves a holder in the queue for goods: lower ranks are served first.
func (tx *Tx) Requeue(ctx context.Context, holder, rank int64) error {
	// The figures first, as everywhere: demands change under their lock alone.
	if _, err := readStock(ctx, tx.q, "WHERE sku IN (SELECT d.sku FROM demands d WHERE d.holder = ?) ORDER BY sku"+tx.q.lock(), holder); err != nil {
		return err
	}
	if _, err := tx.q.exec(ctx, "UPDATE demands SET rank = ? WHERE holder = ?", rank, holder); err != nil {
		return fmt.Errorf("move in the queue: %w", err)
	}
	return nil
}

// StockOf reads the figures of products; those that were never counted are left
// out.
func (s *Store) StockOf(ctx context.Context, warehouse string, skus []string) (map[string]orderhub.Stock, error) {
	q := s.engine.reader()
	cond, arg := q.in("sku", skus)
	list, err := readStock(ctx, q, "WHERE warehouse = ? AND "+cond, warehouse, arg)
	if err != nil {
		return nil, err
	}
	out := make(map[string]orderhub.Stock, len(list))
	for _, st := range list {
		out[st.SKU] = st
	}
	return out, nil
}

// Moves lists the moves of a product, newest first; before continues a list.
func (s *Store) Moves(ctx context.Context, warehouse, sku string, before int64, limit int) ([]orderhub.Move, error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	rows, err := s.engine.reader().query(ctx, `SELECT id, warehouse, sku, at, kind, on_hand, reserved, quarantine, expected, holder, document,
		actor_kind, actor, why FROM moves WHERE sku = ? AND warehouse = ? AND id < ? ORDER BY id DESC LIMIT ?`, sku, warehouse, before, limit)
	if err != nil {
		return nil, fmt.Errorf("read moves: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Move
	for rows.Next() {
		var m orderhub.Move
		var at int64
		var kind, actorKind string
		if err := rows.Scan(&m.ID, &m.Warehouse, &m.SKU, &at, &kind, &m.OnHand, &m.Reserved, &m.Quarantine, &m.Expected, &m.Holder, &m.Document,
			&actorKind, &m.Actor.Name, &m.Why); err != nil {
			return nil, fmt.Errorf("read moves: %w", err)
		}
		m.At, m.Kind, m.Actor.Kind = fromMicros(at), orderhub.MoveKind(kind), orderhub.ActorKind(actorKind)
		out = append(out, m)
	}
	return out, rows.Err()
}

// DemandTotals adds up the demands of orders per product.
func (s *Store) DemandTotals(ctx context.Context, warehouse string) (map[string]orderhub.Demand, error) {
	rows, err := s.engine.reader().query(ctx, `SELECT sku, CAST(SUM(needed) AS BIGINT), CAST(SUM(reserved) AS BIGINT), CAST(SUM(consumed) AS BIGINT),
		CAST(SUM(unbacked) AS BIGINT), CAST(SUM(returned) AS BIGINT) FROM demands WHERE warehouse = ? AND holder > 0 GROUP BY sku`, warehouse)
	if err != nil {
		return nil, fmt.Errorf("add up demands: %w", err)
	}
	defer rows.Close()
	out := map[string]orderhub.Demand{}
	for rows.Next() {
		d := orderhub.Demand{Warehouse: warehouse}
		if err := rows.Scan(&d.SKU, &d.Needed, &d.Reserved, &d.Consumed, &d.Unbacked, &d.Returned); err != nil {
			return nil, fmt.Errorf("add up demands: %w", err)
		}
		out[d.SKU] = d
	}
	return out, rows.Err()
}

// DemandsOf reads what an order or a cart needs and has got.
func (s *Store) DemandsOf(ctx context.Context, holder int64) ([]orderhub.Demand, error) {
	return readDemands(ctx, s.engine.reader(), "WHERE holder = ? ORDER BY sku", holder)
}

// StockNow is StockOf inside the transaction.
func (tx *Tx) StockNow(ctx context.Context, warehouse string, skus []string) (map[string]orderhub.Stock, error) {
	cond, arg := tx.q.in("sku", skus)
	list, err := readStock(ctx, tx.q, "WHERE warehouse = ? AND "+cond, warehouse, arg)
	out := make(map[string]orderhub.Stock, len(list))
	for _, st := range list {
		out[st.SKU] = st
	}
	return out, err
}
