package ozon

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/ozonsim"
)

const testWarehouse = "1020009000123"

// offer is a listing as the catalogue gave it; product "" = not known.
func offer(sku, product, article string) orderhub.Listing {
	l := orderhub.Listing{AccountID: "ozon-test", Key: sku, Article: article, Live: true, Aliases: map[string]string{}}
	if product != "" {
		l.Aliases[aliasProduct] = product
	}
	return l
}

func figure(l orderhub.Listing, units int64) channel.StockFigure {
	return channel.StockFigure{Listing: l, Quantity: units}
}

var kettle = offer("1550012345", "912345", "KETTLE-17")

func stockRowOf(more string) string {
	return `{"result":[{"offer_id":"KETTLE-17","product_id":912345,"warehouse_id":` + testWarehouse + `,` + more + `}]}`
}

// body writes the n-th request down for a golden.
func (s *server) body(t *testing.T, n int) []byte {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if n >= len(s.asked) {
		t.Fatalf("%d calls, want %d", len(s.asked), n+1)
	}
	var out bytes.Buffer
	out.WriteString("POST " + s.asked[n].path + "\n")
	if err := json.Indent(&out, s.asked[n].raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

func TestPushStockBodies(t *testing.T) {
	t.Parallel()
	for name, figures := range map[string][]channel.StockFigure{
		"one": {figure(kettle, 17)},
		"several": {figure(kettle, 0), figure(offer("1550067890", "912346", "0557722"), 5),
			figure(offer("1550067891", "", "MUG \"<350>\""), 999999)},
		"renamed": {figure(orderhub.Listing{Key: "1550012345", Article: "NEW", Aliases: map[string]string{aliasProduct: "912345", aliasOffer: "OLD"}}, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := setup(t, map[string][]answer{pathStocks: ok(`{"result":[]}`)}, settingWarehouse, testWarehouse)
			if _, err := a.PushStock(t.Context(), figures); err != nil {
				t.Fatal(err)
			}
			channeltest.Golden(t, filepath.Join("testdata", "stock", name+".golden"), s.body(t, 0))
		})
	}
}

// Every error that Ozon documents for a row, and what may come beside them.
func TestStockRowErrors(t *testing.T) {
	t.Parallel()
	fault := func(code, message string) string {
		b, _ := json.Marshal([]map[string]string{{"code": code, "message": message}})
		return stockRowOf(`"updated":false,"errors":` + string(b))
	}
	type want struct {
		answer string
		class  orderhub.Class // "" = accepted
		code   string
		words  string
	}
	cases := map[string]want{
		"updated":             {stockRowOf(`"updated":true,"errors":[]`), "", "", ""},
		"updated, no errors":  {stockRowOf(`"updated":true`), "", "", ""},
		"too often":           {fault(wordTooOften, "Stock is updated too frequently"), orderhub.ClassRateLimited, wordTooOften, "30 seconds"},
		"too often, in words": {fault("Stock is updated too frequently", ""), orderhub.ClassRateLimited, wordTooOften, "30 seconds"},
		"too often, message":  {fault("", "Stock is updated too frequently"), orderhub.ClassRateLimited, wordTooOften, "30 seconds"},
		"too often and more": {stockRowOf(`"updated":false,"errors":[{"code":"NOT_FOUND_ERROR","message":""},{"code":"TOO_MANY_REQUESTS","message":""}]`),
			orderhub.ClassRateLimited, wordTooOften, "30 seconds"},
		"code in the message": {fault("3", "PRODUCT_IS_ARCHIVED: unarchive it"), orderhub.ClassRejected, "PRODUCT_IS_ARCHIVED", "in the archive"},
		"two errors": {stockRowOf(`"updated":false,"errors":[{"code":"STOCK_TOO_BIG","message":"x"},{"code":"OVER_MAX_OVH_KGT","message":"y"}]`),
			orderhub.ClassRejected, "STOCK_TOO_BIG", "below a million; size or weight"},
		"passing":            {fault("INTERNAL_ERROR", "Internal error"), orderhub.ClassRetry, "INTERNAL_ERROR", "Ozon answered: INTERNAL_ERROR Internal error"},
		"in Russian":         {fault("NEW_WORD", "Покупатель Лосев"), orderhub.ClassRetry, "NEW_WORD", "Ozon answered: NEW_WORD"},
		"quotes the key":     {fault("NEW_WORD", "key secret-key-0001"), orderhub.ClassRetry, "NEW_WORD", "key ***"},
		"no reason":          {stockRowOf(`"updated":false,"errors":[]`), orderhub.ClassRetry, "", "gave no reason"},
		"another shape":      {stockRowOf(`"updated":false,"errors":{"a":1}`), orderhub.ClassRetry, "", "gave no reason"},
		"ids as text":        {`{"result":[{"product_id":"912345","warehouse_id":"` + testWarehouse + `","updated":true}]}`, "", "", ""},
		"no warehouse":       {`{"result":[{"product_id":912345,"updated":true}]}`, "", "", ""},
		"missing":            {`{"result":[]}`, orderhub.ClassUncertain, "", "does not mention"},
		"another offer":      {`{"result":[{"offer_id":"KETTLE-17","product_id":5,"warehouse_id":` + testWarehouse + `,"updated":true}]}`, orderhub.ClassUncertain, "", "does not mention"},
		"another warehouse":  {`{"result":[{"product_id":912345,"warehouse_id":5,"updated":true}]}`, orderhub.ClassUncertain, "", "does not mention"},
		"about another call": {`{"items":[]}`, orderhub.ClassUncertain, "", "does not mention"},
	}
	for _, word := range []string{
		"product_is_not_created", "offer_id_not_found", "FLAMMABLE_ONLY_ON_SELF_OR_PROVIDER_DELIVERY", "WAREHOUSE_NOT_FOUND",
		"PRODUCT_HAS_NOT_BEEN_TAGGED_YET", "NON_KGT_ON_KGT_WAREHOUSE", "MP_DELIVERY_ONLY_3PL_ERROR", "MULTIBOX_NOT_ALLOWED_FOR_FBS",
		"OVER_MAX_OVH_NON_KGT", "OVER_MAX_OVH_KGT", "SOURCE_TYPE_NOT_FOUND", "STOCK_TOO_BIG", "NOT_FOUND_ERROR",
		"SIZE_REQUIRED_FOR_NOT_UNIQUE_OFFER_ID", "CB_DELIVERY_ONLY_FBP", "PRODUCT_IS_ARCHIVED",
	} {
		cases[word] = want{fault(word, "words of Ozon"), orderhub.ClassRejected, word, stockSentences[word]}
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := setup(t, map[string][]answer{pathStocks: ok(tc.answer)}, settingWarehouse, testWarehouse)
			got, err := a.PushStock(t.Context(), []channel.StockFigure{figure(kettle, 3)})
			if err != nil || len(got) != 1 {
				t.Fatalf("got %+v, error %v", got, err)
			}
			checkStockResult(t, got[0], tc.class, tc.code, tc.words)
		})
	}
}

