package wildberries

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/specs"
	"github.com/orderhub/orderhub/marketsim/wbsim"
)

// story is an adapter at a simulated Wildberries, and what the hub knows of the
// orders there.
type story struct {
	t      *testing.T
	market *wbsim.Market
	inject *marketsim.Injector
	a      *adapter
	known  map[string]*orderhub.Order
}

func newStory(t *testing.T, settings map[string]string, wrap func(http.Handler) http.Handler) *story {
	t.Helper()
	in := marketsim.NewInjector(1, marketsim.Faults{})
	m := wbsim.New(wbsim.Options{Injector: in, Fast: true, QuotaScale: -1})
	t.Cleanup(m.Close)
	h := m.Handler()
	if wrap != nil {
		h = wrap(h)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	s := channel.Settings(m.Settings())
	s[channel.SettingBaseURL] = srv.URL
	for k, v := range settings {
		s[k] = v
	}
	ad, err := Channel.Open(s, channel.Deps{Quotas: freeQuotas()})
	if err != nil {
		t.Fatal(err)
	}
	return &story{t: t, market: m, inject: in, a: ad.(*adapter), known: map[string]*orderhub.Order{}}
}

func (s *story) place(scheme orderhub.Scheme, sku string, n int64) []string {
	s.t.Helper()
	ids, err := s.market.Place(marketsim.OrderSpec{Scheme: scheme, Lines: []marketsim.SpecLine{{SKU: sku, Quantity: n, PriceMinor: 129990}}})
	if err != nil {
		s.t.Fatal(err)
	}
	return ids
}

// sync lists every feed to its end and merges it the way the hub does.
func (s *story) sync() {
	s.t.Helper()
	for _, f := range descriptor.Feeds {
		if f.Returns {
			continue
		}
		var cursor channel.Cursor
		for done := false; !done; {
			page, err := s.a.List(s.t.Context(), f.Name, cursor)
			if err != nil {
				s.t.Fatalf("list %s: %v", f.Name, err)
			}
			s.learn(page.Items)
			cursor, done = page.Next, page.Done
		}
	}
	var refs []channel.Ref
	for id, o := range s.known {
		refs = append(refs, channel.Ref{ExternalID: id, Scheme: o.Snapshot.Scheme})
	}
	items, err := s.a.ReadOrders(s.t.Context(), refs)
	if err != nil {
		s.t.Fatal(err)
	}
	s.learn(items)
}

func (s *story) learn(items []channel.Item) {
	s.t.Helper()
	for _, it := range items {
		snap, err := s.a.Normalise(it.Kind, it.Body)
		if err != nil {
			s.t.Fatal(err)
		}
		o := s.known[it.ExternalID]
		if o == nil {
			o = &orderhub.Order{ID: int64(len(s.known) + 1), Channel: Name, Headline: orderhub.StatusUnknown}
			o.Snapshot.Status = orderhub.StatusUnknown
			s.known[it.ExternalID] = o
		}
		orderhub.Merge(o, snap, time.Now(), 0)
	}
}

func (s *story) push(to orderhub.Status, params map[string]string, ids ...string) []channel.PushResult {
	s.t.Helper()
	var pushes []channel.Push
	for _, id := range ids {
		pushes = append(pushes, channel.Push{Key: "effect-" + id, Order: *s.known[id], To: to, Params: params, Attempt: 1})
	}
	results, err := s.a.PushStatus(s.t.Context(), pushes)
	if err != nil {
		s.t.Fatal(err)
	}
	for i, r := range results {
		o := s.known[ids[i]]
		if o.Snapshot.Attrs == nil {
			o.Snapshot.Attrs = map[string]string{}
		}
		for k, v := range r.Attrs {
			o.Snapshot.Attrs[k] = v
		}
	}
	return results
}

// want checks the outcomes, in order.
func (s *story) want(what string, results []channel.PushResult, outcomes ...channel.Outcome) {
	s.t.Helper()
	for i, r := range results {
		if r.Outcome != outcomes[min(i, len(outcomes)-1)] {
			s.t.Errorf("%s, order %d: %s %v, want %v", what, i, r.Outcome, r.Err, outcomes)
		}
	}
}

// statusIs syncs and compares the headline.
func (s *story) statusIs(want orderhub.Status, ids ...string) {
	s.t.Helper()
	s.sync()
	for _, id := range ids {
		if got := s.known[id].Headline; got != want {
			s.t.Errorf("order %s is %s, want %s", id, got, want)
		}
	}
}

func sentence(r channel.PushResult) string { return fmt.Sprint(r.Err) }

// TestStoryFBS: import, one supply for two batches, a hand-over that would take
// an order along, the shipping point, the way to the buyer.
func TestStoryFBS(t *testing.T) {
	t.Parallel()
	s := newStory(t, map[string]string{settingShippingPoint: "507"}, nil)
	ids := s.place(orderhub.SchemeFBS, "MUG", 3)
	s.statusIs(orderhub.StatusNew, ids...)
	s.want("accept", s.push(orderhub.StatusConfirmed, nil, ids[0], ids[1]), channel.OutcomeAccepted)
	s.want("accept the third", s.push(orderhub.StatusConfirmed, nil, ids[2]), channel.OutcomeAccepted)
	s.want("accept again", s.push(orderhub.StatusConfirmed, nil, ids...), channel.OutcomeDone)
	s.statusIs(orderhub.StatusConfirmed, ids...)
	if got := s.market.Supplies(); len(got) != 1 || len(got[0].Orders) != 3 || !strings.HasPrefix(got[0].Name, "orderhub w") {
		t.Fatalf("supplies: %+v, want one with all three", got)
	}

	r := s.push(orderhub.StatusShipped, nil, ids[0], ids[1])
	s.want("hand over two of three", r, channel.OutcomeFailed)
	if orderhub.ClassOf(r[0].Err) != orderhub.ClassRejected || !strings.Contains(sentence(r[0]), "1 more order") {
		t.Errorf("refusal: %v", r[0].Err)
	}
	s.statusIs(orderhub.StatusConfirmed, ids...)
	r = s.push(orderhub.StatusShipped, map[string]string{paramWholeSupply: "yes"}, ids[0], ids[1])
	s.want("hand over the whole supply", r, channel.OutcomeAccepted)
	if !slices.Equal(r[0].Reread, ids[2:]) {
		t.Errorf("reread %v, want the order that was taken along", r[0].Reread)
	}
	s.want("hand over again", s.push(orderhub.StatusShipped, nil, ids[0]), channel.OutcomeDone)
	s.statusIs(orderhub.StatusShipped, ids...)

	for _, want := range []orderhub.Status{orderhub.StatusShipped, orderhub.StatusReadyForPickup, orderhub.StatusDelivered} {
		if _, err := s.market.Progress(ids[0]); err != nil {
			t.Fatal(err)
		}
		s.statusIs(want, ids[0])
	}
}

// TestStoryCancelledInSupply: a buyer's cancel leaves the supply usable, and the
// seller's cancel is done once.
func TestStoryCancelledInSupply(t *testing.T) {
	t.Parallel()
	s := newStory(t, map[string]string{settingShippingPoint: "507"}, nil)
	ids := s.place(orderhub.SchemeFBS, "MUG", 3)
	s.sync()
	if err := s.market.Act(ids[0], marketsim.ActCancel); err != nil {
		t.Fatal(err)
	}
	r := s.push(orderhub.StatusConfirmed, nil, ids...)
	s.want("accept", r, channel.OutcomeFailed, channel.OutcomeAccepted, channel.OutcomeAccepted)
	s.learn(r[0].Items)
	if o := s.known[ids[0]]; o.Headline != orderhub.StatusCancelled || o.Snapshot.Cancellation.By != orderhub.CancelByBuyer {
		t.Errorf("the refusal did not bring the cancel along: %s", o.Headline)
	}
	s.want("cancel", s.push(orderhub.StatusCancelled, nil, ids[1]), channel.OutcomeAccepted)
	s.want("cancel again", s.push(orderhub.StatusCancelled, nil, ids[1]), channel.OutcomeDone)
	s.want("hand over", s.push(orderhub.StatusShipped, nil, ids[2]), channel.OutcomeAccepted)
	s.statusIs(orderhub.StatusShipped, ids[2])
	if _, err := s.market.Progress(ids[2]); err != nil {
		t.Fatal(err)
	}
	s.sync()
	if a := s.known[ids[2]].Snapshot.Actions; a == nil || len(a) > 0 {
		t.Errorf("actions %v, want none: Wildberries has the goods", a)
	}
	s.want("cancel too late", s.push(orderhub.StatusCancelled, nil, ids[2]), channel.OutcomeFailed)
}

// TestStoryShippingPointMissing explains what a newcomer must do.
func TestStoryShippingPointMissing(t *testing.T) {
	t.Parallel()
	s := newStory(t, nil, nil)
	ids := s.place(orderhub.SchemeFBS, "MUG", 1)
	s.sync()
	s.want("accept", s.push(orderhub.StatusConfirmed, nil, ids...), channel.OutcomeAccepted)
	r := s.push(orderhub.StatusShipped, nil, ids...)
	if orderhub.ClassOf(r[0].Err) != orderhub.ClassRejected || !strings.Contains(sentence(r[0]), settingShippingPoint) {
		t.Errorf("got %v, want words about the shipping point", r[0].Err)
	}
}

// TestStoryLostSupply: the answer to the creation of a supply is lost, once with
// the supply made and once without. There is never a second one.
func TestStoryLostSupply(t *testing.T) {
	t.Parallel()
	for _, fault := range []marketsim.Fault{marketsim.FaultTimeoutAfter, marketsim.FaultTimeoutBefore} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			s := newStory(t, nil, nil)
			ids := s.place(orderhub.SchemeFBS, "MUG", 2)
			s.sync()
			s.inject.Set(marketsim.Faults{Script: []marketsim.Scripted{{Method: http.MethodPost, Path: "/api/v3/supplies", Nth: 1, Fault: fault}}})
			r := s.push(orderhub.StatusConfirmed, nil, ids...)
			if fault == marketsim.FaultTimeoutBefore {
				if s.want("first attempt", r, channel.OutcomeFailed); orderhub.ClassOf(r[0].Err) != orderhub.ClassRetry {
					t.Errorf("got %v: no order was touched, so it may be tried again", r[0].Err)
				}
				r = s.push(orderhub.StatusConfirmed, nil, ids...)
			}
			s.want("accept", r, channel.OutcomeAccepted)
			if got := s.market.Supplies(); len(got) != 1 || len(got[0].Orders) != 2 {
				t.Errorf("supplies: %+v, want one with both", got)
			}
		})
	}
}

