package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// A bad order is set aside alone, with the reason; the other 199 of its batch
// are in the ledger.
func TestPoisonIsQuarantinedAlone(t *testing.T) {
	t.Parallel()
	const bad = 117
	for name, tc := range map[string]struct {
		normalise func(body []byte) (orderhub.Snapshot, error)
		reason    string
	}{
		"an answer that cannot be understood": {
			func([]byte) (orderhub.Snapshot, error) {
				return orderhub.Snapshot{}, errors.New("fake: lines[0]: quantity is not a number")
			}, "quantity is not a number",
		},
		"an adapter that panics": {
			func([]byte) (orderhub.Snapshot, error) { panic("index out of range") }, "the adapter failed",
		},
		"an answer that names no order": {
			func([]byte) (orderhub.Snapshot, error) { return orderhub.Snapshot{Status: orderhub.StatusNew}, nil }, "names no order",
		},
		"a snapshot that the database refuses": {nil, "could not store"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				poison := fmt.Sprint("o-", bad)
				w.fake.onNormalise = func(kind string, body []byte) (orderhub.Snapshot, error) {
					if tc.normalise != nil && strings.Contains(string(body), `"external_id":"`+poison+`"`) {
						return tc.normalise(body)
					}
					return readFake(kind, body)
				}
				if tc.normalise == nil {
					w.refuse(poison)
				}
				var items []channel.Item
				for i := range 200 {
					items = append(items, itemOf(snap(fmt.Sprint("o-", i), orderhub.StatusNew)))
				}
				w.save(items...)
				w.accept()
				if n := len(w.raws(store.RawDone)); n != 199 {
					t.Errorf("%d answers are accepted, want 199", n)
				}
				aside := w.raws(store.RawQuarantined)
				if len(aside) != 1 || aside[0].ExternalID != poison || !strings.Contains(aside[0].Error, tc.reason) {
					t.Fatalf("quarantine: %+v, want only %s with %q", aside, poison, tc.reason)
				}
				if w.find(poison) != nil {
					t.Error("the poisonous order is in the ledger")
				}
				for i := range 200 {
					if o := w.find(fmt.Sprint("o-", i)); i != bad && o == nil {
						t.Fatalf("o-%d is lost", i)
					}
				}
			}, func(_ *fake, opts *Options) { opts.Batch = 200 })
		})
	}
}

// refuse makes the database refuse an order.
func (w *world) refuse(id string) {
	w.t.Helper()
	w.sql("CREATE TRIGGER poison BEFORE INSERT ON orders WHEN NEW.external_id = '"+id+"' BEGIN SELECT RAISE(ABORT, 'refused'); END",
		"ALTER TABLE orders ADD CONSTRAINT poison CHECK (external_id <> '"+id+"')")
}

// sql runs a statement of the engine's own dialect behind the hub's back.
func (w *world) sql(lite, postgres string) {
	w.t.Helper()
	var err error
	if pool := w.store.PgPool(); pool != nil {
		_, err = pool.Exec(w.t.Context(), postgres)
	} else {
		_, err = w.store.SQLDB().ExecContext(w.t.Context(), lite)
	}
	w.must(err)
}

// An answer that was set aside troubles nobody once a later one of the same kind about
// the same order was understood; those of other orders and kinds stay.
func TestALaterAnswerEndsTheQuarantine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		broken := true
		w.fake.onNormalise = func(kind string, body []byte) (orderhub.Snapshot, error) {
			if broken {
				return orderhub.Snapshot{}, errors.New("fake: refunds: the shop does not give them")
			}
			return readFake(kind, body)
		}
		w.take(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
		other := itemOf(snap("1", orderhub.StatusNew))
		other.Kind = "another"
		w.save(other)
		w.accept()
		if aside := w.raws(store.RawQuarantined); len(aside) != 3 {
			t.Fatalf("%d in quarantine, want 3", len(aside))
		}
		broken = false
		w.take(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Comment = "now with its refunds" }))
		if w.find("1") == nil {
			t.Fatal("the order is not accepted")
		}
		var left []string
		for _, r := range w.raws(store.RawQuarantined) {
			left = append(left, r.Kind+" "+r.ExternalID)
		}
		slices.Sort(left)
		if want := []string{"another 1", itemOf(snap("2", orderhub.StatusNew)).Kind + " 2"}; !slices.Equal(left, want) {
			t.Errorf("in quarantine: %q, want %q", left, want)
		}
	})
}

