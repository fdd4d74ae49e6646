package yandexsim

import (
	"slices"
	"time"
)

// firstOrder is the id before the first order: beyond 32 bits, as real ones are.
const firstOrder int64 = 57_000_000_000

// books hold all orders with two indexes. Ids are consecutive, so the position
// follows from the id. Guarded by the market's lock.
type books struct {
	orders []*order
	// log has one entry per change in the order of time; an order's older
	// entries are left behind and swept out when they outnumber the orders.
	log []logEntry
	// created is sorted when it is needed: orders may be backdated.
	created []logEntry
	sorted  bool
}

type logEntry struct {
	at time.Time
	id int64
	n  int // which change of the order this was
}

func (b *books) get(id int64) *order {
	if i := id - firstOrder - 1; i >= 0 && i < int64(len(b.orders)) {
		return b.orders[i]
	}
	return nil
}

func (b *books) nextID() int64 { return firstOrder + 1 + int64(len(b.orders)) }

func (b *books) add(o *order) {
	b.orders = append(b.orders, o)
	b.created = append(b.created, logEntry{at: o.created, id: o.id})
	b.sorted = false
}

// changed notes that an order has a new state.
func (b *books) changed(at time.Time, o *order) {
	o.changes++
	b.log = append(b.log, logEntry{at, o.id, o.changes})
	if len(b.log) <= 2*len(b.orders)+1024 {
		return
	}
	live := b.log[:0]
	for _, e := range b.log {
		if b.get(e.id).changes == e.n {
			live = append(live, e)
		}
	}
	b.log = live
}

// after gives the orders with ids above id that may match the filter, in id
// order. It is a superset: the caller checks every one.
func (b *books) after(id int64, f *filter) []*order {
	if len(f.OrderIDs) > 0 {
		return b.pick(f.OrderIDs, id)
	}
	entries := b.narrow(f)
	if entries == nil {
		return b.orders[min(max(0, id-firstOrder), int64(len(b.orders))):]
	}
	ids := make([]int64, len(entries))
	for i, e := range entries {
		ids[i] = e.id
	}
	return b.pick(ids, id)
}

// narrow finds the index that leaves few orders; nil = walk through all, which
// is cheaper when many match, because a page ends the walk.
func (b *books) narrow(f *filter) []logEntry {
	few := len(b.orders)/20 + 64
	if !f.updateFrom.IsZero() {
		// An old state of an order has an older update date than its present one,
		// so what matched a moment ago is in this tail too.
		if tail := b.log[lowerBound(b.log, f.updateFrom):]; len(tail) <= few {
			return nonNil(tail)
		}
	}
	if f.createdFrom.IsZero() {
		return nil
	}
	if !b.sorted {
		slices.SortStableFunc(b.created, func(x, y logEntry) int { return x.at.Compare(y.at) })
		b.sorted = true
	}
	from, to := lowerBound(b.created, f.createdFrom), lowerBound(b.created, f.createdTo)
	if to-from <= few {
		return nonNil(b.created[from:max(from, to)])
	}
	return nil
}

func nonNil(e []logEntry) []logEntry {
	if e == nil {
		return []logEntry{}
	}
	return e
}

func lowerBound(entries []logEntry, at time.Time) int {
	i, _ := slices.BinarySearchFunc(entries, at, func(e logEntry, t time.Time) int {
		if e.at.Before(t) {
			return -1
		}
		return 1
	})
	return i
}

func (b *books) pick(ids []int64, above int64) []*order {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	var out []*order
	for _, id := range slices.Compact(sorted) {
		if o := b.get(id); id > above && o != nil {
			out = append(out, o)
		}
	}
	return out
}
