package ozonsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"pgregory.net/rapid"
)

// caller calls a market without a network in between.
type caller struct{ m *Market }

func (c caller) post(path string, body any) (int, []byte) {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(raw)))
	s := c.m.Settings()
	req.Header.Set("Client-Id", s["client_id"])
	req.Header.Set("Api-Key", s["api_key"])
	rec := httptest.NewRecorder()
	c.m.Handler().ServeHTTP(rec, req)
	return rec.Code, rec.Body.Bytes()
}

// model is what a test remembers of an order beside the books.
type model struct {
	units, total int64 // ordered less cancelled in part
}

// Any sequence of calls, acts and steps leaves the books consistent: no unit is
// lost or counted twice, nothing leaves its end, every call is in the books
// once, and the wire says what the books say.
func TestAnySequenceLeavesTheBooksConsistent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		fails := rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "failing rows")
		m := New(Options{Now: c.now, Seed: 3, NoQuotas: true, Fast: true, Injector: marketsim.NewInjector(5, marketsim.Faults{FailRows: fails})})
		defer m.Close()
		call := caller{m}
		orders := map[string]*model{}
		ends := map[string]string{}
		for range rapid.IntRange(5, 40).Draw(t, "steps") {
			c.add(time.Duration(rapid.IntRange(0, 30).Draw(t, "ms")) * time.Millisecond)
			books := m.Truth()
			if len(books) == 0 || rapid.IntRange(0, 5).Draw(t, "place") == 0 {
				placeRandom(t, m, orders)
				continue
			}
			o := rapid.SampledFrom(books).Draw(t, "posting")
			randomStep(t, m, call, o, orders)
			checkBooks(t, m, orders, ends)
		}
		c.add(time.Second)
		checkBooks(t, m, orders, ends)
		checkWire(t, m, call, c.now())
	})
}

func placeRandom(t *rapid.T, m *Market, orders map[string]*model) {
	spec := marketsim.OrderSpec{Scheme: rapid.SampledFrom([]orderhub.Scheme{"", rfbs, orderhub.SchemeFBO}).Draw(t, "scheme")}
	spec.Pending = spec.Scheme != orderhub.SchemeFBO && rapid.Bool().Draw(t, "pending")
	mo := &model{}
	for i := range rapid.IntRange(1, 3).Draw(t, "lines") {
		l := marketsim.SpecLine{
			SKU: fmt.Sprint("SKU-", i), Quantity: rapid.Int64Range(1, 4).Draw(t, "quantity"), PriceMinor: rapid.Int64Range(0, 100_000).Draw(t, "price"),
		}
		spec.Lines = append(spec.Lines, l)
		mo.units += l.Quantity
		mo.total += l.Quantity * l.PriceMinor
	}
	ids, err := m.Place(spec)
	if err != nil {
		t.Fatal(err)
	}
	orders[ids[0][:strings.LastIndex(ids[0], "-")]] = mo
}

