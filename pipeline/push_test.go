package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// failing makes every push fail with an error of a class.
func failing(class orderhub.Class, sentence string) func([]channel.Push) ([]channel.PushResult, error) {
	return func([]channel.Push) ([]channel.PushResult, error) {
		return nil, orderhub.NewBorderError(class, "fake: push", sentence, nil)
	}
}

// sold places orders, takes them in and asks for their confirmation.
func (w *world) sold(ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		w.fake.place(snap(id, orderhub.StatusNew))
		w.take(snap(id, orderhub.StatusNew))
		w.mustAsk(id, orderhub.StatusConfirmed)
	}
}

func (w *world) wantEffect(id string, state orderhub.EffectState, words ...string) *orderhub.Effect {
	w.t.Helper()
	e := w.effect(id)
	if e.State != state {
		w.t.Errorf("effect of %s: %s (%s), want %s", id, e.State, e.Error, state)
	}
	for _, word := range words {
		if !strings.Contains(e.Error, word) {
			w.t.Errorf("effect of %s: error %q does not mention %q", id, e.Error, word)
		}
	}
	if finished := !e.FinishedAt.IsZero(); finished == e.State.IsOpen() {
		w.t.Errorf("effect of %s: %s, finished at %s", id, e.State, e.FinishedAt)
	}
	return e
}

// Promise 3: intent → sent → accepted → confirmed by reading back, and each step
// is in the history.
func TestEffectIsConfirmedByReadingBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("1")
		w.push()
		e := w.wantEffect("1", orderhub.EffectAccepted)
		if e.Attempts != 1 || e.SentAt.IsZero() || e.AcceptedAt.IsZero() {
			t.Errorf("accepted: %+v", e)
		}
		if o := w.order("1"); o.Headline != orderhub.StatusNew || o.Requested != orderhub.StatusConfirmed {
			t.Errorf("yes is not success: %s, on its way %s", o.Headline, o.Requested)
		}
		w.clock.add(time.Minute)
		w.push()
		w.wantEffect("1", orderhub.EffectConfirmed)
		if o := w.order("1"); o.Headline != orderhub.StatusConfirmed || o.Requested != "" {
			t.Errorf("confirmed: %s, on its way %q", o.Headline, o.Requested)
		}
		same(t, "history", w.history("1"), "received >new", "requested new>confirmed", "effect >confirmed accepted",
			"status new>confirmed", "effect >confirmed confirmed")
		same(t, "pushes", w.fake.pushed(), "1 confirmed")
		w.pushFor(10 * time.Second)
		same(t, "pushes at the end", w.fake.pushed(), "1 confirmed")
	})
}

func TestRejectedEffectSaysWhyAndCanBeRetried(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("1")
		w.fake.onPush = failing(orderhub.ClassRejected, "the posting is not in assembly")
		w.push()
		e := w.wantEffect("1", orderhub.EffectRejected, "the posting is not in assembly")
		if o := w.order("1"); o.Requested != "" || o.Headline != orderhub.StatusNew {
			t.Errorf("order %s, on its way %q", o.Headline, o.Requested)
		}
		if h := w.history("1"); h[len(h)-1] != "effect >confirmed rejected" {
			t.Errorf("history %v", h)
		}
		w.pushFor(10 * time.Second)
		same(t, "a rejected effect is not repeated", w.fake.pushed(), "1 confirmed")

		w.fake.script(func(f *fake) { f.onPush = nil })
		_, err := w.hub.RetryEffect(t.Context(), e.ID, manager)
		w.must(err)
		if o := w.order("1"); o.Requested != orderhub.StatusConfirmed {
			t.Errorf("on its way after the retry: %q", o.Requested)
		}
		_, err = w.hub.RetryEffect(t.Context(), e.ID, manager)
		wantCode(t, err, orderhub.CodeRefused)
		w.pushFor(10 * time.Second)
		w.wantEffect("1", orderhub.EffectConfirmed)
		_, err = w.hub.RetryEffect(t.Context(), e.ID, manager)
		wantCode(t, err, orderhub.CodeRefused, "finished")
		_, err = w.hub.RetryEffect(t.Context(), 424242, manager)
		wantCode(t, err, orderhub.CodeNotFound)
	})
}

