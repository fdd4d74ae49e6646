package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

func TestAdvance(t *testing.T) {
	t.Parallel()
	scheme := func(sc orderhub.Scheme, st orderhub.Status) orderhub.Snapshot {
		return with(snap("1", st), func(s *orderhub.Snapshot) { s.Scheme = sc })
	}
	held := func(h orderhub.Hold) orderhub.Snapshot {
		return with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Holds = []orderhub.Hold{h} })
	}
	cases := map[string]struct {
		order   orderhub.Snapshot
		to      orderhub.Status
		refused string // a word of the refusal; "" = granted
		now     orderhub.Status
		asked   orderhub.Status // what is on its way
		owed    []orderhub.Status
		history []string
	}{
		"a push": {
			order: snap("1", orderhub.StatusNew), to: orderhub.StatusConfirmed, now: orderhub.StatusNew, asked: orderhub.StatusConfirmed,
			owed: []orderhub.Status{orderhub.StatusConfirmed}, history: []string{"requested new>confirmed"},
		},
		"a local step": {
			order: snap("1", orderhub.StatusConfirmed), to: orderhub.StatusPacked, now: orderhub.StatusPacked,
			history: []string{"status confirmed>packed"},
		},
		"local steps are walked through to a push": {
			order: scheme(orderhub.SchemeDBS, orderhub.StatusNew), to: orderhub.StatusPacked, now: orderhub.StatusConfirmed, asked: orderhub.StatusPacked,
			owed: []orderhub.Status{orderhub.StatusPacked}, history: []string{"status new>confirmed", "requested confirmed>packed"},
		},
		"the hub decides and tells": {
			order: scheme(orderhub.SchemeLaaS, orderhub.StatusNew), to: orderhub.StatusConfirmed, now: orderhub.StatusConfirmed,
			owed: []orderhub.Status{orderhub.StatusConfirmed}, history: []string{"status new>confirmed"},
		},
		"only the channel causes it": {order: snap("1", orderhub.StatusShipped), to: orderhub.StatusReadyForPickup, refused: "the courier causes it"},
		"not in the table":           {order: snap("1", orderhub.StatusShipped), to: orderhub.StatusDelivered, refused: "only fake itself"},
		"two pushes at once":         {order: snap("1", orderhub.StatusNew), to: orderhub.StatusShipped, refused: "cannot become shipped"},
		"backwards":                  {order: snap("1", orderhub.StatusShipped), to: orderhub.StatusNew, refused: "cannot become new"},
		"where it is":                {order: snap("1", orderhub.StatusConfirmed), to: orderhub.StatusConfirmed, refused: "already confirmed"},
		"an end":                     {order: snap("1", orderhub.StatusCancelled), to: orderhub.StatusConfirmed, refused: "nothing more can be asked"},
		"the channel's own order": {
			order: with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.ReadOnly = true }), to: orderhub.StatusConfirmed, refused: "can only be watched",
		},
		"a word that is not known": {
			order: with(snap("1", orderhub.StatusUnknown), func(s *orderhub.Snapshot) { s.Native = "moon" }), to: orderhub.StatusCancelled, refused: "1",
		},
		"in arbitration":      {order: held(orderhub.HoldArbitration), to: orderhub.StatusConfirmed, refused: "arbitration"},
		"a waiting wish":      {order: held(orderhub.HoldCancelRequest), to: orderhub.StatusConfirmed, refused: "cancel_request"},
		"a status of nowhere": {order: snap("1", orderhub.StatusNew), to: "moon", refused: "not known"},
	}
	each(t, func(t *testing.T, w *world) {
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				tc.order.ExternalID = name
				w.take(tc.order)
				before := w.order(name)
				_, err := w.ask(name, tc.to)
				after := w.order(name)
				if tc.refused != "" {
					if code := orderhub.CodeOf(err); (code != orderhub.CodeRefused && code != orderhub.CodeInvalid) || !strings.Contains(err.Error(), tc.refused) {
						t.Errorf("got %v, want a refusal with %q", err, tc.refused)
					}
					if after.Version != before.Version || len(w.effects(name)) != 0 || len(w.events(name)) != 1 {
						t.Errorf("a refusal changed something: %v", w.history(name))
					}
					return
				}
				w.must(err)
				if after.Headline != tc.now || after.Requested != tc.asked {
					t.Errorf("%s, on its way %q; want %s and %q", after.Headline, after.Requested, tc.now, tc.asked)
				}
				var owed []orderhub.Status
				for _, e := range w.effects(name) {
					owed = append(owed, e.To)
					if e.State != orderhub.EffectIntent || e.Actor != manager || e.AccountID != acct {
						t.Errorf("effect %+v", e)
					}
				}
				same(t, "owed", owed, tc.owed...)
				same(t, "history", w.history(name)[1:], tc.history...)
				for _, e := range w.events(name)[1:] {
					if e.Actor != manager {
						t.Errorf("event %s of %+v, want the manager", e.Kind, e.Actor)
					}
				}
			})
		}
	})
}

