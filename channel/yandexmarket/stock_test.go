package yandexmarket

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/specs"
	"github.com/orderhub/orderhub/marketsim/yandexsim"
)

// warehousesReply are three warehouses, two of them in the given group.
func warehousesReply(group string) string {
	row := `{"id":%d,"name":"w","campaignId":%d,"express":false%s}`
	return `{"status":"OK","result":{"warehouses":[` + strings.Join([]string{
		fmt.Sprintf(row, 77001, fbsShop, group), fmt.Sprintf(row, 77002, dbsShop, group), fmt.Sprintf(row, 77003, expressShop, ""),
	}, ",") + `],"paging":{}}}`
}

const inGroup = `,"groupInfo":{"id":5,"name":"g"}`

// tape is a server that answers by path and writes the requests down.
type tape struct {
	mu    sync.Mutex
	text  bytes.Buffer
	paths []string
}

func (tp *tape) calls() []string {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return slices.Clone(tp.paths)
}

// stockSetup opens an adapter against canned answers, "METHOD /path" → body or
// "status body".
func stockSetup(t *testing.T, now func() time.Time, settings map[string]string, answers func(call string) (int, string)) (*adapter, *tape) {
	t.Helper()
	tp := &tape{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		call := r.Method + " " + r.URL.Path
		tp.mu.Lock()
		tp.paths = append(tp.paths, call)
		fmt.Fprintln(&tp.text, r.Method+" "+r.URL.RequestURI())
		if json.Indent(&tp.text, body, "", "  ") == nil {
			tp.text.WriteByte('\n')
		}
		tp.mu.Unlock()
		status, answer := answers(call)
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(srv.Close)
	in := channel.Settings{settingKey: "ACMA:test:1", settingBusiness: "1700101", channel.SettingBaseURL: srv.URL}
	maps.Copy(in, settings)
	ad, err := Channel.Open(in, channel.Deps{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return ad.(*adapter), tp
}

func atNoon() time.Time { return noon }

func figuresOf(pairs ...any) []channel.StockFigure {
	var out []channel.StockFigure
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, channel.StockFigure{Listing: orderhub.Listing{Key: pairs[i].(string)}, Quantity: int64(pairs[i+1].(int))})
	}
	return out
}

func outcomes(results []channel.StockResult) []channel.Outcome {
	var out []channel.Outcome
	for _, r := range results {
		out = append(out, r.Outcome)
	}
	return out
}

const (
	putStocksOfFBS = "PUT /v2/campaigns/22000001/offers/stocks"
	updateStocksV3 = "POST /v3/businesses/1700101/offers/stocks/update"
	listWarehouses = "POST /v2/businesses/1700101/warehouses"
)

func TestPushStock(t *testing.T) {
	t.Parallel()
	ok, bad, unsent := channel.OutcomeAccepted, channel.OutcomeFailed, channel.OutcomeUnsent
	for _, c := range []struct {
		name     string
		settings map[string]string
		group    string
		figures  []channel.StockFigure
		want     []channel.Outcome
		calls    []string
	}{
		{
			name: "grouped", settings: map[string]string{settingStockShop: "22000001"}, group: inGroup,
			figures: figuresOf("0557722", 18, "LAMP-7", 0), want: []channel.Outcome{ok, ok}, calls: []string{listWarehouses, putStocksOfFBS},
		},
		{
			name: "grouped_by_warehouse", settings: map[string]string{settingWarehouse: "77001"}, group: inGroup,
			figures: figuresOf("0557722", 18), want: []channel.Outcome{ok}, calls: []string{listWarehouses, putStocksOfFBS},
		},
		{
			name: "separate", settings: map[string]string{settingWarehouse: "77001"},
			figures: figuresOf("0557722", 18, "LAMP <7>", 2_000_000_000), want: []channel.Outcome{ok, ok}, calls: []string{listWarehouses, updateStocksV3},
		},
		{
			name: "separate_by_shop", settings: map[string]string{settingStockShop: "22000003"},
			figures: figuresOf("0557722", 1), want: []channel.Outcome{ok}, calls: []string{listWarehouses, updateStocksV3},
		},
		{
			// One bad row would make the Market refuse all.
			name: "bad_rows_stay_behind", settings: map[string]string{settingWarehouse: "77001"},
			figures: figuresOf("", 1, "A", 5, "B", -1, "C", 2_000_000_001, "A\x01", 1, strings.Repeat("x", 256), 1, "\xff", 1, "A", 6, "D", 0),
			want:    []channel.Outcome{bad, ok, bad, bad, bad, bad, bad, unsent, ok}, calls: []string{listWarehouses, updateStocksV3},
		},
		{
			name: "nothing_to_send", settings: map[string]string{settingWarehouse: "77001"},
			figures: figuresOf("", 1), want: []channel.Outcome{bad}, calls: []string{listWarehouses},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, tp := stockSetup(t, atNoon, c.settings, func(call string) (int, string) {
				if call == listWarehouses {
					return 200, warehousesReply(c.group)
				}
				return 200, `{"status":"OK"}`
			})
			results, err := a.PushStock(t.Context(), c.figures)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, outcomes(results)); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			for i, r := range results {
				if (r.Outcome == bad) != (r.Err != nil) || (r.Err != nil && orderhub.ClassOf(r.Err) != orderhub.ClassRejected) {
					t.Errorf("result %d: %s, %v", i, r.Outcome, r.Err)
				}
			}
			if diff := cmp.Diff(c.calls, tp.calls()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			channeltest.Golden(t, filepath.Join("testdata", "stock", c.name+".golden"), tp.text.Bytes())
		})
	}
}

func TestStockCallsThatFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		class  orderhub.Class
		says   string
	}{
		{"refused as a whole", 400, `{"status":"ERROR","errors":[{"code":"BAD_REQUEST","message":"Stock for A should not be in the future"}]}`, orderhub.ClassRejected, "in the future"},
		{"no right", 403, `{"status":"ERROR","errors":[{"code":"FORBIDDEN","message":"Token does not have any of the scopes"}]}`, orderhub.ClassAuth, "scopes"},
		{"too many", 420, `{"status":"ERROR","errors":[{"code":"LIMIT","message":"Hit rate limit of 50 requests per '1 minute' for resource 295"}]}`, orderhub.ClassRateLimited, "Hit rate limit"},
		{"lost", 500, `{"status":"ERROR","errors":[{"code":"INTERNAL","message":"Internal server error"}]}`, orderhub.ClassUncertain, "Internal"},
		{"no success", 200, `{"status":"ERROR","errors":[{"code":"X","message":"not today"}]}`, orderhub.ClassRejected, "not today"},
		{"no answer", 200, `{}`, orderhub.ClassUncertain, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, tp := stockSetup(t, atNoon, map[string]string{settingWarehouse: "77001"}, func(call string) (int, string) {
				if call == listWarehouses {
					return 200, warehousesReply("")
				}
				return c.status, c.body
			})
			results, err := a.PushStock(t.Context(), figuresOf("A", 1, "B", 2))
			if results != nil || err == nil || orderhub.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, %v; want class %s", results, err, c.class)
			}
			if n := len(tp.calls()); n != 2 {
				t.Errorf("calls %v: a write is never repeated", tp.calls())
			}
		})
	}
}

func TestStockNeedsASetting(t *testing.T) {
	t.Parallel()
	a, tp := stockSetup(t, atNoon, nil, func(string) (int, string) { return 500, "" })
	_, err1 := a.PushStock(t.Context(), figuresOf("A", 1))
	_, err2 := a.ReadStock(t.Context(), []orderhub.Listing{{Key: "A"}})
	for _, err := range []error{err1, err2} {
		var be *orderhub.BorderError
		if !errors.As(err, &be) || be.Class != orderhub.ClassRejected || !strings.Contains(be.Sentence, "stock_campaign_id or warehouse_id") {
			t.Errorf("got %v", err)
		}
	}
	if len(tp.calls()) != 0 {
		t.Errorf("calls %v", tp.calls())
	}
}

