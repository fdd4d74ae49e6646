package woocommerce

import (
	"context"
	"encoding/json"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/woosim"
)

// setup opens an adapter against a stand-in; change may alter its settings.
func setup(t *testing.T, opts woosim.Options, change map[string]string) (*adapter, *woosim.Market, *httptest.Server) {
	t.Helper()
	m := woosim.New(opts)
	t.Cleanup(m.Close)
	srv := httptest.NewServer(m.Handler())
	t.Cleanup(srv.Close)
	settings := m.Settings()
	settings[channel.SettingBaseURL] = srv.URL
	maps.Copy(settings, change)
	ad, err := Channel.Open(settings, channel.Deps{Quotas: noQuotas{}})
	if err != nil {
		t.Fatal(err)
	}
	return ad.(*adapter), m, srv
}

func place(t *testing.T, m *woosim.Market, n int) (ids []string) {
	t.Helper()
	for range n {
		one, err := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "0557722", Quantity: 2, PriceMinor: 49000}, {SKU: "TR-001", Quantity: 1, PriceMinor: 100001}}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, one...)
	}
	return ids
}

// sweep reads a feed to its end.
func sweep(t *testing.T, a *adapter, feed string, cursor channel.Cursor) (items map[string]channel.Item, next channel.Cursor, pages int) {
	t.Helper()
	items = map[string]channel.Item{}
	for pages = 1; pages < 200; pages++ {
		p, err := a.List(t.Context(), feed, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range p.Items {
			items[it.ExternalID] = it
		}
		if cursor = p.Next; p.Done {
			return items, cursor, pages
		}
	}
	t.Fatal("the sweep does not end")
	return nil, nil, 0
}

func read(t *testing.T, a *adapter, id string) orderhub.Snapshot {
	t.Helper()
	items, err := a.ReadOrders(t.Context(), []channel.Ref{{ExternalID: id}})
	if err != nil || len(items) != 1 {
		t.Fatalf("read %s: %d items, %v", id, len(items), err)
	}
	s, err := a.Normalise(items[0].Kind, items[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Orders of one second are more than a page, and more than one address may exclude.
func TestManyOrdersOfOneSecond(t *testing.T) {
	t.Parallel()
	at := time.Now().UTC().Truncate(time.Second)
	a, m, _ := setup(t, woosim.Options{Now: func() time.Time { return at }}, nil)
	a.pageSize = 100
	ids := place(t, m, 620)
	items, next, _ := sweep(t, a, feedOrders, nil)
	for _, id := range ids {
		if items[id].ExternalID == "" {
			t.Fatalf("order %s of %d is lost", id, len(ids))
		}
	}
	// The next sweep begins before the newest change: nothing that was written late
	// is passed over.
	at = at.Add(-2 * time.Minute)
	late := place(t, m, 1)[0]
	if items, _, _ = sweep(t, a, feedOrders, next); items[late].ExternalID == "" {
		t.Errorf("order %s, timed before the newest one, is lost", late)
	}
}

// An order that changes while pages are read moves to the end of the list; the rows
// behind it move up. None may fall between two pages.
func TestNothingFallsBetweenPages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
		m := woosim.New(woosim.Options{Now: func() time.Time { return at }})
		defer m.Close()
		srv := httptest.NewServer(m.Handler())
		defer srv.Close()
		settings := m.Settings()
		settings[channel.SettingBaseURL] = srv.URL
		ad, err := Channel.Open(settings, channel.Deps{Now: func() time.Time { return at }, Quotas: noQuotas{}})
		if err != nil {
			rt.Fatal(err)
		}
		a := ad.(*adapter)
		a.pageSize = rapid.IntRange(1, 4).Draw(rt, "page")
		var ids []string
		for range rapid.IntRange(1, 8).Draw(rt, "orders") {
			one, _ := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "A", Quantity: 1, PriceMinor: 100}}})
			ids = append(ids, one...)
			// Far more than the overlap: the next sweep must not make good what this one lost.
			at = at.Add(rapid.SampledFrom([]time.Duration{0, 0, time.Second, time.Hour}).Draw(rt, "gap"))
		}
		seen, cursor := map[string]string{}, channel.Cursor(nil)
		sweep := func(between func()) {
			for range 60 {
				p, err := a.List(context.Background(), feedOrders, cursor)
				if err != nil {
					rt.Fatal(err)
				}
				for _, it := range p.Items {
					s, err := a.Normalise(it.Kind, it.Body)
					if err != nil {
						rt.Fatal(err)
					}
					seen[it.ExternalID] = s.Native
				}
				if cursor = p.Next; p.Done {
					return
				}
				between()
			}
			rt.Fatal("the sweep does not end")
		}
		sweep(func() {
			if rapid.Bool().Draw(rt, "change") {
				_ = m.Set(rapid.SampledFrom(ids).Draw(rt, "which"), rapid.SampledFrom([]string{"completed", "on-hold", "cancelled"}).Draw(rt, "status"))
				at = at.Add(time.Duration(rapid.IntRange(0, 1).Draw(rt, "later")) * time.Second)
			}
		})
		if len(seen) != len(ids) {
			rt.Fatalf("%d of %d orders fell between two pages", len(ids)-len(seen), len(ids))
		}
		// What changed behind the back of the sweep is told by the next one.
		sweep(func() {})
		for _, o := range m.Truth() {
			if seen[o.ID] != o.Native {
				rt.Fatalf("order %s is %s, the sweeps told %q", o.ID, o.Native, seen[o.ID])
			}
		}
	})
}

