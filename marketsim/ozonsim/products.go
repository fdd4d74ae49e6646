package ozonsim

import (
	"encoding/base64"
	"strconv"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// maxProducts is the largest page and the largest number of ids of the calls
// about articles.
const maxProducts = 1000

type productListRequest struct {
	Filter struct {
		OfferID    []string `json:"offer_id"`
		ProductID  []num    `json:"product_id"`
		SKUs       []num    `json:"skus"`
		Visibility string   `json:"visibility"`
	} `json:"filter"`
	LastID string `json:"last_id"`
	Limit  num    `json:"limit"`
}

type productListResponse struct {
	Result productList `json:"result"`
}

type productList struct {
	Items  []productRow `json:"items"`
	LastID string       `json:"last_id"`
	Total  int          `json:"total"`
}

type productRow struct {
	Archived   bool     `json:"archived"`
	FBO        bool     `json:"has_fbo_stocks"`
	FBS        bool     `json:"has_fbs_stocks"`
	Discounted bool     `json:"is_discounted"`
	OfferID    string   `json:"offer_id"`
	ProductID  int64    `json:"product_id"`
	Quants     []string `json:"quants"`
	SKU        int64    `json:"sku"`
}

// listProducts is /v3/product/list, in the order in which the articles were
// listed. As in the document's example even the last page has a last_id: the
// end is the page without articles. Of the many visibilities only ALL, which
// leaves the archive out, and ARCHIVED are simulated.
func (m *Market) listProducts(_ time.Time, req productListRequest) (any, *apiError) {
	f := req.Filter
	if n := len(f.OfferID) + len(f.ProductID) + len(f.SKUs); n > 0 {
		found, e := m.find(f.OfferID, f.ProductID, f.SKUs)
		if e != nil {
			return nil, e
		}
		return m.productPage(found, len(found)), nil
	}
	archive := f.Visibility == "ARCHIVED"
	switch {
	case req.Limit < 1 || req.Limit > maxProducts:
		return nil, invalid("invalid GetProductListRequest.Limit: value must be inside range [1, 1000]")
	case f.Visibility != "" && f.Visibility != "ALL" && !archive:
		return nil, invalid("invalid GetProductListRequest_Filter.Visibility: the simulator has ALL and ARCHIVED only")
	}
	after, e := parseLastID(req.LastID)
	if e != nil {
		return nil, e
	}
	var found []*product
	for i := after; i < len(m.goods.list) && len(found) < int(req.Limit); i++ {
		if p := m.goods.list[i]; p.archived == archive {
			found = append(found, p)
		}
	}
	total := m.goods.inArchive
	if !archive {
		total = len(m.goods.list) - m.goods.inArchive
	}
	return m.productPage(found, total), nil
}

func (m *Market) productPage(found []*product, total int) productListResponse {
	list := productList{Items: []productRow{}, Total: total}
	for _, p := range found {
		list.Items = append(list.Items, productRow{
			Archived: p.archived, FBS: m.free(p.offer) > 0, OfferID: p.offer, ProductID: p.id, Quants: []string{}, SKU: p.sku,
		})
		list.LastID = base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(p.seq)))
	}
	return productListResponse{list}
}

