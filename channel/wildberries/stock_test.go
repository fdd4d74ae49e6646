package wildberries

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/wbsim"
)

// pretty is the body of a request, indented.
func pretty(t testing.TB, r *http.Request) string {
	t.Helper()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		t.Errorf("%s: %v", raw, err)
	}
	return out.String() + "\n"
}

// show pushes figures of listings, in order, and wants them accepted.
func (s *story) show(listings []orderhub.Listing, quantities ...int64) {
	s.t.Helper()
	var figures []channel.StockFigure
	for i, q := range quantities {
		figures = append(figures, channel.StockFigure{Listing: listings[i], Quantity: q})
	}
	results, err := s.a.PushStock(s.t.Context(), figures)
	if err != nil {
		s.t.Fatal(err)
	}
	for i, r := range results {
		if r.Outcome != channel.OutcomeAccepted || r.Err != nil {
			s.t.Errorf("figure %d: %+v", i, r)
		}
	}
}

func (s *story) shown(listings []orderhub.Listing) map[string]int64 {
	s.t.Helper()
	found, err := s.a.ReadStock(s.t.Context(), listings)
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]int64{}
	for _, f := range found {
		out[f.Key] = f.Quantity
	}
	return out
}

// TestStoryStock: catalogue, publish, a sale, read back, a figure that was never
// set, and the last unit.
func TestStoryStock(t *testing.T) {
	t.Parallel()
	s := newStory(t, nil, nil)
	s.market.Offer(marketsim.Catalogue()[:3])
	s.market.OnlyPublished(true)
	all := s.catalogue()
	s.show(all, 5, 1)
	if got := s.shown(all); len(got) != 2 || got[all[0].Key] != 5 || got[all[1].Key] != 1 {
		t.Errorf("shown %v: want two figures, and nothing of the third", got)
	}
	s.place(orderhub.SchemeFBS, all[0].Article, 3)
	if got := s.shown(all); got[all[0].Key] != 2 {
		t.Errorf("shown %v after three of five were sold", got)
	}
	s.show(all, 0, 4, 9)
	if got := s.shown(all); got[all[0].Key] != 0 || got[all[1].Key] != 4 || got[all[2].Key] != 9 {
		t.Errorf("shown %v", got)
	}
	_, err := s.market.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: all[0].Article, Quantity: 1}}})
	if !errors.Is(err, marketsim.ErrSoldOut) {
		t.Errorf("sold at zero: %v", err)
	}
}

// TestStoryStockOfDeletedCard: the size that Wildberries does not know fails
// alone, the others are sent again.
func TestStoryStockOfDeletedCard(t *testing.T) {
	t.Parallel()
	s := newStory(t, nil, nil)
	s.market.Offer(marketsim.Catalogue()[:2])
	all := s.catalogue()
	results, err := s.a.PushStock(t.Context(), []channel.StockFigure{
		{Listing: all[0], Quantity: 4}, {Listing: orderhub.Listing{Key: "17"}, Quantity: 1}, {Listing: all[1], Quantity: 5},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []channel.Outcome{channel.OutcomeAccepted, channel.OutcomeFailed, channel.OutcomeAccepted} {
		if results[i].Outcome != want {
			t.Errorf("figure %d: %+v, want %s", i, results[i], want)
		}
	}
	if got := s.shown(all); got[all[0].Key] != 4 || got[all[1].Key] != 5 {
		t.Errorf("shown %v", got)
	}
}

// TestStoryStockLost: a figure whose answer is lost is uncertain, and reading
// tells what became of it.
func TestStoryStockLost(t *testing.T) {
	t.Parallel()
	s := newStory(t, nil, nil)
	s.market.Offer(marketsim.Catalogue()[:1])
	all := s.catalogue()
	path := fmt.Sprintf("/api/v3/stocks/%d", wbsim.MainWarehouse)
	s.inject.Set(marketsim.Faults{Script: []marketsim.Scripted{{Method: http.MethodPut, Path: path, Nth: 1, Fault: marketsim.FaultTimeoutAfter}}})
	_, err := s.a.PushStock(t.Context(), []channel.StockFigure{{Listing: all[0], Quantity: 4}})
	if orderhub.ClassOf(err) != orderhub.ClassUncertain {
		t.Errorf("got %v, want uncertain", err)
	}
	if got := s.shown(all); got[all[0].Key] != 4 {
		t.Errorf("shown %v", got)
	}
	s.inject.Set(marketsim.Faults{FailRows: 1})
	_, err = s.a.PushStock(t.Context(), []channel.StockFigure{{Listing: all[0], Quantity: 5}})
	if orderhub.ClassOf(err) != orderhub.ClassRetry {
		t.Errorf("got %v, want retry: the warehouse is being changed", err)
	}
}

// reply is a canned answer to a stock call.
type reply struct {
	status int
	body   string
}

var written = reply{status: http.StatusNoContent}

func conflict(body string) reply { return reply{http.StatusConflict, body} }

// stockAt opens an adapter at a server that answers in order and keeps what was sent.
func stockAt(t *testing.T, sent *strings.Builder, replies ...reply) *adapter {
	t.Helper()
	n := 0
	return testAdapter(t, serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(sent, "%s %s\n%s", r.Method, r.URL.Path, pretty(t, r))
		if n++; n > len(replies) {
			t.Errorf("call %d was not expected", n)
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.WriteHeader(replies[n-1].status)
		w.Write([]byte(replies[n-1].body))
	}}), map[string]string{settingWarehouse: "658434"})
}

