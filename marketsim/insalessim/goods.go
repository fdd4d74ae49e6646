package insalessim

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// variant is one article, alone in its product.
type variant struct {
	id, product int64
	sku, name   string
	price       int64
	// left is what buyers can order; several warehouses share it out: the shop
	// has one.
	left    int64
	updated time.Time
}

// variant finds an article; one that was never offered gets a number, too, and
// no place in the catalogue.
func (m *Market) variant(sku string) *variant {
	if v := m.variants[sku]; v != nil {
		return v
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(sku))
	n := int64(h.Sum32())
	return &variant{id: 3_000_000_000 + n, product: 10_000_000 + n, sku: sku, name: marketsim.ProductName(sku)}
}

// Offer puts articles on sale, without stock.
func (m *Market) Offer(goods []marketsim.Product) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range goods {
		if m.variants[g.SKU] == nil {
			n := int64(len(m.variants)) + 1
			m.variants[g.SKU] = &variant{
				id: 2_176_480_000 + n, product: 9000 + n, sku: g.SKU, name: g.Name, price: g.PriceMinor, updated: m.opts.Now().UTC().Truncate(time.Second),
			}
		}
	}
}

// OnlyPublished makes Place fail with marketsim.ErrSoldOut beyond the figures.
func (m *Market) OnlyPublished(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onlyPublished = on
}

// Published is what buyers can order of an article.
func (m *Market) Published(sku string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.variant(sku).left
}

// sell takes a basket off the figures, or nothing of it; the caller holds the
// lock.
func (m *Market) sell(lines []marketsim.SpecLine) error {
	units := map[string]int64{}
	for _, l := range lines {
		if l.Quantity < 1 || l.PriceMinor < 0 {
			return fmt.Errorf("place: quantity %d at %d", l.Quantity, l.PriceMinor)
		}
		units[l.SKU] += l.Quantity
	}
	for sku, n := range units {
		if left := m.variant(sku).left; m.onlyPublished && n > left {
			return fmt.Errorf("place: %d of %s, %d left: %w", n, sku, left, marketsim.ErrSoldOut)
		}
	}
	for sku, n := range units {
		v := m.variant(sku)
		v.left = max(0, v.left-n)
	}
	return nil
}

// putBack gives the goods of a cancelled order back to the figures, as the shop
// does by itself; the caller holds the lock.
func (m *Market) putBack(o *order) {
	for _, l := range o.lines {
		m.variant(l.SKU).left += l.Quantity
	}
}

// queue takes figures for later: the answer to a group update says no more than
// that it came.
func (m *Market) queue(figures map[int64]int64) {
	m.later(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, v := range m.variants {
			if n, ok := figures[v.id]; ok && !m.in.RowFails("stock") {
				v.left, v.updated = n, m.opts.Now().UTC().Truncate(time.Second)
			}
		}
	})
}
