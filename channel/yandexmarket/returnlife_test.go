package yandexmarket

import (
	"maps"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/specs"
	"github.com/orderhub/orderhub/marketsim/yandexsim"
)

// market is a simulator behind a server that checks what is sent.
func market(t *testing.T, opts yandexsim.Options) (*adapter, *yandexsim.Market) {
	t.Helper()
	doc := specs.Load(t, document)
	opts.Fast = true
	m := yandexsim.New(opts)
	t.Cleanup(m.Close)
	srv := httptest.NewServer(doc.Wrap(m.Handler(), func(v specs.Violation) { t.Errorf("not as the document says: %s", v) }))
	t.Cleanup(srv.Close)
	settings := channel.Settings{channel.SettingBaseURL: srv.URL}
	maps.Copy(settings, m.Settings())
	ad, err := Channel.Open(settings, channel.Deps{Now: opts.Now})
	if err != nil {
		t.Fatal(err)
	}
	a := ad.(*adapter)
	a.returnsPage, a.pageSize = 3, 5
	return a, m
}

// place makes an order and has it delivered.
func place(t *testing.T, m marketsim.Market, scheme orderhub.Scheme) string {
	t.Helper()
	got, err := m.Place(marketsim.OrderSpec{Scheme: scheme, Lines: []marketsim.SpecLine{
		{SKU: "0557722", Quantity: 2, PriceMinor: 149_050}, {SKU: "LAMP-7", Quantity: 1, PriceMinor: 99_900},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

// ledger reads the orders as the hub would have them.
func ledger(t *testing.T, a *adapter, refs ...string) map[string]orderhub.Order {
	t.Helper()
	var list []channel.Ref
	for _, id := range refs {
		list = append(list, channel.Ref{ExternalID: id})
	}
	items, err := a.ReadOrders(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]orderhub.Order{}
	for _, it := range items {
		s, err := a.Normalise(it.Kind, it.Body)
		if err != nil {
			t.Fatal(err)
		}
		out[s.ExternalID] = orderhub.Order{Snapshot: s, Headline: s.Status}
	}
	return out
}

// sweepAll reads the feed to its end, from a cursor.
func sweepAll(t *testing.T, a *adapter, cursor channel.Cursor) (out map[string]orderhub.ReturnSnapshot, next channel.Cursor, pages []channel.Cursor) {
	t.Helper()
	out = map[string]orderhub.ReturnSnapshot{}
	for range 200 {
		page, err := a.List(t.Context(), feedReturns, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			r, err := a.NormaliseReturn(it.Kind, it.Body)
			if err != nil || r.ExternalID != it.ExternalID || len(r.Drift) > 0 {
				t.Fatalf("return %s: %v, drift %v", it.ExternalID, err, r.Drift)
			}
			out[r.ExternalID] = r
		}
		cursor = page.Next
		pages = append(pages, cursor)
		if page.Done {
			return out, cursor, pages
		}
	}
	t.Fatal("the feed does not end")
	return nil, nil, nil
}

// deliver brings an order to the buyer, or onto its way only.
func deliver(t *testing.T, a *adapter, m marketsim.Market, id string, whole bool) {
	t.Helper()
	steps := map[orderhub.Scheme][]orderhub.Status{
		orderhub.SchemeFBS: {orderhub.StatusPacked}, orderhub.SchemeExpress: {orderhub.StatusPacked},
		orderhub.SchemeDBS: {orderhub.StatusShipped, orderhub.StatusDelivered},
	}
	for range 8 {
		o := ledger(t, a, id)[id]
		if o.Headline == orderhub.StatusDelivered || (!whole && o.Snapshot.Native == wordDelivery) {
			return
		}
		if moved, err := m.Progress(id); err != nil || moved {
			continue
		}
		for _, to := range steps[o.Snapshot.Scheme] {
			if to.Rank() > o.Headline.Rank() {
				results, err := a.PushStatus(t.Context(), []channel.Push{push(o, to, "")})
				if err != nil || results[0].Err != nil {
					t.Fatal(err, results)
				}
				break
			}
		}
	}
	o := ledger(t, a, id)[id]
	if whole && o.Headline != orderhub.StatusDelivered {
		t.Fatalf("order %s stays %s", id, o.Headline)
	}
}

// agree compares what the adapter reads with the books.
func agree(t *testing.T, m *yandexsim.Market, got map[string]orderhub.ReturnSnapshot) {
	t.Helper()
	for _, want := range m.Returns() {
		r, ok := got[want.ID]
		if !ok {
			t.Errorf("return %s is lost", want.ID)
			continue
		}
		units := map[string]int64{}
		if !r.NoGoods {
			for _, l := range r.Lines {
				units[l.SKU] += l.Quantity
			}
		}
		if r.OrderID != want.Order || r.Kind != want.Kind || r.State != want.State || !maps.Equal(units, want.Units) {
			t.Errorf("return %s of %s: %s %s, units %v (%s %s); the books say %+v", r.ExternalID, r.OrderID, r.Kind, r.State, units, r.Native, r.NativeSub, want)
		}
		if over := r.State == orderhub.ReturnReceived || r.State == orderhub.ReturnClosed; over && r.Refund.Minor != want.RefundMinor {
			t.Errorf("return %s: refund %s, the books say %d", r.ExternalID, r.Refund, want.RefundMinor)
		}
		if (r.State == orderhub.ReturnAtPickup) != !r.PickUpBy.IsZero() {
			t.Errorf("return %s is %s, to be collected by %s", r.ExternalID, r.State, r.PickUpBy)
		}
		if (len(r.Actions) > 0) != !r.AnswerBy.IsZero() || r.Actions == nil {
			t.Errorf("return %s: actions %v, answer by %s", r.ExternalID, r.Actions, r.AnswerBy)
		}
	}
}

// answerWith answers a return with one of its actions, all that it needs included.
func answerWith(r orderhub.ReturnSnapshot, n int) channel.ReturnAnswer {
	action := r.Actions[n%len(r.Actions)]
	out := channel.ReturnAnswer{Key: "effect-1", Return: r, Action: action.Code, Attempt: 1, Comment: "за неделю"}
	if action.NeedsAmount {
		out.Amount = orderhub.Money{Minor: 10_001, Currency: "RUB"}
	}
	if len(action.Reasons) > 0 {
		out.Reason = action.Reasons[0].Code
	}
	return out
}

// Returns of every scheme, from the buyer's wish to the end.
func TestReturnsLive(t *testing.T) {
	t.Parallel()
	a, m := market(t, yandexsim.Options{Seed: 3, Limits: yandexsim.Limits{Off: true}})
	for i := range 24 {
		scheme := []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS, orderhub.SchemeExpress, orderhub.SchemeFBO}[i%4]
		id := place(t, m, scheme)
		act := marketsim.ActReturn
		if i%3 == 0 {
			act = marketsim.ActRefuse
		}
		deliver(t, a, m, id, act == marketsim.ActReturn)
		if err := m.Act(id, act); err != nil {
			t.Fatal(err)
		}
	}
	var cursor channel.Cursor
	answered, states := map[string]int{}, map[orderhub.ReturnState]int{}
	for round := range 12 {
		var got map[string]orderhub.ReturnSnapshot
		got, cursor, _ = sweepAll(t, a, cursor)
		agree(t, m, got)
		for _, id := range slices.Sorted(maps.Keys(got)) {
			r := got[id]
			states[r.State]++
			if len(r.Actions) > 0 {
				ans := answerWith(r, len(answered)+round)
				results, err := a.AnswerReturn(t.Context(), []channel.ReturnAnswer{ans})
				if err != nil || results[0].Outcome != channel.OutcomeAccepted {
					t.Fatalf("%s: %+v, %v", ans.Action, results, err)
				}
				answered[ans.Action]++
				continue
			}
			if _, err := m.ProgressReturn(id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(answered) < 4 || len(states) < 5 {
		t.Errorf("answered %v, seen %v: want more of the possible", answered, states)
	}
	for _, o := range m.Truth() {
		if s := ledger(t, a, o.ID)[o.ID]; s.Headline != o.Headline {
			t.Errorf("order %s is %s, the books say %s", o.ID, s.Headline, o.Headline)
		}
	}
}

// Any saved cursor goes on without a gap.
func TestReturnsFeedResumes(t *testing.T) {
	t.Parallel()
	a, m := market(t, yandexsim.Options{Seed: 3, Limits: yandexsim.Limits{Off: true}})
	for i := range 14 {
		id := place(t, m, []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS}[i%2])
		deliver(t, a, m, id, false)
		if err := m.Act(id, marketsim.ActRefuse); err != nil {
			t.Fatal(err)
		}
	}
	all, _, cursors := sweepAll(t, a, nil)
	if len(all) != 14 || len(cursors) < 4 {
		t.Fatalf("%d returns on %d pages", len(all), len(cursors))
	}
	for i, c := range cursors {
		// What came with the page of the cursor and before is known; all the rest must
		// come, and what changes meanwhile too.
		changed := m.Returns()[i].ID
		if _, err := m.ProgressReturn(changed); err != nil {
			t.Fatal(err)
		}
		rest, next, _ := sweepAll(t, a, c)
		more, _, _ := sweepAll(t, a, next)
		maps.Copy(rest, more)
		agree(t, m, rest)
	}
}

// At a market that fails a lot, every return is read in the end and answered once.
func TestReturnsAtAFailingMarket(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(7, marketsim.Faults{})
	a, m := market(t, yandexsim.Options{Seed: 3, Injector: in, Limits: yandexsim.Limits{Off: true}})
	for range 10 {
		id := place(t, m, orderhub.SchemeDBS)
		deliver(t, a, m, id, true)
		if err := m.Act(id, marketsim.ActReturn); err != nil {
			t.Fatal(err)
		}
	}
	in.Set(marketsim.Faults{ServerError: 0.2, TimeoutBefore: 0.1, TimeoutAfter: 0.2, Hang: time.Millisecond})
	waiting := map[string]orderhub.ReturnSnapshot{}
	var cursor channel.Cursor
	for range 200 {
		page, err := a.List(t.Context(), feedReturns, cursor)
		if err != nil {
			continue
		}
		for _, it := range page.Items {
			r, err := a.NormaliseReturn(it.Kind, it.Body)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Actions) > 0 {
				waiting[r.ExternalID] = r
			}
		}
		if cursor = page.Next; page.Done && len(waiting) == 10 {
			break
		}
	}
	for id, r := range waiting {
		done := false
		for attempt := 1; attempt < 50 && !done; attempt++ {
			results, err := a.AnswerReturn(t.Context(), []channel.ReturnAnswer{{Return: r, Action: "REFUND_MONEY", Attempt: attempt}})
			if err == nil && results[0].Err != nil && orderhub.ClassOf(results[0].Err) == orderhub.ClassRejected {
				t.Errorf("return %s: %v", id, results[0].Err)
			}
			done = err == nil && results[0].Err == nil
		}
		if !done {
			t.Errorf("return %s was not answered", id)
		}
	}
	if len(waiting) != 10 {
		t.Errorf("%d of 10 returns wait", len(waiting))
	}
	for _, truth := range m.Returns() {
		if len(truth.Answers) != 1 {
			t.Errorf("return %s was answered %d times", truth.ID, len(truth.Answers))
		}
	}
}
