package yandexsim

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

var (
	stocksOfFBS = fmt.Sprintf("/v2/campaigns/%d/offers/stocks", CampaignFBS)
	stocksSet   = fmt.Sprintf("/v3/businesses/%d/offers/stocks/update", BusinessID)
	stocksRead  = fmt.Sprintf("/v3/businesses/%d/offers/stocks", BusinessID)
	mappings    = fmt.Sprintf("/v2/businesses/%d/offer-mappings", BusinessID)
)

// groupRow and groupBody are a request of the v2 call.
func groupRow(sku string, n int, when time.Time) string {
	return fmt.Sprintf(`{"sku":%q,"items":[{"count":%d,"updatedAt":%q}]}`, sku, n, when.Format(time.RFC3339))
}

func groupBody(rows ...string) string { return `{"skus":[` + strings.Join(rows, ",") + `]}` }

func wareRow(sku string, warehouse int64, n int, when time.Time) string {
	return fmt.Sprintf(`{"sku":%q,"partnerWarehouseId":%d,"count":%d,"updatedAt":%q}`, sku, warehouse, n, when.Format(time.RFC3339))
}

func wareBody(rows ...string) string { return `{"skuItems":[` + strings.Join(rows, ",") + `]}` }

func published(m *Market, skus ...string) map[string]int64 {
	out := map[string]int64{}
	for _, sku := range skus {
		out[sku] = m.Published(sku)
	}
	return out
}

// figures are an offer's stock by type.
func figures(offer any) string {
	o := offer.(map[string]any)
	out := []string{o["offerId"].(string)}
	for _, s := range o["stocks"].([]any) {
		s := s.(map[string]any)
		out = append(out, fmt.Sprint(s["type"], " ", s["count"]))
	}
	return strings.Join(out, ", ")
}

func basket(sku string, n int64) marketsim.SpecLine {
	return marketsim.SpecLine{SKU: sku, Quantity: n, PriceMinor: 10_000}
}

func TestStocksOfAGroup(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, Options{Now: c.now})
	s.ok("PUT", stocksOfFBS, groupBody(groupRow("A", 18, start), groupRow("B", 0, start), groupRow("C", 5, start)))
	want := map[string]int64{"A": 18, "B": 0, "C": 5, "D": 0}
	if diff := cmp.Diff(want, published(s.m, "A", "B", "C", "D")); diff != "" {
		t.Errorf("stocks (-want +got):\n%s", diff)
	}
	s.refused("PUT", stocksOfFBS, groupBody(), 400, "skus size must be between 1 and 2000")
	s.refused("PUT", stocksOfFBS, groupBody(groupRow("B", 1, start), groupRow("A", 1, start), groupRow("A", 2, start)), 400, "Duplicate shop-sku A")
	s.refused("PUT", stocksOfFBS, groupBody(groupRow("A", -1, start)), 400, "must be less than or equal to")
	s.refused("PUT", stocksOfFBS, groupBody(groupRow("A", 1, start.Add(time.Minute))), 400, "Stock for A should not be in the future")
	s.refused("PUT", stocksOfFBS, groupBody(groupRow("A", 1, start.Add(-25*time.Hour))), 400, "Stock for A should not be older than a day")
	s.refused("PUT", stocksOfFBS, `{"skus":[{"sku":"A","items":[]}]}`, 400, "skus[0].items size must be between 1 and 1")
	s.refused("POST", stocksSet, wareBody(wareRow("A", 77001, 1, start)), 400, "with warehouse groups")
	s.refused("POST", stocksRead, `{"partnerWarehouseId":77001}`, 400, "with warehouse groups")

	// POST is the read method: quantities in it change nothing, and nobody says so.
	if r, err := s.send("POST", stocksOfFBS, groupBody(groupRow("A", 99, start)), nil); err != nil || r.status != 200 {
		t.Errorf("POST with quantities: %d %v", r.status, err)
	}
	if diff := cmp.Diff(want, published(s.m, "A", "B", "C", "D")); diff != "" {
		t.Errorf("stocks after refusals (-want +got):\n%s", diff)
	}
	r := s.ok("POST", stocksOfFBS+"?limit=2", "")
	if n := len(r.at("result", "warehouses", 0, "offers").([]any)); n != 2 {
		t.Errorf("first page has %d offers", n)
	}
	r = s.ok("POST", stocksOfFBS+"?limit=2&pageToken="+r.at("result", "paging", "nextPageToken").(string), "")
	if got := r.at("result", "warehouses", 0, "offers", 0, "offerId"); got != "C" {
		t.Errorf("second page starts with %v", got)
	}
	r = s.ok("POST", fmt.Sprintf("/v2/businesses/%d/warehouses", BusinessID), `{"components":["ADDRESS"]}`)
	if n := len(r.at("result", "warehouses").([]any)); n != 3 || r.at("result", "warehouses", 0, "groupInfo") == nil {
		t.Errorf("%d warehouses, the first in group %v", n, r.at("result", "warehouses", 0, "groupInfo"))
	}
	// One figure for all shops of the group.
	s.place(orderhub.SchemeDBS, basket("A", 3))
	r = s.ok("POST", stocksOfFBS, `{"offerIds":["A","D"]}`)
	if got := figures(r.at("result", "warehouses", 0, "offers", 0)); got != "A, FIT 18, FREEZE 3, AVAILABLE 15" {
		t.Errorf("figures %s", got)
	}
	if n := len(r.at("result", "warehouses", 0, "offers").([]any)); n != 1 {
		t.Errorf("%d offers, and nobody ever sent D", n)
	}
}

