package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec"
	"github.com/orderhub/orderhub/onec/onectest"
	"github.com/orderhub/orderhub/store"
)

// exchange adds a node and a 1C that speaks to it.
func (w *world) exchange(change func(s *orderhub.OnecSettings)) (orderhub.OnecNode, *onectest.Base) {
	w.t.Helper()
	n := orderhub.OnecNode{Name: "УТ", Login: "ut", Settings: orderhub.OnecSettings{
		OrdersSince: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), CancelReasons: map[orderhub.Channel]string{fakeName: "no_stock"},
	}}
	if change != nil {
		change(&n.Settings)
	}
	n, password, err := w.hub.AddOnecNode(w.t.Context(), n)
	w.must(err)
	h := onec.New(onec.Options{Site: w.hub, Dir: w.t.TempDir(), Now: w.clock.now, Hold: 20 * time.Millisecond})
	srv := httptest.NewServer(h)
	w.t.Cleanup(func() { srv.Close(); h.Close() })
	return n, &onectest.Base{URL: srv.URL + "/1c/exchange", Login: "ut", Password: password, Client: srv.Client()}
}

func (w *world) download(b *onectest.Base, want int) {
	w.t.Helper()
	if n, err := b.Download(w.t.Context()); err != nil || n != want {
		w.t.Fatalf("1C was given %d orders, %v; want %d", n, err, want)
	}
}

func (w *world) upload(b *onectest.Base) {
	w.t.Helper()
	if _, err := b.Upload(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) number(id string) string { return w.order(id).Number() }

func (w *world) conflicts(n orderhub.OnecNode) []orderhub.OnecConflict {
	w.t.Helper()
	list, err := w.store.OnecConflicts(w.t.Context(), store.OnecConflictFilter{NodeID: n.ID, State: orderhub.OnecConflictOpen, Limit: 100})
	w.must(err)
	return list
}

// TestOnecTakesOrdersOnce: given until success says that they are taken, and again
// only when they have changed.
func TestOnecTakesOrdersOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(snap("1", orderhub.StatusNew))
		_, b := w.exchange(nil) // what was placed before counts, too
		w.take(snap("2", orderhub.StatusNew))
		b.Drop = func(step string) bool { return step == "stored" }
		if n, err := b.Download(t.Context()); n != 2 || !errors.Is(err, onectest.ErrDropped) {
			t.Fatal(n, err)
		}
		b.Drop = func(step string) bool {
			if step == "stored" { // between query and success
				w.take(snap("2", orderhub.StatusConfirmed))
				w.must(w.hub.tendOnec(t.Context()))
			}
			return false
		}
		w.download(b, 2)
		b.Drop = nil
		w.download(b, 1)
		w.download(b, 0)
		// News that change nothing 1C would see.
		w.must2(w.hub.SetHold(t.Context(), w.order("1").ID, orderhub.HoldManual, true, "", manager))
		w.download(b, 0)
		for _, o := range b.Orders() {
			want := map[string]string{w.number("1"): "Новый", w.number("2"): "Подтверждён"}[o.Number]
			if o.Status != want || o.Total != "980.00" || len(o.Rows) != 1 || o.Rows[0].Units != 2 {
				t.Errorf("%+v, want status %s", o, want)
			}
		}
	})
}

func (w *world) must2(_ any, err error) { w.t.Helper(); w.must(err) }

