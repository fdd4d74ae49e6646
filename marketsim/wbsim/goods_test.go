package wbsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

const cardsPath = "/content/v2/get/cards/list"

// goods makes n articles.
func goods(prefix string, n int) []marketsim.Product {
	var out []marketsim.Product
	for i := range n {
		out = append(out, marketsim.Product{SKU: fmt.Sprintf("%s-%03d", prefix, i), Name: "Товар " + prefix})
	}
	return out
}

// stock publishes figures in a warehouse.
func (c *client) stock(warehouse int64, rows ...stockRow) {
	c.t.Helper()
	c.do("PUT", fmt.Sprintf("/api/v3/stocks/%d", warehouse), obj{"stocks": rows}, 204, nil)
}

// cards reads the cards page by page in the documented way.
func (c *client) cards(limit int, ascending bool, each func(page int)) []string {
	c.t.Helper()
	var names []string
	cursor := obj{"limit": limit}
	for n := 0; ; n++ {
		var out struct {
			Cards []struct {
				VendorCode string `json:"vendorCode"`
			} `json:"cards"`
			Cursor struct {
				UpdatedAt string      `json:"updatedAt"`
				NmID      json.Number `json:"nmID"`
				Total     int         `json:"total"`
			} `json:"cursor"`
		}
		c.do("POST", cardsPath, obj{"settings": obj{"sort": obj{"ascending": ascending}, "cursor": cursor}}, 200, &out)
		for _, card := range out.Cards {
			names = append(names, card.VendorCode)
		}
		if out.Cursor.Total != len(out.Cards) {
			c.t.Fatalf("total %d of %d cards", out.Cursor.Total, len(out.Cards))
		}
		if out.Cursor.Total < limit {
			return names
		}
		cursor = obj{"limit": limit, "updatedAt": out.Cursor.UpdatedAt, "nmID": out.Cursor.NmID}
		each(n)
	}
}

func TestCards(t *testing.T) {
	t.Parallel()
	clk := newClock()
	m, c := newMarket(t, Options{Now: clk.now, Traits: plain})
	m.Offer(goods("A", 30))
	m.Offer(append(goods("A", 5), goods("B", 10)...)) // five are there already
	quiet := func(int) {}
	up := c.cards(7, true, quiet)
	down := c.cards(10, false, quiet)
	slices.Reverse(down)
	if len(up) != 40 || !slices.Equal(up, down) || !slices.Equal(up, c.cards(100, true, quiet)) {
		t.Errorf("cards up %v\ndown %v", up, down)
	}
	sorted := slices.Sorted(slices.Values(up))
	if len(slices.Compact(sorted)) != 40 || !strings.HasPrefix(up[30], "B-") {
		t.Errorf("cards %v: want each once, the later ones at the end", up)
	}
	// What is offered while somebody reads is behind him.
	grown := c.cards(10, true, func(page int) {
		if page == 1 {
			m.Offer(goods("C", 3))
		}
	})
	if len(grown) != 43 || !strings.HasPrefix(grown[42], "C-") {
		t.Errorf("%d cards, want the three new ones too", len(grown))
	}
	// Without settings: ten, newest first; one by its barcode.
	var out struct {
		Cards []cardWire `json:"cards"`
	}
	c.do("POST", cardsPath, obj{}, 200, &out)
	if len(out.Cards) != 10 || !strings.HasPrefix(out.Cards[0].VendorCode, "C-") {
		t.Errorf("cards without settings: %+v", out.Cards)
	}
	c.do("POST", cardsPath, obj{"settings": obj{"filter": obj{"textSearch": marketsim.Barcode("B-003")}}}, 200, &out)
	if len(out.Cards) != 1 || out.Cards[0].VendorCode != "B-003" || out.Cards[0].Title != "Товар B" {
		t.Errorf("by barcode: %+v", out.Cards)
	}
	// The card, the order and the stock speak of one size.
	place(t, m, "", "B-003", 1)
	var orders struct {
		Orders []fbsOrder `json:"orders"`
	}
	c.do("GET", "/api/v3/orders/new", nil, 200, &orders)
	size, o := out.Cards[0].Sizes[0], orders.Orders[0]
	if o.ChrtID != size.ChrtID || o.NmID != out.Cards[0].NmID || !slices.Equal(o.SKUs, size.SKUs) || size.SKUs[0] != marketsim.Barcode("B-003") {
		t.Errorf("order %+v, card %+v", o, out.Cards[0])
	}
}

