package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
)

// HolderClaim is what an order or a cart asks of the warehouse now.
type HolderClaim struct {
	Holder int64 // see orderhub.Demand
	// From hands over first what another holder has: the cart that becomes this
	// order. What cannot be handed over is released. 0 = nobody.
	From  int64
	Claim orderhub.Claim
	// Rank is the place in the queue of new demands, see orderhub.Demand.
	Rank int64
	// Needs are units by SKU, kits taken apart, added up over the lines.
	Needs map[string]int64
	// Late is the part of Needs of lines that had no product until now. Once the
	// goods of a holder have left, this alone is news: a listing that is linked to
	// another product, or a product that became a kit, sends nothing out again.
	Late map[string]int64
	Why  string
}

// ClaimStock makes the demands of holders what they ask for now: reserves what
// is free, first come first served, releases what is not needed any more, takes
// off what has left. Nothing is reserved twice however often it is called. The
// caller has locked the orders or carts; the figures of the products are locked
// here, in one order. short tells what each holder still lacks in units.
//
// A product for which others wait gives nothing to newcomers: Allocate serves
// the queue.
func (tx *Tx) ClaimStock(ctx context.Context, warehouse string, claims []HolderClaim, actor orderhub.Actor) (short map[int64]int64, err error) {
	if len(claims) == 0 {
		return nil, nil
	}
	holders := make([]int64, 0, len(claims))
	for _, c := range claims {
		if holders = append(holders, c.Holder); c.From != 0 {
			holders = append(holders, c.From)
		}
	}
	demands, err := tx.demandsOf(ctx, warehouse, holders)
	if err != nil {
		return nil, err
	}
	var skus []string
	for _, c := range claims {
		skus = slices.AppendSeq(skus, maps.Keys(c.Needs))
		skus = slices.AppendSeq(skus, maps.Keys(demands[c.Holder]))
		skus = slices.AppendSeq(skus, maps.Keys(demands[c.From]))
	}
	b, err := tx.stockBook(ctx, warehouse, skus, actor)
	if err != nil {
		return nil, err
	}
	if len(demands) > 0 {
		if err := tx.handOver(ctx, claims); err != nil {
			return nil, err
		}
		// Again, now that the figures are locked: a count may have taken goods away.
		if demands, err = tx.demandsOf(ctx, warehouse, holders); err != nil {
			return nil, err
		}
	}
	waited, err := tx.waitedFor(ctx, warehouse, b.skus)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(claims, func(x, y HolderClaim) int {
		return cmp.Or(cmp.Compare(x.Rank, y.Rank), cmp.Compare(x.Holder, y.Holder))
	})
	short = map[int64]int64{}
	for _, c := range claims {
		for _, sku := range slices.Sorted(maps.Keys(demands[c.From])) {
			d := demands[c.From][sku]
			b.claim(&d, true, false, HolderClaim{Claim: orderhub.ClaimNone, Why: c.Why}, false)
		}
		mine := demands[c.Holder]
		left := haveLeft(mine)
		for _, sku := range slices.Sorted(maps.Keys(union(c.Needs, mine))) {
			d, known := mine[sku]
			if !known {
				d = orderhub.Demand{Holder: c.Holder, Warehouse: warehouse, SKU: sku, Rank: c.Rank}
			}
			b.claim(&d, known, left, c, waited[sku])
			short[c.Holder] += d.Short()
		}
	}
	return short, b.write(ctx)
}

// haveLeft tells whether the goods of a holder have left the warehouse.
func haveLeft(demands map[string]orderhub.Demand) bool {
	for _, d := range demands {
		if d.Consumed+d.Unbacked > 0 {
			return true
		}
	}
	return false
}

// handOver gives what carts have to the orders that they become. The figures
// stay as they are, and are locked: demands change under the lock of the figures
// alone.
func (tx *Tx) handOver(ctx context.Context, claims []HolderClaim) error {
	for _, c := range claims {
		if c.From == 0 {
			continue
		}
		if _, err := tx.q.exec(ctx, `UPDATE demands SET holder = ? WHERE holder = ? AND NOT EXISTS
			(SELECT 1 FROM demands d WHERE d.holder = ? AND d.sku = demands.sku AND d.warehouse = demands.warehouse)`, c.Holder, c.From, c.Holder); err != nil {
			return fmt.Errorf("hand goods over: %w", err)
		}
	}
	return nil
}

