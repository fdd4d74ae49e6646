package pipeline

import (
	"testing"
	"time"

	"github.com/orderhub/orderhub"
)

// Two messages of a shop arrive together: the first is received a moment after
// the second and accepted before it. The second must not be called old: the
// version (or the channel's time) decides, not the moment of receiving.
func TestLaterVersionReceivedEarlierIsNotLost(t *testing.T) {
	t.Parallel()
	changed := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	for name, date := range map[string]func(s *orderhub.Snapshot, n int64){
		"by version": func(s *orderhub.Snapshot, n int64) { s.Revision = n },
		"by time":    func(s *orderhub.Snapshot, n int64) { s.ChangedAt = changed.Add(time.Duration(n) * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				first, second := snap("A1", orderhub.StatusPending), snap("A1", orderhub.StatusCancelled)
				date(&first, 1)
				date(&second, 2)
				now := w.clock.now()
				w.saveAt(now.Add(time.Second), itemOf(first))
				w.saveAt(now, itemOf(second))
				w.accept()
				if o := w.order("A1"); o.Headline != orderhub.StatusCancelled {
					t.Errorf("in one batch: the order is %s, want cancelled", o.Headline)
				}
				first.ExternalID, second.ExternalID = "A2", "A2"
				w.saveAt(now.Add(time.Second), itemOf(first))
				w.accept()
				w.saveAt(now, itemOf(second))
				w.accept()
				if o := w.order("A2"); o.Headline != orderhub.StatusCancelled {
					t.Errorf("in two batches: the order is %s, want cancelled", o.Headline)
				}
			})
		})
	}
}
