package shopifysim

import (
	"fmt"
	"hash/fnv"

	"github.com/orderhub/orderhub/marketsim"
)

// variant is one article, the only one of its product.
type variant struct {
	id, item  int64
	sku, name string
	// available is what buyers can order at the main location.
	available int64
}

// variant finds an article; one that was never offered has a number, too, and no
// place in the catalogue.
func (m *Market) variant(sku string) *variant {
	if v := m.variants[sku]; v != nil {
		return v
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(sku))
	n := int64(h.Sum32())
	return &variant{id: 49_000_000_000_000 + n, item: 51_000_000_000_000 + n, sku: sku, name: marketsim.ProductName(sku)}
}

// Offer puts articles on sale, without stock.
func (m *Market) Offer(goods []marketsim.Product) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range goods {
		if m.variants[g.SKU] == nil {
			v := m.variant(g.SKU)
			v.name = g.Name
			m.variants[g.SKU] = v
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
	return m.variant(sku).available
}

// sell commits a basket, or nothing of it; the caller holds the lock.
func (m *Market) sell(lines []marketsim.SpecLine) error {
	units := map[string]int64{}
	for _, l := range lines {
		if l.Quantity < 1 || l.PriceMinor < 0 {
			return fmt.Errorf("place: quantity %d at %d", l.Quantity, l.PriceMinor)
		}
		units[l.SKU] += l.Quantity
	}
	for sku, n := range units {
		if left := m.variant(sku).available; m.onlyPublished && n > left {
			return fmt.Errorf("place: %d of %s, %d left: %w", n, sku, left, marketsim.ErrSoldOut)
		}
	}
	for sku, n := range units {
		v := m.variant(sku)
		v.available = max(0, v.available-n)
	}
	return nil
}

// putBack restocks, as Shopify does when its people leave the tick where it is.
func (m *Market) putBack(o *order) {
	for _, l := range o.lines {
		m.variant(l.SKU).available += l.Quantity
	}
}
