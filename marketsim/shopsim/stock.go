package shopsim

import (
	"fmt"
	"net/http"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

var _ marketsim.Stocked = (*Market)(nil)

// shelf is what the hub said last of an article, less what was ordered since. A
// cancelled order puts nothing back: the hub sends the higher figure.
type shelf struct {
	left int64
	at   time.Time // of the hub's figure, zero = none yet
}

// Offer puts articles on sale, without stock.
func (m *Market) Offer(goods []marketsim.Product) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range goods {
		if m.shelves[g.SKU] == nil {
			m.shelves[g.SKU] = &shelf{}
		}
	}
}

// OnlyPublished makes Place fail with marketsim.ErrSoldOut beyond the figures.
func (m *Market) OnlyPublished(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onlyPublished = on
}

// Published is what is left of an article.
func (m *Market) Published(sku string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.shelves[sku]; s != nil {
		return s.left
	}
	return 0
}

// stockData is what the hub sends of stock. The shop's articles are its own, so
// it looks at listing and not at the hub's sku.
type stockData struct {
	Figures []struct {
		Listing   string    `json:"listing"`
		Available *int64    `json:"available"`
		At        time.Time `json:"at"`
	} `json:"figures"`
}

// takeStock writes figures onto the shelves, once per webhook id, all or none.
func (m *Market) takeStock(id string, data stockData) (status int, word string) {
	if len(data.Figures) == 0 {
		return http.StatusUnprocessableEntity, "no figures"
	}
	for _, f := range data.Figures {
		if f.Listing == "" || f.Available == nil || *f.Available < 0 || f.At.IsZero() {
			return http.StatusUnprocessableEntity, "not a figure"
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.taken[id] {
		return http.StatusOK, "duplicate"
	}
	m.taken[id] = true
	for _, f := range data.Figures {
		s := m.shelves[f.Listing]
		if s == nil {
			s = &shelf{}
			m.shelves[f.Listing] = s
		}
		// Nor does the same figure again: units may have been sold since.
		if f.At.After(s.at) {
			s.left, s.at = *f.Available, f.At
		}
	}
	return http.StatusOK, "taken"
}

// taking is what a basket took off a shelf, and of which figure.
type taking struct {
	units int64
	at    time.Time
}

// sell takes a basket off the shelves, or nothing of it; the caller holds the
// lock.
func (m *Market) sell(lines []marketsim.SpecLine) (map[string]taking, error) {
	units := map[string]int64{}
	for _, l := range lines {
		units[l.SKU] += l.Quantity
	}
	basket := map[string]taking{}
	for sku, n := range units {
		s := m.shelves[sku]
		if s == nil {
			s = &shelf{}
		}
		if m.onlyPublished && n > s.left {
			return nil, fmt.Errorf("place: %d of %s, %d left: %w", n, sku, s.left, marketsim.ErrSoldOut)
		}
		basket[sku] = taking{units: min(n, s.left), at: s.at}
	}
	for sku, t := range basket {
		if s := m.shelves[sku]; s != nil {
			s.left -= t.units
		}
	}
	return basket, nil
}

// putBack undoes sell, except where the hub has sent a newer figure meanwhile;
// the caller holds the lock.
func (m *Market) putBack(basket map[string]taking) {
	for sku, t := range basket {
		if s := m.shelves[sku]; s != nil && s.at.Equal(t.at) {
			s.left += t.units
		}
	}
}
