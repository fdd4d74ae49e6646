package woocommerce

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/woosim"
)

func TestCatalogueAndStock(t *testing.T) {
	t.Parallel()
	a, m, _ := setup(t, woosim.Options{}, nil)
	a.pageSize = 7
	m.Offer(marketsim.Catalogue())
	found := map[string]orderhub.Listing{}
	var cursor channel.Cursor
	for range 100 {
		p, err := a.ListListings(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range p.Listings {
			found[l.Article] = l
		}
		if cursor = p.Next; p.Done {
			break
		}
	}
	var figures []channel.StockFigure
	var listings []orderhub.Listing
	for i, g := range marketsim.Catalogue() {
		l, ok := found[g.SKU]
		if !ok || !l.Live || !slices.Equal(l.Barcodes, []string{marketsim.Barcode(g.SKU)}) {
			t.Fatalf("article %s: %+v", g.SKU, l)
		}
		if i%4 == 0 {
			figures = append(figures, channel.StockFigure{Listing: l, Quantity: int64(i)})
			listings = append(listings, l)
		}
	}
	if len(found) != len(marketsim.Catalogue()) {
		t.Errorf("%d offers, want %d: products that hold no stock are none", len(found), len(marketsim.Catalogue()))
	}
	if l := found["TR-001"]; !strings.Contains(l.Key, "/") {
		t.Errorf("a variation has the key %q", l.Key)
	}
	figures = append(figures, channel.StockFigure{Listing: orderhub.Listing{Key: "999999"}, Quantity: 1},
		channel.StockFigure{Listing: orderhub.Listing{Key: "999999/1"}, Quantity: 1}, channel.StockFigure{Listing: orderhub.Listing{Key: "SKU"}, Quantity: 1},
		channel.StockFigure{Listing: listings[0], Quantity: -1}, channel.StockFigure{Listing: listings[1], Quantity: 9})
	res, err := a.PushStock(t.Context(), figures)
	if err != nil || len(res) != len(figures) {
		t.Fatalf("%d results, %v", len(res), err)
	}
	for i := range listings {
		if res[i].Outcome != channel.OutcomeAccepted {
			t.Errorf("figure %d: %+v", i, res[i])
		}
	}
	for i, want := range []channel.Outcome{channel.OutcomeFailed, channel.OutcomeFailed, channel.OutcomeFailed, channel.OutcomeFailed, channel.OutcomeUnsent} {
		got := res[len(listings)+i]
		if got.Outcome != want || (want == channel.OutcomeFailed && orderhub.ClassOf(got.Err) != orderhub.ClassRejected) {
			t.Errorf("odd figure %d: %+v", i, got)
		}
	}
	shown, err := a.ReadStock(t.Context(), append(listings, orderhub.Listing{Key: "999999/1"}, found["IG-009"]))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, s := range shown {
		got[s.Key] = s.Quantity
	}
	for _, f := range figures[:len(listings)] {
		if n, ok := got[f.Listing.Key]; !ok || n != f.Quantity || m.Published(f.Listing.Article) != n {
			t.Errorf("article %s shows %d (%v), want %d", f.Listing.Article, n, ok, f.Quantity)
		}
	}
}

func TestStockOfAShopThatIsAway(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]orderhub.Class{500: orderhub.ClassUncertain, 503: orderhub.ClassRetry, 401: orderhub.ClassAuth} {
		calls := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { calls++; w.WriteHeader(status) }))
		defer srv.Close()
		ad, err := Channel.Open(channel.Settings{channel.SettingBaseURL: srv.URL, settingKey: testKey, settingSecret: testSecret}, channel.Deps{})
		if err != nil {
			t.Fatal(err)
		}
		a := ad.(*adapter)
		one := channel.StockFigure{Listing: orderhub.Listing{Key: "1"}}
		if _, err := a.PushStock(t.Context(), []channel.StockFigure{one}); orderhub.ClassOf(err) != want {
			t.Errorf("HTTP %d: %v, want class %s", status, err, want)
		}
		res, err := a.PushStock(t.Context(), []channel.StockFigure{one, {Listing: orderhub.Listing{Key: "2/3"}}})
		if err != nil || orderhub.ClassOf(res[0].Err) != want || res[1].Outcome != channel.OutcomeUnsent {
			t.Errorf("HTTP %d: %+v, %v", status, res, err)
		}
		if calls != 2 {
			t.Errorf("HTTP %d: %d calls", status, calls)
		}
	}
}