// TestOneBadOrderBlocksNobody: what cannot be written is shown; what 1C does not
// take is found by offering orders alone.
func TestOneBadOrderBlocksNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		for i := range 4 {
			w.take(snap(fmt.Sprint(i), orderhub.StatusNew))
		}
		w.take(with(snap("free", orderhub.StatusNew), func(s *orderhub.Snapshot) {
			s.Total, s.Lines[0].Total, s.Lines[0].UnitPrice = orderhub.Money{}, orderhub.Money{}, orderhub.Money{}
		}))
		bad := w.number("2")
		b.Refuse = func(number string) bool { return number == bad }
		for range 12 {
			_, _ = b.Download(t.Context())
			w.clock.add(time.Minute)
		}
		if got := len(b.Orders()); got != 3 {
			t.Errorf("1C has %d orders, want the 3 good ones", got)
		}
		fields := map[orderhub.OnecField]int64{}
		for _, c := range w.conflicts(n) {
			fields[c.Field] = c.OrderID
		}
		if fields[orderhub.OnecFieldSticking] != w.order("2").ID || fields[orderhub.OnecFieldRefused] != w.order("free").ID || len(fields) != 2 {
			t.Errorf("conflicts: %+v", w.conflicts(n))
		}
		// It is not given up.
		b.Refuse = nil
		w.clock.add(time.Hour)
		w.download(b, 1)
		if list := w.conflicts(n); len(list) != 1 || list[0].Field != orderhub.OnecFieldRefused {
			t.Errorf("conflicts: %+v", list)
		}
	})
}

// TestOnecSendsBack: what happened in 1C goes through the status machine, once.
func TestOnecSendsBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		w.fake.place(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
		w.sweep()
		w.download(b, 2)
		b.Work(w.number("1"), func(o *onectest.Order) { o.Posted, o.Shipped = true, true })
		b.Work(w.number("2"), func(o *onectest.Order) { o.Void = true })
		w.upload(b)
		w.upload(b)
		// Shipping goes over confirming, which the market has to hear of first.
		if list := w.conflicts(n); len(list) != 1 || list[0].Field != orderhub.OnecFieldStatus || list[0].Wanted != "shipped" {
			t.Fatalf("conflicts: %+v", list)
		}
		for range 10 {
			w.pushFor(20 * time.Second)
			w.must(w.hub.tendOnec(t.Context()))
		}
		if one, two := w.order("1").Headline, w.order("2").Headline; one != orderhub.StatusShipped || two != orderhub.StatusCancelled {
			t.Errorf("orders are %s and %s", one, two)
		}
		if list := w.conflicts(n); len(list) != 0 {
			t.Errorf("conflicts stay: %+v", list)
		}
		if got := w.fake.pushed(); len(got) != 3 {
			t.Errorf("pushed %v", got)
		}
		for _, e := range w.events("1") {
			if e.Kind == orderhub.EventRequested && e.Actor.Name != "onec:УТ" {
				t.Errorf("asked by %v", e.Actor)
			}
		}
	})
}

// TestOnecConflicts: what cannot be done is shown to a person, and goes away when
// it is done.
func TestOnecConflicts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(func(s *orderhub.OnecSettings) { s.CancelReasons = nil })
		w.take(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew), snap("3", orderhub.StatusNew))
		w.download(b, 3)
		b.Work(w.number("1"), func(o *onectest.Order) { o.Rows = slices.Clone(o.Rows); o.Rows[0].Units = 1 })
		b.Work(w.number("2"), func(o *onectest.Order) { o.Void = true })
		b.Work(w.number("3"), func(o *onectest.Order) { o.Posted, o.Number = true, "77777" })
		w.upload(b)
		want := map[orderhub.OnecField]string{
			orderhub.OnecFieldLines: "0557722: 1 вместо 2", orderhub.OnecFieldStatus: "cancelled", orderhub.OnecFieldNumber: "77777",
		}
		for _, c := range w.conflicts(n) {
			if want[c.Field] != c.Wanted || c.Why == "" {
				t.Errorf("conflict %+v", c)
			}
			delete(want, c.Field)
		}
		if len(want) > 0 {
			t.Errorf("not shown: %v", want)
		}
		b.Work(w.number("1"), func(o *onectest.Order) { o.Rows = slices.Clone(o.Rows); o.Rows[0].Units = 2 })
		w.upload(b)
		for _, c := range w.conflicts(n) {
			if c.Field == orderhub.OnecFieldLines {
				t.Errorf("stays: %+v", c)
			}
		}
	})
}

