package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

func (w *world) position(feed string) store.FeedPosition {
	w.t.Helper()
	p, err := w.store.Feed(w.t.Context(), acct, feed)
	w.must(err)
	return p
}

func (w *world) placeMany(n int) {
	for i := range n {
		w.fake.place(snap(fmt.Sprint("o-", i), orderhub.StatusNew))
	}
}

// lessons.md 8: page to the end, and the next sweep begins where this one
// began, not where it ended: what was placed meanwhile may have been missed.
func TestSweepPagesToTheEndAndConfirmsItsStart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.placeMany(7)
		started := w.clock.now()
		w.fake.onList = func(feed string, cursor channel.Cursor) (channel.Page, error) {
			w.clock.add(time.Minute) // every page takes a minute
			return w.fake.page(2, cursor, func(orderhub.Snapshot) bool { return true })
		}
		for w.position("orders").ConfirmedAt.IsZero() {
			w.sweep() // a job works two minutes on a sweep, the next goes on
		}
		for i := range 7 {
			w.order(fmt.Sprint("o-", i))
		}
		p := w.position("orders")
		if d := p.ConfirmedAt.Sub(started); d < 0 || d > time.Second {
			t.Errorf("confirmed %s after the start", d)
		}
		if p.FinishedAt.Sub(started) < 4*time.Minute || !p.SweepStartedAt.IsZero() || p.Pages != 4 || p.Items != 7 {
			t.Errorf("position %+v", p)
		}
		if d := p.NextAt.Sub(p.FinishedAt); d != time.Minute {
			t.Errorf("next sweep in %s, want the feed's minute", d)
		}
	})
}

// A crash between two pages: the rows of the page and the cursor behind it are
// there together or not at all, and the next process goes on there.
func TestCrashBetweenPagesResumes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.placeMany(6)
		var asked []string
		w.fake.onList = func(_ string, cursor channel.Cursor) (channel.Page, error) {
			asked = append(asked, string(cursor))
			if len(asked) == 3 {
				panic("killed")
			}
			return w.fake.page(2, cursor, func(orderhub.Snapshot) bool { return true })
		}
		func() {
			defer func() { _ = recover() }()
			w.sweep()
		}()
		started := w.position("orders").SweepStartedAt
		if p := w.position("orders"); string(p.Cursor) != "4" || p.Pages != 2 || !p.ConfirmedAt.IsZero() || len(w.raws("")) != 4 {
			t.Fatalf("after the crash: %+v, %d raw answers", p, len(w.raws("")))
		}
		w.hub = w.newHub(Options{})
		w.clock.add(time.Hour)
		w.sweep()
		same(t, "cursors asked for", asked, "", "2", "4", "4")
		for i := range 6 {
			w.order(fmt.Sprint("o-", i))
		}
		if p := w.position("orders"); !p.ConfirmedAt.Equal(started) {
			t.Errorf("confirmed %s, want the start before the crash, %s", p.ConfirmedAt, started)
		}
	})
}

// A page read by a process that lost its lease meanwhile is not written: not its
// rows, not its cursor.
func TestFencedPageWritesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.placeMany(2)
		old, ok, err := w.store.AcquireLease(t.Context(), "sweep:main:orders", "first", time.Minute)
		if w.must(err); !ok {
			t.Fatal("no lease")
		}
		a := w.account()
		w.fake.onList = func(_ string, cursor channel.Cursor) (channel.Page, error) {
			w.clock.add(2 * time.Minute) // the page took too long
			if _, ok, err := w.store.AcquireLease(t.Context(), old.Name, "second", time.Minute); err != nil || !ok {
				t.Errorf("the second process does not get the lease: %v", err)
			}
			return w.fake.page(2, cursor, func(orderhub.Snapshot) bool { return true })
		}
		if err := w.hub.sweep(t.Context(), a, "orders", old); !errors.Is(err, store.ErrFenced) {
			t.Errorf("got %v, want ErrFenced", err)
		}
		w.fake.script(func(f *fake) {
			f.onList = func(string, channel.Cursor) (channel.Page, error) { return channel.Page{}, errors.New("broken") }
		})
		if err := w.hub.sweep(t.Context(), a, "orders", old); !errors.Is(err, store.ErrFenced) {
			t.Errorf("a failure: got %v, want ErrFenced", err)
		}
		if p := w.position("orders"); p.Pages != 0 || p.Cursor != nil || p.Failures != 0 || len(w.raws("")) != 0 {
			t.Errorf("written: %+v, %d raw answers", p, len(w.raws("")))
		}
	})
}

func TestFailedSweepTellsWhyAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	border := func(class orderhub.Class, sentence string, after time.Duration) error {
		e := orderhub.NewBorderError(class, "fake: list", sentence, errors.New("secret detail"))
		e.RetryAfter = after
		return e
	}
	cases := []struct {
		name     string
		err      error
		class    orderhub.Class
		sentence string
		least    time.Duration
		most     time.Duration
	}{
		{"auth", border(orderhub.ClassAuth, "the key has expired", 0), orderhub.ClassAuth, "the key has expired", time.Minute, 2 * time.Minute},
		{"rate limited", border(orderhub.ClassRateLimited, "slow down", 40*time.Second), orderhub.ClassRateLimited, "slow down", 40 * time.Second, 50 * time.Second},
		{"rate limited for long", border(orderhub.ClassRateLimited, "slow down", time.Hour), orderhub.ClassRateLimited, "slow down", time.Hour, 80 * time.Minute},
		{"retry", border(orderhub.ClassRetry, "no connection", 0), orderhub.ClassRetry, "no connection", 2 * time.Second, 3 * time.Second},
		{"rejected", border(orderhub.ClassRejected, "the filter is wrong", 0), orderhub.ClassRejected, "the filter is wrong", 5 * time.Minute, 6 * time.Minute},
		{"broken", errors.New("secret detail"), orderhub.ClassRetry, "an internal fault; the log has the details", 2 * time.Second, 3 * time.Second},
	}
	each(t, func(t *testing.T, w *world) {
		for _, tc := range cases {
			t.Run(tc.name, func(t *testing.T) {
				w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
					return tx.SetFeed(t.Context(), store.FeedPosition{AccountID: acct, Feed: "orders"})
				}))
				w.fake.script(func(f *fake) {
					f.onList = func(string, channel.Cursor) (channel.Page, error) { return channel.Page{}, tc.err }
				})
				w.sweep()
				p := w.position("orders")
				if p.Class != tc.class || p.Error != tc.sentence || p.Failures != 1 {
					t.Errorf("position %+v", p)
				}
				if d := p.NextAt.Sub(w.clock.now()); d < tc.least-time.Second || d > tc.most {
					t.Errorf("tried again in %s, want %s to %s", d, tc.least, tc.most)
				}
				// However often it fails, it is tried again within minutes.
				for range 40 {
					w.sweep()
				}
				p = w.position("orders")
				if d := p.NextAt.Sub(w.clock.now()); p.Failures != 41 || d <= 0 || d > max(tc.most, 6*time.Minute) {
					t.Errorf("after 41 failures tried again in %s: %+v", d, p)
				}
				// And one success makes it well.
				w.fake.script(func(f *fake) { f.onList = nil })
				w.sweep()
				if p = w.position("orders"); p.Failures != 0 || p.Error != "" || p.Class != "" || p.ConfirmedAt.IsZero() {
					t.Errorf("after a success: %+v", p)
				}
			})
		}
	})
}

// A sweep that began before a failure is confirmed as of its beginning.
func TestSweepThatFailedMidwayKeepsItsStart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.placeMany(4)
		fails := true
		w.fake.onList = func(_ string, cursor channel.Cursor) (channel.Page, error) {
			if len(cursor) > 0 && fails {
				fails = false
				return channel.Page{}, errors.New("down")
			}
			return w.fake.page(2, cursor, func(orderhub.Snapshot) bool { return true })
		}
		before := w.clock.now()
		w.sweep()
		w.clock.add(time.Hour)
		w.sweep()
		if d := w.position("orders").ConfirmedAt.Sub(before); d > time.Second {
			t.Errorf("confirmed %s after the start: what changed meanwhile may be missing", d)
		}
	})
}

func refreshing(fk *fake, _ *Options) { fk.desc.RefreshOpen = 5 * time.Minute }

func (w *world) refresh() {
	w.t.Helper()
	w.must(w.hub.refresh(w.t.Context(), w.account(), store.Lease{}))
	w.accept()
}

func TestRefreshReadsEveryOpenOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.placeMany(10)
		w.sweep()
		w.fake.move("o-4", orderhub.StatusDelivered)
		w.take(w.fake.books["o-4"])
		for i := range 10 {
			w.fake.move(fmt.Sprint("o-", i), orderhub.StatusShipped)
		}
		w.fake.script(func(f *fake) { f.reads = nil })
		start := w.clock.now()
		w.refresh()
		var read []string
		for _, batch := range w.fake.reads {
			if len(batch) > 3 {
				t.Errorf("a batch of %d, the channel takes 3", len(batch))
			}
			read = append(read, batch...)
		}
		if len(read) != 9 || slices.Contains(read, "o-4") {
			t.Errorf("read %v, want the nine open orders once", read)
		}
		if o := w.order("o-9"); o.Headline != orderhub.StatusShipped {
			t.Errorf("o-9 is %s", o.Headline)
		}
		p := w.position(refreshFeed)
		if p.ConfirmedAt.Sub(start) > time.Second || p.NextAt.Sub(p.FinishedAt) != 5*time.Minute {
			t.Errorf("position %+v", p)
		}
	}, refreshing)
}

// A refresh that is interrupted goes on where it was; the next begins anew.
func TestRefreshResumes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.placeMany(7)
		w.sweep()
		down := true
		w.fake.script(func(f *fake) {
			f.reads = nil
			f.onRead = func(refs []channel.Ref) ([]channel.Item, error) {
				if down && refs[0].ExternalID == "o-3" {
					return nil, errors.New("down")
				}
				return w.fake.read(refs), nil
			}
		})
		w.refresh()
		down = false
		w.refresh()
		w.refresh()
		var firsts []string
		for _, batch := range w.fake.reads {
			firsts = append(firsts, batch[0])
		}
		same(t, "first orders of the batches", firsts, "o-0", "o-3", "o-3", "o-6", "o-0", "o-3", "o-6")
	}, refreshing)
}

// lessons.md 9: one order that the channel chokes on keeps no other from being
// read, in a refresh, after a hint, and on a person's wish.
func TestOrderThatCannotBeReadHoldsUpNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.placeMany(7)
		w.sweep()
		w.fake.onRead = func(refs []channel.Ref) ([]channel.Item, error) {
			for _, r := range refs {
				if r.ExternalID == "o-4" {
					return nil, orderhub.NewBorderError(orderhub.ClassRejected, "fake: read", "o-4 is malformed", nil)
				}
			}
			return w.fake.read(refs), nil
		}
		moved := func(to orderhub.Status) {
			for i := range 7 {
				w.fake.move(fmt.Sprint("o-", i), to)
			}
		}
		seen := func(what string, want orderhub.Status) {
			t.Helper()
			for i := range 7 {
				if o := w.order(fmt.Sprint("o-", i)); i != 4 && o.Headline != want {
					t.Errorf("%s: o-%d is %s, want %s", what, i, o.Headline, want)
				}
			}
		}
		moved(orderhub.StatusConfirmed)
		w.refresh()
		if p := w.position(refreshFeed); p.ConfirmedAt.IsZero() || p.Error != "" {
			t.Errorf("the refresh is stuck: %+v", p)
		}
		seen("refresh", orderhub.StatusConfirmed)

		moved(orderhub.StatusShipped)
		ids := []string{"o-0", "o-1", "o-2", "o-3", "o-4", "o-5", "o-6"}
		w.hint(ids...)
		w.readHints()
		seen("hints", orderhub.StatusShipped)

		moved(orderhub.StatusDelivered)
		if _, err := w.hub.RepullIDs(t.Context(), acct, ids); err != nil {
			t.Errorf("repull: %v", err)
		}
		w.accept()
		seen("repull", orderhub.StatusDelivered)
	}, refreshing)
}

func (w *world) hint(ids ...string) {
	w.t.Helper()
	w.must(w.hub.keepWebhook(w.t.Context(), w.account(), channel.Webhook{Hints: ids}, nil))
}

func (w *world) readHints() {
	w.t.Helper()
	w.must(w.hub.readHints(w.t.Context(), w.account(), store.Lease{}))
	w.accept()
}

func TestHints(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.placeMany(5)
		w.hint("o-0", "o-1", "o-2", "o-3", "nowhere")
		w.readHints()
		for i := range 4 {
			w.order(fmt.Sprint("o-", i))
		}
		if w.find("o-4") != nil {
			t.Error("an order that nobody hinted at was read")
		}
		// A replica may lag: not found is looked for again, and then given up.
		same(t, "hints left", w.hints(), "nowhere")
		reads := w.fake.readCount()
		w.readHints()
		if n := w.fake.readCount() - reads; n != 0 {
			t.Errorf("looked for at once, %d times", n)
		}
		for range 2 * hintTries {
			w.clock.add(time.Minute)
			w.readHints()
		}
		same(t, "hints left after a while", w.hints())
		if n := w.fake.readCount() - reads; n != hintTries-1 {
			t.Errorf("looked for %d times more, want %d", n, hintTries-1)
		}
	})
}

