package ozonsim

import (
	"fmt"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// catalogue knows the seller's articles. Ozon has three ids per article: the
// seller's own, the product_id (stocks) and the sku (postings).
type catalogue struct {
	byOffer   map[string]*product
	bySKU     map[int64]string
	byProduct map[int64]string
	list      []*product // in the order in which they were listed
	inArchive int
}

type product struct {
	seq        int // from 1, the place in the list
	offer      string
	id, sku    int64
	name       string
	priceMinor int64
	archived   bool
}

func newCatalogue() catalogue {
	return catalogue{byOffer: map[string]*product{}, bySKU: map[int64]string{}, byProduct: map[int64]string{}}
}

// inventedMinor is the price of an article that was ordered or stocked before
// anybody offered it.
const inventedMinor = 100_000

// get finds an article, or lists it: every article that is ordered or stocked
// is taken to be on sale.
func (c *catalogue) get(offer string) *product {
	return c.add(marketsim.Product{SKU: offer, Name: "Товар " + offer, PriceMinor: inventedMinor})
}

// add lists an article unless it is there. The ids come from its SKU alone.
func (c *catalogue) add(g marketsim.Product) *product {
	if p := c.byOffer[g.SKU]; p != nil {
		return p
	}
	p := &product{
		seq: len(c.list) + 1, offer: g.SKU, sku: SKU(g.SKU), id: 100_000_000 + int64(hash(2, g.SKU)%800_000_000),
		name: g.Name, priceMinor: g.PriceMinor,
	}
	for c.bySKU[p.sku] != "" {
		p.sku++
	}
	for c.byProduct[p.id] != "" {
		p.id++
	}
	c.byOffer[p.offer], c.bySKU[p.sku], c.byProduct[p.id] = p, p.offer, p.offer
	c.list = append(c.list, p)
	return p
}

func (c *catalogue) archived(offer string) bool {
	p := c.byOffer[offer]
	return p != nil && p.archived
}

// SKU is Ozon's id of an article of the seller. It is the same in every market;
// two articles that collide get neighbouring ids, in the order of their first use.
func SKU(offer string) int64 { return 1_000_000_000 + int64(hash(1, offer)%8_000_000_000) }

// Offer puts articles into the catalogue, with the shop's own barcodes.
func (m *Market) Offer(goods []marketsim.Product) {
	m.enter()
	defer m.mu.Unlock()
	for _, g := range goods {
		if g.SKU != "" {
			m.goods.add(g)
		}
	}
}

// Archive moves an article into the archive or out of it. It leaves without
// stock: Ozon wants the stock at zero first.
func (m *Market) Archive(offer string, archived bool) error {
	m.enter()
	defer m.mu.Unlock()
	p := m.goods.byOffer[offer]
	if p == nil {
		return fmt.Errorf("archive: no article %q", offer)
	}
	if p.archived != archived {
		p.archived = archived
		if archived {
			m.goods.inArchive++
		} else {
			m.goods.inArchive--
		}
	}
	for _, w := range []warehouse{warehouseFBS, warehouseRFBS} {
		if s := m.stocks[stockKey{offer, w.id}]; s != nil && archived {
			s.free = 0
		}
	}
	return nil
}

// OnlyPublished makes buyers take only what the seller has published for the
// warehouse that their order comes from. What Ozon ships from its own
// warehouses (FBO) is not the seller's to publish and has no limit.
func (m *Market) OnlyPublished(on bool) {
	m.enter()
	defer m.mu.Unlock()
	m.limited = on
}

// Published is the free stock of the FBS warehouse; 0 when the seller never told.
func (m *Market) Published(sku string) int64 {
	free, _ := m.FreeStock(sku, warehouseFBS.id)
	return free
}

// soldOut names the first article of which a basket wants more than is left,
// all its lines together; "" = there is enough.
func (m *Market) soldOut(scheme orderhub.Scheme, basket []marketsim.SpecLine) string {
	if !m.limited || scheme == orderhub.SchemeFBO {
		return ""
	}
	wanted := map[string]int64{}
	for _, l := range basket {
		wanted[l.SKU] += l.Quantity
		var free int64
		if s := m.stocks[stockKey{l.SKU, warehouseOf(scheme).id}]; s != nil {
			free = s.free
		}
		if wanted[l.SKU] > free {
			return l.SKU
		}
	}
	return ""
}