// TestCardsHaveNumbersOfTheirOwn: hashes of so many names meet, numbers do not.
func TestCardsHaveNumbersOfTheirOwn(t *testing.T) {
	t.Parallel()
	m, _ := newMarket(t, Options{Traits: plain})
	var many []marketsim.Product
	for i := range 60_000 {
		many = append(many, marketsim.Product{SKU: fmt.Sprintf("SKU-%06d", i)})
	}
	m.Offer(many)
	if len(m.cards) != len(many) || len(m.nms) != len(many) || len(m.chrts) != len(many) {
		t.Errorf("%d cards with %d numbers and %d sizes", len(m.cards), len(m.nms), len(m.chrts))
	}
	if !slices.IsSortedFunc(m.cards, func(a, b *card) int {
		if a.before(b) {
			return -1
		}
		return 1
	}) {
		t.Error("the cards are not in order")
	}
}

func TestCardsQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := quotaClient(t, 1)
		remaining(t, c.do("POST", cardsPath, obj{}, 200, nil), "4")
		remaining(t, c.do("POST", cardsPath, "no JSON", 400, nil), "3") // the tenfold price is the Marketplace's
		for range 3 {
			c.do("POST", cardsPath, obj{}, 200, nil)
		}
		c.do("POST", cardsPath, obj{}, 429, nil)
		time.Sleep(600 * time.Millisecond) // 100 a minute
		c.do("POST", cardsPath, obj{}, 200, nil)
		// A refusal of stock costs ten of the twenty.
		stocks := fmt.Sprintf("/api/v3/stocks/%d", MainWarehouse)
		over := obj{"stocks": []stockRow{{ChrtID: 5, Amount: maxAmount + 1}}}
		remaining(t, c.do("PUT", stocks, over, 409, nil), "10")
		remaining(t, c.do("PUT", stocks, over, 409, nil), "0")
		c.do("PUT", stocks, over, 429, nil)
	})
}

// TestStocksOfAnotherSeller: a refusal names every wrong figure and changes none.
func TestStocksOfAnotherSeller(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{Traits: plain})
	m.Offer(goods("A", 2))
	c.stock(MainWarehouse, stockRow{ChrtID("A-000"), 1})
	resp := c.do("PUT", fmt.Sprintf("/api/v3/stocks/%d", MainWarehouse), obj{"stocks": []stockRow{
		{ChrtID("A-000"), 9}, {5, 1}, {ChrtID("A-001"), maxAmount + 1},
	}}, 409, nil)
	want := fmt.Sprintf(`[{"code":"NotFound","message":"Not found","data":[{"chrtId":5,"amount":1}]},`+
		`{"code":"UploadDataLimit","message":"Upload limit exceeded.","data":[{"chrtId":%d,"amount":100001}]}]`, ChrtID("A-001"))
	if got := strings.TrimSpace(resp.body); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := m.Published("A-000"); got != 1 {
		t.Errorf("a refused call set %d", got)
	}
}

func TestStocksWhileTheWarehouseChanges(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(1, marketsim.Faults{FailRows: 1})
	m, c := newMarket(t, Options{Injector: in, Traits: plain})
	body := obj{"stocks": []stockRow{{ChrtID("CUP"), 3}}}
	c.fails("PUT", fmt.Sprintf("/api/v3/stocks/%d", MainWarehouse), body, 409, "StoreIsProcessing")
	if got := m.Published("CUP"); got != 0 {
		t.Errorf("a refused call set %d", got)
	}
	in.Set(marketsim.Faults{})
	c.stock(MainWarehouse, stockRow{ChrtID("CUP"), 3})
	if got := m.Published("CUP"); got != 3 {
		t.Errorf("published %d, want 3", got)
	}
}