func TestQuarantinedIsAcceptedOnceTheAdapterHasLearnedIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fake.onNormalise = func(string, []byte) (orderhub.Snapshot, error) {
			return orderhub.Snapshot{}, errors.New("fake: a new shape")
		}
		w.take(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew), snap("3", orderhub.StatusNew))
		aside := w.raws(store.RawQuarantined)
		if len(aside) != 3 {
			t.Fatalf("%d in quarantine, want 3", len(aside))
		}

		// Still not understood: it stays, and nothing is counted twice.
		n, err := w.hub.Replay(t.Context(), acct, []int64{aside[0].ID})
		if err != nil || n != 1 {
			t.Fatalf("replay: %d, %v", n, err)
		}
		w.accept()
		if r := w.raws(store.RawQuarantined); len(r) != 3 || r[0].Attempts != 2 {
			t.Errorf("after a replay in vain: %+v", r)
		}

		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
			dropped, err := tx.DropRaw(t.Context(), aside[2].ID)
			if !dropped {
				t.Error("the third answer was not dropped")
			}
			return err
		}))
		w.fake.script(func(f *fake) { f.onNormalise = nil })
		if n, err := w.hub.Replay(t.Context(), acct, []int64{aside[0].ID, aside[1].ID}); err != nil || n != 2 {
			t.Fatalf("replay: %d, %v", n, err)
		}
		w.accept()
		if w.find("1") == nil || w.find("2") == nil || w.find("3") != nil {
			t.Error("want orders 1 and 2, and not the dropped 3")
		}
		if raw, err := w.store.Raw(t.Context(), aside[0].ID); err != nil || raw.State != store.RawDone || raw.Error != "" {
			t.Errorf("the accepted answer: %+v, %v", raw, err)
		}

		// What was dropped by mistake can be had back.
		if n, err := w.hub.Replay(t.Context(), acct, []int64{aside[2].ID}); err != nil || n != 1 {
			t.Fatalf("replay of the dropped one: %d, %v", n, err)
		}
		w.accept()
		w.order("3")
	})
}

// Promise 4: re-ingesting anything is a no-op.
func TestReingestingEverythingIsANoOp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var items []channel.Item
		for i := range 20 {
			s := snap(fmt.Sprint("o-", i), orderhub.StatusUnknown)
			s.Native = "" // the status comes apart
			s.Lines[0].Barcodes = []string{"2040000000017", "", "46\n01", "\x004600000000019"}
			s.Drift = []orderhub.Drift{{Field: "status", Word: "moon"}}
			s.Attrs = map[string]string{"warehouse": "1"}
			if i%3 == 0 {
				s.Lines = append(s.Lines, orderhub.Line{SKU: "free", Quantity: 1, Discount: orderhub.Roubles(10)})
			}
			items = append(items, itemOf(s), itemOf(statusOnly(s.ExternalID, orderhub.StatusConfirmed)))
		}
		w.save(items...)
		w.accept()
		before := map[string]int64{}
		events := 0
		for i := range 20 {
			id := fmt.Sprint("o-", i)
			before[id] = w.order(id).Version
			events += len(w.events(id))
		}
		// The same bytes again, then bytes that differ and mean the same, in any order.
		w.save(items...)
		w.accept()
		for round := range 3 {
			for i := range items {
				it := items[(i*7+round)%len(items)]
				it.Body = append(append(json.RawMessage{}, it.Body...), strings.Repeat(" ", round+1)...)
				w.save(it)
			}
			w.accept()
		}
		again := 0
		for id, v := range before {
			if o := w.order(id); o.Version != v {
				t.Fatalf("order %s went from version %d to %d: %v", id, v, o.Version, w.history(id))
			}
			again += len(w.events(id))
		}
		if again != events {
			t.Errorf("%d events, %d before", again, events)
		}
	})
}