func checkStockResult(t *testing.T, got channel.StockResult, class orderhub.Class, code, words string) {
	t.Helper()
	if class == "" {
		if got.Outcome != channel.OutcomeAccepted || got.Err != nil {
			t.Errorf("got %s, %v", got.Outcome, got.Err)
		}
		return
	}
	var pause time.Duration
	if class == orderhub.ClassRateLimited {
		pause = pairPause
	}
	var e *orderhub.BorderError
	if got.Outcome != channel.OutcomeFailed || !errors.As(got.Err, &e) {
		t.Fatalf("got %s, %v", got.Outcome, got.Err)
	}
	if e.Class != class || e.Code != code || words == "" || !strings.Contains(e.Sentence, words) || e.RetryAfter != pause || strings.Contains(e.Sentence, "Лосев") {
		t.Errorf("got %s, code %q, after %s: %s; want %s, %q: %s", e.Class, e.Code, e.RetryAfter, e.Sentence, class, code, words)
	}
}

// The results keep the order of the figures, whatever the order of the answer.
func TestPushStockOrder(t *testing.T) {
	t.Parallel()
	a, s := setup(t, map[string][]answer{pathStocks: ok(`{"result":[
		{"offer_id":"MUG-350","product_id":912347,"warehouse_id":` + testWarehouse + `,"updated":true,"errors":[]},
		{"offer_id":"KETTLE-17","product_id":912345,"warehouse_id":` + testWarehouse + `,"updated":false,"errors":[{"code":"NOT_FOUND_ERROR","message":""}]}]}`)},
		settingWarehouse, testWarehouse)
	got, err := a.PushStock(t.Context(), []channel.StockFigure{
		figure(kettle, 1), figure(offer("1", "", ""), 2), figure(offer("2", "", "MUG-350"), 3), figure(offer("3", "5", ""), 4),
	})
	if err != nil {
		t.Fatal(err)
	}
	var classes []orderhub.Class
	for _, r := range got {
		if r.Err == nil {
			classes = append(classes, "")
			continue
		}
		classes = append(classes, orderhub.ClassOf(r.Err))
	}
	if want := []orderhub.Class{orderhub.ClassRejected, orderhub.ClassRejected, "", orderhub.ClassUncertain}; !slices.Equal(classes, want) {
		t.Errorf("got %v, want %v", classes, want)
	}
	if rows := s.asked[0].body["stocks"].([]any); len(rows) != 3 {
		t.Errorf("%d rows were sent; the offer without ids must not be", len(rows))
	}
	none, err := a.PushStock(t.Context(), []channel.StockFigure{figure(offer("1", "", ""), 2)})
	if err != nil || orderhub.ClassOf(none[0].Err) != orderhub.ClassRejected || len(s.asked) != 1 {
		t.Errorf("got %+v, error %v, %d calls", none, err, len(s.asked))
	}
}