// TestOnecCutsLines: units that 1C took out of an order are taken out on the
// channel, once; more units than the buyer ordered are a matter for a person.
func TestOnecCutsLines(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		w.fake.place(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
		w.sweep()
		w.download(b, 2)
		b.Work(w.number("1"), func(o *onectest.Order) { o.Rows = slices.Clone(o.Rows); o.Rows[0].Units = 1 })
		b.Work(w.number("2"), func(o *onectest.Order) { o.Rows = slices.Clone(o.Rows); o.Rows[0].Units = 5 })
		w.upload(b)
		b.Work(w.number("1"), func(o *onectest.Order) { o.Posted = true }) // while the cut is on its way
		w.upload(b)
		if list := w.conflicts(n); len(list) != 1 || list[0].OrderID != w.order("2").ID || list[0].Wanted != "0557722: 5 вместо 2" {
			t.Errorf("conflicts: %+v", list)
		}
		w.pushFor(20 * time.Second)
		w.sweep()
		if made := w.fake.cuts.made; len(made) != 1 || made[0].Units[0] != 1 || w.order("1").Snapshot.Units() != 1 {
			t.Errorf("asked %+v; the order has %d units", made, w.order("1").Snapshot.Units())
		}
	})
}

// TestOnecApprovedTooEarly: УТ passes over a cancel of what it has approved; a
// person is told.
func TestOnecApprovedTooEarly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		w.take(snap("1", orderhub.StatusConfirmed))
		w.download(b, 1)
		b.Work(w.number("1"), func(o *onectest.Order) { o.Posted = true })
		w.upload(b)
		w.take(snap("1", orderhub.StatusCancelled))
		w.download(b, 1)
		if list := w.conflicts(n); len(list) != 1 || list[0].Field != orderhub.OnecFieldTooLate || list[0].Wanted != "cancelled" {
			t.Errorf("conflicts: %+v", list)
		}
	})
}

// TestOverlappingSessions: each success takes what its own session was given.
func TestOverlappingSessions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, _ := w.exchange(nil)
		w.take(snap("1", orderhub.StatusNew))
		ask := func(token string) (orderhub.OnecSession, string) {
			s, _, err := w.store.OpenOnecSession(t.Context(), n.ID, token)
			w.must(err)
			body, err := w.hub.OnecQuery(t.Context(), s, n)
			w.must(err)
			return s, string(body)
		}
		first, one := ask("a")
		w.take(snap("1", orderhub.StatusConfirmed))
		second, two := ask("b")
		if !strings.Contains(one, "Новый") || !strings.Contains(two, "Подтверждён") {
			t.Fatal(one, two)
		}
		w.must(w.hub.OnecSuccess(t.Context(), second, n))
		w.must(w.hub.OnecSuccess(t.Context(), first, n)) // late: which did 1C store last?
		third, again := ask("c")
		if !strings.Contains(again, "Подтверждён") {
			t.Errorf("the newest is not given again: %s", again)
		}
		w.must(w.hub.OnecSuccess(t.Context(), third, n))
		if body, err := w.hub.OnecQuery(t.Context(), third, n); err != nil || strings.Contains(string(body), "Документ") {
			t.Errorf("given twice in one session: %s, %v", body, err)
		}
		if _, rest := ask("d"); strings.Contains(rest, "Документ") {
			t.Errorf("still given: %s", rest)
		}
	})
}

