package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

var day = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// Promise 6: the loss audit names the gap, and the gap can be closed. Proven by
// an order that the hub loses on purpose.
func TestLostOrderIsNamedAndRepaired(t *testing.T) {
	t.Parallel()
	for name, repair := range map[string]func(w *world) (Repulled, error){
		"by id": func(w *world) (Repulled, error) { return w.hub.RepullIDs(w.t.Context(), acct, []string{"o-3"}) },
		"by range": func(w *world) (Repulled, error) {
			return w.hub.RepullRange(w.t.Context(), acct, day, day.AddDate(0, 0, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.placeMany(5)
				w.sweep()
				if w.find("o-3") != nil {
					t.Fatal("the sabotaged order is in the ledger")
				}
				audit, err := w.hub.Audit(t.Context(), acct, day.Add(13*time.Hour))
				w.must(err)
				same(t, "missing", audit.Missing, "o-3")
				if audit.Theirs != 5 || audit.Ours != 4 || len(audit.Extra) != 0 || audit.Day != "2026-11-01" {
					t.Errorf("audit %+v", audit)
				}
				if saved, err := w.store.Audits(t.Context(), store.AuditDayFilter{AccountID: acct, Limit: 5}); err != nil || len(saved) != 1 || len(saved[0].Missing) != 1 {
					t.Errorf("saved: %+v, %v", saved, err)
				}

				w.hub = w.newHub(Options{}) // the fault is mended
				res, err := repair(w)
				w.must(err)
				if res.Read == 0 || res.Saved != 1 {
					t.Errorf("repulled %+v, want the one lost order saved", res)
				}
				w.accept()
				w.order("o-3")
				if audit, err = w.hub.Audit(t.Context(), acct, day); err != nil || len(audit.Missing) != 0 || audit.Ours != 5 {
					t.Errorf("after the repair: %+v, %v", audit, err)
				}
				// Repulling again changes nothing.
				version := w.order("o-3").Version
				if res, err = repair(w); err != nil || res.Saved != 0 {
					t.Errorf("again: %+v, %v", res, err)
				}
				w.accept()
				if v := w.order("o-3").Version; v != version {
					t.Errorf("version %d, was %d", v, version)
				}
			}, func(_ *fake, opts *Options) {
				opts.Hooks = &Hooks{DropOrder: func(id string) bool { return id == "o-3" }}
			})
		})
	}
}

// The next sweep repairs it too: the truth is in the sweep.
func TestSweepRepairsALostOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.placeMany(3)
		w.sweep()
		w.hub = w.newHub(Options{})
		w.sweep()
		w.order("o-1")
	}, func(_ *fake, opts *Options) {
		opts.Hooks = &Hooks{DropOrder: func(id string) bool { return id == "o-1" }}
	})
}

func TestAuditOfADay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		placed := func(id string, at time.Time) orderhub.Snapshot {
			return with(snap(id, orderhub.StatusNew), func(s *orderhub.Snapshot) { s.PlacedAt = at })
		}
		w.fake.place(placed("first", day), placed("last", day.Add(24*time.Hour-time.Microsecond)), placed("next", day.Add(24*time.Hour)),
			placed("before", day.Add(-time.Microsecond)))
		w.sweep()
		w.take(placed("ghost", day.Add(time.Hour))) // the channel does not list it
		audit, err := w.hub.Audit(t.Context(), acct, day)
		w.must(err)
		same(t, "missing", audit.Missing)
		same(t, "extra", audit.Extra, "ghost")
		if audit.Theirs != 2 || audit.Ours != 3 {
			t.Errorf("theirs %d, ours %d, want 2 and 3", audit.Theirs, audit.Ours)
		}
		// An order that the hub counts to a neighbouring day is no loss.
		w.fake.place(placed("next", day.Add(time.Hour)))
		if audit, err = w.hub.Audit(t.Context(), acct, day); err != nil || len(audit.Missing) != 0 {
			t.Errorf("audit %+v, %v", audit, err)
		}
		_, err = w.hub.Audit(t.Context(), "nobody", day)
		wantCode(t, err, orderhub.CodeNotFound)
	})
}

func TestRepull(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.placeMany(8)
		res, err := w.hub.RepullIDs(t.Context(), acct, []string{"o-0", "o-1", "o-2", "o-3", "nowhere", "o-5", "o-5"})
		w.must(err)
		same(t, "not found", res.NotFound, "nowhere")
		w.accept()
		for _, id := range []string{"o-0", "o-1", "o-2", "o-3", "o-5"} {
			w.order(id)
		}
		if w.find("o-4") != nil || w.count("o-5", orderhub.EventReceived) != 1 {
			t.Error("more was read than asked for")
		}
		_, err = w.hub.RepullRange(t.Context(), acct, day, day)
		wantCode(t, err, orderhub.CodeInvalid, "to")
		_, err = w.hub.RepullIDs(t.Context(), "nobody", []string{"1"})
		wantCode(t, err, orderhub.CodeNotFound)
	})
	t.Run("not able", func(t *testing.T) {
		t.Parallel()
		each(t, func(t *testing.T, w *world) {
			_, err := w.hub.RepullIDs(t.Context(), acct, []string{"1"})
			wantCode(t, err, orderhub.CodeUnsupported)
			_, err = w.hub.RepullRange(t.Context(), acct, day, day.Add(1))
			wantCode(t, err, orderhub.CodeUnsupported)
			_, err = w.hub.Audit(t.Context(), acct, day)
			wantCode(t, err, orderhub.CodeUnsupported)
		}, func(fk *fake, _ *Options) { fk.bare = true })
	})
}