func TestCancelNeedsAReasonThatTheChannelTakes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusShipped))
		ask := func(id, reason, comment string) error {
			_, err := w.hub.Advance(t.Context(), w.order(id).ID, orderhub.Request{To: orderhub.StatusCancelled, Actor: manager, Reason: reason, Comment: comment})
			return err
		}
		wantCode(t, ask("1", "", ""), orderhub.CodeInvalid, "reason", "no_stock (Out of stock)", "other (Something else)")
		if err := ask("1", "late", ""); err == nil || strings.Contains(err.Error(), "late (") {
			t.Errorf("a reason for shipped orders only: %v", err)
		}
		wantCode(t, ask("2", "moon", ""), orderhub.CodeInvalid, `"moon"`, "late (Too late)")
		wantCode(t, ask("1", "other", "  "), orderhub.CodeInvalid, "comment")
		w.must(ask("1", "other", "the last one broke"))
		w.must(ask("2", "late", ""))
		if e := w.effect("1"); e.Reason != "other" || e.Comment != "the last one broke" || e.To != orderhub.StatusCancelled {
			t.Errorf("effect %+v", e)
		}
	})
}

func TestSecondRequestWhileOneIsOnItsWay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(snap("1", orderhub.StatusNew))
		w.mustAsk("1", orderhub.StatusConfirmed)
		_, err := w.ask("1", orderhub.StatusConfirmed)
		wantCode(t, err, orderhub.CodeRefused, "already on its way")
		_, err = w.ask("1", orderhub.StatusPacked)
		wantCode(t, err, orderhub.CodeRefused)
		same(t, "effects", w.states("1"), orderhub.EffectIntent)
	})
}

// A cancel takes back what has not left yet, and waits for what has.
func TestCancelSupersedesAnUnsentIntent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fake.place(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
		w.sweep()
		w.mustAsk("1", orderhub.StatusConfirmed)
		w.mustAsk("1", orderhub.StatusCancelled)
		same(t, "states", w.states("1"), orderhub.EffectSuperseded, orderhub.EffectIntent)
		if o := w.order("1"); o.Requested != orderhub.StatusCancelled {
			t.Errorf("on its way: %s", o.Requested)
		}
		_, err := w.hub.RetryEffect(t.Context(), w.effects("1")[0].ID, manager)
		wantCode(t, err, orderhub.CodeRefused)

		// The second order's confirm has left; its answer is lost.
		w.fake.script(func(f *fake) {
			f.onPush = func(p []channel.Push) ([]channel.PushResult, error) {
				return nil, orderhub.NewBorderError(orderhub.ClassUncertain, "fake", "no answer", nil)
			}
		})
		w.mustAsk("2", orderhub.StatusConfirmed)
		w.must(w.hub.sendEffects(t.Context(), w.account(), orderhub.EffectStatus, w.effects("2"), store.Lease{}))
		w.mustAsk("2", orderhub.StatusCancelled)
		same(t, "states", w.states("2"), orderhub.EffectSent, orderhub.EffectIntent)
		w.fake.script(func(f *fake) { f.onPush = nil })
		w.pushFor(time.Minute)
		for _, id := range []string{"1", "2"} {
			if o := w.order(id); o.Headline != orderhub.StatusCancelled || o.Requested != "" {
				t.Errorf("order %s: %s, on its way %q; %v", id, o.Headline, o.Requested, w.states(id))
			}
		}
		for _, p := range w.fake.pushed() {
			if p == "1 confirmed" {
				t.Error("the superseded effect was sent")
			}
		}
	})
}

