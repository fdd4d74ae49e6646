package orderhub_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orderhub/orderhub"
)

// genNews makes any answer of a channel: full, status only or content only,
// with and without a time and a revision.
func genNews() *rapid.Generator[orderhub.Snapshot] {
	return rapid.Custom(func(t *rapid.T) orderhub.Snapshot {
		s := anyStatus().Draw(t, "status")
		var snap orderhub.Snapshot
		switch rapid.IntRange(0, 3).Draw(t, "shape") {
		case 0:
			snap = word(s)
		case 1:
			snap = content()
		default:
			snap = says(s)
		}
		if rapid.Bool().Draw(t, "timed") {
			snap.ChangedAt = at(rapid.IntRange(1, 5).Draw(t, "changed at"))
		}
		snap.Revision = rapid.Int64Range(0, 3).Draw(t, "revision")
		snap.Holds = genHolds().Draw(t, "holds")
		if !snap.StatusOnly {
			snap.Comment = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "comment")
			snap.Requires = rapid.SampledFrom([][]string{nil, {}, {"sgtin"}}).Draw(t, "requires")
		}
		if rapid.Bool().Draw(t, "attrs") {
			snap.Attrs = map[string]string{"k": rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "attr")}
		}
		return snap
	})
}

// genLedgerOrder makes an order that went through some news, with the hub's own
// side filled in.
func genLedgerOrder() *rapid.Generator[*orderhub.Order] {
	return rapid.Custom(func(t *rapid.T) *orderhub.Order {
		o := first(genNews().Draw(t, "first"))
		for i, n := range rapid.SliceOfN(genNews(), 0, 3).Draw(t, "history") {
			orderhub.Merge(o, n, at(i), patience)
		}
		o.HubHolds = genHolds().Draw(t, "hub holds")
		o.Requested = rapid.SampledFrom(append(orderhub.Statuses(), "", "")).Draw(t, "requested")
		o.RawID, o.Version, o.CreatedAt, o.UpdatedAt = 5, 3, at(1), at(2)
		if rapid.Bool().Draw(t, "local step") {
			o.Headline = anyStatus().Draw(t, "headline")
		}
		return o
	})
}

// hubSide is what news must never touch; Requested may only be cleared.
func hubSide(o *orderhub.Order) orderhub.Order {
	c := *o
	c.Snapshot, c.Headline, c.Requested = orderhub.Snapshot{}, "", ""
	c.Doubt, c.DoubtSince = "", time.Time{}
	return c
}

// TestMergeProperties: whatever comes to whatever order.
func TestMergeProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o, news := genLedgerOrder().Draw(t, "order"), genNews().Draw(t, "news")
		before := *o
		verdict, why := orderhub.Merge(o, news, at(100), patience)
		if diff := cmp.Diff(hubSide(&before), hubSide(o)); diff != "" {
			t.Fatalf("news changed the hub's side:\n%s", diff)
		}
		if o.Requested != "" && o.Requested != before.Requested {
			t.Fatalf("news asked for %s", o.Requested)
		}
		checkVerdict(t, &before, o, verdict, why)
		checkMove(t, &before, o)
		checkContent(t, &before, o, news)
		if verdict == orderhub.NewsRefused {
			return
		}
		// The same again, at once and later, changes nothing. Where only the content
		// was taken its status is refused again, until patience ends.
		after := *o
		minutes := []int{100, 101, 5000}
		if o.Doubt != "" {
			minutes = []int{100, 101}
		}
		for _, minute := range minutes {
			if again, _ := orderhub.Merge(o, news, at(minute), patience); again == orderhub.NewsApplied {
				t.Fatal("the same news again is applied again")
			}
			if diff := cmp.Diff(after, *o); diff != "" {
				t.Fatalf("the same news again changed the order:\n%s", diff)
			}
		}
	})
}

func checkVerdict(t *rapid.T, before, after *orderhub.Order, verdict orderhub.Verdict, why string) {
	t.Helper()
	if (why != "") != (verdict == orderhub.NewsRefused) {
		t.Fatalf("%s with the reason %q", verdict, why)
	}
	got := *after
	if verdict == orderhub.NewsRefused {
		got.Doubt, got.DoubtSince = before.Doubt, before.DoubtSince
	}
	if verdict == orderhub.NewsSame && orderhub.SameSnapshot(before.Snapshot, after.Snapshot) {
		got.Snapshot = before.Snapshot // nil and empty lists
	}
	diff := cmp.Diff(*before, got)
	switch verdict {
	case orderhub.NewsSame, orderhub.NewsRefused:
		if diff != "" {
			t.Fatalf("%s, and yet the order changed:\n%s", verdict, diff)
		}
	case orderhub.NewsApplied:
		if diff == "" {
			t.Fatal("applied, but nothing changed")
		}
	default:
		t.Fatalf("verdict %q", verdict)
	}
}