// The retry button is no way round a hold, nor round what came meanwhile.
func TestRetryAsksTheMachine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("held", "gone", "asked")
		w.fake.onPush = failing(orderhub.ClassRejected, "no")
		w.push()
		_, err := w.hub.SetHold(t.Context(), w.order("held").ID, orderhub.HoldManual, true, "", manager)
		w.must(err)
		w.take(snap("gone", orderhub.StatusCancelled))
		w.mustAsk("asked", orderhub.StatusCancelled)
		before := len(w.fake.pushed())
		for id, words := range map[string]string{"held": "on hold", "gone": "cancelled", "asked": "on its way"} {
			_, err := w.hub.RetryEffect(t.Context(), w.effects(id)[0].ID, manager)
			wantCode(t, err, orderhub.CodeRefused, words)
		}
		same(t, "pushes", w.fake.pushed()[before:])
	})
}

func TestRateLimitAndWrongKeyUseUpNoAttempts(t *testing.T) {
	t.Parallel()
	for _, class := range []orderhub.Class{orderhub.ClassRateLimited, orderhub.ClassAuth} {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.sold("1")
				w.fake.onPush = failing(class, "not now")
				for range 3 * maxAttempts {
					w.push()
					w.clock.add(5 * time.Minute)
				}
				if e := w.wantEffect("1", orderhub.EffectIntent, "not now"); e.Attempts != 0 || e.Class != class {
					t.Errorf("effect %+v", e)
				}
				w.fake.script(func(f *fake) { f.onPush = nil })
				w.pushFor(10 * time.Second)
				w.wantEffect("1", orderhub.EffectConfirmed)
				if p := w.fake.pushes; p[len(p)-1].Attempt != 1 {
					t.Errorf("the call that worked was attempt %d; nothing had been done before", p[len(p)-1].Attempt)
				}
			})
		})
	}
}

// A passing fault is tried again with growing pauses, and ends with a person.
func TestRetriesBackOffAndEndUncertain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("1")
		w.fake.onPush = failing(orderhub.ClassRetry, "the market is down")
		var last time.Duration
		for n := 1; n < maxAttempts; n++ {
			w.push()
			e := w.wantEffect("1", orderhub.EffectIntent)
			pause := e.NextAt.Sub(w.clock.now())
			if e.Attempts != n || (pause <= last && n < 9) {
				t.Fatalf("attempt %d of %d: pause %s after %s", e.Attempts, n, pause, last)
			}
			w.push() // not due: nothing happens
			last = pause
			w.clock.add(pause + time.Second)
		}
		w.push()
		e := w.wantEffect("1", orderhub.EffectUncertain, "given up", "the market is down")
		if o := w.order("1"); len(w.fake.pushed()) != maxAttempts || o.Requested != "" {
			t.Errorf("%d calls, on its way %q", len(w.fake.pushed()), o.Requested)
		}
		w.fake.script(func(f *fake) { f.onPush = nil })
		_, err := w.hub.RetryEffect(t.Context(), e.ID, manager)
		w.must(err)
		w.pushFor(time.Minute)
		w.wantEffect("1", orderhub.EffectConfirmed)
	})
}