func randomStep(t *rapid.T, m *Market, call caller, o marketsim.TruthOrder, orders map[string]*model) {
	switch rapid.SampledFrom([]string{"progress", "act", "ship", "ship packages", "part", "split", "cancel", "product", "move", "tracking", "dispute", "return", "request", "ask"}).Draw(t, "step") {
	case "progress":
		if _, err := m.Progress(o.ID); err != nil {
			t.Fatal(err)
		}
	case "act":
		acts := []marketsim.BuyerAct{marketsim.ActPay, marketsim.ActCancel, marketsim.ActRequestCancel, marketsim.ActRefuse, marketsim.ActReturn}
		_ = m.Act(o.ID, rapid.SampledFrom(acts).Draw(t, "act")) // a refusal is fine
	case "ship":
		call.post("/v4/posting/fbs/ship", obj{"posting_number": o.ID, "packages": []obj{{"products": lines(m, o.ID)}}})
	case "ship packages":
		call.post("/v4/posting/fbs/ship", obj{"posting_number": o.ID, "packages": halves(m, o.ID)})
	case "part":
		half := lines(m, o.ID)[:1]
		call.post("/v4/posting/fbs/ship/package", obj{"posting_number": o.ID, "products": half})
	case "split":
		call.post("/v1/posting/fbs/split", obj{"posting_number": o.ID, "postings": halves(m, o.ID)})
	case "cancel":
		call.post("/v2/posting/fbs/cancel", obj{"posting_number": o.ID, "cancel_reason_id": 352})
	case "product":
		cancelOneUnit(m, call, o, orders)
	case "move":
		path := rapid.SampledFrom([]string{"delivering", "last-mile", "delivered"}).Draw(t, "move")
		call.post("/v2/fbs/posting/"+path, obj{"posting_number": []string{o.ID}})
	case "tracking":
		call.post("/v2/fbs/posting/tracking-number/set", obj{"tracking_numbers": []obj{{"posting_number": o.ID, "tracking_number": "T" + o.ID}}})
	case "return":
		for _, r := range m.Returns() {
			if r.Order == o.ID {
				if _, err := m.ProgressReturn(r.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
	case "request":
		action := rapid.SampledFrom([]int{-1, -10, 1010, 1020, 1040}).Draw(t, "action")
		for _, r := range m.Returns() {
			if r.Order == o.ID {
				call.post("/v1/returns/rfbs/action/set", obj{"return_id": r.ID, "id": action, "comment": "нет", "rejection_reason_id": rejectReasonID, "compensation_amount": 1})
			}
		}
	case "ask":
		path := rapid.SampledFrom([]string{"approve", "reject"}).Draw(t, "answer")
		m.enter()
		asked := m.postings[o.ID].ask
		m.mu.Unlock()
		if asked != nil {
			call.post("/v2/conditional-cancellation/"+path, obj{"cancellation_id": asked.id, "comment": "нет"})
		}
	case "dispute":
		path := rapid.SampledFrom([]string{"arbitration", "awaiting-delivery"}).Draw(t, "dispute")
		call.post("/v2/posting/fbs/"+path, obj{"posting_number": []string{o.ID}})
	}
}

// lines names all goods of a posting.
func lines(m *Market, number string) []obj {
	m.enter()
	defer m.mu.Unlock()
	out := []obj{}
	for _, l := range m.postings[number].state().lines {
		out = append(out, obj{"product_id": l.sku, "quantity": l.quantity})
	}
	return out
}

// halves puts one unit into a package of its own, if there are two.
func halves(m *Market, number string) []obj {
	m.enter()
	defer m.mu.Unlock()
	have := m.postings[number].state().lines
	first := []obj{{"product_id": have[0].sku, "quantity": 1}}
	rest := []obj{}
	for i, l := range have {
		if i == 0 {
			l.quantity--
		}
		if l.quantity > 0 {
			rest = append(rest, obj{"product_id": l.sku, "quantity": l.quantity})
		}
	}
	return []obj{{"products": first}, {"products": rest}}
}

func cancelOneUnit(m *Market, call caller, o marketsim.TruthOrder, orders map[string]*model) {
	m.enter()
	have := m.postings[o.ID].state().lines
	m.mu.Unlock()
	status, _ := call.post("/v2/posting/fbs/product/cancel", obj{"posting_number": o.ID, "cancel_reason_id": 352, "cancel_reason_message": "нет",
		"items": []obj{{"sku": have[0].sku, "quantity": 1}}})
	// The last unit ends the posting, whose lines stay for the record.
	if status == http.StatusOK && o.Units > 1 {
		orders[o.Group].units--
		orders[o.Group].total -= have[0].priceMinor
	}
}

func checkBooks(t *rapid.T, m *Market, orders map[string]*model, ends map[string]string) {
	units, totals := map[string]int64{}, map[string]int64{}
	for _, o := range m.Truth() {
		if o.Units <= 0 || o.Headline == orderhub.StatusUnknown {
			t.Fatalf("%+v", o)
		}
		if o.Native != splitAway {
			units[o.Group] += o.Units
			totals[o.Group] += o.TotalMinor
		}
		if end, ended := ends[o.ID]; ended && end != o.Native {
			t.Fatalf("%s left its end %s for %s", o.ID, end, o.Native)
		}
		if o.Native == cancelled || o.Native == splitAway || o.Native == delivered {
			ends[o.ID] = o.Native
		}
		checkCalls(t, o)
	}
	checkReturns(t, m)
	for group, mo := range orders {
		if units[group] != mo.units || totals[group] != mo.total {
			t.Fatalf("order %s: %d units for %d, ordered %d for %d", group, units[group], totals[group], mo.units, mo.total)
		}
	}
}

// checkCalls: what can happen once is in the books at most once, and the last
// change that a call caused agrees with the status.
func checkCalls(t *rapid.T, o marketsim.TruthOrder) {
	count := map[string]int{}
	for _, c := range o.Calls {
		count[c.What]++
		if c.To == orderhub.StatusCancelled && o.Headline != orderhub.StatusCancelled {
			t.Fatalf("%s was cancelled by a call and is %s", o.ID, o.Headline)
		}
	}
	for _, once := range []string{"ship", "cancel", "delivering", "last_mile", "delivered", "tracking"} {
		if count[once] > 1 {
			t.Fatalf("%s: %s %d times", o.ID, once, count[once])
		}
	}
	if (o.Headline == orderhub.StatusConfirmed || o.Headline == orderhub.StatusShipped) && o.Scheme != orderhub.SchemeFBO && count["ship"] != 1 {
		t.Fatalf("%s is %s without an assembly", o.ID, o.Headline)
	}
	if o.Scheme == orderhub.SchemeFBO && len(o.Calls) > 0 {
		t.Fatalf("%s: a seller's call on an FBO posting: %v", o.ID, o.Calls)
	}
}

// checkWire compares the lists with the books.
func checkWire(t *rapid.T, m *Market, call caller, now time.Time) {
	listed := map[string]postingV4{}
	for _, path := range []string{listPath, fboPath} {
		cursor := ""
		for {
			_, raw := call.post(path, obj{"limit": 7, "cursor": cursor, "filter": obj{"since": now.AddDate(0, -1, 0), "to": now.AddDate(0, 1, 0)}})
			var got listResponse
			if err := json.Unmarshal(raw, &got); err != nil {
				t.Fatal(err)
			}
			for _, p := range got.Postings {
				if _, twice := listed[p.Number]; twice {
					t.Fatalf("%s listed twice", p.Number)
				}
				listed[p.Number] = p
			}
			if !got.HasNext {
				break
			}
			cursor = got.Cursor
		}
	}
	books := m.Truth()
	for _, o := range books {
		p := listed[o.ID]
		var units int64
		for _, l := range p.Products {
			units += l.Quantity
		}
		if p.Status != o.Native || p.Substatus != o.Sub || units != o.Units {
			t.Fatalf("wire %s (%s) %d units, books %+v", p.Status, p.Substatus, units, o)
		}
	}
	if len(books) != len(listed) {
		t.Fatalf("%d in the books, %d listed", len(books), len(listed))
	}
}

// Many clients, buyers and couriers at once on the real clock: nothing is lost
// and every posting is assembled exactly once.
func TestConcurrentClients(t *testing.T) {
	t.Parallel()
	m := New(Options{Seed: 1, NoQuotas: true, Fast: true, Injector: marketsim.NewInjector(1, marketsim.Faults{Stale: 0.2, Lag: 10 * time.Millisecond})})
	t.Cleanup(m.Close)
	e, url := listen(t, 0)
	m.Notify(url)
	call := caller{m}
	const orders = 60
	numbers := make(chan string, orders)
	var buyers, workers sync.WaitGroup
	for range 3 {
		buyers.Go(func() {
			for range orders / 3 {
				ids, err := m.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "MUG-350", Quantity: 1, PriceMinor: 100}}})
				if err != nil {
					t.Error(err)
					return
				}
				numbers <- ids[0]
			}
		})
	}
	for range 4 {
		workers.Go(func() {
			for n := range numbers {
				for range 2 { // everybody sends twice
					call.post("/v4/posting/fbs/ship", shipBody(n, goods("MUG-350", 1)))
				}
				call.post(listPath, obj{"limit": 100, "filter": obj{"since": time.Now().AddDate(0, 0, -1), "to": time.Now().AddDate(0, 0, 1)}})
				call.post(unfulfilledPath, obj{"limit": 100, "filter": obj{"cutoff_from": time.Now().AddDate(0, 0, -1), "cutoff_to": time.Now().AddDate(0, 0, 3)}})
				if _, err := m.Progress(n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	buyers.Wait()
	close(numbers)
	workers.Wait()
	assembled := func() bool {
		for _, o := range m.Truth() {
			if o.Headline == orderhub.StatusNew {
				return false
			}
		}
		return true
	}
	for deadline := time.Now().Add(20 * time.Second); !assembled() && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	books := m.Truth()
	if len(books) != orders {
		t.Fatalf("%d postings, want %d", len(books), orders)
	}
	for _, o := range books {
		if n := callNames(o); len(n) != 1 || n[0] != "ship" {
			t.Errorf("%s (%s): calls %v", o.ID, o.Native, n)
		}
	}
	e.wait("TYPE_STATE_CHANGED", books[0].ID, "posting_transferring_to_delivery")
}

// BenchmarkList pages through 50,000 postings, of which few changed.
func BenchmarkList(b *testing.B) {
	m := New(Options{NoQuotas: true})
	b.Cleanup(m.Close)
	start := time.Now().Add(-50_000 * time.Minute)
	var some []string
	for i := range 50_000 {
		ids, err := m.Place(marketsim.OrderSpec{
			Lines: []marketsim.SpecLine{{SKU: fmt.Sprint("SKU-", i%500), Quantity: 1, PriceMinor: 100}}, PlacedAt: start.Add(time.Duration(i*7919%50_000) * time.Minute),
		})
		if err != nil {
			b.Fatal(err)
		}
		if i%1000 == 0 {
			some = append(some, ids[0])
		}
	}
	changed := time.Now()
	for _, n := range some {
		if err := m.Act(n, marketsim.ActCancel); err != nil {
			b.Fatal(err)
		}
	}
	call := caller{m}
	wide := obj{"since": start.Add(-time.Hour), "to": time.Now()}
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			call.post(listPath, obj{"limit": 100, "filter": wide, "with": obj{"financial_data": true}})
		}
	})
	b.Run("changed", func(b *testing.B) {
		for b.Loop() {
			call.post(listPath, obj{"limit": 100, "filter": merge(wide, obj{"last_changed_status_date": obj{"from": changed}})})
		}
	})
	b.Run("unfulfilled, nothing found", func(b *testing.B) {
		for b.Loop() {
			call.post(unfulfilledPath, obj{"limit": 100, "filter": obj{"cutoff_from": time.Now().AddDate(0, -3, 0), "cutoff_to": time.Now().AddDate(0, 6, 0), "statuses": []string{"delivering"}}})
		}
	})
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			call.post("/v3/posting/fbs/get", obj{"posting_number": some[0]})
		}
	})
}
