package wbsim

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// sweep pages through a list of orders as a client would; between runs after
// every page.
func (c *client) sweep(path string, limit int, between func(page int)) []string {
	c.t.Helper()
	ids := []string{}
	next := int64(0)
	for page := 1; ; page++ {
		var out struct {
			Next   int64      `json:"next"`
			Orders []fbsOrder `json:"orders"`
		}
		c.do("GET", fmt.Sprintf("%slimit=%d&next=%d", path, limit, next), nil, 200, &out)
		if len(out.Orders) == 0 {
			if out.Next != 0 {
				c.t.Fatalf("empty page with next %d", out.Next)
			}
			return ids
		}
		if out.Next <= next {
			c.t.Fatalf("next does not grow: %d after %d", out.Next, next)
		}
		for _, o := range out.Orders {
			ids = append(ids, strconv.FormatInt(o.ID, 10))
		}
		next = out.Next
		between(page)
	}
}

func TestPagingWhileOrdersArrive(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{})
	want := place(t, m, "", "CUP", 25)
	place(t, m, orderhub.SchemeDBS, "CUP", 3) // never in the FBS list
	got := c.sweep("/api/v3/orders?", 10, func(page int) {
		if page < 4 {
			want = append(want, place(t, m, "", fmt.Sprintf("LATE-%d", page), 3)...)
		}
	})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %d orders %v\nwant %d %v", len(got), got, len(want), want)
	}
	for _, id := range got {
		if n, _ := strconv.ParseInt(id, 10, 64); n <= 1<<31 {
			t.Errorf("id %s fits in 32 bits", id)
		}
	}
}

func TestListSelectsByDay(t *testing.T) {
	t.Parallel()
	clk := newClock()
	m, c := newMarket(t, Options{Now: clk.now})
	byAge := map[int]string{}
	// Ids and times disagree: backdated orders come later than younger ones.
	for _, days := range []int{1, 40, 5, 100, 0, 29} {
		ids, err := m.Place(marketsim.OrderSpec{
			Lines:    []marketsim.SpecLine{{SKU: "CUP", Quantity: 1}},
			PlacedAt: clk.now().AddDate(0, 0, -days),
		})
		if err != nil {
			t.Fatal(err)
		}
		byAge[days] = ids[0]
	}
	ago := func(days int) int64 { return clk.now().AddDate(0, 0, -days).Unix() }
	for _, tc := range []struct {
		query string
		want  []int
	}{
		{"", []int{1, 5, 0, 29}},
		{fmt.Sprintf("dateFrom=%d&", ago(5)), []int{1, 5, 0}},
		{fmt.Sprintf("dateFrom=%d&", ago(5)+1), []int{1, 0}},
		{fmt.Sprintf("dateFrom=%d&", ago(1)), []int{1, 0}},
		{fmt.Sprintf("dateFrom=%d&dateTo=%d&", ago(45), ago(29)), []int{40, 29}},
		{fmt.Sprintf("dateFrom=%d&dateTo=%d&", ago(101), ago(95)), nil}, // only in the archive
	} {
		want := []string{}
		for _, days := range tc.want {
			want = append(want, byAge[days])
		}
		if got := c.sweep("/api/v3/orders?"+tc.query, 2, func(int) {}); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, want %v", tc.query, got, want)
		}
	}
}

