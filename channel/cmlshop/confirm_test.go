package cmlshop

import (
	"bytes"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/cmlshopsim"
	"github.com/orderhub/orderhub/marketsim/specs"
)

// shop serves a stand-in and opens the channel on it, in the mode confirm.
func shop(t *testing.T, faults marketsim.Faults) (*cmlshopsim.Market, func() publisher) {
	t.Helper()
	m, open := shopWith(t, cmlshopsim.Options{Injector: marketsim.NewInjector(7, faults), Portion: 5}, nil)
	return m, func() publisher { return open().(publisher) }
}

func shopWith(t *testing.T, opts cmlshopsim.Options, change channel.Settings) (*cmlshopsim.Market, func() channel.Adapter) {
	t.Helper()
	m := cmlshopsim.New(opts)
	srv := httptest.NewServer(m.Handler())
	t.Cleanup(srv.Close)
	return m, func() channel.Adapter {
		settings := channel.Settings{}
		for k, v := range m.Settings() {
			settings[k] = v
		}
		settings[channel.SettingBaseURL], settings[settingZone] = srv.URL+"/exchange", "Europe/Moscow"
		maps.Copy(settings, change)
		a, err := open(settings, channel.Deps{HTTP: srv.Client(), Quotas: rest.NewBuckets(nil)})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
}

func place(t *testing.T, m *cmlshopsim.Market, n int) {
	t.Helper()
	for range n {
		if _, err := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "CUP-1", Quantity: 2, PriceMinor: 10000}}}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConfirmedOnlyWhatIsKept: the shop hears success for a page only with the call
// that carries the cursor saved together with the page.
func TestConfirmedOnlyWhatIsKept(t *testing.T) {
	t.Parallel()
	m, open := shop(t, marketsim.Faults{})
	place(t, m, 12)
	a := open()
	p, err := a.List(t.Context(), feedOrders, nil)
	if err != nil || len(p.Items) != 5 || p.Done {
		t.Fatalf("%d orders, done %v, %v", len(p.Items), p.Done, err)
	}
	if m.Taken() != 0 {
		t.Fatalf("%d orders are confirmed before they are kept", m.Taken())
	}
	// The process dies before the page is kept: another one gets the same orders.
	again, err := open().List(t.Context(), feedOrders, nil)
	if err != nil || len(again.Items) != 5 || !bytes.Equal(again.Items[0].Body, p.Items[0].Body) {
		t.Fatalf("%d orders, %v", len(again.Items), err)
	}
	// It dies after the page is kept: another one goes on from its cursor.
	next, err := open().List(t.Context(), feedOrders, again.Next)
	if err != nil || len(next.Items) != 5 || m.Taken() != 5 {
		t.Fatalf("%d orders, %d confirmed, %v", len(next.Items), m.Taken(), err)
	}
	// The shop forgets the log-in: nothing is confirmed that was not given in it.
	m.EndSessions()
	next, err = open().List(t.Context(), feedOrders, next.Next)
	if err != nil || len(next.Items) != 5 || m.Taken() != 5 {
		t.Fatalf("%d orders, %d confirmed, %v", len(next.Items), m.Taken(), err)
	}
	if all := finish(t, open, next.Next); all != 2 || m.Taken() != 12 {
		t.Fatalf("%d orders were left, %d of 12 are confirmed", all, m.Taken())
	}
}

// finish lists to the end, a new adapter for each page, and counts the orders.
func finish(t *testing.T, open func() publisher, cursor channel.Cursor) (orders int) {
	t.Helper()
	for range 500 {
		p, err := open().List(t.Context(), feedOrders, cursor)
		if err != nil {
			if orderhub.ClassOf(err) == orderhub.ClassRejected {
				t.Fatal(err)
			}
			continue // the core tries again with the cursor that is saved
		}
		orders, cursor = orders+len(p.Items), p.Next
		if p.Done {
			return orders
		}
	}
	t.Fatal("the sweep has no end")
	return 0
}

// TestChangedMeanwhile: an order that changes between query and success stays to be
// taken.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	m, open := shop(t, marketsim.Faults{})
	place(t, m, 1)
	p, err := open().List(t.Context(), feedOrders, nil)
	if err != nil || len(p.Items) != 1 {
		t.Fatal(len(p.Items), err)
	}
	if err := m.Act(p.Items[0].ExternalID, marketsim.ActCancel); err != nil {
		t.Fatal(err)
	}
	p, err = open().List(t.Context(), feedOrders, p.Next)
	if err != nil || len(p.Items) != 1 {
		t.Fatalf("the change is lost: %d orders, %v", len(p.Items), err)
	}
	snap, err := open().Normalise(p.Items[0].Kind, p.Items[0].Body)
	if err != nil || snap.Status != orderhub.StatusCancelled {
		t.Fatal(snap.Status, err)
	}
}

// TestFaultsLoseNothing: with answers lost at every step all orders arrive and are
// confirmed in the end.
func TestFaultsLoseNothing(t *testing.T) {
	t.Parallel()
	m, open := shop(t, marketsim.Faults{RateLimited: 0.05, ServerError: 0.1, TimeoutBefore: 0.1, TimeoutAfter: 0.15, Hang: time.Millisecond})
	place(t, m, 60)
	seen := map[string]bool{}
	var cursor channel.Cursor
	for range 2000 {
		p, err := open().List(t.Context(), feedOrders, cursor)
		if err != nil {
			continue
		}
		for _, it := range p.Items {
			seen[it.ExternalID] = true
		}
		cursor = p.Next
		if p.Done && m.Taken() == 60 {
			break
		}
	}
	if len(seen) != 60 || m.Taken() != 60 {
		t.Fatalf("%d of 60 orders arrived, %d are confirmed", len(seen), m.Taken())
	}
}