// TestStoryLostAnswers: whatever write loses its answer, the result is uncertain
// and the next attempt finds out that it is done.
func TestStoryLostAnswers(t *testing.T) {
	t.Parallel()
	s := newStory(t, map[string]string{settingShippingPoint: "507"}, nil)
	ids := s.place(orderhub.SchemeFBS, "MUG", 1)
	s.sync()
	lost := func(method, path string) {
		s.inject.Set(marketsim.Faults{Script: []marketsim.Scripted{{Method: method, Path: path, Nth: 1, Fault: marketsim.FaultTimeoutAfter}}})
	}
	// The supply is made first, so that its path is known.
	supplyID, err := s.a.c.createSupply(t.Context(), supplyKey{warehouse: s.known[ids[0]].Snapshot.Attrs[attrWarehouse], cargo: "1", crossBorder: "0"}.name("orderhub"))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		to   orderhub.Status
		path string
	}{
		{orderhub.StatusConfirmed, "/api/marketplace/v3/supplies/" + supplyID + "/orders"},
		{orderhub.StatusShipped, "/api/v3/supplies/" + supplyID + "/deliver"},
	} {
		lost(http.MethodPatch, step.path)
		r := s.push(step.to, nil, ids...)
		if orderhub.ClassOf(r[0].Err) != orderhub.ClassUncertain {
			t.Errorf("%s: got %v, want uncertain", step.to, r[0].Err)
		}
		s.want(string(step.to)+" again", s.push(step.to, nil, ids...), channel.OutcomeDone)
	}
	if got := s.market.Supplies(); len(got) != 1 || !got[0].Done {
		t.Errorf("supplies: %+v", got)
	}
}