// checkMove: what news do to the headline is drawn in the status machine, or is
// a step back; and no earlier step revives a cancelled order.
func checkMove(t *rapid.T, before, after *orderhub.Order) {
	t.Helper()
	from, to := before.Headline, after.Headline
	if from == to {
		return
	}
	if to == orderhub.StatusUnknown {
		t.Fatalf("%s was lost to unknown", from)
	}
	listed := slices.ContainsFunc(orderhub.Transitions, func(tr orderhub.Transition) bool {
		return tr.From == from && tr.To == to && tr.By&orderhub.News != 0
	})
	if to.Rank() > from.Rank() && !listed {
		t.Fatalf("news moved %s → %s, which the status machine does not list", from, to)
	}
	if from == orderhub.StatusCancelled && to != orderhub.StatusReturned && to != orderhub.StatusPartiallyReturned {
		t.Fatalf("a cancelled order was revived to %s", to)
	}
}

// checkContent: only an answer that carries content changes it.
func checkContent(t *rapid.T, before, after *orderhub.Order, news orderhub.Snapshot) {
	t.Helper()
	if len(after.Snapshot.Lines) == 0 && len(before.Snapshot.Lines) > 0 {
		t.Fatal("the lines were lost")
	}
	if !news.StatusOnly {
		return
	}
	want, got := before.Snapshot, after.Snapshot
	for _, s := range []*orderhub.Snapshot{&want, &got} {
		s.Status, s.Native, s.NativeSub, s.ChangedAt, s.Revision = "", "", "", time.Time{}, 0
		s.Holds, s.CancelRequest, s.Cancellation, s.Actions, s.Attrs, s.Drift = nil, nil, nil, nil, nil, nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("a status-only answer changed the content:\n%s", diff)
	}
}

// TestMergeNeverRevives: once cancelled, an order stays so through any news, or
// comes back as a return.
func TestMergeNeverRevives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := genLedgerOrder().Draw(t, "order")
		o.Headline = orderhub.StatusCancelled
		if rapid.Bool().Draw(t, "by the channel") {
			o.Snapshot.Status, o.Snapshot.Native = orderhub.StatusCancelled, "their_cancelled"
		}
		for i, n := range rapid.SliceOfN(genNews(), 1, 12).Draw(t, "news") {
			orderhub.Merge(o, n, at(100+30*i), patience)
			switch o.Headline {
			case orderhub.StatusCancelled:
			case orderhub.StatusReturned, orderhub.StatusPartiallyReturned:
				return
			case orderhub.StatusUnknown, orderhub.StatusPending, orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked,
				orderhub.StatusShipped, orderhub.StatusReadyForPickup, orderhub.StatusDelivered:
				t.Fatalf("news %d (%s) made the cancelled order %s", i+1, n.Status, o.Headline)
			}
		}
	})
}

// history makes what a channel showed of one order, oldest first: each answer
// with its own time (or revision), ending at a cancel if there is one.
func history(mark func(*orderhub.Snapshot, int)) *rapid.Generator[[]orderhub.Snapshot] {
	return rapid.Custom(func(t *rapid.T) []orderhub.Snapshot {
		var out []orderhub.Snapshot
		cancelled := false
		for i := range rapid.IntRange(1, 8).Draw(t, "answers") {
			s := orderhub.StatusCancelled
			if !cancelled {
				s = rapid.SampledFrom(orderhub.Statuses()[1:]).Draw(t, "status")
			}
			cancelled = s == orderhub.StatusCancelled
			snap := says(s, comment(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "comment")))
			snap.Attrs = map[string]string{"k": rapid.SampledFrom([]string{"1", "2"}).Draw(t, "attr")}
			mark(&snap, i+1)
			out = append(out, snap)
		}
		return out
	})
}