// TestStock: figures arrive by the shop's own ids, in parts.
func TestStock(t *testing.T) {
	t.Parallel()
	m, open := shop(t, marketsim.Faults{})
	var figures []channel.StockFigure
	for _, sku := range []string{"A-1", "B&2", "C-3"} {
		m.Offer([]marketsim.Product{{SKU: sku}})
		figures = append(figures, channel.StockFigure{Listing: orderhub.Listing{Key: "g-" + sku, Article: sku}, Quantity: int64(len(figures) + 4), At: time.Now()})
	}
	for range 100 { // more than one part of the stand-in's 4 KB
		figures = append(figures, channel.StockFigure{Listing: orderhub.Listing{Key: "g-unknown", Article: "x"}, Quantity: 9, At: time.Now()})
	}
	results, err := open().PushStock(t.Context(), figures)
	if err != nil || len(results) != len(figures) || slices.ContainsFunc(results, func(r channel.StockResult) bool { return r.Outcome != channel.OutcomeDone }) {
		t.Fatal(results, err)
	}
	if m.Published("A-1") != 4 || m.Published("B&2") != 5 || m.Published("C-3") != 6 {
		t.Fatal(m.Published("A-1"), m.Published("B&2"), m.Published("C-3"))
	}
}

// TestShapesOfStock: an engine that reads the older shape alone gets it by a setting, and
// one that must be left alone gets no figures.
func TestShapesOfStock(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		setting string
		old     bool
		want    int64
	}{{stockChanges, false, 4}, {stockOffers, false, 4}, {stockOffers, true, 4}, {stockChanges, true, 0}, {stockNone, false, 0}} {
		m, open := shopWith(t, cmlshopsim.Options{OldOffers: tc.old}, channel.Settings{settingStock: tc.setting, settingGoods: "17"})
		m.Offer([]marketsim.Product{{SKU: "A-1"}})
		pusher, sends := open().(channel.StockPusher)
		if sends != (tc.setting != stockNone) {
			t.Errorf("%s: sends figures: %v", tc.setting, sends)
		}
		if !sends {
			continue
		}
		if _, err := pusher.PushStock(t.Context(), []channel.StockFigure{{Listing: orderhub.Listing{Key: "g-A-1"}, Quantity: 4, At: time.Now()}}); err != nil {
			t.Fatal(err)
		}
		if got := m.Published("A-1"); got != tc.want {
			t.Errorf("%s, an old engine: %v: the shop shows %d, want %d", tc.setting, tc.old, got, tc.want)
		}
	}
	if _, err := open(channel.Settings{}, channel.Deps{}); err == nil {
		t.Error("settings that lack pass")
	}
	if err := checkCatalogue(strings.Repeat("щ", 40)); err == nil {
		t.Error("an id passes that no schema allows")
	}
}

// TestDocumentsAgainstTheOfficialSchemas: what the hub sends a shop as 1C is as the
// schemas say, whatever the order holds.
func TestDocumentsAgainstTheOfficialSchemas(t *testing.T) {
	t.Parallel()
	_, open := shop(t, marketsim.Faults{})
	a := open()
	long := strings.Repeat("Щ<&\"'>\x01😀 ", 500)
	orders := map[string]func(*orderhub.Snapshot){
		"plain": func(*orderhub.Snapshot) {},
		"bare":  func(s *orderhub.Snapshot) { *s = orderhub.Snapshot{ExternalID: "1"} },
		"odd": func(s *orderhub.Snapshot) {
			s.ExternalID, s.ExternalNumber, s.Customer.Name = strings.Repeat("7", 40), strings.Repeat("№", 255), long
			s.Lines = []orderhub.Line{{ListingKey: strings.Repeat("g", 80), SKU: long, Name: long, Quantity: 1, Total: orderhub.Roubles(1)}, {Quantity: 2, Total: orderhub.Roubles(1)}}
		},
	}
	for name, change := range orders {
		for _, step := range statuses.Steps {
			p := siteOrder("17", step.To)
			p.Comment, p.Reason, p.Params["tracking"] = long, long, long
			change(&p.Order.Snapshot)
			for _, word := range []string{"", long} {
				file, err := a.document(p, word)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if err := specs.CommerceML(t, "2.08", file); err != nil {
					t.Fatalf("%s to %s: %v", name, step.To, err)
				}
			}
		}
	}
}

// TestHostileFiles: what is no file of orders is refused with a sentence, and
// windows-1251 is read.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	good := `<?xml version="1.0" encoding="windows-1251"?><КоммерческаяИнформация><Документ><Ид>1</Ид><Номер>Ё1</Номер></Документ></КоммерческаяИнформация>`
	text, err := charmap.Windows1251.NewEncoder().String(good)
	if err != nil {
		t.Fatal(err)
	}
	items, err := readFile([]byte(text))
	if err != nil || len(items) != 1 || !bytes.Contains(items[0].Body, []byte("Ё1")) {
		t.Fatal(items, err)
	}
	for name, file := range map[string]string{
		"html":      "<html><body>Login</body></html>",
		"cut":       good[:len(good)-40],
		"bomb":      `<!DOCTYPE x [<!ENTITY a "aaaa">]><КоммерческаяИнформация>&a;</КоммерческаяИнформация>`,
		"deep":      "<КоммерческаяИнформация><Документ>" + string(bytes.Repeat([]byte("<a>"), 100)),
		"no zip":    "PK\x03\x04 and nothing",
		"empty zip": "PK\x03\x04",
	} {
		if items, err := readFile([]byte(file)); err == nil {
			t.Errorf("%s: %d orders and no error", name, len(items))
		}
	}
}