func TestStoryDBS(t *testing.T) {
	t.Parallel()
	s := newStory(t, nil, nil)
	ids := s.place(orderhub.SchemeDBS, "LAMP", 3)
	s.statusIs(orderhub.StatusNew, ids...)
	s.want("confirm", s.push(orderhub.StatusConfirmed, nil, ids...), channel.OutcomeAccepted)
	s.want("confirm again", s.push(orderhub.StatusConfirmed, nil, ids...), channel.OutcomeDone)
	s.statusIs(orderhub.StatusConfirmed, ids...)
	s.want("cancel", s.push(orderhub.StatusCancelled, nil, ids[2]), channel.OutcomeAccepted)
	s.want("deliver", s.push(orderhub.StatusShipped, nil, ids[0], ids[1]), channel.OutcomeAccepted)
	s.statusIs(orderhub.StatusShipped, ids[0], ids[1])
	s.want("receive without a code", s.push(orderhub.StatusDelivered, nil, ids[0]), channel.OutcomeFailed)
	r := s.push(orderhub.StatusDelivered, map[string]string{paramCode: "wrong"}, ids[0])
	if orderhub.ClassOf(r[0].Err) != orderhub.ClassRejected || !strings.Contains(sentence(r[0]), "code") {
		t.Errorf("wrong code: %v", r[0].Err)
	}
	for i, to := range []orderhub.Status{orderhub.StatusDelivered, orderhub.StatusCancelled} {
		code, err := s.market.BuyerCode(ids[i])
		if err != nil {
			t.Fatal(err)
		}
		s.want(string(to), s.push(to, map[string]string{paramCode: code}, ids[i]), channel.OutcomeAccepted)
	}
	s.statusIs(orderhub.StatusDelivered, ids[0])
	s.statusIs(orderhub.StatusCancelled, ids[1], ids[2])
	if c := s.known[ids[1]].Snapshot.Cancellation; c == nil || !c.AfterHandOver || c.By != orderhub.CancelByBuyer {
		t.Errorf("refused at the door: %+v", c)
	}
}