func TestBasketBecomesUnits(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{Seed: 3, Traits: marked})
	ids, err := m.Place(marketsim.OrderSpec{
		Lines:   []marketsim.SpecLine{{SKU: "0557722", Quantity: 2, PriceMinor: 10_001}, {SKU: "CUP", Quantity: 1, PriceMinor: 500}},
		Comment: strings.Repeat("ё", 400), Pending: true,
	})
	if err != nil || len(ids) != 3 {
		t.Fatalf("place: %v, %v", ids, err)
	}
	var out struct {
		Orders []fbsNewOrder `json:"orders"`
	}
	c.do("GET", "/api/v3/orders/new", nil, 200, &out)
	for i, want := range []struct {
		article string
		price   int64
	}{{"0557722", 10_001}, {"0557722", 10_001}, {"CUP", 500}} {
		o := out.Orders[i]
		if o.Article != want.article || o.Price != want.price || o.ChrtID != ChrtID(want.article) || o.OrderUID != out.Orders[0].OrderUID {
			t.Errorf("order %d: %+v", i, o)
		}
		if o.ChrtID <= 1<<31 || len([]rune(o.Comment)) != 300 || !reflect.DeepEqual(o.RequiredMeta, []string{"sgtin"}) {
			t.Errorf("order %d: %+v", i, o)
		}
		tr := truth(t, m, ids[i])
		if tr.TotalMinor != want.price || tr.Units != 1 || tr.Group != o.OrderUID || tr.Headline != orderhub.StatusNew {
			t.Errorf("truth %d: %+v", i, tr)
		}
	}
	if out.Orders[0].RID == out.Orders[1].RID {
		t.Error("two units share a rid")
	}
	for _, bad := range []marketsim.OrderSpec{
		{}, {Lines: []marketsim.SpecLine{{SKU: "", Quantity: 1}}}, {Lines: []marketsim.SpecLine{{SKU: "A"}}},
		{Lines: []marketsim.SpecLine{{SKU: "A", Quantity: 1, PriceMinor: -1}}},
		{Scheme: orderhub.SchemeFBO, Lines: []marketsim.SpecLine{{SKU: "A", Quantity: 1}}},
	} {
		if _, err := m.Place(bad); err == nil {
			t.Errorf("placed %+v", bad)
		}
	}
}

func TestSameSeedSameData(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		clk := newClock()
		m, c := newMarket(t, Options{Seed: seed, Now: clk.now})
		place(t, m, "", "CUP", 3)
		place(t, m, orderhub.SchemeDBS, "LAMP", 2)
		return c.supply() + c.do("GET", "/api/v3/orders/new", nil, 200, nil).body + c.do("GET", "/api/v3/dbs/orders/new", nil, 200, nil).body
	}
	first := run(1)
	if again := run(1); again != first {
		t.Error("the same seed gives other data")
	}
	if run(2) == first {
		t.Error("another seed gives the same data")
	}
}

// TestStaleReads: with every read on a stale replica, nothing done within the
// lag is seen, in any list.
func TestStaleReads(t *testing.T) {
	t.Parallel()
	clk := newClock()
	in := marketsim.NewInjector(1, marketsim.Faults{})
	m, c := newMarket(t, Options{Now: clk.now, Injector: in, Traits: plain})
	old := place(t, m, "", "CUP", 2)
	oldDBS := place(t, m, orderhub.SchemeDBS, "LAMP", 1)
	clk.step(time.Minute)
	in.Set(marketsim.Faults{Stale: 1, Lag: 10 * time.Second})

	s := c.supply()
	c.accept(s, old[0])
	act(t, m, old[1], marketsim.ActCancel)
	c.do("POST", "/api/marketplace/v3/dbs/orders/status/cancel", obj{"ordersIds": ints(oldDBS)}, 200, nil)
	young := place(t, m, "", "CUP", 1)
	stocks := fmt.Sprintf("/api/v3/stocks/%d", MainWarehouse)
	c.do("PUT", stocks, obj{"stocks": []stockRow{{ChrtID: 5, Amount: 1}}}, 204, nil)
	period := fmt.Sprintf("dateFrom=%d&dateTo=%d&", clk.now().Add(-time.Hour).Unix(), clk.now().Unix())

	look := func() []string {
		status := c.statuses(append(old, young...)...)
		return []string{
			"new " + strings.Join(c.newIDs("/api/v3/orders/new"), ","),
			"list " + strings.Join(c.sweep("/api/v3/orders?", 10, func(int) {}), ","),
			"statuses " + strings.Join([]string{status[old[0]], status[old[1]], status[young[0]]}, ","),
			"dbs new " + strings.Join(c.newIDs("/api/v3/dbs/orders/new"), ","),
			"dbs finished " + strings.Join(c.sweep("/api/v3/dbs/orders?"+period, 10, func(int) {}), ","),
			"supplies " + strconv.FormatBool(strings.Contains(c.do("GET", "/api/v3/supplies?limit=5&next=0", nil, 200, nil).body, s)),
			"stocks " + strings.TrimSpace(c.do("POST", stocks, obj{"chrtIds": []int64{5}}, 200, nil).body),
		}
	}
	stale := []string{
		"new " + strings.Join(old, ","), "list " + strings.Join(old, ","), "statuses new/waiting,new/waiting,",
		"dbs new " + oldDBS[0], "dbs finished ", "supplies false", `stocks {"stocks":[]}`,
	}
	if got := look(); !slices.Equal(got, stale) {
		t.Errorf("stale replica: got %q\nwant %q", got, stale)
	}
	c.fails("GET", "/api/v3/supplies/"+s, nil, 404, "NotFound")
	clk.step(10 * time.Second)
	fresh := []string{
		"new " + young[0], "list " + strings.Join(append(old, young...), ","),
		"statuses confirm/waiting,new/declined_by_client,new/waiting",
		"dbs new ", "dbs finished " + oldDBS[0], "supplies true", `stocks {"stocks":[{"chrtId":5,"amount":1}]}`,
	}
	if got := look(); !slices.Equal(got, fresh) {
		t.Errorf("after the lag: got %q\nwant %q", got, fresh)
	}
}