// TestMergeAnyOrder: answers that carry a time or a revision may come in any
// order and any number of times: the newest one stands in the end.
func TestMergeAnyOrder(t *testing.T) {
	t.Parallel()
	for name, mark := range map[string]func(*orderhub.Snapshot, int){
		"times":     func(s *orderhub.Snapshot, n int) { s.ChangedAt = at(n) },
		"revisions": func(s *orderhub.Snapshot, n int) { s.Revision = int64(n) },
		"both":      func(s *orderhub.Snapshot, n int) { s.Revision, s.ChangedAt = int64(n), at(n) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				shown := history(mark).Draw(t, "shown")
				arrived := slices.Concat(shown, rapid.SliceOfN(rapid.SampledFrom(shown), 0, 8).Draw(t, "again"))
				arrived = rapid.Permutation(arrived).Draw(t, "arrived")
				o := first(arrived[0])
				for i, n := range arrived[1:] {
					orderhub.Merge(o, n, at(i*7), patience)
				}
				newest := shown[len(shown)-1]
				if o.Headline != newest.Status {
					t.Fatalf("headline %s, the newest answer says %s", o.Headline, newest.Status)
				}
				if c := o.Snapshot.Cancellation; c != nil && newest.Cancellation == nil {
					// That goods had left is learned from older answers too, see SawLeave.
					if *c != (orderhub.Cancellation{AfterHandOver: true}) || o.Headline != orderhub.StatusCancelled {
						t.Fatalf("nobody said %+v", c)
					}
					o.Snapshot.Cancellation = nil
				}
				if diff := cmp.Diff(newest, o.Snapshot); diff != "" {
					t.Fatalf("the newest answer does not stand:\n%s", diff)
				}
			})
		})
	}
}

// TestMergeLocalStep: a step that only the hub knows outlives any re-read of the
// channel's step below it.
func TestMergeLocalStep(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		base := genNews().Filter(func(s orderhub.Snapshot) bool {
			return s.Status != orderhub.StatusUnknown && s.Status.Rank() < orderhub.StatusReadyForPickup.Rank()
		}).Draw(t, "base")
		above := rapid.SampledFrom(orderhub.Statuses()).Filter(func(s orderhub.Status) bool {
			return s.Rank() > base.Status.Rank()
		}).Draw(t, "local")
		o := first(base)
		o.Headline = above
		for i := range rapid.IntRange(1, 5).Draw(t, "reads") {
			news := base
			if !news.StatusOnly {
				news.Comment = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "comment")
			}
			orderhub.Merge(o, news, at(i), patience)
			if o.Headline != above || o.Snapshot.Status != base.Status {
				t.Fatalf("a re-read of %s moved the headline from %s to %s", base.Status, above, o.Headline)
			}
		}
	})
}

// TestMergeDoubt: without a time, a lower status is believed exactly when it was
// seen for patience with nothing against it in between.
func TestMergeDoubt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ladder := []orderhub.Status{
			orderhub.StatusPending, orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked,
			orderhub.StatusShipped, orderhub.StatusReadyForPickup, orderhub.StatusDelivered,
		}
		high := rapid.IntRange(1, len(ladder)-1).Draw(t, "high")
		low := rapid.IntRange(0, high-1).Draw(t, "low")
		o := first(says(ladder[high]))
		minute, since := 0, -1
		for range rapid.IntRange(1, 12).Draw(t, "reads") {
			minute += rapid.IntRange(0, 6).Draw(t, "pause")
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0: // the known status: the low one was stale
				orderhub.Merge(o, says(ladder[high]), at(minute), patience)
				since = -1
			case 1: // says nothing of the status
				orderhub.Merge(o, content(), at(minute), patience)
			default:
				believed := since >= 0 && at(minute).Sub(at(since)) >= patience
				if since < 0 {
					since = minute
				}
				verdict, _ := orderhub.Merge(o, says(ladder[low]), at(minute), patience)
				if (verdict == orderhub.NewsApplied) != believed {
					t.Fatalf("minute %d, in doubt since %d: %s", minute, since, verdict)
				}
				if believed {
					if o.Headline != ladder[low] || o.Doubt != "" || !o.DoubtSince.IsZero() {
						t.Fatalf("believed, and yet headline %s, doubt %q since %s", o.Headline, o.Doubt, o.DoubtSince)
					}
					return
				}
			}
			if o.Headline != ladder[high] {
				t.Fatalf("minute %d: headline %s", minute, o.Headline)
			}
		}
	})
}
