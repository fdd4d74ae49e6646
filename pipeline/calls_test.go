package pipeline

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// wireOf lists the calls that are kept for an order's effect, as "purpose: ids".
func (w *world) wireOf(id string) []string {
	w.t.Helper()
	list, err := w.store.ListCalls(w.t.Context(), store.CallFilter{EffectID: w.effect(id).ID, Limit: 100})
	w.must(err)
	var out []string
	for _, c := range slices.Backward(list) {
		out = append(out, c.Purpose+": "+string(c.Request))
	}
	return out
}

// The calls of an effect are those that were made for it, not all that were made
// for its batch.
func TestCallsBelongToTheirEffects(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fake.onPush = func(pushes []channel.Push) ([]channel.PushResult, error) {
			if len(pushes) > 1 {
				return nil, orderhub.NewBorderError(orderhub.ClassRejected, "fake: push", "one of these is wrong", nil)
			}
			return []channel.PushResult{{Outcome: channel.OutcomeAccepted}}, nil
		}
		w.sold("1", "2", "3")
		w.push()
		same(t, "calls for 1", w.wireOf("1"), "push: 1 2 3", "push: 1")
		same(t, "calls for 3", w.wireOf("3"), "push: 1 2 3", "push: 2 3", "push: 3")
	})
}

// A read-back that fails is kept with the effects that it was to confirm, and so
// is a failed reading of hinted orders; what was read well is in the inbox.
func TestFailedReadingsAreKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.sold("1", "2")
		w.push()
		failing := true
		w.fake.onRead = func(refs []channel.Ref) ([]channel.Item, error) {
			if failing {
				return nil, orderhub.NewBorderError(orderhub.ClassRetry, "fake: read", "overloaded", nil)
			}
			return w.fake.read(refs), nil
		}
		w.clock.add(time.Minute)
		w.push()
		for _, id := range []string{"1", "2"} {
			if got := w.wireOf(id); len(got) != 2 || got[1] != "check: 1 2" {
				t.Errorf("calls for %s: %q", id, got)
			}
		}
		w.hint("7")
		w.readHints()
		failing = false
		w.pushFor(10 * time.Minute)
		list, err := w.store.ListCalls(t.Context(), store.CallFilter{AccountID: acct, Limit: 100})
		w.must(err)
		hints := 0
		for _, c := range list {
			switch {
			case c.Purpose == "hint" && strings.Contains(c.Failure, "overloaded") && string(c.Request) == "7":
				hints++
			case c.Purpose != "push" && c.Status == 200:
				t.Errorf("a good reading is kept: %+v", c)
			}
		}
		if hints != 1 {
			t.Errorf("%d failed readings of hints, want 1", hints)
		}
	})
}
