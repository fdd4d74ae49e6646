package yandexsim

import (
	"hash/fnv"
	"slices"
	"strings"

	"github.com/orderhub/orderhub/marketsim"
)

// shelf is the seller's catalogue, oldest offer first. Guarded by the market's
// lock.
type shelf struct {
	offers []*offer
	bySKU  map[string]*offer
}

type offer struct {
	sku, name string
	archived  bool
}

func newShelf() shelf { return shelf{bySKU: map[string]*offer{}} }

// Offer puts articles into the catalogue.
func (m *Market) Offer(goods []marketsim.Product) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range goods {
		sku := strings.TrimSpace(p.SKU)
		if sku == "" || m.goods.bySKU[sku] != nil {
			continue
		}
		o := &offer{sku: sku, name: p.Name}
		m.goods.bySKU[sku] = o
		m.goods.offers = append(m.goods.offers, o)
	}
}

// Archive puts an article into the seller's archive: nobody can order it.
func (m *Market) Archive(sku string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o := m.goods.bySKU[sku]; o != nil {
		o.archived = true
	}
}

// marketSKU is the Market's number of the card that the article is on.
func marketSKU(sku string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(sku))
	return 100_000_000_000 + int64(h.Sum64()%900_000_000_000)
}

// listOffers: POST /v2/businesses/{businessId}/offer-mappings (getOfferMappings).
// Of its filters it has those by SKU and by archive.
func (m *Market) listOffers(c *call) (any, *apiError) {
	var body struct {
		OfferIDs []string `json:"offerIds"`
		Archived bool     `json:"archived"`
	}
	if len(c.body) > 0 {
		if fail := c.decode(&body); fail != nil {
			return nil, fail
		}
	}
	if body.OfferIDs != nil && (len(body.OfferIDs) < 1 || len(body.OfferIDs) > 100) {
		return nil, refuse("offerIds size must be between 1 and 100 (rejected size: %d)", len(body.OfferIDs))
	}
	limit, fail := c.limit(100)
	if fail != nil {
		return nil, fail
	}
	m.pictures.Seen(c.r)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	mark := fingerprint(c.r.URL.Path, limit, body)
	at, fail := m.openToken(c, mark, now)
	if fail != nil {
		return nil, fail
	}
	list, paging := []any{}, map[string]any{}
	if len(body.OfferIDs) > 0 { // such a list is given whole, the archive included
		for _, o := range m.goods.offers {
			if slices.Contains(body.OfferIDs, o.sku) {
				list = append(list, m.offerDTO(o))
			}
		}
		return okResult(map[string]any{"offerMappings": list, "paging": paging}), nil
	}
	for ; at < int64(len(m.goods.offers)); at++ {
		o := m.goods.offers[at]
		if o.archived != body.Archived {
			continue
		}
		if len(list) == limit {
			paging["nextPageToken"] = m.newToken(at, mark, now)
			break
		}
		list = append(list, m.offerDTO(o))
	}
	return okResult(map[string]any{"offerMappings": list, "paging": paging}), nil
}

// offerDTO is GetOfferMappingDTO.
func (m *Market) offerDTO(o *offer) map[string]any {
	shops := []any{}
	for _, c := range campaigns {
		if !m.open[c.id] || c.program == programFBY {
			continue
		}
		status := "NO_STOCKS"
		if o.archived {
			status = "ARCHIVED"
		} else if s := m.stocks[m.keyOf(c, o.sku)]; s != nil && s.free > 0 {
			status = "PUBLISHED"
		}
		shops = append(shops, map[string]any{"campaignId": c.id, "status": status})
	}
	shown := map[string]any{
		"offerId": o.sku, "name": o.name, "barcodes": []string{marketsim.Barcode(o.sku)},
		"archived": o.archived, "campaigns": shops, "cardStatus": "HAS_CARD_CAN_NOT_UPDATE",
	}
	if pictures := m.pictures.Of(o.sku); len(pictures) > 0 {
		shown["pictures"] = pictures
	}
	return map[string]any{"offer": shown, "mapping": map[string]any{"marketSku": marketSKU(o.sku), "marketSkuName": o.name}}
}