func TestChooseWay(t *testing.T) {
	t.Parallel()
	list := func(group string, more ...string) []warehouse {
		var page warehousePage
		if err := json.Unmarshal([]byte(warehousesReply(group)), &page); err != nil {
			t.Fatal(err)
		}
		for _, m := range more {
			var w warehouse
			if err := json.Unmarshal([]byte(m), &w); err != nil {
				t.Fatal(err)
			}
			page.Result.Warehouses = append(page.Result.Warehouses, w)
		}
		return page.Result.Warehouses
	}
	second := fmt.Sprintf(`{"id":77009,"campaignId":%d}`, fbsShop)
	again := fmt.Sprintf(`{"id":77001,"campaignId":%d}`, dbsShop)
	for _, c := range []struct {
		name     string
		list     []warehouse
		shop, id int64
		want     stockWay
		says     string
	}{
		{name: "group, by shop", list: list(inGroup), shop: dbsShop, want: stockWay{true, dbsShop, 77002}},
		{name: "group, by warehouse", list: list(inGroup), id: 77002, want: stockWay{true, dbsShop, 77002}},
		{name: "outside of the group of the account", list: list(inGroup), id: 77003, want: stockWay{true, expressShop, 77003}},
		{name: "separate, by shop", list: list(""), shop: dbsShop, want: stockWay{false, dbsShop, 77002}},
		{name: "separate, by warehouse", list: list(""), id: 77001, want: stockWay{false, fbsShop, 77001}},
		{name: "separate, by both", list: list("", second), shop: fbsShop, id: 77009, want: stockWay{false, fbsShop, 77009}},
		{name: "separate, not listed", list: nil, id: 88, want: stockWay{false, 0, 88}},
		{name: "a warehouse of two shops", list: list("", again), id: 77001, want: stockWay{false, fbsShop, 77001}},
		{name: "group, not listed", list: list(inGroup), id: 88, says: "no warehouse of the account fits the settings (warehouse_id 88); it has: 77001 (shop 22000001), 77002"},
		{name: "no such shop", list: list(""), shop: 1, says: "(stock_campaign_id 1)"},
		{name: "of another shop", list: list(""), shop: dbsShop, id: 77001, says: "(stock_campaign_id 22000002, warehouse_id 77001)"},
		{name: "several of one shop", list: list("", second), shop: fbsShop, says: "has several warehouses; fill in warehouse_id"},
	} {
		got, err := chooseWay(c.list, c.shop, c.id)
		if got != c.want || (err == nil) != (c.says == "") || (err != nil && !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %+v, %v; want %+v %s", c.name, got, err, c.want, c.says)
		}
	}
}