// TestCallsFollowTheDocuments: every call that the adapter makes is valid by
// Wildberries' own documents.
func TestCallsFollowTheDocuments(t *testing.T) {
	t.Parallel()
	var docs []*specs.Doc
	for _, file := range []string{"01-general", "02-items", "03-orders-fbs", "05-dbs", "09-communications", "delta-after-2026-08-18"} {
		docs = append(docs, specs.Load(t, "wildberries/"+file+".yaml"))
	}
	s := newStory(t, map[string]string{settingShippingPoint: "507"}, func(h http.Handler) http.Handler {
		return specs.WrapAny(docs, h, func(v specs.Violation) {
			if v.Part == "request" {
				t.Errorf("%s", v)
			}
		})
	})
	s.market.Offer([]marketsim.Product{{SKU: "MUG", Name: "Кружка"}, {SKU: "LAMP", Name: "Лампа"}})
	s.a.c.cardPage = 1 // so that the cursor travels
	offers := s.catalogue()
	s.show(offers, 7, 3)
	if shown := s.shown(offers); len(shown) != 2 {
		t.Errorf("shown %v", shown)
	}
	fbs, dbs := s.place(orderhub.SchemeFBS, "MUG", 3), s.place(orderhub.SchemeDBS, "LAMP", 3)
	s.sync()
	if _, err := s.a.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.a.ListRange(t.Context(), time.Now().Add(-time.Hour), time.Now(), nil); err != nil {
		t.Error(err)
	}
	s.push(orderhub.StatusCancelled, nil, fbs[0], dbs[0])
	s.push(orderhub.StatusConfirmed, nil, fbs[1], fbs[2], dbs[1], dbs[2])
	delete(s.known[fbs[1]].Snapshot.Attrs, attrSupply) // so that it is looked for
	s.push(orderhub.StatusShipped, nil, fbs[1], fbs[2], dbs[1], dbs[2])
	s.sync()
	for i, to := range []orderhub.Status{orderhub.StatusDelivered, orderhub.StatusCancelled} {
		code, err := s.market.BuyerCode(dbs[i+1])
		if err != nil {
			t.Fatal(err)
		}
		s.want(string(to), s.push(to, map[string]string{paramCode: code}, dbs[i+1]), channel.OutcomeAccepted)
	}
	s.statusIs(orderhub.StatusShipped, fbs[1], fbs[2])
	s.statusIs(orderhub.StatusDelivered, dbs[1])
	sold := s.sell(2, 3)
	s.act(marketsim.ActReturn, sold...)
	s.answer(sold[0], "approve2", "", 2)
	s.answer(sold[1], actionRejectCustom, "Товар без следов брака", 1)
	s.compare()
}
