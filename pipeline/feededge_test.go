package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
)

// TestAPositionOfAnotherDatabase: a reader that kept a position from before a restore of
// the hub, or of another hub, is told so, and where this one begins and ends. To go on at
// the same number would skip or repeat what nobody knows.
func TestAPositionOfAnotherDatabase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.take(snap("1", orderhub.StatusNew))
		w.take(statusOnly("1", orderhub.StatusConfirmed))
		_, err := w.hub.SetConsumer(ctx, "erp", ConsumerChange{})
		w.must(err)
		page, err := w.hub.Feed(ctx, FeedQuery{Limit: 100})
		w.must(err)
		first, newest := page.Entries[0].Position, page.Next
		last, err := w.store.LastEvent(ctx)
		w.must(err)
		ways := map[string]func(position string) error{
			"read": func(p string) error { _, err := w.hub.Feed(ctx, FeedQuery{After: p, Limit: 10}); return err },
			"read as": func(p string) error {
				_, err := w.hub.Feed(ctx, FeedQuery{After: p, Consumer: "erp", Limit: 10})
				return err
			},
			"move": func(p string) error {
				_, err := w.hub.SetConsumer(ctx, "erp", ConsumerChange{Position: &p})
				return err
			},
			"acknowledge": func(p string) error { _, err := w.hub.AckFeed(ctx, "erp", p); return err },
		}
		refused := func(position string) {
			t.Helper()
			for name, way := range ways {
				err := way(position)
				if orderhub.CodeOf(err) != orderhub.CodeConflict || !strings.Contains(fmt.Sprint(err), newest) || !strings.Contains(fmt.Sprint(err), "since") {
					t.Errorf("%s %s: %v", name, position, err)
				}
			}
		}
		good := func(position string) {
			t.Helper()
			for name, way := range ways {
				if err := way(position); err != nil {
					t.Errorf("%s %s: %v", name, position, err)
				}
			}
		}
		for _, position := range []string{"0", first, newest, fmt.Sprint(last)} {
			good(position)
		}
		refused(fmt.Sprint(last + 100))
		refused(fmt.Sprintf("%d.0123abcd", last+100))
		number, _, _ := strings.Cut(newest, ".")
		refused(number + ".0123abcd")
		// The same numbers, another history from the second event on.
		w.sql("UPDATE events SET at = at + 1 WHERE id = "+number, "UPDATE events SET at = at + 1 WHERE id = "+number)
		old := newest
		if newest, err = w.hub.Position(ctx, last); err != nil || newest == old {
			t.Fatalf("%s, %v", newest, err)
		}
		refused(old)
		good(first) // what both have in common
		for _, wrong := range []string{"-1", "1.", "1.x", "01", "1.0123abcde", "99999999999999999999", "now now", "1\x00"} {
			for name, way := range ways {
				if err := way(wrong); orderhub.CodeOf(err) != orderhub.CodeInvalid {
					t.Errorf("%s %q: %v", name, wrong, err)
				}
			}
		}
	})
}

// TestFeedFilters: what a reader does not ask for stays as its reader's name has it.
func TestFeedFilters(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.take(snap("1", orderhub.StatusNew))
		w.take(statusOnly("1", orderhub.StatusConfirmed))
		account := w.order("1").AccountID
		_, err := w.hub.AddAccount(ctx, "other", w.order("1").Channel, "other", nil)
		w.must(err)
		_, err = w.hub.SetConsumer(ctx, "erp", ConsumerChange{Filter: &orderhub.EventFilter{Accounts: []string{"other"}, Kinds: []orderhub.EventKind{orderhub.EventReceived}}})
		w.must(err)
		read := func(f orderhub.EventFilter) int {
			page, err := w.hub.Feed(ctx, FeedQuery{Consumer: "erp", Filter: f, Limit: 10})
			w.must(err)
			return len(page.Entries)
		}
		if n := read(orderhub.EventFilter{Kinds: []orderhub.EventKind{orderhub.EventStatus}}); n != 0 {
			t.Errorf("asked for another kind it got %d events of an account that is not its own", n)
		}
		if n := read(orderhub.EventFilter{Accounts: []string{account}}); n != 1 {
			t.Errorf("asked for another account it got %d events, want the one of its kind", n)
		}
	})
}

// TestAReaderFromTheFuture: a moment that has not come (a zone forgotten) would skip what
// happens until then, and what is being written now.
func TestAReaderFromTheFuture(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		since := w.clock.now().Add(3 * time.Hour)
		if _, err := w.hub.SetConsumer(t.Context(), "erp", ConsumerChange{Since: &since}); orderhub.CodeOf(err) != orderhub.CodeInvalid {
			t.Errorf("got %v", err)
		}
	})
}