func TestSeparateWarehouses(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, Options{Now: c.now, Separate: true})
	if got := s.m.Settings()["warehouse_id"]; got != "77001" || s.m.Settings()["stock_campaign_id"] != "" {
		t.Errorf("settings %v", s.m.Settings())
	}
	s.ok("POST", stocksSet, wareBody(wareRow("A", 77001, 4, start), wareRow("A", 77002, 2, start)))
	s.refused("POST", stocksSet, wareBody(), 400, "skuItems size must be between 1 and 2000")
	s.refused("POST", stocksSet, wareBody(wareRow("A", 77001, 1, start), wareRow("A", 77001, 1, start)), 400, "Duplicate shop-sku A for warehouse 77001")
	s.refused("POST", stocksSet, wareBody(wareRow("A", 77004, 1, start)), 404, "Warehouse not found: 77004")
	s.refused("PUT", stocksOfFBS, groupBody(groupRow("A", 1, start)), 400, "without warehouse groups")
	s.refused("POST", stocksOfFBS, `{}`, 400, "without warehouse groups")
	s.refused("POST", stocksRead, `{}`, 400, "partnerWarehouseId must not be null")
	if got := s.m.Published("A"); got != 6 {
		t.Errorf("published %d in both warehouses", got)
	}
	s.place(orderhub.SchemeDBS, basket("A", 1))
	for warehouse, want := range map[int64]string{77001: "A, FIT 4, AVAILABLE 4", 77002: "A, FIT 2, FREEZE 1, AVAILABLE 1"} {
		r := s.ok("POST", stocksRead, fmt.Sprintf(`{"partnerWarehouseId":%d,"offerIds":["A","B"]}`, warehouse))
		if got := figures(r.at("result", "offers", 0)); got != want || r.at("result", "offers", 1) != nil {
			t.Errorf("warehouse %d: %s, want %s", warehouse, got, want)
		}
	}
	r := s.ok("POST", fmt.Sprintf("/v2/businesses/%d/warehouses", BusinessID), `{}`)
	if r.at("result", "warehouses", 0, "groupInfo") != nil {
		t.Error("a separate warehouse has a group")
	}
}

