package ozonsim

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
)

// hash is the source of every made-up id.
func hash(seed uint64, parts ...string) uint64 {
	h := fnv.New64a()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	_, _ = h.Write(b[:])
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	// FNV is weak in its high bits for short input; mix them (splitmix64).
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// newOrder makes an order with a number like 41200577-0031 and an int64 id.
func (m *Market) newOrder() *order {
	for try := 0; ; try++ {
		h := hash(m.opts.Seed, "order", fmt.Sprint(len(m.orders)), fmt.Sprint(try))
		number := fmt.Sprintf("%08d-%04d", 10_000_000+h%89_999_999, 1+h>>32%9_999)
		if m.orders[number] != nil {
			continue
		}
		o := &order{number: number, id: 30_000_000_000 + int64(h%9_000_000_000)}
		m.orders[number] = o
		return o
	}
}

// nextNumber reserves the next posting number of the order.
func (o *order) nextNumber() string {
	o.next++
	return fmt.Sprintf("%s-%d", o.number, o.next)
}

// catalogue knows the seller's articles. Ozon has three ids per article: the
// seller's own, the product_id (stocks) and the sku (postings).
type catalogue struct {
	byOffer   map[string]product
	bySKU     map[int64]string
	byProduct map[int64]string
}

type product struct {
	offer   string
	id, sku int64
}

func newCatalogue() catalogue {
	return catalogue{byOffer: map[string]product{}, bySKU: map[int64]string{}, byProduct: map[int64]string{}}
}

// get finds an article, or lists it: every article that is ordered or stocked
// is taken to be on sale. The ids come from the article's name alone.
func (c *catalogue) get(offer string) product {
	if p, ok := c.byOffer[offer]; ok {
		return p
	}
	p := product{offer: offer, sku: SKU(offer), id: 100_000_000 + int64(hash(2, offer)%800_000_000)}
	for c.bySKU[p.sku] != "" {
		p.sku++
	}
	for c.byProduct[p.id] != "" {
		p.id++
	}
	c.byOffer[offer], c.bySKU[p.sku], c.byProduct[p.id] = p, offer, offer
	return p
}

// SKU is Ozon's id of an article of the seller. It is the same in every market;
// two articles that collide get neighbouring ids, in the order of their first use.
func SKU(offer string) int64 { return 1_000_000_000 + int64(hash(1, offer)%8_000_000_000) }