func union(needs map[string]int64, demands map[string]orderhub.Demand) map[string]bool {
	out := make(map[string]bool, len(needs)+len(demands))
	for sku := range needs {
		out[sku] = true
	}
	for sku := range demands {
		out[sku] = true
	}
	return out
}

// stockBook is the locked figures of some products with the moves to write.
type stockBook struct {
	tx        *Tx
	warehouse string
	actor     orderhub.Actor
	at        time.Time
	skus      []string // sorted
	stock     map[string]orderhub.Stock
	before    map[string]orderhub.Stock
	moves     []orderhub.Move
	demands   []orderhub.Demand // changed
	fresh     []bool            // of demands: not in the database yet
}

// stockBook locks the figures of products; those that have none get zeros. A
// SKU that is no product is an error.
func (tx *Tx) stockBook(ctx context.Context, warehouse string, skus []string, actor orderhub.Actor) (*stockBook, error) {
	slices.Sort(skus)
	skus = slices.Compact(skus)
	b := &stockBook{tx: tx, warehouse: warehouse, actor: actor, at: tx.s.Now(), skus: skus, stock: map[string]orderhub.Stock{}, before: map[string]orderhub.Stock{}}
	if len(skus) == 0 {
		return b, nil
	}
	list, err := tx.lockStock(ctx, warehouse, skus)
	if err != nil {
		return nil, err
	}
	if len(list) < len(skus) {
		if err := tx.addStock(ctx, warehouse, skus); err != nil {
			return nil, err
		}
		if list, err = tx.lockStock(ctx, warehouse, skus); err != nil {
			return nil, err
		}
	}
	for _, s := range list {
		b.stock[s.SKU], b.before[s.SKU] = s, s
	}
	for _, sku := range skus {
		if _, ok := b.stock[sku]; !ok {
			return nil, orderhub.Errorf(orderhub.CodeNotFound, "there is no product %q", sku)
		}
	}
	return b, nil
}

func (tx *Tx) addStock(ctx context.Context, warehouse string, skus []string) error {
	cond, arg := tx.q.in("sku", skus)
	if _, err := tx.q.exec(ctx, `INSERT INTO stock (warehouse, sku, on_hand, reserved, quarantine, expected, counted_at, exposure, exposure_max)
		SELECT CAST(? AS TEXT), sku, 0, 0, 0, 0, 0, 0, 0 FROM products WHERE `+cond+` ORDER BY sku ON CONFLICT DO NOTHING`, warehouse, arg); err != nil {
		return fmt.Errorf("add stock: %w", err)
	}
	return nil
}

const stockColumns = "warehouse, sku, on_hand, reserved, quarantine, expected, counted_at, exposure, exposure_max"

func (tx *Tx) lockStock(ctx context.Context, warehouse string, skus []string) ([]orderhub.Stock, error) {
	cond, arg := tx.q.in("sku", skus)
	return readStock(ctx, tx.q, "WHERE warehouse = ? AND "+cond+" ORDER BY sku"+tx.q.lock(), warehouse, arg)
}