func TestOfferMappings(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Now: newClock().now})
	s.m.Offer(marketsim.Catalogue()[:5])
	s.m.Offer([]marketsim.Product{{SKU: "0557722", Name: "another name"}, {SKU: "OLD-1", Name: "Старая лампа"}})
	s.m.Archive("OLD-1")
	s.ok("PUT", stocksOfFBS, groupBody(groupRow("0557722", 2, start)))
	list := func(body string) (skus []string) {
		token := ""
		for range 10 {
			r := s.ok("POST", mappings+"?limit=2"+token, body)
			for i := range r.at("result", "offerMappings").([]any) {
				skus = append(skus, r.at("result", "offerMappings", i, "offer", "offerId").(string))
			}
			next, ok := r.at("result", "paging", "nextPageToken").(string)
			if !ok {
				return skus
			}
			token = "&pageToken=" + next
		}
		t.Fatal("the list does not end")
		return nil
	}
	var want []string
	for _, p := range marketsim.Catalogue()[:5] {
		want = append(want, p.SKU)
	}
	for body, want := range map[string][]string{"": want, `{"archived":false}`: want, `{"archived":true}`: {"OLD-1"}} {
		if diff := cmp.Diff(want, list(body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	r := s.ok("POST", mappings, `{"offerIds":["0557722","OLD-1","KR-002"]}`)
	var got []string
	for i := range r.at("result", "offerMappings").([]any) {
		o := func(path ...any) any { return r.at(append([]any{"result", "offerMappings", i, "offer"}, path...)...) }
		got = append(got, fmt.Sprint(o("offerId"), " ", o("name"), " ", o("barcodes", 0), " ", o("archived"), " ", o("campaigns", 0, "status")))
	}
	name := marketsim.Catalogue()[0].Name
	if diff := cmp.Diff([]string{
		"0557722 " + name + " " + marketsim.Barcode("0557722") + " false PUBLISHED",
		"KR-002 " + marketsim.ProductName("KR-002") + " " + marketsim.Barcode("KR-002") + " false NO_STOCKS",
		"OLD-1 Старая лампа " + marketsim.Barcode("OLD-1") + " true ARCHIVED",
	}, got); diff != "" {
		t.Errorf("offers (-want +got):\n%s", diff)
	}
	s.refused("POST", mappings, `{"offerIds":[]}`, 400, "offerIds size must be between 1 and 100")
	s.refused("POST", mappings+"?pageToken=x", `{}`, 400, "Bad page token")
}

func TestOnlyPublishedIsSold(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Now: newClock().now})
	s.m.Offer([]marketsim.Product{{SKU: "A", Name: "A"}, {SKU: "B", Name: "B"}})
	s.place(orderhub.SchemeFBS, basket("A", 2)) // as long as it is off, everything can be bought
	s.ok("PUT", stocksOfFBS, groupBody(groupRow("A", 3, start), groupRow("B", 1, start)))
	s.m.OnlyPublished(true)
	for name, lines := range map[string][]marketsim.SpecLine{
		"more than there is":     {basket("A", 4)},
		"the second line":        {basket("A", 1), basket("B", 2)},
		"two lines of one thing": {basket("A", 2), basket("A", 2)},
		"never published":        {basket("A", 1), basket("C", 1)},
	} {
		ids, err := s.m.Place(marketsim.OrderSpec{Lines: lines})
		if !errors.Is(err, marketsim.ErrSoldOut) || ids != nil {
			t.Errorf("%s: %v %v, want sold out", name, ids, err)
		}
	}
	if diff := cmp.Diff(map[string]int64{"A": 3, "B": 1}, published(s.m, "A", "B")); diff != "" || len(s.m.Truth()) != 1 {
		t.Errorf("a basket that is sold out changed something (-want +got):\n%s", diff)
	}
	s.place(orderhub.SchemeFBS, basket("A", 2), basket("B", 1))
	s.place(orderhub.SchemeDBS, basket("A", 1))
	s.place(orderhub.SchemeFBO, basket("A", 5)) // from the Market's own warehouse
	if diff := cmp.Diff(map[string]int64{"A": 0, "B": 0}, published(s.m, "A", "B")); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	s.m.OnlyPublished(false)
	s.place(orderhub.SchemeFBS, basket("A", 1))
	if got := s.m.Published("A"); got != 0 {
		t.Errorf("the figure is %d", got)
	}
	s.ok("PUT", stocksOfFBS, groupBody(groupRow("A", 3, start)))
	s.m.OnlyPublished(true)
	s.m.Archive("A")
	if _, err := s.m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{basket("A", 1)}}); !errors.Is(err, marketsim.ErrSoldOut) || s.m.Published("A") != 0 {
		t.Errorf("an archived article: %v, %d published", err, s.m.Published("A"))
	}
}

// TestCancelledUnits: what was reserved can be ordered again when the order is
// cancelled before it left, and never more than that.
func TestCancelledUnits(t *testing.T) {
	t.Parallel()
	pack := func(s *shop, id string) { s.setStatus(orderhub.SchemeFBS, id, "PROCESSING", "READY_TO_SHIP") }
	for _, c := range []struct {
		name string
		opts Options
		do   func(s *shop, id string)
		free int64
		held int64
	}{
		{name: "ordered", do: func(*shop, string) {}, free: 3, held: 2},
		{name: "by the buyer", do: func(s *shop, id string) { s.act(id, marketsim.ActCancel) }, free: 5},
		{name: "by the shop", do: func(s *shop, id string) { pack(s, id); s.setStatus(orderhub.SchemeFBS, id, "CANCELLED", "SHOP_FAILED") }, free: 5},
		{name: "the seller tells", opts: Options{KeepCancelled: true}, do: func(s *shop, id string) { s.act(id, marketsim.ActCancel) }, free: 3},
		{name: "shipped", do: func(s *shop, id string) { pack(s, id); s.progress(id, 1) }, free: 3},
		{name: "refused on delivery", do: func(s *shop, id string) { pack(s, id); s.progress(id, 2); s.act(id, marketsim.ActRefuse) }, free: 3},
		{name: "another figure between", do: func(s *shop, id string) {
			s.ok("PUT", stocksOfFBS, groupBody(groupRow("A", 1, start)))
			s.act(id, marketsim.ActCancel)
		}, free: 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.opts.Now = newClock().now
			s := open(t, c.opts)
			s.ok("PUT", stocksOfFBS, groupBody(groupRow("A", 5, start)))
			c.do(s, s.place(orderhub.SchemeFBS, basket("A", 2)))
			row := s.m.stocks[stockKey{groupID, "A"}]
			if row.free != c.free || row.held != c.held || s.m.Published("A") != c.free {
				t.Errorf("free %d, held %d, want %d and %d", row.free, row.held, c.free, c.held)
			}
		})
	}
}