// TestWayIsRemembered for a time, and longer when the list cannot be had.
func TestWayIsRemembered(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now, group, status := noon, "", 200
	set := func(later time.Duration, g string, s int) {
		mu.Lock()
		defer mu.Unlock()
		now, group, status = now.Add(later), g, s
	}
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	a, tp := stockSetup(t, clock, map[string]string{settingStockShop: "22000001"}, func(call string) (int, string) {
		mu.Lock()
		defer mu.Unlock()
		if call == listWarehouses {
			return status, warehousesReply(group)
		}
		return 200, `{"status":"OK"}`
	})
	push := func(want ...string) {
		t.Helper()
		before := len(tp.calls())
		_, err := a.PushStock(t.Context(), figuresOf("A", 1))
		if diff := cmp.Diff(want, tp.calls()[before:]); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	push(listWarehouses, updateStocksV3)
	set(wayLasts-time.Second, inGroup, 200)
	push(updateStocksV3)
	set(time.Second, inGroup, 503)
	push(listWarehouses, updateStocksV3)
	set(0, inGroup, 200)
	push(listWarehouses, putStocksOfFBS)
	set(wayLasts, "", 403)
	if _, err := a.PushStock(t.Context(), figuresOf("A", 1)); orderhub.ClassOf(err) != orderhub.ClassAuth {
		t.Errorf("got %v", err)
	}
}

func TestBatchFitsTheMarket(t *testing.T) {
	t.Parallel()
	many := func(n, length int) []channel.StockFigure {
		var out []channel.StockFigure
		for i := range n {
			out = append(out, figuresOf(fmt.Sprintf("%0*d", length, i), i)...)
		}
		return out
	}
	for _, c := range []struct {
		name       string
		figures    []channel.StockFigure
		most, sent int
	}{
		{"as many as it takes", many(2000, 30), 2000, 2000},
		{"more rows", many(2001, 10), 2000, 2000},
		{"long ones", many(2000, 250), 2000, 1376},
	} {
		results, send := checkFigures(c.figures)
		n := 0
		for _, r := range results {
			if r.Outcome == channel.OutcomeAccepted {
				n++
			} else if r.Outcome != channel.OutcomeUnsent {
				t.Errorf("%s: %s", c.name, r.Outcome)
			}
		}
		rows := make([]warehouseRow, len(send))
		for i, f := range send {
			rows[i] = warehouseRow{SKU: f.Listing.Key, Warehouse: 1 << 62, Count: maxCount, UpdatedAt: "2026-11-20T12:00:00+03:00"}
		}
		body, _ := json.Marshal(stocksV3Request{rows})
		if n != c.sent || len(send) != n || len(body) > 512<<10 {
			t.Errorf("%s: %d rows of %d, want %d; %d bytes", c.name, n, len(c.figures), c.sent, len(body))
		}
	}
}

func TestReadStock(t *testing.T) {
	t.Parallel()
	offer := func(sku, stocks string) string { return fmt.Sprintf(`{"offerId":%q,"stocks":[%s]}`, sku, stocks) }
	row := func(kind string, n any) string { return fmt.Sprintf(`{"type":%q,"count":%v}`, kind, n) }
	offers := strings.Join([]string{
		offer("A", row("FIT", 20)+","+row("FREEZE", 2)+","+row("AVAILABLE", 18)),
		offer("B", row("FIT", 20)+","+row("FREEZE", 2)), offer("C", row("FREEZE", 2)), offer("D", row("DEFECT", 4)), offer("E", ""),
		offer("F", row("AVAILABLE", -3)), offer("G", row("AVAILABLE", 1.5)), offer("X", row("AVAILABLE", 7)), offer("A", row("AVAILABLE", 1)),
	}, ",")
	want := []channel.StockShown{{Key: "A", Quantity: 18}, {Key: "B", Quantity: 18}, {Key: "C"}, {Key: "D"}, {Key: "E"}, {Key: "F"}}
	var listings []orderhub.Listing
	for _, key := range []string{"A", "B", "C", "D", "E", "F", "G", "H", "A", ""} {
		listings = append(listings, orderhub.Listing{Key: key})
	}
	for _, c := range []struct {
		name, group, answer string
		want                []channel.StockShown
		class               orderhub.Class
	}{
		{name: "read_grouped", group: inGroup, want: want, answer: `{"warehouses":[{"warehouseId":500,"offers":[` + offer("H", row("AVAILABLE", 9)) + `]},{"warehouseId":77001,"offers":[` + offers + `]}]}`},
		{name: "read_separate", want: want, answer: `{"partnerWarehouseId":77001,"offers":[` + offers + `]}`},
		{name: "nothing known", answer: `{"partnerWarehouseId":77001,"offers":[]}`},
		{name: "nothing known of a group", group: inGroup, answer: `{"warehouses":[]}`},
		{name: "another warehouse", answer: `{"partnerWarehouseId":5,"offers":[]}`, class: orderhub.ClassRetry},
		{name: "no list", answer: `{}`, class: orderhub.ClassRetry},
		{name: "no list of a group", group: inGroup, answer: `{}`, class: orderhub.ClassRetry},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, tp := stockSetup(t, atNoon, map[string]string{settingWarehouse: "77001"}, func(call string) (int, string) {
				if call == listWarehouses {
					return 200, warehousesReply(c.group)
				}
				return 200, `{"status":"OK","result":` + c.answer + `}`
			})
			got, err := a.ReadStock(t.Context(), listings)
			if (err != nil) != (c.class != "") || (err != nil && orderhub.ClassOf(err) != c.class) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("shown (-want +got):\n%s", diff)
			}
			if c.want != nil {
				channeltest.Golden(t, filepath.Join("testdata", "stock", c.name+".golden"), tp.text.Bytes())
			}
		})
	}
}