// TestAnHourOfDrops: the line is cut again and again, before and after every
// request, and between storing and success. Each order comes to 1C, every content
// of it once for 1C's book, and what 1C did is done once.
func TestAnHourOfDrops(t *testing.T) {
	if testing.Short() {
		t.Skip("an hour of exchanges")
	}
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(func(s *orderhub.OnecSettings) { s.Batch = 7 })
		dice := rand.New(rand.NewPCG(6, 11))
		cuts := map[string]int{}
		b.Drop = func(step string) bool {
			cut := dice.IntN(8) == 0
			if cut {
				cuts[step]++
			}
			return cut
		}
		heard := 0
		w.hub.step = func(name string) error {
			if name == "onec done" {
				heard++
			}
			return nil
		}
		placed := 0
		worked := map[string]int{} // states that 1C's people made, by number
		for minute := range 60 {
			for range dice.IntN(3) {
				w.fake.place(snap(fmt.Sprint(placed), orderhub.StatusNew))
				placed++
			}
			if minute%7 == 3 && placed > 0 {
				w.fake.move(fmt.Sprint(dice.IntN(placed)), orderhub.StatusCancelled)
			}
			w.sweep()
			for _, o := range b.Orders() {
				switch {
				case dice.IntN(6) > 0 || o.Cancelled || o.Void || o.Shipped:
					continue
				case !o.Posted:
					b.Work(o.Number, func(o *onectest.Order) { o.Posted = true })
				case dice.IntN(4) == 0:
					b.Work(o.Number, func(o *onectest.Order) { o.Void = true })
				default:
					b.Work(o.Number, func(o *onectest.Order) { o.Shipped = true })
				}
				worked[o.Number]++
			}
			for _, leg := range []func(context.Context) (int, error){b.Download, b.Upload} {
				if _, err := leg(t.Context()); err != nil && !errors.Is(err, onectest.ErrDropped) {
					t.Fatal(err)
				}
			}
			w.pushFor(time.Second)
			w.must(w.hub.tendOnec(t.Context()))
			w.clock.add(time.Minute)
		}
		b.Drop = nil
		for range 12 {
			w.upload(b)
			w.pushFor(2 * time.Second)
			w.must(w.hub.tendOnec(t.Context()))
			w.clock.add(time.Minute)
			w.must2(b.Download(t.Context()))
		}
		w.download(b, 0)
		w.compareBooks(n, b, placed, worked)
		if done := w.documents(n, placed); done != heard || done == 0 {
			t.Errorf("%d documents were done, %d times", done, heard)
		}
		for _, mode := range []string{"checkauth", "query", "success", "init", "file", "import"} {
			if cuts["before sale "+mode] == 0 || cuts["after sale "+mode] == 0 {
				t.Errorf("the line was never cut before or after %s: the test is too weak", mode)
			}
		}
		if cuts["stored"] == 0 || cuts["amid sale file"] == 0 {
			t.Errorf("the line was never cut where it hurts: %v", cuts)
		}
	})
}

// documents counts the documents of 1C that were done.
func (w *world) documents(n orderhub.OnecNode, placed int) (sum int) {
	w.t.Helper()
	for i := range placed {
		sum += w.documentsOf(n, fmt.Sprint(i))
	}
	return sum
}

// TestKilledWhileOnecIsHeard: a document that was begun and not ended is done again,
// and what it asked for is asked once.
func TestKilledWhileOnecIsHeard(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		n, b := w.exchange(nil)
		w.take(snap("1", orderhub.StatusNew))
		w.download(b, 1)
		b.Work(w.number("1"), func(o *onectest.Order) { o.Posted = true })
		for _, at := range []string{"onec begun", "onec done"} {
			w.hub.step = func(name string) error {
				if name == at {
					return errors.New("killed")
				}
				return nil
			}
			if _, err := b.Upload(t.Context()); err == nil || !strings.Contains(err.Error(), "Внутренняя ошибка") {
				t.Fatalf("killed at %s: %v", at, err)
			}
		}
		w.hub.step = nil
		w.upload(b)
		if got := w.count("1", orderhub.EventRequested); got != 1 || w.documentsOf(n, "1") != 1 {
			t.Errorf("asked %d times, %d documents done", got, w.documentsOf(n, "1"))
		}
		// 1C says the same again; what a person settled meanwhile stays settled.
		b.Work(w.number("1"), func(o *onectest.Order) { o.Rows = slices.Clone(o.Rows); o.Rows[0].Units = 1 })
		w.upload(b)
		for _, c := range w.conflicts(n) {
			w.must2(w.store.DoneOnecConflict(t.Context(), c.ID, "olga"))
		}
		b.Work(w.number("1"), func(*onectest.Order) {})
		w.upload(b)
		if list := w.conflicts(n); len(list) != 0 {
			t.Errorf("a repetition was taken for news: %+v", list)
		}
	})
}

