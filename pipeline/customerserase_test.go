package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/store"
)

// The buyer of these tests: words that stand nowhere else.
const (
	markName, markPhone, markMail = "Мефодий Зюзин", "+79161239876", "mefodiy@marked.example"
	markStreet, markComment       = "Приметный тупик", "код домофона 4711"
)

var marks = []string{"мефодий", "зюзин", "9161239876", "239-87-66", "mefodiy", "приметный", "домофона"}

func marked(id string, status orderhub.Status) orderhub.Snapshot {
	return with(snap(id, status), func(s *orderhub.Snapshot) {
		s.Customer = orderhub.Customer{Name: markName, Phone: markPhone, Email: markMail, Company: "ИП Зюзин", INN: "9161239876"}
		s.Shipping = orderhub.Shipping{City: "Тверь", Address: markStreet + ", 1"}
		s.Comment = markComment
		s.GroupKey = "group-" + id
	})
}

// traces lists where the buyer's words stand in the database: every text and
// every packed body of every table.
func (w *world) traces() []string {
	w.t.Helper()
	var out []string
	look := func(where, text string) {
		for _, m := range marks {
			if strings.Contains(strings.ToLower(text), m) {
				out = append(out, where+": "+m)
			}
		}
	}
	for _, table := range []string{"orders", "lines", "terms", "events", "effects", "returns", "return_parts", "return_lines", "return_decisions",
		"customers", "customer_keys", "customer_tags", "customer_notes", "customer_merges", "customer_suggestions", "notify_messages", "notify_causes", "hints", "order_notes", "order_tags", "firings"} {
		for _, row := range w.dump(table) {
			look(table, row)
		}
	}
	raws, err := w.store.ListRaw(w.t.Context(), store.RawFilter{Limit: 5000})
	w.must(err)
	for _, r := range raws {
		look(fmt.Sprintf("inbox %s %s", r.Kind, r.State), string(r.Body)+r.Error)
	}
	calls, err := w.store.ListCalls(w.t.Context(), store.CallFilter{Limit: 5000})
	w.must(err)
	for _, c := range calls {
		look("calls", string(c.Request)+string(c.Reply))
	}
	return out
}

// dump writes the rows of a table as text.
func (w *world) dump(table string) []string {
	w.t.Helper()
	var out []string
	if pool := w.store.PgPool(); pool != nil {
		rows, err := pool.Query(w.t.Context(), "SELECT * FROM "+table)
		w.must(err)
		defer rows.Close()
		for rows.Next() {
			values, err := rows.Values()
			w.must(err)
			out = append(out, fmt.Sprint(values...))
		}
		return out
	}
	rows, err := w.store.SQLDB().QueryContext(w.t.Context(), "SELECT * FROM "+table)
	w.must(err)
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	w.must(err)
	for rows.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		w.must(rows.Scan(into...))
		out = append(out, fmt.Sprint(values...))
	}
	w.must(rows.Err())
	return out
}

// markedReturn is an answer about a return of a marked order.
func markedReturn(id, order string, state orderhub.ReturnState) channel.Item {
	return backItem(orderhub.ReturnSnapshot{
		ExternalID: id, OrderID: order, State: state, Kind: orderhub.ReturnCustomer, Native: string(state), Comment: markComment,
		Photos: []string{"https://market.example/" + markMail + ".jpg"}, Lines: []orderhub.ReturnLine{{SKU: "0557722", Quantity: 1}}, Refund: orderhub.Roubles(490),
	})
}