func TestOnlyPublished(t *testing.T) {
	t.Parallel()
	// Every article lies in the second warehouse by its traits.
	m, c := newMarket(t, Options{Traits: func(string) Traits { return Traits{WarehouseID: SecondWarehouse} }})
	m.Offer(goods("A", 3))
	line := func(sku string, n int64) marketsim.SpecLine { return marketsim.SpecLine{SKU: sku, Quantity: n} }
	try := func(want int, lines ...marketsim.SpecLine) {
		t.Helper()
		ids, err := m.Place(marketsim.OrderSpec{Lines: lines})
		if len(ids) != want || (want == 0) != errors.Is(err, marketsim.ErrSoldOut) {
			t.Errorf("%v: %d orders, %v; want %d", lines, len(ids), err, want)
		}
	}
	published := func(want ...int64) {
		t.Helper()
		for i, w := range want {
			if got := m.Published(fmt.Sprintf("A-%03d", i)); got != w {
				t.Errorf("A-%03d: %d published, want %d", i, got, w)
			}
		}
	}
	published(0, 0, 0)
	try(1, line("A-000", 1)) // off: everything can be bought
	m.OnlyPublished(true)
	try(0, line("A-000", 1))
	c.stock(SecondWarehouse, stockRow{ChrtID("A-000"), 9}) // another warehouse does not count
	try(0, line("A-000", 1))
	c.stock(MainWarehouse, stockRow{ChrtID("A-000"), 5}, stockRow{ChrtID("A-001"), 2})
	published(5, 2, 0)
	try(3, line("A-000", 3)) // a purchase of three is three assembly orders
	published(2, 2, 0)
	before := len(m.Truth())
	try(0, line("A-000", 1), line("A-001", 3))                   // as a whole
	try(0, line("A-000", 2), line("A-000", 1))                   // two lines of one article
	try(0, line("A-001", 1), line("A-002", 1), line("A-000", 1)) // never published
	published(2, 2, 0)
	if got := len(m.Truth()); got != before {
		t.Errorf("refused purchases left %d orders", got-before)
	}
	try(3, line("A-000", 1), line("A-001", 2))
	ids, err := m.Place(marketsim.OrderSpec{Scheme: orderhub.SchemeDBS, Lines: []marketsim.SpecLine{line("A-000", 1)}})
	if err != nil {
		t.Fatal(err)
	}
	published(0, 0, 0)
	// The seller is told the main warehouse, and a cancel brings nothing back.
	var out struct {
		Orders []fbsOrder `json:"orders"`
	}
	c.do("GET", "/api/v3/orders/new", nil, 200, &out)
	if last := out.Orders[len(out.Orders)-1]; last.WarehouseID != MainWarehouse || last.IsZeroOrder {
		t.Errorf("order %+v, want it from the main warehouse", last)
	}
	act(t, m, ids[0], marketsim.ActCancel)
	published(0, 0, 0)
	m.OnlyPublished(false)
	try(1, line("A-002", 1))
}

// TestLastUnits: whatever buyers and the seller do at once, no more is sold than
// was published.
func TestLastUnits(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{Traits: plain})
	m.Offer(goods("A", 1))
	m.OnlyPublished(true)
	c.stock(MainWarehouse, stockRow{ChrtID("A-000"), 10})
	var sold, out atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			ids, err := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "A-000", Quantity: 2}}})
			switch {
			case err == nil:
				sold.Add(int64(len(ids)))
			case errors.Is(err, marketsim.ErrSoldOut):
				out.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if sold.Load() != 10 || out.Load() != 45 || m.Published("A-000") != 0 || len(m.Truth()) != 10 {
		t.Errorf("%d sold, %d refused, %d left, %d orders", sold.Load(), out.Load(), m.Published("A-000"), len(m.Truth()))
	}
}

func TestSettingsNameTheWarehouse(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{})
	var list []warehouseWire
	c.do("GET", "/api/v3/warehouses", nil, 200, &list)
	if got := m.Settings()["warehouse_id"]; got != fmt.Sprint(MainWarehouse) || list[0].ID != MainWarehouse {
		t.Errorf("warehouse_id %q, warehouses %+v", got, list)
	}
}