func TestStockNeedsAWarehouse(t *testing.T) {
	t.Parallel()
	a, s := setup(t, nil)
	_, push := a.PushStock(t.Context(), []channel.StockFigure{figure(kettle, 1)})
	_, read := a.ReadStock(t.Context(), []orderhub.Listing{kettle})
	for what, err := range map[string]error{"push": push, "read": read} {
		if err == nil || orderhub.ClassOf(err) != orderhub.ClassRejected || !strings.Contains(err.Error(), settingWarehouse) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(s.asked) > 0 {
		t.Errorf("%d calls were made", len(s.asked))
	}
}

// A call that fails as a whole says so once; a lost answer is uncertain.
func TestPushStockFailsWhole(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer answer
		class  orderhub.Class
	}{
		"validation": {answer{status: 400, body: `{"code":3,"message":"Request validation error: invalid ProductsStocksRequest.Stocks[0]: embedded message failed validation"}`}, orderhub.ClassRejected},
		"key":        {answer{status: 403, body: `{"code":7,"message":"Api-Key is missing a required role for a method"}`}, orderhub.ClassAuth},
		"limit":      {answer{status: 429, body: `{"code":8,"message":"You have reached request rate limit per second"}`}, orderhub.ClassRateLimited},
		"error":      {answer{status: 500, body: `{"code":13,"message":"Internal error"}`}, orderhub.ClassUncertain},
		"circle":     {answer{status: 503, body: `{"code":14,"message":"Circle is open"}`}, orderhub.ClassRetry},
		"page":       {answer{body: `<html>`}, orderhub.ClassUncertain},
		"null":       {answer{body: `null`}, orderhub.ClassUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := setup(t, map[string][]answer{pathStocks: {tc.answer}}, settingWarehouse, testWarehouse)
			got, err := a.PushStock(t.Context(), []channel.StockFigure{figure(kettle, 1)})
			if err == nil || orderhub.ClassOf(err) != tc.class || got != nil {
				t.Errorf("got %+v, error %v; want class %s", got, err, tc.class)
			}
		})
	}
}

// A figure takes a place among all calls and one among its own; a 429 on it
// holds back stock only.
func TestStockQuotas(t *testing.T) {
	t.Parallel()
	s := &server{replies: map[string][]answer{pathStocks: {{status: 429, body: `{"code":8,"message":"slow down"}`}}}}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	quotas := rest.NewBuckets([]channel.Limit{
		{Group: groupAll, Calls: 1, Period: time.Hour, Burst: 5}, {Group: groupStocks, Calls: 1, Period: time.Hour, Burst: 3},
	})
	got, err := Channel.Open(channel.Settings{
		settingClientID: "77001", settingAPIKey: "secret-key-0001", channel.SettingBaseURL: srv.URL, settingWarehouse: testWarehouse,
	}, channel.Deps{Quotas: quotas})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := got.(channel.StockPusher).PushStock(t.Context(), []channel.StockFigure{figure(kettle, 1)}); orderhub.ClassOf(err) != orderhub.ClassRateLimited {
		t.Fatalf("error %v", err)
	}
	if left := quotas.Left(); left[groupAll] != 4 || left[groupStocks] != 0 {
		t.Errorf("left %v, want 4 of all and a pause of stocks", left)
	}
}