// What is erased is nowhere any more, and the figures stay.
func TestErase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(marked("1", orderhub.StatusDelivered), marked("2", orderhub.StatusDelivered),
			with(marked("3", orderhub.StatusDelivered), func(s *orderhub.Snapshot) { // the delivery of 1 by a marketplace
				s.GroupKey, s.Customer.ProxyPhone, s.Customer.Email, s.SiteOrderID = "group-1", true, "", "1"
			}), bought("other", "Анна", "+79007654321", ""))
		w.save(markedReturn("R-1", "1", orderhub.ReturnAnnounced))
		w.accept()
		card := w.buyer("1")
		_, err := w.hub.AddCardNote(t.Context(), card, markName+" звонит вечером", manager)
		w.must(err)
		_, err = w.hub.AddNote(t.Context(), w.order("1").ID, markName+" придёт сам", manager)
		w.must(err)
		_, err = w.hub.ChangeCustomer(t.Context(), card, CustomerChange{Name: ptr(markName), Tags: ptr([]string{"зюзин"})})
		w.must(err)
		before := w.tree("1").CardTotals
		if len(w.traces()) < 10 {
			t.Fatalf("the search for traces is blind: %v", w.traces())
		}

		w.take(marked("4", orderhub.StatusNew))
		_, err = w.hub.EraseCustomer(t.Context(), card, "asked for it", false, manager)
		wantCode(t, err, orderhub.CodeRefused, "even_open", "order ")
		if len(w.tree("1").Keys()) == 0 {
			t.Error("a refused erasure erased")
		}
		w.take(marked("4", orderhub.StatusCancelled))
		erased, err := w.hub.EraseCustomer(t.Context(), card, "asked for it", false, manager)
		w.must(err)
		if left := w.traces(); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if erased.Counted != before.Counted || erased.Sums[0] != before.Sums[0] || erased.Returned[0] != before.Returned[0] || erased.Root.ErasedBy != manager {
			t.Errorf("figures: %+v, were %+v", erased.CardTotals, before)
		}
		o := w.order("1")
		if o.ErasedAt.IsZero() || o.Snapshot.Shipping.City != "Тверь" || o.Snapshot.Total != orderhub.Roubles(980) || len(o.Snapshot.Lines) != 1 || w.count("1", orderhub.EventErased) != 1 {
			t.Errorf("the order: %+v", o)
		}
		if w.order("other").Snapshot.Customer.Name != "Анна" || w.buyer("other") == 0 {
			t.Error("another buyer was erased too")
		}
		page, _, err := w.store.ListOrders(t.Context(), store.OrderFilter{Text: "N1"})
		if err != nil || len(page) != 1 {
			t.Errorf("found by its number: %d, %v", len(page), err)
		}
		_, err = w.hub.EraseCustomer(t.Context(), card, "", false, manager)
		wantCode(t, err, orderhub.CodeRefused, "was erased")
	})
}

// No later answer brings the data back, whatever way it comes.
func TestErasedStaysErased(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		first := marked("1", orderhub.StatusDelivered)
		w.take(first)
		w.save(markedReturn("R-1", "1", orderhub.ReturnAnnounced))
		w.accept()
		_, err := w.hub.EraseCustomer(t.Context(), w.buyer("1"), "", false, manager)
		w.must(err)
		card := w.order("1").CardID

		// The same to the byte, another status, another shape, one that cannot be read.
		if ids := w.save(itemOf(first)); len(ids) != 0 {
			t.Errorf("the same answer was kept again: %v", ids)
		}
		w.take(with(first, func(s *orderhub.Snapshot) { s.Comment += "!"; s.Payment = orderhub.PaymentRefunded }))
		w.take(marked("1", orderhub.StatusReturned))
		w.save(markedReturn("R-1", "1", orderhub.ReturnReceived), markedReturn("R-2", "1", orderhub.ReturnAnnounced))
		w.accept()
		w.fake.onNormalise = func(string, []byte) (orderhub.Snapshot, error) {
			return orderhub.Snapshot{}, fmt.Errorf("fake: a new shape")
		}
		w.take(marked("1", orderhub.StatusDelivered))
		w.fake.onNormalise = nil
		if left := w.traces(); len(left) > 0 {
			t.Errorf("came back: %v", left)
		}
		o := w.order("1")
		if o.Snapshot.Payment != orderhub.PaymentRefunded || o.CardID != card || o.Snapshot.Customer != (orderhub.Customer{}) {
			t.Errorf("the order: %+v", o)
		}
		back, err := w.store.ReturnsOf(t.Context(), o.ID)
		if err != nil || len(back) != 2 || back[0].State == orderhub.ReturnAnnounced {
			t.Errorf("returns: %+v, %v", back, err)
		}
		// Old payloads are not taken up again.
		var ids []int64
		for _, r := range w.raws(store.RawErased) {
			ids = append(ids, r.ID)
		}
		if n, err := w.hub.ReplayAny(t.Context(), acct, ids); err != nil || n != 0 || len(ids) < 5 {
			t.Errorf("%d of %d erased payloads were replayed: %v", n, len(ids), err)
		}
		// The buyer may come again: with a card of his own.
		w.take(marked("2", orderhub.StatusNew))
		if w.buyer("2") == 0 || w.buyer("2") == card {
			t.Errorf("a new order is on card %d", w.buyer("2"))
		}
	})
}

// An erasure that was killed between two steps goes on.
func TestEraseGoesOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(marked("1", orderhub.StatusDelivered), marked("2", orderhub.StatusDelivered))
		tree := w.tree("1")
		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.EraseCards(t.Context(), tree.Cards, "", manager) }))
		w.take(marked("1", orderhub.StatusReturned)) // meanwhile
		if due, err := w.store.CardsDue(t.Context()); err != nil || !due {
			t.Fatalf("due: %v, %v", due, err)
		}
		w.must(w.hub.tendCards(t.Context(), store.Lease{}))
		if left := w.traces(); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if list, err := w.store.Erasing(t.Context(), 10); err != nil || len(list) != 0 {
			t.Errorf("still erasing: %v, %v", list, err)
		}
	})
}