func (w *world) documentsOf(n orderhub.OnecNode, id string) int {
	w.t.Helper()
	done, err := w.store.CountOnecDocuments(w.t.Context(), n.ID, w.number(id))
	w.must(err)
	return int(done)
}

// compareBooks holds 1C's book against the ledger.
func (w *world) compareBooks(n orderhub.OnecNode, b *onectest.Base, placed int, worked map[string]int) {
	t := w.t
	t.Helper()
	book := b.Orders()
	if len(book) != placed {
		t.Errorf("1C has %d orders, %d were placed", len(book), placed)
	}
	repeats := 0
	for _, theirs := range book {
		repeats += theirs.Repeats
		id := theirs.Number
		var o *orderhub.Order
		for i := range placed {
			if ours := w.order(fmt.Sprint(i)); ours.Number() == id {
				o = ours
			}
		}
		if o == nil {
			t.Fatalf("1C has %s, the ledger has not", id)
		}
		if want := n.Settings.StatusWord(o.Headline); theirs.Status != want || theirs.Cancelled != (o.Headline == orderhub.StatusCancelled) {
			t.Errorf("order %s is %s in 1C, %s in the ledger", id, theirs.Status, want)
		}
		if got := slices.Compact(slices.Sorted(slices.Values(theirs.Contents))); len(got) != len(theirs.Contents) {
			t.Errorf("order %s went back to an earlier content: %v", id, theirs.Contents)
		}
		// Each document was done once, and each request made once.
		done, err := w.store.CountOnecDocuments(t.Context(), n.ID, id)
		w.must(err)
		if int(done) > worked[id] || (worked[id] > 0 && done == 0) {
			t.Errorf("order %s: %d documents done, its state was changed %d times", id, done, worked[id])
		}
		asked := map[orderhub.Status]int{}
		for _, e := range w.events(o.Snapshot.ExternalID) {
			if e.Kind == orderhub.EventRequested {
				asked[e.To]++
			}
		}
		for to, times := range asked {
			if times > 1 {
				t.Errorf("order %s: %s was asked for %d times", id, to, times)
			}
		}
		if theirs.Shipped && !theirs.Cancelled && o.Headline != orderhub.StatusShipped || theirs.Void && o.Headline == orderhub.StatusConfirmed {
			t.Errorf("order %s is %s; in 1C it is shipped=%v void=%v", id, o.Headline, theirs.Shipped, theirs.Void)
		}
	}
	if untold := b.Untold(); repeats == 0 || repeats > untold {
		t.Errorf("%d contents came twice, and 1C could not say success for %d", repeats, untold)
	}
}

// TestOnecReaderStandsAtTheEnd: without a node the reader passes what has happened at
// once, and a node that is added is told of all the same.
func TestOnecReaderStandsAtTheEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for i := range 5 {
			w.take(snap(fmt.Sprint(i), orderhub.StatusNew))
		}
		if due, err := w.store.OnecDue(t.Context()); err != nil || due {
			t.Errorf("due without a node: %v, %v", due, err)
		}
		if more, err := w.store.MarkOnec(t.Context(), 1); err != nil || more {
			t.Errorf("more without a node: %v, %v", more, err)
		}
		_, b := w.exchange(nil)
		w.take(snap("6", orderhub.StatusNew))
		if due, err := w.store.OnecDue(t.Context()); err != nil || !due {
			t.Errorf("due with a node: %v, %v", due, err)
		}
		w.must(w.hub.followOnec(t.Context()))
		w.download(b, 6)
	})
}