func TestCheckTellsOfStock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, scopes, warehouse string
		status                  int
		want                    []string
		fails                   bool
	}{
		{name: "all well", scopes: `"ALL_METHODS"`, warehouse: "77001", status: 200},
		{name: "orders only", scopes: `"INVENTORY_AND_ORDER_PROCESSING"`, warehouse: "77001", status: 200, want: []string{"the key may not set stock; give it OFFERS_AND_CARDS_MANAGEMENT or ALL_METHODS"}},
		{name: "wrong warehouse", scopes: `"ALL_METHODS"`, warehouse: "5", status: 200, want: []string{
			"stock cannot be published: no warehouse of the account fits the settings (warehouse_id 5); it has: 77001 (shop 22000001), 77002 (shop 22000002), 77003 (shop 22000003)",
		}},
		{name: "no stock wanted", scopes: `"INVENTORY_AND_ORDER_PROCESSING"`},
		{name: "away", scopes: `"ALL_METHODS"`, warehouse: "5", status: 503, fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, _ := stockSetup(t, atNoon, map[string]string{settingWarehouse: c.warehouse}, func(call string) (int, string) {
				switch call {
				case listWarehouses:
					return c.status, warehousesReply(inGroup)
				case "POST /v2/auth/token":
					return 200, `{"status":"OK","result":{"apiKey":{"name":"hub key","authScopes":[` + c.scopes + `]}}}`
				default:
					return 200, `{"campaigns":[{"id":22000001,"business":{"id":1700101},"apiAvailability":"AVAILABLE"}],"paging":{}}`
				}
			})
			got, err := a.Check(t.Context())
			if (err != nil) != c.fails {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestStockWithTheSimulator: what is set is what buyers can order and what is
// read back, both ways, and every request is as the document says.
func TestStockWithTheSimulator(t *testing.T) {
	t.Parallel()
	for _, separate := range []bool{false, true} {
		t.Run(fmt.Sprintf("separate=%v", separate), func(t *testing.T) {
			t.Parallel()
			m, a := simulated(t, yandexsim.Options{Fast: true, Separate: separate})
			m.Offer(marketsim.Catalogue())
			m.OnlyPublished(true)
			listings := wholeCatalogue(t, a)
			var figures []channel.StockFigure
			for i, l := range listings {
				if l.Live {
					figures = append(figures, channel.StockFigure{Listing: l, Quantity: int64(i)})
				}
			}
			results, err := a.PushStock(t.Context(), figures)
			if err != nil || len(results) != 100 {
				t.Fatalf("%d results, %v", len(results), err)
			}
			const sku = "TR-002"
			before := m.Published(sku)
			ids, err := m.Place(marketsim.OrderSpec{Scheme: orderhub.SchemeFBS, Lines: []marketsim.SpecLine{{SKU: sku, Quantity: 2, PriceMinor: 100}}})
			if err != nil || m.Published(sku) != before-2 {
				t.Fatalf("%v, %d of %d left", err, m.Published(sku), before)
			}
			check := func() {
				t.Helper()
				shown, err := a.ReadStock(t.Context(), listings)
				if err != nil || len(shown) != 100 {
					t.Fatalf("%d shown, %v", len(shown), err)
				}
				for _, s := range shown {
					if s.Quantity != m.Published(s.Key) {
						t.Errorf("%s: read %d, on sale %d", s.Key, s.Quantity, m.Published(s.Key))
					}
				}
			}
			check()
			// As Descriptor.Stock.Restores says.
			if err := m.Act(ids[0], marketsim.ActCancel); err != nil {
				t.Fatal(err)
			}
			if got := m.Published(sku) == before; got != descriptor.Stock.Restores {
				t.Errorf("restored %v, the descriptor says %v", got, descriptor.Stock.Restores)
			}
			check()
		})
	}
}

// simulated opens an adapter against the simulator, whose traffic is validated.
func simulated(t *testing.T, opts yandexsim.Options) (*yandexsim.Market, *adapter) {
	t.Helper()
	m := yandexsim.New(opts)
	t.Cleanup(m.Close)
	srv := httptest.NewServer(specs.Load(t, document).Wrap(m.Handler(), func(v specs.Violation) { t.Errorf("not as the document says: %s", v) }))
	t.Cleanup(srv.Close)
	settings := channel.Settings{channel.SettingBaseURL: srv.URL}
	maps.Copy(settings, m.Settings())
	ad, err := Channel.Open(settings, channel.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	return m, ad.(*adapter)
}