// Wildberries answers with the order and, in another list, with its status.
func TestSeveralAnswersAboutOneOrderInOneBatch(t *testing.T) {
	t.Parallel()
	order := with(snap("1", orderhub.StatusUnknown), func(s *orderhub.Snapshot) { s.Native, s.Requires = "", []string{"sgtin"} })
	for name, answers := range map[string][]orderhub.Snapshot{
		"order first":  {order, statusOnly("1", orderhub.StatusConfirmed)},
		"status first": {statusOnly("1", orderhub.StatusConfirmed), order},
		"status twice": {statusOnly("1", orderhub.StatusNew), order, statusOnly("1", orderhub.StatusConfirmed), order},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.take(answers...)
				o := w.order("1")
				if o.Headline != orderhub.StatusConfirmed || len(o.Snapshot.Lines) != 1 || len(o.Snapshot.Requires) != 1 || o.Snapshot.StatusOnly {
					t.Errorf("got headline %s, snapshot %+v", o.Headline, o.Snapshot)
				}
				if n := w.count("1", orderhub.EventReceived); n != 1 {
					t.Errorf("received %d times", n)
				}
			})
		})
	}
}

// openlinker#1132: a cancel that comes before its order is kept, and the order
// that comes later is not revived but gains its content.
func TestCancelBeforeItsOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(statusOnly("1", orderhub.StatusCancelled))
		o := w.order("1")
		if o.Headline != orderhub.StatusCancelled || len(o.Snapshot.Lines) != 0 {
			t.Fatalf("the cancel alone: %+v", o)
		}
		same(t, "hints for the missing content", w.hints(), "1")
		w.take(snap("1", orderhub.StatusNew))
		o = w.order("1")
		if o.Headline != orderhub.StatusCancelled || o.Snapshot.Status != orderhub.StatusCancelled {
			t.Errorf("the order was revived: %s / %s", o.Headline, o.Snapshot.Status)
		}
		if len(o.Snapshot.Lines) != 1 || o.Snapshot.Total != orderhub.Roubles(980) || o.Snapshot.StatusOnly {
			t.Errorf("the content did not arrive: %+v", o.Snapshot)
		}
	})
}

// The same, when the content was read before the cancel and is saved after it.
func TestContentReadBeforeTheCancelIsNotLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		earlier := w.clock.now()
		w.clock.add(time.Second)
		w.take(statusOnly("1", orderhub.StatusCancelled))
		w.saveAt(earlier, itemOf(snap("1", orderhub.StatusNew)))
		w.accept()
		o := w.order("1")
		if o.Headline != orderhub.StatusCancelled || len(o.Snapshot.Lines) != 1 {
			t.Errorf("headline %s, %d lines", o.Headline, len(o.Snapshot.Lines))
		}
	})
}

// Promise 4: what was read earlier and is saved later overwrites nothing.
func TestOlderAnswerSavedLaterDoesNotOverwrite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(snap("1", orderhub.StatusNew))
		slow := w.clock.now() // a slow page is read here...
		w.clock.add(time.Second)
		now := snap("1", orderhub.StatusConfirmed)
		now.Lines = []orderhub.Line{{SKU: "0557722", Name: "Кружка", Quantity: 1, UnitPrice: orderhub.Roubles(490), Total: orderhub.Roubles(490)}}
		now.Total, now.Comment, now.Shipping.City = orderhub.Roubles(490), "leave at the door", "Тверь"
		w.take(now)
		want := w.order("1")

		// ...and saved here.
		old := snap("1", orderhub.StatusNew)
		old.Comment, old.Shipping.City = "ring twice", "Калуга"
		w.saveAt(slow, itemOf(old))
		w.accept()
		got := w.order("1")
		if !orderhub.SameSnapshot(got.Snapshot, want.Snapshot) || got.Headline != want.Headline || got.Version != want.Version || got.Doubt != "" {
			t.Errorf("an older answer changed the order:\n%+v\n%+v\n%v", want, got, w.history("1"))
		}
	})
}