// sized makes figures of the sizes 1001, 1002, ... with quantities 1, 2, ...
func sized(n int) []channel.StockFigure {
	var out []channel.StockFigure
	for i := range n {
		out = append(out, channel.StockFigure{
			Listing:  orderhub.Listing{Key: fmt.Sprint(1001 + i), Barcodes: []string{fmt.Sprint(2040000001001 + i)}},
			Quantity: int64(i + 1),
		})
	}
	return out
}

const (
	notFound1001 = `{"code":"NotFound","message":"Not found","data":[{"sku":"","chrtId":1001,"amount":1}]}`
	limit1003    = `{"code":"UploadDataLimit","message":"Upload limit exceeded.","data":[{"sku":"2040000001003","amount":100001}]}`
	processing   = `{"code":"StoreIsProcessing","message":"The store is processing"}`
)

// TestPushStockBodies holds what goes over the wire and what comes out of it.
func TestPushStockBodies(t *testing.T) {
	t.Parallel()
	yes := channeltest.PushWant{Outcome: channel.OutcomeAccepted}
	unsent := channeltest.PushWant{Outcome: channel.OutcomeUnsent}
	odd := sized(5)
	odd[0].Listing.Key, odd[1].Listing.Key = "MUG-RED", ""
	odd[2].Quantity, odd[3].Quantity, odd[4].Quantity = -1, maxAmount+1, maxAmount
	big := sized(1)
	big[0].Listing.Key = "9007199254740995"
	zero := sized(1)
	zero[0].Quantity = 0
	for name, tt := range map[string]struct {
		figures []channel.StockFigure
		replies []reply
		want    []channeltest.PushWant
		class   orderhub.Class // of the whole call
	}{
		"accepted":    {sized(3), []reply{written}, []channeltest.PushWant{yes, yes, yes}, ""},
		"zero":        {zero, []reply{written}, []channeltest.PushWant{yes}, ""},
		"long_id":     {big, []reply{written}, []channeltest.PushWant{yes}, ""},
		"checked":     {odd, []reply{written}, []channeltest.PushWant{no, no, no, no, yes}, ""},
		"checked_all": {odd[:4], nil, []channeltest.PushWant{no, no, no, no}, ""},
		"nothing":     {nil, nil, nil, ""},
		"one_named":   {sized(3), []reply{conflict(`[` + notFound1001 + `]`), written}, []channeltest.PushWant{no, yes, yes}, ""},
		"by_barcode":  {sized(3), []reply{conflict(`[` + limit1003 + `]`), written}, []channeltest.PushWant{yes, yes, no}, ""},
		"all_named":   {sized(1), []reply{conflict(`[` + notFound1001 + `]`)}, []channeltest.PushWant{no}, ""},
		"named_twice": {
			sized(3), []reply{conflict(`[` + notFound1001 + `]`), conflict(`[` + limit1003 + `]`)}, []channeltest.PushWant{no, unsent, no}, "",
		},
		"named_and_processing": {sized(2), []reply{conflict(`[` + notFound1001 + `,` + processing + `]`)}, []channeltest.PushWant{no, later}, ""},
		"named_then_unnamed": {
			sized(2), []reply{conflict(`[` + notFound1001 + `]`), conflict(`[{"code":"ProductPropertyConflict","message":"no"}]`)}, []channeltest.PushWant{no, unsent}, "",
		},
		"named_then_lost":       {sized(2), []reply{conflict(`[` + notFound1001 + `]`), {500, ``}}, []channeltest.PushWant{no, unsure}, ""},
		"named_then_processing": {sized(2), []reply{conflict(`[` + notFound1001 + `]`), conflict(`[` + processing + `]`)}, []channeltest.PushWant{no, later}, ""},
		"processing":            {sized(2), []reply{conflict(`[` + processing + `]`)}, nil, orderhub.ClassRetry},
		"processing_object":     {sized(2), []reply{conflict(processing)}, nil, orderhub.ClassRetry},
		"blocked":               {sized(2), []reply{{406, `{"code":"WarehouseStocksUpdateBlock","message":"The warehouse is processing"}`}}, nil, orderhub.ClassRetry},
		"unnamed":               {sized(2), []reply{conflict(`[{"code":"ProductPropertyConflict","message":"no"}]`)}, nil, orderhub.ClassRejected},
		"names_another":         {sized(2), []reply{conflict(`[{"code":"NotFound","message":"no","data":[{"chrtId":5,"amount":1}]}]`)}, nil, orderhub.ClassRejected},
		"banned":                {sized(2), []reply{{406, `{"code":"StatusNotAcceptable","message":"Обновление остатков заблокировано в связи с баном поставщика"}`}}, []channeltest.PushWant{no, no}, ""},
		"no_warehouse":          {sized(2), []reply{{404, `{"code":"NotFound","message":""}`}}, []channeltest.PushWant{no, no}, ""},
		"sku_disabled":          {sized(2), []reply{{400, `{"code":"SKUUploadDisabled","message":"no"}`}}, nil, orderhub.ClassRejected},
		"server_error":          {sized(2), []reply{{500, ``}}, nil, orderhub.ClassUncertain},
		"too_many":              {sized(2), []reply{{429, gatewayBody}}, nil, orderhub.ClassRateLimited},
		"not_allowed":           {sized(2), []reply{{403, `{"code":"AccessDenied","message":"no"}`}}, nil, orderhub.ClassAuth},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent strings.Builder
			results, err := stockAt(t, &sent, tt.replies...).PushStock(t.Context(), tt.figures)
			if tt.class != "" {
				if err == nil || orderhub.ClassOf(err) != tt.class {
					t.Errorf("got %v, want an error of class %s", err, tt.class)
				}
			} else if err != nil {
				t.Errorf("got %v", err)
			}
			if len(results) != len(tt.want) {
				t.Fatalf("%d results, want %d", len(results), len(tt.want))
			}
			for i, r := range results {
				failed := r.Outcome == channel.OutcomeFailed
				if r.Outcome != tt.want[i].Outcome || (failed && orderhub.ClassOf(r.Err) != tt.want[i].Class) || (failed && r.Err == nil) {
					t.Errorf("figure %d: %s %v, want %+v", i, r.Outcome, r.Err, tt.want[i])
				}
			}
			channeltest.Golden(t, "testdata/stock/"+name+".golden", []byte(sent.String()))
		})
	}
}