// A lost answer: read first, then decide. It happened: confirmed without a
// second call. It did not: repeated after several readings.
// While the channel cannot be read nothing is learned, so nothing is repeated.
// An order that the channel refuses to show cannot be read back for ever, and
// must not be asked for in a tight loop either. Its neighbours are.
// The process is killed between the call and the record of its answer: the next
// one reads back before anything is repeated.
// A hub that lost its lease during the call writes nothing: who has the lease now
// reads back.
// 200 is not success: what was accepted and never shows ends as uncertain, and
// news that come long after settle it still.
// Ozon takes the ship call and fails afterwards.
func TestShipFailedIsSentAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fake.deaf = true
		w.sold("1")
		w.push()
		w.wantEffect("1", orderhub.EffectAccepted)
		w.fake.place(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Holds = []orderhub.Hold{orderhub.HoldShipFailed} }))
		w.clock.add(3 * time.Second)
		w.push()
		w.wantEffect("1", orderhub.EffectIntent, "sent again")
		w.fake.script(func(f *fake) { f.deaf = false })
		w.clock.add(10 * time.Second)
		w.push()
		w.fake.place(snap("1", orderhub.StatusConfirmed))
		w.pushFor(20 * time.Second)
		w.wantEffect("1", orderhub.EffectConfirmed)
		same(t, "pushes", w.fake.pushed(), "1 confirmed", "1 confirmed")
	})
}

// The buyer was faster.
func TestNewsThatOvertakeAnEffectCloseIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("intent", "sent", "accepted")
		w.fake.onPush = func(pushes []channel.Push) ([]channel.PushResult, error) {
			if pushes[0].Order.Snapshot.ExternalID == "sent" {
				return nil, orderhub.NewBorderError(orderhub.ClassUncertain, "fake", "no answer", nil)
			}
			return []channel.PushResult{{Outcome: channel.OutcomeAccepted}}, nil
		}
		for _, id := range []string{"sent", "accepted"} {
			w.must(w.hub.sendEffects(t.Context(), w.account(), orderhub.EffectStatus, w.effects(id), store.Lease{}))
		}
		for _, id := range []string{"intent", "sent", "accepted"} {
			if s := string(w.effect(id).State); s != id {
				t.Fatalf("effect of %s is %s", id, s)
			}
			w.take(snap(id, orderhub.StatusCancelled))
			w.wantEffect(id, orderhub.EffectRejected, "overtaken")
			if o := w.order(id); o.Headline != orderhub.StatusCancelled || o.Requested != "" {
				t.Errorf("order %s: %s, on its way %q", id, o.Headline, o.Requested)
			}
		}
		before := len(w.fake.pushed())
		w.pushFor(10 * time.Second)
		same(t, "pushes", w.fake.pushed()[before:])
	})
}

// News that fulfil a wish before it was sent make the call needless.
func TestNewsThatFulfilAnIntentSaveTheCall(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("1")
		w.take(snap("1", orderhub.StatusShipped))
		w.wantEffect("1", orderhub.EffectConfirmed)
		w.pushFor(5 * time.Second)
		same(t, "pushes", w.fake.pushed())
	})
}

// News settle an effect while its call is under way; the call's answer changes
// nothing any more.
func TestNewsDuringTheCall(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("1")
		w.fake.onPush = func(pushes []channel.Push) ([]channel.PushResult, error) {
			w.fake.obey(pushes)
			w.take(snap("1", orderhub.StatusConfirmed))
			return nil, orderhub.NewBorderError(orderhub.ClassRejected, "fake", "already confirmed", nil)
		}
		w.push()
		w.wantEffect("1", orderhub.EffectConfirmed)
		if o := w.order("1"); o.Requested != "" || o.Headline != orderhub.StatusConfirmed {
			t.Errorf("order %s, on its way %q", o.Headline, o.Requested)
		}
	})
}