// What only an older answer tells is still taken from it: Wildberries names the
// marking codes in the list of new orders alone.
func TestOlderAnswerFillsWhatIsMissing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		earlier := w.clock.now()
		w.clock.add(time.Second)
		now := with(snap("1", orderhub.StatusConfirmed), func(s *orderhub.Snapshot) { s.Comment = "new" })
		w.take(now)
		old := with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Comment, s.Requires = "old", []string{"sgtin"} })
		w.saveAt(earlier, itemOf(old))
		w.accept()
		o := w.order("1")
		same(t, "requires", o.Snapshot.Requires, "sgtin")
		if o.Headline != orderhub.StatusConfirmed || o.Snapshot.Comment != "new" || o.Snapshot.Native != "confirmed" {
			t.Errorf("more than the missing was taken: %+v", o.Snapshot)
		}
	})
}

func TestFirstSightWithAnUnknownStatus(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		s := with(snap("1", orderhub.StatusUnknown), func(s *orderhub.Snapshot) {
			s.Native = "teleporting"
			s.Drift = []orderhub.Drift{{Field: "status", Word: "teleporting"}}
		})
		w.take(s)
		o := w.order("1")
		if o.Headline != orderhub.StatusUnknown || o.Snapshot.Native != "teleporting" {
			t.Fatalf("got %s / %q", o.Headline, o.Snapshot.Native)
		}
		_, err := w.ask("1", orderhub.StatusConfirmed)
		wantCode(t, err, orderhub.CodeRefused)

		// The word is understood one day.
		w.take(snap("1", orderhub.StatusConfirmed))
		if o := w.order("1"); o.Headline != orderhub.StatusConfirmed {
			t.Errorf("headline %s", o.Headline)
		}
	})
}

func (w *world) drift() map[string]int64 {
	w.t.Helper()
	rows, err := w.store.Drift(w.t.Context(), 1000)
	w.must(err)
	out := map[string]int64{}
	for _, r := range rows {
		out[r.Field+"="+r.Word] = r.Count
	}
	return out
}

func TestDriftIsCountedOncePerOrderAndWord(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		drift := func(words ...string) func(s *orderhub.Snapshot) {
			return func(s *orderhub.Snapshot) {
				for _, word := range words {
					s.Drift = append(s.Drift, orderhub.Drift{Field: "status", Word: word})
				}
			}
		}
		w.take(with(snap("1", orderhub.StatusUnknown), drift("moon")))
		w.take(with(snap("1", orderhub.StatusUnknown), func(s *orderhub.Snapshot) { drift("moon")(s); s.Comment = "x" }))
		w.take(with(snap("1", orderhub.StatusUnknown), func(s *orderhub.Snapshot) { drift("moon", "sun")(s); s.Comment = "x" }))
		w.take(with(snap("2", orderhub.StatusUnknown), drift("moon")))
		got := w.drift()
		if len(got) != 2 || got["status=moon"] != 2 || got["status=sun"] != 1 {
			t.Errorf("got %v, want moon twice (two orders) and sun once", got)
		}
	})
}

// Two lists that tell different halves of an order must not take turns changing
// it for ever.
func TestHalvesOfAnOrderDoNotPingPong(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		content := with(snap("1", orderhub.StatusUnknown), func(s *orderhub.Snapshot) {
			s.Native = ""
			s.Drift = []orderhub.Drift{{Field: "cargo", Word: "huge"}}
		})
		status := with(statusOnly("1", orderhub.StatusUnknown), func(s *orderhub.Snapshot) {
			s.Native = "teleporting"
			s.Drift = []orderhub.Drift{{Field: "status", Word: "teleporting"}}
		})
		w.take(content, status)
		w.take(content, status)
		version := w.order("1").Version
		for range 5 {
			w.clock.add(time.Minute)
			w.take(content, status)
		}
		if v := w.order("1").Version; v != version {
			t.Errorf("the order changed %d times though nothing happened: %v", v-version, w.history("1"))
		}
		if d := w.drift(); d["cargo=huge"] != 1 || d["status=teleporting"] != 1 {
			t.Errorf("drift: %v, want each once", d)
		}
	})
}