// TestStockRefusals: every documented refusal in words and in its class, alone
// and as that of the whole call.
func TestStockRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status   int
		code     string
		class    orderhub.Class
		sentence string
	}{
		{409, "NotFound", orderhub.ClassRejected, "does not know this size"},
		{409, "UploadDataLimit", orderhub.ClassRejected, "over the most"},
		{409, "CargoWarehouseRestrictionMGT", orderhub.ClassRejected, "without the mark SGT"},
		{409, "CargoWarehouseRestrictionSGT", orderhub.ClassRejected, "the mark SGT"},
		{409, "CargoWarehouseRestrictionSGTKGTPlus", orderhub.ClassRejected, "the mark SGT or KGT+"},
		{409, "CargoWarehouseRestrictionKGTPlus", orderhub.ClassRejected, "the mark KGT+"},
		{409, "StoreIsProcessing", orderhub.ClassRetry, "being changed"},
		{409, "ProductPropertyConflict", orderhub.ClassRejected, "wholesale"},
		{409, "DeliveryTypeRestriction", orderhub.ClassRejected, "way of delivery"},
		{409, "Fresh", orderhub.ClassRejected, "something new"},
		{406, "StatusNotAcceptable", orderhub.ClassRejected, "banned"},
		{406, "WarehouseStocksUpdateBlock", orderhub.ClassRetry, "working on the warehouse"},
		{406, "Fresh", orderhub.ClassRejected, "something new"},
	} {
		t.Run(fmt.Sprint(tt.status, tt.code), func(t *testing.T) {
			t.Parallel()
			check := func(err error) {
				t.Helper()
				var be *orderhub.BorderError
				if !errors.As(err, &be) {
					t.Fatalf("got %v, want a border error", err)
				}
				if be.Class != tt.class || be.Code != tt.code || be.HTTPStatus != tt.status || !strings.Contains(be.Sentence, tt.sentence) {
					t.Errorf("got %s %s %q (HTTP %d)", be.Class, be.Code, be.Sentence, be.HTTPStatus)
				}
			}
			var sent strings.Builder
			if tt.status == http.StatusNotAcceptable {
				body := fmt.Sprintf(`{"code":%q,"message":"something new"}`, tt.code)
				results, err := stockAt(t, &sent, reply{tt.status, body}).PushStock(t.Context(), sized(1))
				if err == nil {
					err = results[0].Err
				}
				check(err)
				return
			}
			body := fmt.Sprintf(`[{"code":%q,"message":"something new","data":[{"sku":"","chrtId":1002,"amount":2}]}]`, tt.code)
			results, err := stockAt(t, &sent, conflict(body), written).PushStock(t.Context(), sized(2))
			if err != nil || results[0].Outcome != channel.OutcomeAccepted {
				t.Errorf("the other figure: %+v, %v", results, err)
			}
			check(results[1].Err)
		})
	}
}