// noQuotas lets every call pass.
type noQuotas struct{}

func (noQuotas) Wait(context.Context, string, int) error { return nil }
func (noQuotas) Charge(string, int)                      {}
func (noQuotas) Pause(string, time.Duration)             {}
func (noQuotas) Left() map[string]int                    { return nil }

func TestOldShopListsByCreation(t *testing.T) {
	t.Parallel()
	a, m, _ := setup(t, woosim.Options{Old: true}, nil)
	ids := place(t, m, 3)
	items, next, _ := sweep(t, a, feedOrders, nil)
	if len(items) != len(ids) {
		t.Errorf("%d orders, want %d", len(items), len(ids))
	}
	more := place(t, m, 1)[0]
	if items, _, _ = sweep(t, a, feedOrders, next); items[more].ExternalID == "" {
		t.Errorf("order %s is not in the next sweep", more)
	}
	var pos position
	if err := json.Unmarshal(next, &pos); err != nil || pos.ByCreation {
		t.Errorf("the next sweep does not ask by changes again: %s, %v", next, err)
	}
	res, err := a.Check(t.Context())
	if err != nil || !strings.Contains(strings.Join(res.Warnings, " "), "older than WooCommerce 5.8") {
		t.Errorf("check: %+v, %v", res, err)
	}
}

func TestOrderInTheBin(t *testing.T) {
	t.Parallel()
	a, m, _ := setup(t, woosim.Options{}, nil)
	id := place(t, m, 2)[0]
	if err := m.Trash(id); err != nil {
		t.Fatal(err)
	}
	if items, _, _ := sweep(t, a, feedOrders, nil); items[id].ExternalID != "" {
		t.Errorf("the list shows an order in the bin: the stand-in is wrong")
	}
	if s := read(t, a, id); s.Status != orderhub.StatusCancelled || s.Native != "trash" {
		t.Errorf("got %s (%s)", s.Status, s.Native)
	}
	res, err := a.PushStatus(t.Context(), []channel.Push{push(id, orderhub.StatusNew, orderhub.StatusDelivered)})
	if err != nil || orderhub.ClassOf(res[0].Err) != orderhub.ClassRejected {
		t.Errorf("completing an order in the bin: %+v, %v", res, err)
	}
}

// An order that waits for its payment is not made a paid one by going on with it.
func TestUnpaidOrderIsNotShipped(t *testing.T) {
	t.Parallel()
	a, m, _ := setup(t, woosim.Options{}, nil)
	id := place(t, m, 1)[0]
	if err := m.Set(id, "on-hold"); err != nil {
		t.Fatal(err)
	}
	for _, to := range []orderhub.Status{orderhub.StatusShipped, orderhub.StatusDelivered} {
		res, err := a.PushStatus(t.Context(), []channel.Push{push(id, orderhub.StatusPacked, to)})
		if err != nil || orderhub.ClassOf(res[0].Err) != orderhub.ClassRejected {
			t.Errorf("%s: %+v, %v", to, res, err)
		}
	}
	res, err := a.PushStatus(t.Context(), []channel.Push{push(id, orderhub.StatusPending, orderhub.StatusNew)})
	if err != nil || res[0].Outcome != channel.OutcomeDone {
		t.Errorf("paid by hand: %+v, %v", res, err)
	}
}