// TestUnitsAreSoldOnce: many buyers and a seller who writes the same figure.
func TestUnitsAreSoldOnce(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Now: newClock().now, Limits: Limits{Off: true}})
	s.ok("PUT", stocksOfFBS, groupBody(groupRow("A", 7, start)))
	s.m.OnlyPublished(true)
	var sold atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, err := s.m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{basket("A", 1)}})
			switch {
			case err == nil:
				sold.Add(1)
			case !errors.Is(err, marketsim.ErrSoldOut):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if sold.Load() != 7 || s.m.Published("A") != 0 {
		t.Errorf("%d sold of 7, %d left", sold.Load(), s.m.Published("A"))
	}
}

// TestStockBooks: whatever happens in any order, figures are never negative, and
// what is held is what orders hold that have not left.
func TestStockBooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		m := New(Options{
			Now: c.now, Fast: true, Seed: rapid.Uint64().Draw(t, "seed"), CancelAnswer: time.Minute,
			Separate: rapid.Bool().Draw(t, "separate"), KeepCancelled: rapid.Bool().Draw(t, "keep"),
		})
		defer m.Close()
		schemes := []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS, orderhub.SchemeExpress, orderhub.SchemeFBO}
		acts := []marketsim.BuyerAct{marketsim.ActPay, marketsim.ActCancel, marketsim.ActRequestCancel, marketsim.ActRefuse, marketsim.ActReturn}
		skus := []string{"A", "B"}
		var ids []string
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			c.pass(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			switch who := rapid.IntRange(0, 4).Draw(t, "who"); {
			case who == 0:
				n := rapid.Int64Range(0, 9).Draw(t, "figure")
				if _, fail := m.setStocks([]figure{{"count", campaigns[rapid.IntRange(0, 2).Draw(t, "shop")], rapid.SampledFrom(skus).Draw(t, "sku"), &n, nil}}); fail != nil {
					t.Fatal(fail.message)
				}
			case who == 1 || len(ids) == 0:
				m.OnlyPublished(rapid.Bool().Draw(t, "only published"))
				got, err := m.Place(marketsim.OrderSpec{Scheme: rapid.SampledFrom(schemes).Draw(t, "scheme"), Pending: rapid.Bool().Draw(t, "pending"), Lines: []marketsim.SpecLine{
					basket(rapid.SampledFrom(skus).Draw(t, "sku"), rapid.Int64Range(1, 3).Draw(t, "n")), basket("A", 1),
				}})
				if err != nil && !errors.Is(err, marketsim.ErrSoldOut) {
					t.Fatal(err)
				}
				ids = append(ids, got...)
			case who == 2:
				_ = m.Act(rapid.SampledFrom(ids).Draw(t, "order"), rapid.SampledFrom(acts).Draw(t, "act"))
			case who == 3:
				if _, err := m.Progress(rapid.SampledFrom(ids).Draw(t, "order")); err != nil {
					t.Fatal(err)
				}
			default:
				m.mu.Lock()
				o, _ := m.find(rapid.SampledFrom(ids).Draw(t, "order"))
				_ = m.sell(o, wish{to: rapid.SampledFrom(settable).Draw(t, "to"), sub: rapid.SampledFrom([]substatus{"", subReady, subShopFailed}).Draw(t, "sub")}, m.tick())
				m.mu.Unlock()
			}
			checkBooks(t, m)
		}
	})
}

func checkBooks(t *rapid.T, m *Market) {
	m.mu.Lock()
	defer m.mu.Unlock()
	held := map[stockKey]int64{}
	for _, o := range m.books.orders {
		s := o.history.Now()
		gone := headline(s.status, s.sub).IsEnd() || s.status == stDelivery || s.status == stPickup || s.sub == subShipped
		if gone && o.held != nil {
			t.Fatalf("order %d holds %v in %s %s", o.id, o.held, s.status, s.sub)
		}
		for sku, n := range o.held {
			held[m.keyOf(o.shop, sku)] += n
		}
	}
	for key, s := range m.stocks {
		if s.free < 0 || s.held != held[key] {
			t.Fatalf("%v: free %d, held %d, orders hold %d", key, s.free, s.held, held[key])
		}
	}
}