// TestStockNeedsWarehouse: without the setting nothing is called.
func TestStockNeedsWarehouse(t *testing.T) {
	t.Parallel()
	a := testAdapter(t, "http://127.0.0.1:1", nil)
	_, err := a.PushStock(t.Context(), sized(1))
	_, readErr := a.ReadStock(t.Context(), []orderhub.Listing{{Key: "1001"}})
	for _, err := range []error{err, readErr} {
		if orderhub.ClassOf(err) != orderhub.ClassRejected || !strings.Contains(fmt.Sprint(err), settingWarehouse) {
			t.Errorf("got %v, want words about %s", err, settingWarehouse)
		}
	}
	a = testAdapter(t, "http://127.0.0.1:1", map[string]string{
		settingWarehouse: "658434", settingToken: testToken(tokenInfo{Mask: 1<<bitMarketplace | 1<<bitReadOnly}),
	})
	if _, err := a.PushStock(t.Context(), sized(1)); orderhub.ClassOf(err) != orderhub.ClassAuth {
		t.Errorf("read-only token: %v", err)
	}
}

func TestReadStock(t *testing.T) {
	t.Parallel()
	listings := []orderhub.Listing{{Key: "1001"}, {Key: "no size"}, {Key: "1002"}, {Key: "1003"}, {Key: "1004"}, {Key: "1001"}}
	for name, tt := range map[string]struct {
		reply reply
		want  string
		class orderhub.Class
		words string
	}{
		"missing":      {reply{200, `{"stocks":[{"chrtId":1002,"amount":0},{"chrtId":1001,"amount":7},{"chrtId":5,"amount":3},{"chrtId":1003},{"chrtId":1004,"amount":null}]}`}, "[{1002 0} {1001 7}]", "", ""},
		"none":         {reply{200, `{"stocks":[]}`}, "[]", "", ""},
		"null":         {reply{200, `{"stocks":null}`}, "[]", "", ""},
		"no stocks":    {reply{200, `{}`}, "[]", orderhub.ClassRetry, "lacks the field stocks"},
		"no warehouse": {reply{404, `{"code":"NotFound","message":""}`}, "[]", orderhub.ClassRejected, settingWarehouse},
		"no time":      {reply{504, ``}, "[]", orderhub.ClassRetry, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent strings.Builder
			got, err := stockAt(t, &sent, tt.reply).ReadStock(t.Context(), listings)
			if fmt.Sprint(got) != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
			if tt.class == "" && err != nil || tt.class != "" && (orderhub.ClassOf(err) != tt.class || !strings.Contains(err.Error(), tt.words)) {
				t.Errorf("error %v, want %s %q", err, tt.class, tt.words)
			}
			channeltest.Golden(t, "testdata/stock/read.golden", []byte(sent.String()))
		})
	}
	if got, err := testAdapter(t, "http://127.0.0.1:1", map[string]string{settingWarehouse: "1"}).ReadStock(t.Context(), listings[1:2]); got != nil || err != nil {
		t.Errorf("nothing to read: %v, %v", got, err)
	}
}