// A message that arrives while its order is being read is read for again: the
// answer under way may be older than the message.
func TestHintedAgainWhileBeingReadIsNotLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.placeMany(1)
		w.sweep()
		w.fake.onRead = func(refs []channel.Ref) ([]channel.Item, error) {
			stale := w.fake.read(refs)
			if w.fake.readCount() == 1 {
				w.fake.move("o-0", orderhub.StatusShipped)
				w.hint("o-0")
			}
			return stale, nil
		}
		w.hint("o-0")
		w.readHints()
		w.readHints()
		if o := w.order("o-0"); o.Headline != orderhub.StatusShipped {
			t.Errorf("the change is lost: %s after %d reads", o.Headline, w.fake.readCount())
		}
		same(t, "hints left", w.hints())
	})
}

func TestHintsSurviveFailures(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.placeMany(1)
		for _, class := range []orderhub.Class{orderhub.ClassAuth, orderhub.ClassRateLimited, orderhub.ClassRetry, orderhub.ClassUncertain} {
			w.fake.script(func(f *fake) {
				f.onRead = func([]channel.Ref) ([]channel.Item, error) {
					return nil, orderhub.NewBorderError(class, "fake", "no", nil)
				}
			})
			w.hint("o-0")
			w.readHints()
			same(t, "hints after "+string(class), w.hints(), "o-0")
		}
		w.fake.script(func(f *fake) { f.onRead = nil })
		w.clock.add(10 * time.Minute)
		w.readHints()
		w.order("o-0")
	})
}

// Hints for a channel that cannot read single orders must not ring for ever.
func TestHintsOfAChannelThatCannotReadLeaveNoTrace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(statusOnly("1", orderhub.StatusCancelled), with(snap("2", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.ParentID = "1" }))
		same(t, "hints", w.hints())
		due, err := w.hub.due(t.Context())
		w.must(err)
		for _, lane := range due {
			if lane.Work == "hints" {
				t.Error("the hints lane is due for ever")
			}
		}
	}, func(fk *fake, _ *Options) { fk.bare = true })
}

// Two messages name the same orders in opposite directions.
func TestHintsAtTheSameTimeDoNotDeadlock(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var ids []string
		for i := range 12 {
			ids = append(ids, fmt.Sprint("o-", i))
		}
		back := slices.Clone(ids)
		slices.Reverse(back)
		a := w.account()
		hint := func(ids []string) func(context.Context) error {
			return func(ctx context.Context) error {
				for range 30 {
					if err := w.hub.keepWebhook(ctx, a, channel.Webhook{Hints: ids}, nil); err != nil {
						return err
					}
				}
				return nil
			}
		}
		w.at(hint(ids), hint(back), hint(ids), hint(back), func(ctx context.Context) error {
			for range 20 {
				if err := w.hub.readHints(ctx, a, store.Lease{}); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// What is due and what is not.
func TestDueLanes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		due := func() []string {
			t.Helper()
			lanes, err := w.hub.due(t.Context())
			w.must(err)
			var out []string
			for _, l := range lanes {
				if l != noticeLane && l != onecLane && l != fanLane { // they follow whatever happens
					out = append(out, l.String())
				}
			}
			slices.Sort(out)
			return out
		}
		same(t, "a new account", due(), "sweep:main:audit", "sweep:main:open_orders", "sweep:main:orders")
		w.sweep()
		w.refresh()
		a, err := w.hub.account(t.Context(), acct)
		w.must(err)
		w.must(w.hub.auditRegularly(t.Context(), a, store.Lease{}))
		same(t, "just swept", due())
		w.save(itemOf(snap("1", orderhub.StatusNew)))
		w.hint("2")
		same(t, "with an answer and a hint", due(), "accept:main", "hints:main")
		w.accept()
		w.mustAsk("1", orderhub.StatusConfirmed)
		same(t, "with an effect", due(), "hints:main", "push:main")
		w.save(itemOf(snap("3", orderhub.StatusNew)))
		w.clock.add(time.Hour)
		w.must(w.hub.SetAccountState(t.Context(), acct, orderhub.AccountPaused))
		same(t, "paused: what was read is still accepted", due(), "accept:main")
		w.must(w.hub.SetAccountState(t.Context(), acct, orderhub.AccountRemoved))
		same(t, "removed", due())
	}, refreshing)
}