// A dry replay tells what today's adapter would change, prints no buyer's data
// and writes nothing.
func TestDryReplay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Customer.Name = "Вера Сорокина" }))
		o := w.order("1")
		events, raws := len(w.events("1")), len(w.raws(""))
		// The adapter of tomorrow reads more out of the same bytes.
		w.fake.script(func(f *fake) {
			f.onNormalise = func(kind string, body []byte) (orderhub.Snapshot, error) {
				s, err := readFake(kind, body)
				s.Status, s.Customer.Name, s.GroupKey = orderhub.StatusConfirmed, "Вера С.", "G-1"
				return s, err
			}
		})
		res, err := w.hub.ReplayDry(t.Context(), o.RawID)
		w.must(err)
		want := []string{`customer: (personal data) → (personal data)`, `group_key: nothing → "G-1"`, `status: "new" → "confirmed"`}
		if !slices.Equal(res.Diff, want) || res.Verdict != orderhub.NewsApplied || res.Err != nil {
			t.Errorf("got %+v, want %v", res, want)
		}
		w.fake.script(func(f *fake) {
			f.onNormalise = func(string, []byte) (orderhub.Snapshot, error) { return orderhub.Snapshot{}, errors.New("unreadable") }
		})
		if res, err = w.hub.ReplayDry(t.Context(), o.RawID); err != nil || res.Err == nil {
			t.Errorf("an answer that cannot be read: %+v, %v", res, err)
		}
		w.fake.script(func(f *fake) { f.onNormalise = nil })
		if res, err = w.hub.ReplayDry(t.Context(), o.RawID); err != nil || res.Verdict != orderhub.NewsSame || len(res.Diff) != 0 {
			t.Errorf("today's adapter: %+v, %v", res, err)
		}
		_, err = w.hub.ReplayDry(t.Context(), 999999)
		wantCode(t, err, orderhub.CodeNotFound)
		if now := w.order("1"); now.Version != o.Version || len(w.events("1")) != events || len(w.raws("")) != raws {
			t.Error("a dry replay wrote something")
		}
	})
}

// A dry replay of what accepting sets aside says so, and promises no change.
func TestDryReplayOfAContradiction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		counted := func(status orderhub.Status, revision int64) orderhub.Snapshot {
			return with(snap("1", status), func(s *orderhub.Snapshot) { s.Revision = revision })
		}
		w.take(counted(orderhub.StatusNew, 2))
		for revision, word := range map[int64]string{2: "other content", 0: "is missing"} {
			ids := w.save(itemOf(counted(orderhub.StatusConfirmed, revision)))
			w.accept()
			raw, err := w.store.Raw(t.Context(), ids[0])
			w.must(err)
			res, err := w.hub.ReplayDry(t.Context(), ids[0])
			w.must(err)
			if raw.State != store.RawQuarantined || res.Err == nil || !strings.Contains(res.Err.Error(), word) || len(res.Diff) != 0 {
				t.Errorf("revision %d: accepting made it %s (%s), the dry replay says %+v", revision, raw.State, raw.Error, res)
			}
		}
	})
}

// Sabotage that must not pass unnoticed, by the audit or by the effects.
func TestSabotageIsVisible(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fake.place(snap("twice", orderhub.StatusNew), snap("once", orderhub.StatusNew))
		w.sweep()
		audit, err := w.hub.Audit(t.Context(), acct, day)
		w.must(err)
		same(t, "extra", audit.Extra, "twice-twin")
		w.mustAsk("once", orderhub.StatusConfirmed)
		w.pushFor(5 * time.Second)
		if len(w.fake.pushed()) != 0 || w.effect("once").State != orderhub.EffectConfirmed {
			t.Errorf("the hook did not swallow the push: %v, %s", w.fake.pushed(), w.effect("once").State)
		}
		if o := w.order("once"); o.Headline == orderhub.StatusConfirmed {
			t.Error("the headline follows a push that nobody received")
		}
	}, func(_ *fake, opts *Options) {
		opts.Hooks = &Hooks{
			DoubleOrder: func(id string) bool { return id == "twice" },
			SwallowPush: func(*orderhub.Effect) bool { return true },
		}
	})
}

// An audit compares ids, day by day, over pages of both sides.
func TestAuditOfManyOrders(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for i := range 150 {
			w.fake.place(with(snap(fmt.Sprint("o-", i), orderhub.StatusNew), func(s *orderhub.Snapshot) {
				s.PlacedAt = day.Add(time.Duration(i) * 20 * time.Minute)
			}))
		}
		w.sweep()
		for d := range 3 {
			audit, err := w.hub.Audit(t.Context(), acct, day.AddDate(0, 0, d))
			w.must(err)
			if len(audit.Missing)+len(audit.Extra) != 0 || audit.Theirs != audit.Ours {
				t.Errorf("day %d: %s", d, strings.Join(append(audit.Missing, audit.Extra...), " "))
			}
		}
		if aside := w.raws(store.RawQuarantined); len(aside) != 0 {
			t.Errorf("%d in quarantine", len(aside))
		}
	})
}