// TestStockQuota: a refused figure costs ten requests of its own group, a refused
// read of the cards one.
func TestStockQuota(t *testing.T) {
	t.Parallel()
	base := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		w.Write([]byte(`[{"code":"ProductPropertyConflict","message":"no"}]`))
	}})
	quotas := &ledger{left: map[string]int{groupStocks: 20, groupCards: 5}}
	ad, err := Channel.Open(channel.Settings{channel.SettingBaseURL: base, settingToken: "t", settingWarehouse: "1"}, channel.Deps{Quotas: quotas})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = ad.(*adapter).PushStock(t.Context(), sized(1))
	_, _ = ad.(*adapter).ListListings(t.Context(), nil)
	if got := quotas.left; got[groupStocks] != 10 || got[groupCards] != 4 {
		t.Errorf("left %v, want 10 of stocks and 4 of cards", got)
	}
}

// TestHosts: each service has a host of its own, and base_url replaces all.
func TestHosts(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"":                     "marketplace-api.wildberries.ru common-api.wildberries.ru content-api.wildberries.ru",
		"https://proxy.test/x": "proxy.test proxy.test proxy.test",
	} {
		c := newClient("t", base, nil, rest.NewBuckets(nil), 1)
		var hosts []string
		for _, h := range []string{c.marketplace, c.common, c.content} {
			u, err := url.Parse(h)
			if err != nil {
				t.Fatal(err)
			}
			hosts = append(hosts, u.Host)
		}
		if got := strings.Join(hosts, " "); got != want {
			t.Errorf("base_url %q: %s, want %s", base, got, want)
		}
	}
}

// TestCheckWarehouse: the check tells whether stock can be published.
func TestCheckWarehouse(t *testing.T) {
	t.Parallel()
	const list = `[{"id":658434,"name":"Основной","officeId":15,"cargoType":1,"deliveryType":1,"isDeleting":false,"isProcessing":false},
		{"id":658435,"name":"Курьер","officeId":15,"cargoType":1,"deliveryType":3,"isDeleting":true,"isProcessing":false}]`
	for name, tt := range map[string]struct {
		warehouse, list string
		want            []string
	}{
		"good":              {"658434", list, nil},
		"not chosen":        {"", list, []string{"658434 (Основной, FBS), 658435 (Курьер, DBW)"}},
		"unknown":           {"5", list, []string{"no warehouse 5"}},
		"deleted, not read": {"658435", list, []string{"being deleted", "DBW"}},
		"none at all":       {"", `[]`, []string{"no warehouse of their own"}},
		"broken":            {"658434", `{"code":"Odd"}`, []string{"could not be checked"}},
		"broken, no wish":   {"", `{"code":"Odd"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := testAdapter(t, serve(t, map[string]http.HandlerFunc{
				"GET /ping":              func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"Status":"OK"}`)) },
				"GET /api/v3/warehouses": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(tt.list)) },
			}), map[string]string{settingWarehouse: tt.warehouse, settingToken: testToken(tokenInfo{Type: 3, Mask: allCategories})})
			res, err := a.Check(t.Context())
			if err != nil || len(res.Warnings) != len(tt.want) {
				t.Fatalf("warnings %q, %v; want %q", res.Warnings, err, tt.want)
			}
			for i, w := range tt.want {
				if !strings.Contains(res.Warnings[i], w) {
					t.Errorf("warning %q, want %q", res.Warnings[i], w)
				}
			}
		})
	}
}