// The rule erases what ended before its days, and nothing else.
func TestRetention(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.must(w.hub.tendCards(t.Context(), store.Lease{})) // off: nothing happens
		w.take(marked("old", orderhub.StatusDelivered), marked("open", orderhub.StatusShipped), bought("2", "Анна", "+79007654321", "anna@example.org"),
			with(bought("3", "Анна", "+79007654321", ""), func(s *orderhub.Snapshot) { s.Status, s.Native = orderhub.StatusDelivered, "delivered" }))
		w.clock.add(100 * 24 * time.Hour)
		w.take(with(marked("new", orderhub.StatusDelivered), func(s *orderhub.Snapshot) { s.PlacedAt = w.clock.now() }))
		w.must(w.hub.tendCards(t.Context(), store.Lease{}))
		if !w.order("old").ErasedAt.IsZero() {
			t.Fatal("erased without a rule")
		}
		wantCode(t, w.hub.SetRetentionDays(t.Context(), -1), orderhub.CodeInvalid, "allowed")
		w.must(w.hub.SetRetentionDays(t.Context(), 90))
		w.must(w.hub.tendCards(t.Context(), store.Lease{}))
		for id, want := range map[string]bool{"old": true, "open": false, "new": false, "2": false, "3": true} {
			if got := !w.order(id).ErasedAt.IsZero(); got != want {
				t.Errorf("order %s: erased %v, want %v", id, got, want)
			}
		}
		if tree := w.tree("2"); len(tree.Root.Values(orderhub.KeyEmail)) != 1 || w.buyer("3") != w.buyer("2") {
			t.Errorf("the card of two orders: %+v", tree.Root)
		}
		// The next round comes at night, and not before.
		w.take(marked("open", orderhub.StatusDelivered))
		if due, err := w.store.CardsDue(t.Context()); err != nil || due {
			t.Errorf("due at once: %v, %v", due, err)
		}
		w.clock.add(100 * 24 * time.Hour)
		w.must(w.hub.tendCards(t.Context(), store.Lease{}))
		if left := w.traces(); len(left) > 0 {
			t.Errorf("left after the last order ended: %v", left)
		}
		if tree := w.tree("old"); tree.Root.ErasedAt.IsZero() || tree.Orders != 3 {
			t.Errorf("the card: %+v", tree)
		}
	})
}

// logText is a log that a test can read.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// The log of a hub that works, stumbles and is asked for the impossible holds
// nothing of the buyer.
func TestBuyersAreNotInTheLog(t *testing.T) {
	t.Parallel()
	log := &logText{}
	each(t, func(t *testing.T, w *world) {
		w.refuse("poison")
		w.fake.onNormalise = func(kind string, body []byte) (orderhub.Snapshot, error) {
			if bytes.Contains(body, []byte(`"external_id":"panic"`)) {
				panic("index out of range")
			}
			return readFake(kind, body)
		}
		w.take(marked("1", orderhub.StatusNew), marked("2", orderhub.StatusNew), marked("poison", orderhub.StatusNew), marked("panic", orderhub.StatusNew))
		w.save(markedReturn("R-1", "1", orderhub.ReturnAnnounced), channel.Item{Kind: channel.ReturnKind, ExternalID: "R-2", Body: json.RawMessage(`{"comment":"` + markComment)})
		w.accept()
		w.fake.onPush = func([]channel.Push) ([]channel.PushResult, error) { return nil, fmt.Errorf("push: no route to host") }
		w.mustAsk("1", orderhub.StatusConfirmed)
		w.push()
		_, err := w.hub.MergeCustomers(t.Context(), w.buyer("1"), w.buyer("1"), markName, manager)
		wantCode(t, err, orderhub.CodeRefused)
		w.must(w.hub.work(t.Context(), cardsLane, store.Lease{}))
		w.must(w.hub.work(t.Context(), jobs.Lane{Work: jobs.WorkFollow, Account: acct}, store.Lease{}))
		_, err = w.hub.EraseCustomer(t.Context(), w.buyer("1"), "", true, manager)
		w.must(err)
		log.mu.Lock()
		defer log.mu.Unlock()
		said := strings.ToLower(log.b.String())
		if !strings.Contains(said, "cannot be accepted") || !strings.Contains(said, "panicked") {
			t.Fatalf("the log is not the hub's: %s", said)
		}
		for _, m := range marks {
			if strings.Contains(said, m) {
				t.Errorf("the log holds %q", m)
			}
		}
	}, func(_ *fake, opts *Options) {
		opts.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
}
