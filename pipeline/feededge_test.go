package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
)

// TestAPositionOfAnotherDatabase: a reader that kept a position from before a restore of
// the hub is told so. To wait in silence until the hub gets there would skip what comes
// until then.
func TestAPositionOfAnotherDatabase(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.take(snap("1", orderhub.StatusNew))
		last, err := w.store.LastEvent(ctx)
		w.must(err)
		_, err = w.hub.SetConsumer(ctx, "erp", ConsumerChange{})
		w.must(err)
		for _, consumer := range []string{"", "erp"} {
			page, err := w.hub.Feed(ctx, FeedQuery{After: fmt.Sprint(last + 100), Consumer: consumer, Limit: 10})
			if orderhub.CodeOf(err) != orderhub.CodeInvalid || !strings.Contains(fmt.Sprintf("%+v", err), "after") {
				t.Errorf("as %q: %+v, %v", consumer, page, err)
			}
			if page, err := w.hub.Feed(ctx, FeedQuery{After: fmt.Sprint(last), Consumer: consumer, Limit: 10}); err != nil || len(page.Entries) > 0 {
				t.Errorf("the end itself, as %q: %+v, %v", consumer, page, err)
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
