package yandexsim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// checkStory looks for contradictions in one order.
func checkStory(o *order) error {
	s := o.history.Now()
	for _, l := range s.lines {
		if l.count < 0 || l.back < 0 || l.back > l.count {
			return fmt.Errorf("line %s: %d units, %d returned", l.sku, l.count, l.back)
		}
	}
	if s.waitsForCancelAnswer() && (o.shop.program != programDBS || (s.status != stDelivery && s.status != stPickup)) {
		return fmt.Errorf("open cancellation request in %s %s", o.shop.program, s.status)
	}
	back := int64(0)
	for _, l := range s.lines {
		back += l.back
	}
	switch s.status { //nolint:exhaustive // the others have nothing to return
	case stReturned:
		if back != s.units() {
			return fmt.Errorf("returned %d of %d", back, s.units())
		}
	case stPartly:
		if back == 0 || back >= s.units() {
			return fmt.Errorf("partly returned %d of %d", back, s.units())
		}
	default:
		if back != 0 {
			return fmt.Errorf("%d units returned in %s", back, s.status)
		}
	}
	return nil
}

// allowedNext tells whether a headline may follow another: only ever further,
// and nothing follows an end except returns after delivery.
func allowedNext(from, to orderhub.Status) bool {
	switch from { //nolint:exhaustive // the rest is the ladder
	case orderhub.StatusCancelled, orderhub.StatusReturned:
		return from == to
	case orderhub.StatusDelivered, orderhub.StatusPartiallyReturned:
		return to == from || (to != orderhub.StatusCancelled && to.Rank() > from.Rank())
	}
	return to.Rank() >= from.Rank()
}

// TestAnySequence: whatever buyer, seller and Market do, in any order, each
// order's books stay consistent, refusals change nothing, and every effect of
// the seller is in the calls.
func TestAnySequence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		m := New(Options{Now: c.now, Fast: true, Seed: rapid.Uint64().Draw(t, "seed"), CancelAnswer: time.Minute, ReturnAnswer: time.Minute})
		defer m.Close()
		var ids []string
		last := map[string]marketsim.TruthOrder{}
		schemes := []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS, orderhub.SchemeExpress, orderhub.SchemeFBO}
		acts := []marketsim.BuyerAct{marketsim.ActPay, marketsim.ActCancel, marketsim.ActRequestCancel, marketsim.ActRefuse, marketsim.ActReturn}
		subs := []substatus{"", subReady, subShipped, subServiceGot, subShopFailed, subChangedMind, subPickupExpired}
		place := func() {
			spec := marketsim.OrderSpec{Scheme: rapid.SampledFrom(schemes).Draw(t, "scheme"), Pending: rapid.Bool().Draw(t, "pending")}
			for i := range rapid.IntRange(1, 3).Draw(t, "lines") {
				spec.Lines = append(spec.Lines, marketsim.SpecLine{SKU: fmt.Sprint("S", i), Quantity: rapid.Int64Range(1, 3).Draw(t, "quantity"), PriceMinor: 10_000})
			}
			got, err := m.Place(spec)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, got...)
		}
		place()
		effects := map[string]int{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			c.pass(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			id := rapid.SampledFrom(ids).Draw(t, "order")
			n, _ := strconv.ParseInt(id, 10, 64)
			switch rapid.IntRange(0, 4).Draw(t, "who") {
			case 0:
				place()
			case 1:
				_ = m.Act(id, rapid.SampledFrom(acts).Draw(t, "act"))
			case 2:
				if _, err := m.Progress(id); err != nil {
					t.Fatal(err)
				}
				for _, r := range m.Returns() {
					if _, err := m.ProgressReturn(r.ID); err != nil {
						t.Fatal(err)
					}
				}
			default:
				m.mu.Lock()
				w := wish{to: rapid.SampledFrom(settable).Draw(t, "to"), sub: rapid.SampledFrom(subs).Draw(t, "sub")}
				if m.sell(m.books.get(n), w, m.tick()) == nil {
					effects[id]++
				}
				m.mu.Unlock()
			}
			for _, o := range m.Truth() {
				was, known := last[o.ID]
				if known && !allowedNext(was.Headline, o.Headline) {
					t.Fatalf("order %s went from %s to %s", o.ID, was.Headline, o.Headline)
				}
				if len(o.Calls) != effects[o.ID] {
					t.Fatalf("order %s has %d calls after %d effects", o.ID, len(o.Calls), effects[o.ID])
				}
				last[o.ID] = o
			}
			for _, o := range m.books.orders {
				if err := checkStory(o); err != nil {
					t.Fatalf("order %d: %v", o.id, err)
				}
			}
		}
	})
}

