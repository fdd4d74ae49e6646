package pipeline

import (
	"fmt"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// TestOneOrderDoesNotHoldTheRefresh: an order that the channel breaks on each time holds
// the others of its account for a few attempts and no longer; a channel that is away is
// asked few times, and nothing passes for read.
func TestOneOrderDoesNotHoldTheRefresh(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var snaps []orderhub.Snapshot
		for i := range 9 {
			snaps = append(snaps, snap(fmt.Sprint("o-", i), orderhub.StatusNew))
		}
		w.take(snaps...)
		away, seen := true, map[string]bool{}
		w.fake.script(func(f *fake) {
			f.onRead = func(refs []channel.Ref) ([]channel.Item, error) {
				for _, r := range refs {
					if away || r.ExternalID == "o-0" {
						return nil, orderhub.NewBorderError(orderhub.ClassRetry, "fake: read", "HTTP 500", nil)
					}
				}
				for _, r := range refs {
					seen[r.ExternalID] = true
				}
				return f.read(refs), nil
			}
		})
		for range stubborn + 2 {
			w.refresh()
		}
		pos, err := w.store.Feed(t.Context(), acct, refreshFeed)
		w.must(err)
		if pos.Failures != stubborn+2 || pos.Error == "" || len(w.fake.reads) > 30 {
			t.Fatalf("a channel that is away: %+v after %d calls", pos, len(w.fake.reads))
		}
		away = false
		w.refresh()
		pos, err = w.store.Feed(t.Context(), acct, refreshFeed)
		w.must(err)
		if pos.Failures != 0 || pos.FinishedAt.IsZero() || len(seen) != 8 {
			t.Errorf("%d of the 8 others were read: %+v", len(seen), pos)
		}
	})
}