func parseLastID(s string) (after int, e *apiError) {
	if s == "" {
		return 0, nil
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	if err == nil {
		after, err = strconv.Atoi(string(raw))
	}
	if err != nil || after < 0 {
		return 0, invalid("invalid last_id")
	}
	return after, nil
}

// free is what buyers can order from the seller's own warehouses together.
func (m *Market) free(offer string) (n int64) {
	for _, w := range []warehouse{warehouseFBS, warehouseRFBS} {
		if s := m.stocks[stockKey{offer, w.id}]; s != nil {
			n += s.free
		}
	}
	return n
}

// find gathers the articles of one kind of ids; unknown ones are left out.
func (m *Market) find(offers []string, ids, skus []num) ([]*product, *apiError) {
	kinds := 0
	for _, n := range []int{len(offers), len(ids), len(skus)} {
		if n > maxProducts {
			return nil, invalid("value must contain no more than 1000 item(s)")
		}
		if n > 0 {
			kinds++
		}
	}
	if kinds != 1 {
		return nil, invalid("exactly one of offer_id, product_id and sku must be specified")
	}
	for _, id := range ids {
		offers = append(offers, m.goods.byProduct[int64(id)])
	}
	for _, sku := range skus {
		offers = append(offers, m.goods.bySKU[int64(sku)])
	}
	var found []*product
	seen := map[string]bool{}
	for _, offer := range offers {
		if p := m.goods.byOffer[offer]; p != nil && !seen[offer] {
			seen[offer] = true
			found = append(found, p)
		}
	}
	return found, nil
}

type productInfoRequest struct {
	OfferID   []string `json:"offer_id"`
	ProductID []num    `json:"product_id"`
	SKU       []num    `json:"sku"`
}

type productInfoResponse struct {
	Items []productInfo `json:"items"`
}

type productInfo struct {
	Barcodes     []string        `json:"barcodes"`
	CreatedAt    time.Time       `json:"created_at"`
	Currency     string          `json:"currency_code"`
	Errors       []struct{}      `json:"errors"`
	ID           int64           `json:"id"`
	Images       []string        `json:"images"`
	Archived     bool            `json:"is_archived"`
	AutoArchived bool            `json:"is_autoarchived"`
	Discounted   bool            `json:"is_discounted"`
	KGT          bool            `json:"is_kgt"`
	MinPrice     string          `json:"min_price"`
	Name         string          `json:"name"`
	OfferID      string          `json:"offer_id"`
	OldPrice     string          `json:"old_price"`
	Price        string          `json:"price"`
	PrimaryImage []string        `json:"primary_image"`
	SKU          int64           `json:"sku"`
	Sources      []productSource `json:"sources"`
	Statuses     productStatuses `json:"statuses"`
	Stocks       productStocks   `json:"stocks"`
	UpdatedAt    time.Time       `json:"updated_at"`
	VAT          string          `json:"vat"`
	Visibility   visibility      `json:"visibility_details"`
	Weight       float64         `json:"volume_weight"`
}

type productSource struct {
	CreatedAt time.Time `json:"created_at"`
	QuantCode string    `json:"quant_code"`
	Shipment  string    `json:"shipment_type"`
	SKU       int64     `json:"sku"`
	Source    string    `json:"source"`
}

type productStatuses struct {
	Created     bool      `json:"is_created"`
	Moderate    string    `json:"moderate_status"`
	Status      string    `json:"status"`
	Description string    `json:"status_description"`
	Failed      string    `json:"status_failed"`
	Name        string    `json:"status_name"`
	Tooltip     string    `json:"status_tooltip"`
	UpdatedAt   time.Time `json:"status_updated_at"`
	Validation  string    `json:"validation_status"`
}

type productStocks struct {
	HasStock bool           `json:"has_stock"`
	Stocks   []productStock `json:"stocks"`
}

type productStock struct {
	Present  int64  `json:"present"`
	Reserved int64  `json:"reserved"`
	SKU      int64  `json:"sku"`
	Source   string `json:"source"`
}

type visibility struct {
	HasPrice bool `json:"has_price"`
	HasStock bool `json:"has_stock"`
}

// productInfo is /v3/product/info/list.
func (m *Market) productInfo(_ time.Time, req productInfoRequest) (any, *apiError) {
	found, e := m.find(req.OfferID, req.ProductID, req.SKU)
	if e != nil {
		return nil, e
	}
	asked := map[string]bool{}
	for _, p := range found {
		asked[p.offer] = true
	}
	reserved := m.reserved(asked)
	answer := productInfoResponse{Items: make([]productInfo, 0, len(found))}
	for _, p := range found {
		answer.Items = append(answer.Items, m.infoOf(p, reserved))
	}
	return answer, nil
}

func (m *Market) infoOf(p *product, reserved map[stockKey]int64) productInfo {
	made := time.Date(2025, 3, 11, 9, 0, 0, 0, time.UTC)
	hasStock := m.free(p.offer) > 0
	info := productInfo{
		Barcodes: []string{marketsim.Barcode(p.offer)}, CreatedAt: made, UpdatedAt: made, Currency: currency, Errors: []struct{}{},
		ID: p.id, Images: []string{}, Archived: p.archived, Name: p.name, OfferID: p.offer,
		Price: decimal(p.priceMinor), PrimaryImage: m.pictures.Of(p.offer), SKU: p.sku, VAT: "0.2", Weight: 0.1,
		Sources: []productSource{{CreatedAt: made, Shipment: "SHIPMENT_TYPE_GENERAL", SKU: p.sku, Source: "SDS"}},
		Statuses: productStatuses{
			Created: true, Moderate: "approved", Status: "price_sent", Name: "Готов к продаже", UpdatedAt: made, Validation: "success",
		},
		Stocks:     productStocks{HasStock: hasStock, Stocks: []productStock{}},
		Visibility: visibility{HasPrice: p.priceMinor > 0, HasStock: hasStock},
	}
	for _, w := range []warehouse{warehouseFBS, warehouseRFBS} {
		key, source := stockKey{p.offer, w.id}, "fbs"
		if w.rfbs {
			source = "rfbs"
		}
		if s := m.stocks[key]; s != nil {
			info.Stocks.Stocks = append(info.Stocks.Stocks, productStock{s.free + reserved[key], reserved[key], p.sku, source})
		}
	}
	return info
}