// TestDeterministic: the same seed and the same acts give the same answers.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		c := newClock()
		s := open(t, Options{Now: c.now, Seed: seed})
		for i := range 12 {
			id := s.place([]orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS, orderhub.SchemeFBO}[i%3])
			if moved, _ := s.m.Progress(id); moved {
				c.pass(time.Second)
			}
		}
		return s.key + s.ok("POST", listPath, "{}").raw
	}
	if diff := cmp.Diff(run(1), run(1)); diff != "" {
		t.Errorf("the same seed, different answers:\n%s", diff)
	}
	if run(1) == run(2) {
		t.Error("different seeds, the same answers")
	}
}

// TestConcurrentClients runs sellers, buyers, the Market and readers at once.
func TestConcurrentClients(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Limits: Limits{Off: true}, Injector: marketsim.NewInjector(1, marketsim.Faults{
		FailRows: 0.1, Stale: 0.2, Lag: 5 * time.Millisecond, Duplicated: 0.2,
	})})
	h := listen(t, func(w http.ResponseWriter, n int) { goodReply(w, n) })
	s.m.Notify(h.url)
	var ids []string
	for i := range 40 {
		ids = append(ids, s.place([]orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS}[i%2]))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	packedOnce := map[string]int{}
	for worker := range 6 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(worker), 1))
			for range 60 {
				id := ids[rng.IntN(len(ids))]
				switch rng.IntN(6) {
				case 0:
					_, _ = s.m.Progress(id)
				case 1:
					_ = s.m.Act(id, marketsim.ActRefuse)
				case 2:
					if _, err := s.send("GET", path(orderhub.SchemeFBS, id, ""), "", nil); err != nil {
						t.Error(err)
					}
				case 3:
					if r, err := s.send("POST", listPath+"?limit=10", "{}", nil); err != nil || r.status != 200 {
						t.Error(r.raw, err)
					}
				default:
					r, err := s.send("PUT", path(orderhub.SchemeFBS, id, "/status"), `{"order":{"status":"PROCESSING","substatus":"READY_TO_SHIP"}}`, nil)
					if err != nil {
						t.Error(err)
					}
					if r.status == 200 {
						mu.Lock()
						packedOnce[id]++
						mu.Unlock()
					}
				}
			}
		})
	}
	wg.Wait()
	for id, n := range packedOnce {
		if n != 1 || len(s.truth(id).Calls) != 1 {
			t.Errorf("order %s was packed %d times, books say %v", id, n, s.truth(id).Calls)
		}
	}
	if len(packedOnce) == 0 {
		t.Error("nothing was packed")
	}
}

// BenchmarkList reads pages of fresh changes among 50,000 orders.
func BenchmarkList(b *testing.B) {
	c := newClock()
	m := New(Options{Now: c.now, Limits: Limits{Off: true}, Fast: true})
	defer m.Close()
	for range 50_000 {
		c.pass(10 * time.Millisecond)
		if _, err := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "A", Quantity: 1, PriceMinor: 100}, {SKU: "B", Quantity: 2, PriceMinor: 100}}}); err != nil {
			b.Fatal(err)
		}
	}
	for name, f := range map[string]filter{
		"fresh changes": {Dates: &dates{UpdateDateFrom: c.now().Add(-10 * time.Second).Format(time.RFC3339)}},
		"all":           {},
		"few match":     {Statuses: []string{"CANCELLED"}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f := f
				if fail := f.prepare(c.now(), false); fail != nil {
					b.Fatal(fail.message)
				}
				m.mu.Lock()
				m.search(&f, 0, 50, c.now())
				m.mu.Unlock()
			}
		})
	}
}
