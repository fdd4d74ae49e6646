package pipeline

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// A slow answer that is saved after a faster one is no news then; when the next
// sweep brings the same bytes, it is.
func TestASlowAnswerIsNotLostForGood(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(snap("1", orderhub.StatusNew))
		slow := w.clock.now() // the sweep's moment, before it waited for the quota
		w.clock.add(5 * time.Second)
		w.take(statusOnly("1", orderhub.StatusConfirmed)) // a hint meanwhile
		w.clock.add(5 * time.Second)
		cancelled := itemOf(snap("1", orderhub.StatusCancelled))
		w.saveAt(slow, cancelled)
		w.accept()
		w.clock.add(time.Hour)
		w.save(cancelled)
		w.accept()
		if got := w.order("1").Headline; got != orderhub.StatusCancelled {
			t.Errorf("after the next sweep the order is %s, want cancelled", got)
		}
		w.clock.add(time.Hour)
		if ids := w.save(cancelled); len(ids) > 0 {
			t.Errorf("the sweep after that saved %d answers that say nothing new", len(ids))
		}
	})
}

// A transaction never asks for a second connection: more requests at once than
// the pool has connections all go through.
func TestManyTrackingNumbersAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var numbers []int64
		for i := range 30 {
			id := fmt.Sprint(i)
			w.take(snap(id, orderhub.StatusConfirmed))
			numbers = append(numbers, w.order(id).ID)
		}
		var wg sync.WaitGroup
		for _, n := range numbers {
			wg.Go(func() {
				if _, err := w.hub.SetTracking(t.Context(), n, "TRACK1", "", orderhub.Actor{}); err != nil {
					t.Errorf("order %d: %v", n, err)
				}
			})
		}
		wg.Wait()
	})
}

func failedAssembly(w *world) *orderhub.Order {
	s := with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Holds = []orderhub.Hold{orderhub.HoldShipFailed} })
	w.fake.place(s)
	w.fake.deaf = true // takes every call and does nothing
	w.take(s)
	return w.order("1")
}

func TestAFailedAssemblyIsNotRepeatedForEver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := failedAssembly(w)
		w.must(advance(t, w, o.ID, orderhub.StatusConfirmed, ""))
		w.pushFor(2 * time.Hour)
		if n := len(w.fake.pushed()); n < 2 || n > maxAttempts {
			t.Errorf("%d calls, want 2 to %d", n, maxAttempts)
		}
		effects, err := w.store.Effects(t.Context(), o.ID)
		w.must(err)
		if effects[0].State != orderhub.EffectUncertain || w.order("1").Requested != "" {
			t.Errorf("the effect is %s and %q still asked for, want uncertain and nothing", effects[0].State, w.order("1").Requested)
		}
	})
}

func TestACancelIsNotRepeatedForAFailedAssembly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := failedAssembly(w)
		w.must(advance(t, w, o.ID, orderhub.StatusCancelled, "no_stock"))
		w.pushFor(20 * time.Second)
		if n := len(w.fake.pushed()); n != 1 {
			t.Errorf("the cancel was sent %d times: %v", n, w.fake.pushed())
		}
	})
}

func advance(t *testing.T, w *world, number int64, to orderhub.Status, reason string) error {
	t.Helper()
	_, err := w.hub.Advance(t.Context(), number, orderhub.Request{To: to, Reason: reason})
	return err
}

func TestACancelRequestIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		s := with(snap("1", orderhub.StatusShipped), func(s *orderhub.Snapshot) {
			s.Holds = []orderhub.Hold{orderhub.HoldCancelRequest}
			s.CancelRequest = &orderhub.CancelRequest{ID: "7"}
		})
		w.fake.place(s)
		w.take(s)
		id := w.order("1").ID
		_, err := w.hub.AnswerCancel(t.Context(), id, true, "", orderhub.Actor{})
		w.must(err)
		if _, err := w.hub.AnswerCancel(t.Context(), id, false, "no", orderhub.Actor{}); orderhub.CodeOf(err) != orderhub.CodeRefused {
			t.Errorf("a second answer: got %v, want a refusal", err)
		}
	})
}

func TestNothingIsAskedOfARemovedAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(snap("1", orderhub.StatusNew))
		w.must(w.hub.SetAccountState(t.Context(), acct, orderhub.AccountRemoved))
		if err := advance(t, w, w.order("1").ID, orderhub.StatusConfirmed, ""); orderhub.CodeOf(err) != orderhub.CodeRefused {
			t.Errorf("got %v, want a refusal", err)
		}
		if o := w.order("1"); o.Requested != "" {
			t.Errorf("%s stays asked for", o.Requested)
		}
	})
}

// An accepted payload that the adapter misread is taken in again by its number.
func TestReplayOfAnAcceptedPayload(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		misread := true
		w.fake.onNormalise = func(kind string, body []byte) (orderhub.Snapshot, error) {
			s, err := readFake(kind, body)
			if misread && err == nil {
				s.Lines[0].Quantity = 1
			}
			return s, err
		}
		ids := w.save(itemOf(snap("1", orderhub.StatusNew)))
		w.accept()
		misread = false
		n, err := w.hub.ReplayAny(t.Context(), acct, ids)
		w.must(err)
		w.accept()
		if got := w.order("1").Snapshot.Lines[0].Quantity; n != 1 || got != 2 {
			t.Errorf("%d replayed, quantity now %d, want 1 and 2", n, got)
		}
	})
}

// What a call brought along counts, even when a sweep was faster than its answer.
func TestWhatACallBroughtAlongCounts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		s := snap("1", orderhub.StatusNew)
		w.fake.place(s)
		w.take(s)
		w.fake.onPush = func([]channel.Push) ([]channel.PushResult, error) {
			w.fake.move("1", orderhub.StatusConfirmed)
			w.take(snap("1", orderhub.StatusConfirmed)) // a sweep during the call
			return []channel.PushResult{{Outcome: channel.OutcomeAccepted, Attrs: map[string]string{"supplyId": "WB-1"}, Reread: []string{"1-2"}}}, nil
		}
		w.must(advance(t, w, w.order("1").ID, orderhub.StatusConfirmed, ""))
		w.push()
		hints, err := w.store.DueHints(t.Context(), acct, 10)
		w.must(err)
		if w.order("1").Snapshot.Attrs["supplyId"] != "WB-1" || len(hints) == 0 {
			t.Errorf("attributes %v, %d hints", w.order("1").Snapshot.Attrs, len(hints))
		}
	})
}