func TestStocks(t *testing.T) {
	t.Parallel()
	m, c := newMarket(t, Options{Traits: plain})
	path := fmt.Sprintf("/api/v3/stocks/%d", MainWarehouse)
	amount := func() string {
		return strings.TrimSpace(c.do("POST", path, obj{"chrtIds": []int64{ChrtID("CUP")}}, 200, nil).body)
	}
	// Wrong names: success, and nothing happens.
	c.do("PUT", path, obj{"stock": []obj{}}, 204, nil)
	c.do("PUT", path, obj{"stocks": []obj{{"chrtID": ChrtID("CUP"), "amount": 4}, {"chrtId": ChrtID("CUP"), "quantity": 4}}}, 204, nil)
	if got := amount(); got != `{"stocks":[]}` {
		t.Errorf("wrong names changed the stock: %s", got)
	}
	c.do("PUT", path, obj{"stocks": []stockRow{{ChrtID("CUP"), 1}}}, 204, nil)
	ids := place(t, m, "", "CUP", 2) // the second finds nothing left
	if got, want := amount(), fmt.Sprintf(`{"stocks":[{"chrtId":%d,"amount":0}]}`, ChrtID("CUP")); got != want {
		t.Errorf("stock after two orders: got %s, want %s", got, want)
	}
	var out struct {
		Orders []fbsOrder `json:"orders"`
	}
	c.do("GET", "/api/v3/orders?limit=10&next=0", nil, 200, &out)
	if len(out.Orders) != len(ids) || out.Orders[0].IsZeroOrder || !out.Orders[1].IsZeroOrder {
		t.Errorf("zero orders: %+v", out.Orders)
	}
}

// TestNewListIsSwept: orders that have left do not pile up in the list of new
// ones, and those that left just now are still there for a stale replica.
func TestNewListIsSwept(t *testing.T) {
	t.Parallel()
	clk := newClock()
	in := marketsim.NewInjector(1, marketsim.Faults{})
	m, c := newMarket(t, Options{Now: clk.now, Injector: in, Traits: plain})
	accept := func(ids []string) {
		for chunk := range slices.Chunk(ids, 100) {
			c.accept(c.supply(), chunk...)
		}
	}
	first, second := place(t, m, "", "CUP", 600), place(t, m, "", "CUP", 600)
	accept(first)
	clk.step(10 * time.Minute)
	accept(second)
	if got := c.newIDs("/api/v3/orders/new"); len(got) != 0 {
		t.Errorf("new: %d orders", len(got))
	}
	if got := len(m.fbs.fresh); got > 600 {
		t.Errorf("%d orders are kept, want at most the 600 of the last minutes", got)
	}
	in.Set(marketsim.Faults{Stale: 1, Lag: time.Second})
	if got := c.newIDs("/api/v3/orders/new"); !slices.Equal(got, second) {
		t.Errorf("stale: %d orders, want 600", len(got))
	}
}