// Units that were refunded before the hand-over leave the order; those refunded
// after it are a return.
func TestRefunds(t *testing.T) {
	t.Parallel()
	a, m, _ := setup(t, woosim.Options{}, nil)
	early, late, whole := place(t, m, 1)[0], place(t, m, 1)[0], place(t, m, 1)[0]
	if err := m.Refund(early, 1); err != nil {
		t.Fatal(err)
	}
	if s := read(t, a, early); s.Units() != 2 || s.Status != orderhub.StatusNew || s.Total.Minor != 49000+100001 {
		t.Errorf("refunded before it left: %d units, %s, %s", s.Units(), s.Status, s.Total)
	}
	for _, id := range []string{early, late, whole} {
		for _, to := range []orderhub.Status{orderhub.StatusShipped, orderhub.StatusDelivered} {
			if res, err := a.PushStatus(t.Context(), []channel.Push{push(id, orderhub.StatusPacked, to)}); err != nil || res[0].Err != nil {
				t.Fatalf("%s of %s: %v %v", to, id, err, res)
			}
		}
	}
	if err := m.Act(late, marketsim.ActReturn); err != nil {
		t.Fatal(err)
	}
	if err := m.Refund(whole, 0); err != nil { // money alone
		t.Fatal(err)
	}
	if s := read(t, a, late); s.Units() != 3 || s.Status != orderhub.StatusDelivered {
		t.Errorf("refunded after it left: %d units, %s", s.Units(), s.Status)
	}
	if s := read(t, a, early); s.Units() != 2 {
		t.Errorf("the units that were cut are back: %d", s.Units())
	}
	items, _, _ := sweep(t, a, feedRefunds, nil)
	if len(items) != 2 {
		t.Fatalf("%d returns, want those two of after the hand-over", len(items))
	}
	for id, it := range items {
		r, err := a.NormaliseReturn(it.Kind, it.Body)
		if err != nil {
			t.Fatal(err)
		}
		want := orderhub.ReturnAnnounced
		if r.OrderID == whole {
			want = orderhub.ReturnClosed
		}
		if r.ExternalID != id || r.State != want || r.NoGoods != (want == orderhub.ReturnClosed) {
			t.Errorf("return %s of order %s: %s, no goods %v", id, r.OrderID, r.State, r.NoGoods)
		}
		if strings.Contains(string(it.Body), "Проверкина") {
			t.Errorf("a return carries the buyer's name")
		}
	}
}

func TestReturnSamples(t *testing.T) {
	t.Parallel()
	a, _, _ := setup(t, woosim.Options{}, nil)
	files, _ := filepath.Glob("testdata/returns/*.json")
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, ".golden.json") })
	if len(files) == 0 {
		t.Fatal("no samples")
	}
	for _, f := range files {
		body, err := os.ReadFile(filepath.Clean(f))
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.NormaliseReturn(kindRefund, body)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		text, _ := json.MarshalIndent(got, "", "  ")
		channeltest.Golden(t, strings.TrimSuffix(f, ".json")+".golden.json", append(text, '\n'))
	}
	for _, bad := range []string{`{}`, `null`, `{"order":{"id":1},"refund":[]}`, `{"order":{"id":1},"refund":{"id":0}}`, `{"order":{"id":1,"currency":"RUB"},"refund":{"id":2,"amount":"much"}}`} {
		if _, err := a.NormaliseReturn(kindRefund, []byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestOwnStatuses(t *testing.T) {
	t.Parallel()
	a, m, _ := setup(t, woosim.Options{Statuses: []string{"sent", "at-point", "engraving"}},
		map[string]string{settingWords: "sent=shipped; at-point = ready_for_pickup; wc-engraving=confirmed"})
	id := place(t, m, 1)[0]
	for _, step := range []struct {
		to     orderhub.Status
		native string
	}{{orderhub.StatusShipped, "sent"}, {orderhub.StatusReadyForPickup, "at-point"}, {orderhub.StatusDelivered, "completed"}} {
		res, err := a.PushStatus(t.Context(), []channel.Push{push(id, orderhub.StatusPacked, step.to)})
		if err != nil || res[0].Outcome != channel.OutcomeDone {
			t.Fatalf("%s: %+v, %v", step.to, res, err)
		}
		if s := read(t, a, id); s.Status != step.to || s.Native != step.native {
			t.Errorf("after %s: %s (%s)", step.to, s.Status, s.Native)
		}
	}
	other := place(t, m, 1)[0]
	if err := m.Set(other, "engraving"); err != nil {
		t.Fatal(err)
	}
	if s := read(t, a, other); s.Status != orderhub.StatusConfirmed || len(s.Drift) > 0 {
		t.Errorf("got %s, drift %v", s.Status, s.Drift)
	}
	for _, bad := range []string{"sent", "sent=gone", "sent=shipped,sent=new", "sent=shipped;sent=new", "Привет=new", "sent=unknown"} {
		if err := checkWords(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// A note that the hub wrote counts only while the order is being worked.
func TestTrackingIsWrittenOnce(t *testing.T) {
	t.Parallel()
	a, m, _ := setup(t, woosim.Options{}, nil)
	id := place(t, m, 1)[0]
	p := push(id, orderhub.StatusShipped, "")
	p.Params = map[string]string{"tracking": "RA123456789RU", "carrier": "Почта"}
	for range 2 {
		if res, err := a.PushTracking(t.Context(), []channel.Push{p}); err != nil || res[0].Outcome != channel.OutcomeDone {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	if s := read(t, a, id); s.Shipping.Tracking != "RA123456789RU" || s.Shipping.Carrier != "Почта" {
		t.Errorf("got %+v", s.Shipping)
	}
	if notes := m.Notes(id); len(notes) != 1 || !notes[0].Customer || notes[0].Text != "Почта: RA123456789RU" {
		t.Errorf("the buyer was told %+v", notes)
	}
}