// lessons.md 23: each item of a batch has its own outcome.
func TestOutcomesPerItem(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("ok", "done", "no", "lost")
		w.fake.onPush = func(pushes []channel.Push) ([]channel.PushResult, error) {
			out := make([]channel.PushResult, len(pushes))
			fail := func(class orderhub.Class) channel.PushResult {
				return channel.PushResult{Outcome: channel.OutcomeFailed, Err: orderhub.NewBorderError(class, "fake", "no", nil)}
			}
			for i, p := range pushes {
				out[i] = map[string]channel.PushResult{
					"ok": {Outcome: channel.OutcomeAccepted, Attrs: map[string]string{"supply": "WB-1"}}, "done": {Outcome: channel.OutcomeDone},
					"no": fail(orderhub.ClassRejected), "lost": fail(orderhub.ClassUncertain),
				}[p.Order.Snapshot.ExternalID]
			}
			return out, nil
		}
		w.push()
		if len(w.fake.pushes) != 4 {
			t.Fatalf("pushes %v", w.fake.pushed())
		}
		w.wantEffect("ok", orderhub.EffectAccepted)
		w.wantEffect("done", orderhub.EffectConfirmed)
		w.wantEffect("no", orderhub.EffectRejected)
		w.wantEffect("lost", orderhub.EffectSent)
		if a := w.order("ok").Snapshot.Attrs["supply"]; a != "WB-1" {
			t.Errorf("attribute %q", a)
		}
		same(t, "what is read at once", w.hints(), "done")
	})
}

// A batch that is refused as a whole did nothing; the one it was refused for is
// found, the others go on.
func TestBatchRefusedForOneItem(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("1", "2", "3", "4")
		w.fake.onPush = func(pushes []channel.Push) ([]channel.PushResult, error) {
			if slices.ContainsFunc(pushes, func(p channel.Push) bool { return p.Order.Snapshot.ExternalID == "3" }) {
				return nil, orderhub.NewBorderError(orderhub.ClassRejected, "fake", "order 3 is malformed", nil)
			}
			return w.fake.obey(pushes), nil
		}
		w.pushFor(10 * time.Second)
		for _, id := range []string{"1", "2", "4"} {
			w.wantEffect(id, orderhub.EffectConfirmed)
		}
		w.wantEffect("3", orderhub.EffectRejected, "order 3 is malformed")
	})
}

// An adapter that answers another number of rows than were sent, or fails in a
// way that tells nothing, may have done anything: read back first.
// What an order is owed leaves one after the other, the next when the one before
// is settled; other orders do not wait.
func TestEffectsOfOneOrderStrictlyInTurn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fake.deaf = true
		w.fake.place(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
		w.sweep()
		w.mustAsk("1", orderhub.StatusConfirmed)
		w.push()
		_, err := w.hub.SetTracking(t.Context(), w.order("1").ID, "RA1", "", manager)
		w.must(err)
		w.mustAsk("1", orderhub.StatusCancelled)
		w.mustAsk("2", orderhub.StatusConfirmed)
		w.pushFor(5 * time.Second)
		same(t, "pushes while the first is unsettled", w.fake.pushed(), "1 confirmed", "2 confirmed")
		w.fake.script(func(f *fake) { f.deaf = false })
		w.fake.move("1", orderhub.StatusConfirmed)
		w.fake.move("2", orderhub.StatusConfirmed)
		w.pushFor(3 * time.Minute)
		same(t, "pushes", w.fake.pushed(), "1 confirmed", "2 confirmed", "1 ", "1 cancelled")
		same(t, "states", w.states("1"), orderhub.EffectConfirmed, orderhub.EffectConfirmed, orderhub.EffectConfirmed)
	})
}

// Many effects leave in batches of the channel's size.
func TestPushesLeaveInBatches(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var sizes []int
		w.fake.onPush = func(pushes []channel.Push) ([]channel.PushResult, error) {
			sizes = append(sizes, len(pushes))
			return w.fake.obey(pushes), nil
		}
		for i := range 10 {
			w.sold(fmt.Sprint("o-", i))
		}
		w.push()
		same(t, "sizes", sizes, 4, 4, 2)
		w.pushFor(30 * time.Second)
		for i := range 10 {
			w.wantEffect(fmt.Sprint("o-", i), orderhub.EffectConfirmed)
		}
	})
}

// A channel that cannot be read recognises repeats by the key.