func TestReadStock(t *testing.T) {
	t.Parallel()
	row := func(sku, warehouse, free string) string {
		return `{"sku":` + sku + `,"warehouse_id":` + warehouse + `,"free_stock":` + free + `,"present":90,"reserved":7,"product_id":1,"offer_id":"X"}`
	}
	page := func(more string, rows ...string) string {
		return `{"products":[` + strings.Join(rows, ",") + `],` + more + `}`
	}
	listings := []orderhub.Listing{offer("11", "", ""), offer("22", "", ""), offer("33", "", ""), offer("", "", ""), offer("x", "", ""), offer("11", "", "")}
	for name, tc := range map[string]struct {
		answers []answer
		want    []channel.StockShown
		calls   int
		class   orderhub.Class
	}{
		"by page": {ok(page(`"has_next":true,"cursor":"c1"`, row("11", "5", "1"), row("11", testWarehouse, "0")),
			page(`"has_next":false,"cursor":""`, row(`"22"`, `"`+testWarehouse+`"`, `"17"`), row("44", testWarehouse, "3"))),
			[]channel.StockShown{{Key: "11", Quantity: 0}, {Key: "22", Quantity: 17}}, 2, ""},
		"all seen":         {ok(page(`"has_next":true,"cursor":"c1"`, row("11", testWarehouse, "1"), row("22", testWarehouse, "2"), row("33", testWarehouse, "3"))), []channel.StockShown{{Key: "11", Quantity: 1}, {Key: "22", Quantity: 2}, {Key: "33", Quantity: 3}}, 1, ""},
		"same cursor":      {ok(page(`"has_next":true,"cursor":"c1"`, row("11", testWarehouse, "1"))), []channel.StockShown{{Key: "11", Quantity: 1}}, 2, ""},
		"figure is absent": {ok(page(`"has_next":false`, row("11", testWarehouse, "null"))), nil, 1, ""},
		"nothing known":    {ok(page(`"has_next":false`)), nil, 1, ""},
		"another answer":   {ok(`{"items":[]}`), nil, 1, orderhub.ClassRetry},
		"fails":            {[]answer{{status: 500, body: `{"code":13,"message":"Internal error"}`}}, nil, 1, orderhub.ClassRetry},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := setup(t, map[string][]answer{pathStockInfo: tc.answers}, settingWarehouse, testWarehouse)
			got, err := a.ReadStock(t.Context(), listings)
			if (err != nil) != (tc.class != "") || (err != nil && orderhub.ClassOf(err) != tc.class) || len(s.asked) != tc.calls {
				t.Fatalf("error %v, %d calls", err, len(s.asked))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]any{"11", "22", "33"}, s.asked[0].body["sku"]); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
	a, s := setup(t, nil, settingWarehouse, testWarehouse)
	if got, err := a.ReadStock(t.Context(), listings[3:5]); err != nil || got != nil || len(s.asked) > 0 {
		t.Errorf("nothing to ask: %v, error %v, %d calls", got, err, len(s.asked))
	}
}

// The whole way against the simulator: what is pushed is what buyers can buy and
// what is read back, and an order lowers it.
func TestStockWithTheSimulator(t *testing.T) {
	t.Parallel()
	market := ozonsim.New(ozonsim.Options{Fast: true})
	t.Cleanup(market.Close)
	a := openSimulator(t, market)
	market.Offer(marketsim.Catalogue()[:3])
	market.OnlyPublished(true)
	listings := everyListing(t, a)
	figures := []channel.StockFigure{figure(listings[0], 5), figure(listings[1], 0)}
	got, err := a.PushStock(t.Context(), figures)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		checkStockResult(t, r, "", "", "")
	}
	sku := listings[0].Article
	if _, err := market.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: sku, Quantity: 2, PriceMinor: 100}}}); err != nil {
		t.Fatal(err)
	}
	shown, err := a.ReadStock(t.Context(), listings)
	want := []channel.StockShown{{Key: listings[0].Key, Quantity: 3}, {Key: listings[1].Key, Quantity: 0}}
	slices.SortFunc(shown, func(x, y channel.StockShown) int { return int(y.Quantity - x.Quantity) })
	if diff := cmp.Diff(want, shown); err != nil || diff != "" || market.Published(sku) != 3 {
		t.Errorf("error %v, published %d (-want +got):\n%s", err, market.Published(sku), diff)
	}
	if got, err = a.PushStock(t.Context(), figures[:1]); err != nil {
		t.Fatal(err)
	}
	checkStockResult(t, got[0], orderhub.ClassRateLimited, wordTooOften, "30 seconds")
	if err := market.Archive(listings[2].Article, true); err != nil {
		t.Fatal(err)
	}
	gone := listings[2]
	gone.Aliases = map[string]string{aliasProduct: strconv.Itoa(1)}
	if got, err = a.PushStock(t.Context(), []channel.StockFigure{figure(listings[2], 1), figure(gone, 1)}); err != nil {
		t.Fatal(err)
	}
	checkStockResult(t, got[0], orderhub.ClassRejected, "PRODUCT_IS_ARCHIVED", "archive")
	checkStockResult(t, got[1], orderhub.ClassRejected, "NOT_FOUND_ERROR", "no such offer")
	if checked, err := a.Check(t.Context()); err != nil || len(checked.Warnings) > 0 {
		t.Errorf("check: %v, error %v", checked.Warnings, err)
	}
}