func TestManualHold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(snap("1", orderhub.StatusNew))
		hold := func(on bool) {
			t.Helper()
			_, err := w.hub.SetHold(t.Context(), w.order("1").ID, orderhub.HoldManual, on, "the buyer calls back", manager)
			w.must(err)
		}
		hold(true)
		hold(true) // again: no second event
		_, err := w.ask("1", orderhub.StatusConfirmed)
		wantCode(t, err, orderhub.CodeRefused, "on hold (manual)")
		// News of the channel never touch the hub's hold, even if they bring their own.
		w.take(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Holds = []orderhub.Hold{orderhub.HoldNotAccepted} }))
		if o := w.order("1"); !o.HasHold(orderhub.HoldManual) || !o.HasHold(orderhub.HoldNotAccepted) {
			t.Errorf("holds %v", o.Holds())
		}
		w.take(snap("1", orderhub.StatusNew))
		if o := w.order("1"); !o.HasHold(orderhub.HoldManual) || o.HasHold(orderhub.HoldNotAccepted) {
			t.Errorf("holds %v", o.Holds())
		}
		if _, err := w.ask("1", orderhub.StatusCancelled); err != nil {
			t.Errorf("a held order can be cancelled: %v", err)
		}
		hold(false)
		hold(false)
		if n := w.count("1", orderhub.EventHold); n != 2 {
			t.Errorf("%d hold events, want 2", n)
		}
		_, err = w.hub.SetHold(t.Context(), 99999999, orderhub.HoldManual, true, "", manager)
		wantCode(t, err, orderhub.CodeNotFound)
	})
}

func TestTracking(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fake.place(snap("1", orderhub.StatusShipped))
		w.sweep()
		for _, bad := range []string{"", "   ", strings.Repeat("9", 101)} {
			_, err := w.hub.SetTracking(t.Context(), w.order("1").ID, bad, "", manager)
			wantCode(t, err, orderhub.CodeInvalid, "tracking")
		}
		track := func() {
			t.Helper()
			_, err := w.hub.SetTracking(t.Context(), w.order("1").ID, " RA123 ", "post", manager)
			w.must(err)
			w.pushFor(time.Minute)
		}
		track()
		if e := w.effect("1"); e.State != orderhub.EffectConfirmed || e.Params["carrier"] != "post" {
			t.Errorf("effect %+v", e)
		}
		if o := w.order("1"); o.Snapshot.Shipping.Tracking != "RA123" {
			t.Errorf("tracking %q", o.Snapshot.Shipping.Tracking)
		}
		found, _, err := w.store.ListOrders(t.Context(), store.OrderFilter{Text: "ra123"})
		if w.must(err); len(found) != 1 {
			t.Error("the order is not found by its tracking number")
		}
		// The same number again: the channel shows it already, so it is confirmed.
		track()
		if e := w.effect("1"); e.State != orderhub.EffectConfirmed {
			t.Errorf("the same number again: %s %s", e.State, e.Error)
		}
		events := w.events("1")
		if ev := events[1]; ev.Kind != orderhub.EventRequested || ev.Actor != manager {
			t.Errorf("the wish in the history: %+v", ev)
		}
	})
}

func TestAnswerToACancelRequest(t *testing.T) {
	t.Parallel()
	for name, accept := range map[string]bool{"accept": true, "decline": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.fake.place(with(snap("1", orderhub.StatusConfirmed), func(s *orderhub.Snapshot) {
					s.CancelRequest = &orderhub.CancelRequest{ID: "77"}
					s.Holds = []orderhub.Hold{orderhub.HoldCancelRequest}
				}), snap("2", orderhub.StatusConfirmed))
				w.sweep()
				_, err := w.hub.AnswerCancel(t.Context(), w.order("2").ID, accept, "", manager)
				wantCode(t, err, orderhub.CodeRefused, "no cancel request")
				_, err = w.hub.AnswerCancel(t.Context(), w.order("1").ID, accept, "too late", manager)
				w.must(err)
				w.pushFor(time.Minute)
				o := w.order("1")
				want := orderhub.StatusConfirmed
				if accept {
					want = orderhub.StatusCancelled
				}
				if e := w.effect("1"); e.State != orderhub.EffectConfirmed || o.Headline != want || o.Snapshot.CancelRequest != nil || o.HasHold(orderhub.HoldCancelRequest) {
					t.Errorf("effect %s %s, order %s with holds %v", e.State, e.Error, o.Headline, o.Holds())
				}
			})
		})
	}
}

func TestEffectsThatAChannelHasNoCallFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.CancelRequest = &orderhub.CancelRequest{ID: "7"} }))
		_, err := w.hub.SetTracking(t.Context(), w.order("1").ID, "RA123", "", manager)
		wantCode(t, err, orderhub.CodeUnsupported, "Fake market")
		_, err = w.hub.AnswerCancel(t.Context(), w.order("1").ID, true, "", manager)
		wantCode(t, err, orderhub.CodeUnsupported, "Fake market")
		w.take(with(snap("2", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.ReadOnly = true }))
		_, err = w.hub.SetTracking(t.Context(), w.order("2").ID, "RA123", "", manager)
		wantCode(t, err, orderhub.CodeRefused, "can only be watched")
		if len(w.effects("1")) != 0 {
			t.Error("an effect was written")
		}
	}, func(fk *fake, _ *Options) { fk.bare = true })
}
