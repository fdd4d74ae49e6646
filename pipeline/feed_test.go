package pipeline

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// readAll reads as a consumer that acknowledges each page, and gives what it saw:
// "order:kind" by position.
func (w *world) readAll(consumer string, limit int) []string {
	w.t.Helper()
	var out []string
	for {
		page, err := w.hub.Feed(w.t.Context(), FeedQuery{Consumer: consumer, Limit: limit, Content: true})
		w.must(err)
		for _, e := range page.Entries {
			out = append(out, e.Order.ExternalID+":"+string(e.Event.Kind))
		}
		_, err = w.hub.AckFeed(w.t.Context(), consumer, page.Next)
		w.must(err)
		if !page.More {
			return out
		}
	}
}

func TestFeed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.take(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
		w.take(statusOnly("1", orderhub.StatusConfirmed))
		_, err := w.hub.SetConsumer(ctx, "erp", ConsumerChange{})
		w.must(err)
		want := "1:received 2:received 1:status"
		page, err := w.hub.Feed(ctx, FeedQuery{Consumer: "erp", Limit: 2, Content: true})
		w.must(err)
		if len(page.Entries) != 2 || !page.More || page.Next != page.Entries[1].Position || page.Entries[0].Order.Status != orderhub.StatusConfirmed ||
			page.Entries[0].Order.Lines[0].SKU != "0557722" {
			t.Fatalf("%+v", page)
		}
		// What was not acknowledged comes again.
		if got := strings.Join(w.readAll("erp", 1), " "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := w.readAll("erp", 10); len(got) != 0 {
			t.Errorf("acknowledged and given again: %v", got)
		}
		if _, err := w.hub.AckFeed(ctx, "erp", page.Entries[0].Position); err != nil {
			t.Errorf("a late acknowledgement: %v", err)
		}
		if got := w.readAll("erp", 10); len(got) != 0 {
			t.Errorf("a late acknowledgement moved it back: %v", got)
		}
		// Replay from any point, by position and by time.
		_, err = w.hub.SetConsumer(ctx, "erp", ConsumerChange{Position: &page.Entries[0].Position})
		w.must(err)
		if got := strings.Join(w.readAll("erp", 10), " "); got != "2:received 1:status" {
			t.Errorf("replay: %s", got)
		}
		w.clock.add(time.Hour)
		since := w.clock.now()
		w.take(statusOnly("2", orderhub.StatusConfirmed))
		_, err = w.hub.SetConsumer(ctx, "erp", ConsumerChange{Since: &since})
		w.must(err)
		if got := strings.Join(w.readAll("erp", 10), " "); got != "2:status" {
			t.Errorf("since: %s", got)
		}
		page, err = w.hub.Feed(ctx, FeedQuery{Filter: orderhub.EventFilter{Kinds: []orderhub.EventKind{orderhub.EventStatus}}, Limit: 1})
		w.must(err)
		if len(page.Entries) != 1 || page.Entries[0].Event.To != orderhub.StatusConfirmed || page.Entries[0].Order != nil {
			t.Errorf("filtered, links alone: %+v", page)
		}
		for field, wrong := range map[string]func() error{
			"after":    func() error { _, err := w.hub.Feed(ctx, FeedQuery{After: "-1", Limit: 1}); return err },
			"position": func() error { _, err := w.hub.AckFeed(ctx, "erp", "x"); return err },
			"name":     func() error { _, err := w.hub.SetConsumer(ctx, "../erp", ConsumerChange{}); return err },
			"accounts": func() error {
				_, err := w.hub.SetConsumer(ctx, "erp", ConsumerChange{Filter: &orderhub.EventFilter{Accounts: []string{"none"}}})
				return err
			},
		} {
			if err := wrong(); orderhub.CodeOf(err) != orderhub.CodeInvalid || !strings.Contains(fmt.Sprintf("%+v", err), field) {
				t.Errorf("%s: %v", field, err)
			}
		}
		w.must(w.hub.DeleteConsumer(ctx, "erp"))
		if _, err := w.hub.Feed(ctx, FeedQuery{Consumer: "erp", Limit: 1}); orderhub.CodeOf(err) != orderhub.CodeNotFound {
			t.Errorf("a reader that was deleted: %v", err)
		}
	})
}

// TestFeedMissesNothing reads while several write at once: on PostgreSQL their ids
// become visible out of order.
func TestFeedMissesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const writers, rounds = 4, 25
		var snaps []orderhub.Snapshot
		for i := range writers {
			snaps = append(snaps, snap(fmt.Sprint(i), orderhub.StatusNew))
		}
		w.take(snaps...)
		position := PositionNow
		_, err := w.hub.SetConsumer(ctx, "erp", ConsumerChange{Position: &position})
		w.must(err)
		var writing sync.WaitGroup
		for i := range writers {
			id := w.order(fmt.Sprint(i)).ID
			writing.Go(func() {
				for n := range rounds {
					if err := w.store.InTx(ctx, func(tx *store.Tx) error {
						return tx.AddEvents(ctx, []orderhub.Event{{OrderID: id, At: w.clock.now(), Kind: orderhub.EventNote, Why: fmt.Sprint(n)}})
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { writing.Wait(); close(done) }()
		seen := map[string][]string{}
		for over := false; ; {
			select {
			case <-done:
				over = true
			default:
			}
			page, err := w.hub.Feed(ctx, FeedQuery{Consumer: "erp", Limit: 7, Content: true})
			w.must(err)
			for _, e := range page.Entries {
				seen[e.Order.ExternalID] = append(seen[e.Order.ExternalID], e.Event.Why)
			}
			_, err = w.hub.AckFeed(ctx, "erp", page.Next)
			w.must(err)
			last, err := w.store.LastEvent(ctx)
			w.must(err)
			if newest, err := w.hub.Position(ctx, last); over && err == nil && newest == page.Next {
				break
			}
		}
		for i := range writers {
			got := seen[fmt.Sprint(i)]
			for n := range rounds {
				if len(got) != rounds || got[n] != fmt.Sprint(n) {
					t.Fatalf("order %d: %v", i, got)
				}
			}
		}
	})
}

// TestFeedWaits: a reader that waits is told at once, and not for longer than it said.
func TestFeedWaits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		read := make(chan FeedPage, 1)
		go func() {
			page, err := w.hub.Feed(context.WithoutCancel(t.Context()), FeedQuery{Limit: 1, Wait: 20 * time.Second})
			if err != nil {
				t.Error(err)
			}
			read <- page
		}()
		w.take(snap("1", orderhub.StatusNew))
		select {
		case page := <-read:
			if len(page.Entries) != 1 {
				t.Errorf("%+v", page)
			}
		case <-time.After(10 * time.Second):
			t.Error("the reader was not told")
		}
		began := time.Now()
		page, err := w.hub.Feed(t.Context(), FeedQuery{After: "1", Limit: 1, Wait: 50 * time.Millisecond})
		if err != nil || len(page.Entries) != 0 || time.Since(began) > 10*time.Second {
			t.Errorf("%+v %v after %s", page, err, time.Since(began))
		}
	})
}