func readStock(ctx context.Context, q querier, where string, args ...any) ([]orderhub.Stock, error) {
	rows, err := q.query(ctx, "SELECT "+stockColumns+" FROM stock "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read stock: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Stock
	for rows.Next() {
		var s orderhub.Stock
		var counted int64
		if err := rows.Scan(&s.Warehouse, &s.SKU, &s.OnHand, &s.Reserved, &s.Quarantine, &s.Expected, &counted, &s.Exposure, &s.ExposureMax); err != nil {
			return nil, fmt.Errorf("read stock: %w", err)
		}
		s.CountedAt = fromMicros(counted)
		out = append(out, s)
	}
	return out, rows.Err()
}

// claim moves one demand to what is asked, as far as the figures allow. left
// tells that goods of the holder have left: what the channel or the catalogue
// says now does not bring them back and sends no others.
//
// An order that was placed before the last count and is first seen when its goods
// are gone takes nothing: they lay on the shelf no more when it was counted. If
// they left after the count the book is too high by them until the next one;
// nobody but the channel knows when that was.
func (b *stockBook) claim(d *orderhub.Demand, known, left bool, c HolderClaim, waited bool) {
	was, stock := *d, b.stock[d.SKU]
	need := c.Needs[d.SKU]
	if left {
		need = d.Needed + c.Late[d.SKU]
	}
	switch c.Claim {
	case orderhub.ClaimReserve:
		d.Needed = need
		switch want := d.Short(); {
		case want < 0:
			b.release(d, -want, c.Why)
		case !waited:
			b.reserve(d, min(want, max(0, stock.Available())), c.Why)
		}
	case orderhub.ClaimConsumed:
		if !known && (stock.CountedAt.IsZero() || c.Rank < micros(stock.CountedAt)) {
			return // first seen when gone, and placed before the count: the figure is without it
		}
		d.Needed = need
		b.release(d, max(0, -d.Short()), c.Why)
		b.reserve(d, min(max(0, d.Short()), max(0, b.stock[d.SKU].Available())), c.Why)
		b.consume(d, c.Why)
	case orderhub.ClaimNone:
		if d.Consumed+d.Unbacked == 0 {
			d.Needed = 0
		}
		b.release(d, d.Reserved, c.Why)
	}
	if *d != was || (!known && d.Needed > 0) {
		b.demands, b.fresh = append(b.demands, *d), append(b.fresh, !known)
	}
}

func (b *stockBook) reserve(d *orderhub.Demand, n int64, why string) {
	if n <= 0 {
		return
	}
	d.Reserved += n
	b.move(orderhub.Move{SKU: d.SKU, Kind: orderhub.MoveReserve, Reserved: n, Holder: d.Holder, Why: why})
}

func (b *stockBook) release(d *orderhub.Demand, n int64, why string) {
	if n <= 0 {
		return
	}
	d.Reserved -= n
	b.move(orderhub.Move{SKU: d.SKU, Kind: orderhub.MoveRelease, Reserved: -n, Holder: d.Holder, Why: why})
}

// consume takes what is reserved off the shelf. What lacks left without being in
// the book; the next stocktake will tell.
func (b *stockBook) consume(d *orderhub.Demand, why string) {
	if n := d.Reserved; n > 0 {
		d.Reserved, d.Consumed = 0, d.Consumed+n
		b.move(orderhub.Move{SKU: d.SKU, Kind: orderhub.MoveConsume, OnHand: -n, Reserved: -n, Holder: d.Holder, Why: why})
	}
	d.Unbacked += d.Short()
}

func (b *stockBook) move(m orderhub.Move) {
	m.Warehouse, m.At, m.Actor = b.warehouse, b.at, b.actor
	b.moves = append(b.moves, m)
	b.stock[m.SKU] = b.stock[m.SKU].Add(m)
}

// write writes the figures, demands and moves. The CHECKs of the tables refuse
// what must not be, and with it the whole transaction.
func (b *stockBook) write(ctx context.Context) error {
	var rows [][]any
	var changed []string
	for _, sku := range b.skus {
		now, was := b.stock[sku], b.before[sku]
		if now == was {
			continue
		}
		rows = append(rows, []any{now.OnHand, now.Reserved, now.Quarantine, now.Expected, micros(now.CountedAt), b.warehouse, sku})
		if now.Available() != was.Available() {
			changed = append(changed, sku)
		}
	}
	if err := b.tx.q.update(ctx, "stock", []string{"on_hand", "reserved", "quarantine", "expected", "counted_at"}, []string{"warehouse", "sku"}, rows); err != nil {
		return fmt.Errorf("write stock: %w", err)
	}
	if err := b.writeDemands(ctx); err != nil {
		return err
	}
	if err := b.tx.addMoves(ctx, b.moves); err != nil {
		return err
	}
	return b.tx.MarkDirty(ctx, changed)
}

var demandColumns = []string{"holder", "warehouse", "sku", "needed", "reserved", "consumed", "unbacked", "returned", "rank"}

func (b *stockBook) writeDemands(ctx context.Context) error {
	var inserts, updates [][]any
	for i, d := range b.demands {
		if b.fresh[i] {
			inserts = append(inserts, []any{d.Holder, d.Warehouse, d.SKU, d.Needed, d.Reserved, d.Consumed, d.Unbacked, d.Returned, d.Rank})
		} else {
			updates = append(updates, []any{d.Needed, d.Reserved, d.Consumed, d.Unbacked, d.Returned, d.Holder, d.Warehouse, d.SKU})
		}
	}
	if err := b.tx.q.insert(ctx, "demands", demandColumns, inserts); err != nil {
		return fmt.Errorf("write demands: %w", err)
	}
	if err := b.tx.q.update(ctx, "demands", []string{"needed", "reserved", "consumed", "unbacked", "returned"}, []string{"holder", "warehouse", "sku"}, updates); err != nil {
		return fmt.Errorf("write demands: %w", err)
	}
	return nil
}

func (tx *Tx) addMoves(ctx context.Context, moves []orderhub.Move) error {
	rows := make([][]any, 0, len(moves))
	for _, m := range moves {
		rows = append(rows, []any{m.Warehouse, m.SKU, micros(m.At), string(m.Kind), m.OnHand, m.Reserved, m.Quarantine, m.Expected,
			m.Holder, m.Document, string(m.Actor.Kind), m.Actor.Name, m.Why})
	}
	if err := tx.q.insert(ctx, "moves", []string{"warehouse", "sku", "at", "kind", "on_hand", "reserved", "quarantine", "expected",
		"holder", "document", "actor_kind", "actor", "why"}, rows); err != nil {
		return fmt.Errorf("write moves: %w", err)
	}
	return nil
}

// demandsOf reads the demands of holders, by holder and SKU.
func (tx *Tx) demandsOf(ctx context.Context, warehouse string, holders []int64) (map[int64]map[string]orderhub.Demand, error) {
	cond, arg := tx.q.in("holder", holders)
	list, err := readDemands(ctx, tx.q, "WHERE warehouse = ? AND "+cond, warehouse, arg)
	if err != nil {
		return nil, err
	}
	out := map[int64]map[string]orderhub.Demand{}
	for _, d := range list {
		if out[d.Holder] == nil {
			out[d.Holder] = map[string]orderhub.Demand{}
		}
		out[d.Holder][d.SKU] = d
	}
	return out, nil
}

func readDemands(ctx context.Context, q querier, where string, args ...any) ([]orderhub.Demand, error) {
	rows, err := q.query(ctx, "SELECT holder, warehouse, sku, needed, reserved, consumed, unbacked, returned, rank FROM demands "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read demands: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Demand
	for rows.Next() {
		var d orderhub.Demand
		if err := rows.Scan(&d.Holder, &d.Warehouse, &d.SKU, &d.Needed, &d.Reserved, &d.Consumed, &d.Unbacked, &d.Returned, &d.Rank); err != nil {
			return nil, fmt.Errorf("read demands: %w", err)
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// isShort is the condition of the index demands_short.
const isShort = "reserved + consumed + unbacked < needed"

// waitedFor tells which products somebody is waiting for.
func (tx *Tx) waitedFor(ctx context.Context, warehouse string, skus []string) (map[string]bool, error) {
	if len(skus) == 0 {
		return nil, nil
	}
	cond, arg := tx.q.in("sku", skus)
	rows, err := tx.q.query(ctx, "SELECT DISTINCT sku FROM demands WHERE warehouse = ? AND "+isShort+" AND "+cond, warehouse, arg)
	if err != nil {
		return nil, fmt.Errorf("read the queue for stock: %w", err)
	}
	defer rows.Close()
	out := map[string]bool{}
	for rows.Next() {
		var sku string
		if err := rows.Scan(&sku); err != nil {
			return nil, fmt.Errorf("read the queue for stock: %w", err)
		}
		out[sku] = true
	}
	return out, rows.Err()
}
