package marketsim

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/orderhub/orderhub"
)

// Shelf is the goods themselves: how many units of each article the seller has,
// and how many all markets together have sold. It is the truth about overselling.
// A nil Shelf counts nothing.
type Shelf struct {
	mu    sync.Mutex
	units map[string]int64 // ever put there
	taken map[string]int64 // sold and not given back
	over  map[string]int64 // the most that was taken beyond units
	doubt map[string]bool
	sold  map[string]map[string]int64 // order → article → units
	left  map[string]bool             // orders whose goods have left the warehouse
	back  map[string]bool             // returns whose goods are here again

	cameBack map[string]int64 // the part of units that returns brought
}

// NewShelf makes an empty shelf.
func NewShelf() *Shelf {
	return &Shelf{
		units: map[string]int64{}, taken: map[string]int64{}, over: map[string]int64{}, doubt: map[string]bool{},
		sold: map[string]map[string]int64{}, left: map[string]bool{}, back: map[string]bool{}, cameBack: map[string]int64{},
	}
}

// Put adds units. It must be done before the hub hears of them.
func (s *Shelf) Put(sku string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.units[sku] += n
}

// Take notes a sale. doubt tells that more is taken than there is, unless an
// order was cancelled of which the shelf was not told: see, then Judge.
func (s *Shelf) Take(market string, ids []string, lines []SpecLine) (doubt bool) {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// A purchase is one order, or one order for each unit (Wildberries).
	var each []map[string]int64
	whole := map[string]int64{}
	for _, l := range lines {
		whole[l.SKU] += l.Quantity
		for range l.Quantity {
			each = append(each, map[string]int64{l.SKU: 1})
		}
	}
	if len(ids) != len(each) {
		each = []map[string]int64{whole}
	}
	for i, id := range ids[:min(len(ids), len(each))] {
		s.sold[market+"/"+id] = each[i]
	}
	for sku, n := range whole {
		if s.taken[sku] += n; s.taken[sku] > s.units[sku] {
			s.doubt[sku], doubt = true, true
		}
	}
	return doubt
}

// See notes what became of an order: one that is cancelled before its goods left
// gives them back. Parts of a split keep them.
func (s *Shelf) See(market string, o TruthOrder) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := market + "/" + o.ID
	onWay := func(st orderhub.Status) bool {
		return st.Rank() >= orderhub.StatusShipped.Rank() && st != orderhub.StatusCancelled
	}
	if onWay(o.Headline) || slices.ContainsFunc(o.Calls, func(c Call) bool { return onWay(c.To) }) {
		s.left[key] = true
	}
	if o.Headline == orderhub.StatusCancelled && !s.left[key] && !strings.Contains(o.Native, "split") {
		for sku, n := range s.sold[key] {
			s.taken[sku] -= n
		}
		delete(s.sold, key)
	}
}

// GaveBack reports whether the goods of an order are on the shelf again.
func (s *Shelf) GaveBack(market, id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sold[market+"/"+id] == nil
}

// Judge settles the doubts of Take: what is still taken beyond what there is was
// sold twice.
func (s *Shelf) Judge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sku := range s.doubt {
		s.over[sku] = max(s.over[sku], s.taken[sku]-s.units[sku])
	}
	clear(s.doubt)
}

// Oversold is how many units of each article were promised beyond what there was,
// at the worst moment.
func (s *Shelf) Oversold() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int64{}
	for sku, n := range s.over {
		if n > 0 {
			out[sku] = n
		}
	}
	return out
}

// Taken is how many units of each article are sold and not given back.
func (s *Shelf) Taken() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.taken)
}

// Units is how many units there are of each article, sold ones among them.
func (s *Shelf) Units() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.units)
}
