package channeltest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
)

const lifeRounds = 8

// checkLife takes orders through everything that the simulator can do to them:
// the seller's pushes, the market's own steps, the buyer's acts. On the way every
// pair of native words must be in the status table, and what the adapter reads
// must be what the market's books say.
func checkLife(t testing.TB, s *Suite) {
	if s.NoList {
		return
	}
	b, m := s.market(t)
	small := *s
	small.Orders = 8
	small.place(t, m)
	l := &life{b: b, m: m, ad: b.open(), local: map[string]orderhub.Status{}, told: map[string]bool{}}
	for round := range lifeRounds {
		pages, next := b.sweep(l.ad, l.next)
		l.next = next
		l.snaps = b.known(l.ad, items(pages), l.snaps)
		if !l.compare() {
			return
		}
		for i, o := range m.Truth() {
			l.move(o, i, round)
		}
		l.push()
	}
	t.Logf("pairs of native words seen: %d, pushes taken: %d", len(l.told), l.pushed)
	if _, ok := l.ad.(channel.StatusPusher); ok && l.pushed == 0 {
		t.Errorf("no push was taken by the simulator in %d rounds", lifeRounds)
	}
}

type life struct {
	b     *bench
	m     marketsim.Market
	ad    channel.Adapter
	next  map[string]channel.Cursor
	snaps map[string]orderhub.Snapshot
	local map[string]orderhub.Status
	told  map[string]bool
	// asked are the steps of this round, pushed counts those that were taken.
	asked  []channel.Push
	pushed int
}

// compare reads every order and compares with the books. Asynchronous steps may
// come between the two, so a difference must last to be one.
func (l *life) compare() bool {
	l.b.t.Helper()
	said := l.b.s.eventually(func() string {
		var refs []channel.Ref
		said := ""
		for _, o := range l.m.Truth() {
			l.lookup(o)
			snap, ok := l.snaps[o.ID]
			if ok && snap.Status == o.Headline {
				continue
			}
			refs = append(refs, channel.Ref{ExternalID: o.ID, Scheme: o.Scheme, Attrs: snap.Attrs})
			said = fmt.Sprintf("order %s: status %q, the market's books say %s (%s/%s)", o.ID, snap.Status, o.Headline, o.Native, o.Sub)
		}
		if its, ok := l.b.read(l.ad, refs); ok {
			l.snaps = l.b.known(l.ad, its, l.snaps)
		}
		return said
	})
	if said != "" {
		l.b.t.Errorf("the adapter and the market's books differ for long: %s", said)
	}
	return said == ""
}

func (l *life) lookup(o marketsim.TruthOrder) {
	l.b.t.Helper()
	key := string(o.Scheme) + " " + o.Native + "/" + o.Sub
	if l.told[key] {
		return
	}
	l.told[key] = true
	if _, ok := l.b.s.Channel.Descriptor.Statuses.Lookup(o.Scheme, o.Native, o.Sub); !ok {
		l.b.t.Errorf("the status table does not know %s", key)
	}
}

// move lets somebody do the next thing to an order.
func (l *life) move(o marketsim.TruthOrder, i, round int) {
	acts := []marketsim.BuyerAct{"", marketsim.ActCancel, marketsim.ActRequestCancel, marketsim.ActRefuse, marketsim.ActReturn}
	if act := acts[i%len(acts)]; act != "" && round > i%3 {
		if l.m.Act(o.ID, act) == nil {
			return
		}
	}
	if moved, err := l.m.Progress(o.ID); err == nil && moved {
		return
	}
	l.ask(o)
}

// ask plans the next step that the table allows.
func (l *life) ask(o marketsim.TruthOrder) {
	snap, ok := l.snaps[o.ID]
	if !ok || snap.ReadOnly {
		return
	}
	head := snap.Status
	if local := l.local[o.ID]; local.Rank() > head.Rank() {
		head = local
	}
	p, ok := nextPush(l.b.s.Channel.Descriptor, snap, &head)
	l.local[o.ID] = head
	if ok && !head.IsEnd() {
		p.Order.ID, p.Key = int64(len(l.asked)+1), fmt.Sprintf("effect-%d", len(l.asked)+1)
		if l.b.s.Params != nil {
			p.Params = l.b.s.Params(p)
		}
		l.asked = append(l.asked, p)
	}
}

// push sends the planned steps in batches of one scheme and one step. Rejections
// are the market's good right; any other failure of a market without faults is not.
func (l *life) push() {
	l.b.t.Helper()
	kind := func(p channel.Push) string { return string(p.Order.Snapshot.Scheme) + " " + string(p.To) }
	slices.SortStableFunc(l.asked, func(a, b channel.Push) int { return cmp.Compare(kind(a), kind(b)) })
	size := max(1, l.b.s.Channel.Descriptor.PushBatch)
	for len(l.asked) > 0 {
		n := 1
		for n < min(size, len(l.asked)) && kind(l.asked[n]) == kind(l.asked[0]) {
			n++
		}
		batch := l.asked[:n]
		l.asked = l.asked[n:]
		results, err := l.b.push(l.ad, orderhub.EffectStatus, batch)
		for i, err := range pushErrors(n, results, err) {
			p := batch[i]
			switch {
			case err == nil && i < len(results):
				snap := l.snaps[p.Order.Snapshot.ExternalID]
				snap.Attrs = maps.Clone(snap.Attrs)
				if snap.Attrs == nil {
					snap.Attrs = map[string]string{}
				}
				maps.Copy(snap.Attrs, results[i].Attrs)
				l.snaps[snap.ExternalID] = snap
				l.pushed++
			case err == nil:
				l.b.t.Errorf("push of %d moves to %s: %d results", n, p.To, len(results))
			case orderhub.ClassOf(err) == orderhub.ClassRejected:
				l.b.t.Logf("push %s to %s: %v", p.Order.Snapshot.ExternalID, p.To, err)
			default:
				l.b.t.Errorf("push %s from %s to %s at a market without faults: %v", p.Order.Snapshot.ExternalID, p.Order.Headline, p.To, err)
			}
		}
	}
}

// nextPush finds the next step up the ladder that is a call; local steps on the
// way move head.
func nextPush(d channel.Descriptor, snap orderhub.Snapshot, head *orderhub.Status) (channel.Push, bool) {
	for _, to := range []orderhub.Status{orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped, orderhub.StatusReadyForPickup, orderhub.StatusDelivered} {
		if to.Rank() <= head.Rank() {
			continue
		}
		step := d.Statuses.Step(snap.Scheme, *head, to)
		switch step.Kind {
		case orderhub.StepLocal:
			*head = to
		case orderhub.StepPush, orderhub.StepTell:
			if step.Actions != nil && snap.Actions != nil && !slices.ContainsFunc(step.Actions, func(a string) bool { return slices.Contains(snap.Actions, a) }) {
				return channel.Push{}, false
			}
			return channel.Push{
				Key: "effect-1", To: to, Attempt: 1,
				Order: orderhub.Order{ID: 1, AccountID: "test", Channel: d.Name, Snapshot: snap, Headline: *head, Version: 1},
			}, true
		case orderhub.StepObserved:
		}
	}
	return channel.Push{}, false
}

// checkConcurrency: one adapter is used by several goroutines at once. Two
// sweeps see everything each; the race detector watches the rest.
func checkConcurrency(t testing.TB, s *Suite) {
	if s.NoList {
		return
	}
	b, m := s.market(t)
	s.place(t, m)
	ad := b.open()
	pages, _ := b.sweep(ad, nil)
	snaps := b.known(ad, items(pages), nil)
	truth := m.Truth()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for _, feed := range orderFeeds(s.Channel.Descriptor) {
				if _, err := sweepQuietly(b.t.Context(), ad, feed.Name); err != nil {
					b.t.Errorf("two sweeps at once: %v", err)
				}
			}
		})
		wg.Go(func() {
			for _, o := range truth {
				if p, ok := pushFor(s, snaps[o.ID]); ok {
					// What the market answers is not the point here.
					_, _ = b.push(ad, orderhub.EffectStatus, []channel.Push{p})
				}
			}
		})
		wg.Go(func() {
			for _, o := range truth {
				b.read(ad, []channel.Ref{ref(snaps[o.ID])})
			}
		})
	}
	wg.Wait()
	// Once more without pushes: now the result can be compared.
	got := make([][]channel.Item, 2)
	for i := range got {
		wg.Go(func() {
			for _, feed := range orderFeeds(s.Channel.Descriptor) {
				its, err := sweepQuietly(b.t.Context(), ad, feed.Name)
				if err != nil {
					b.t.Errorf("two sweeps at once: %v", err)
				}
				got[i] = append(got[i], its...)
			}
		})
	}
	wg.Wait()
	if lost := append(lostIDs(got[0], got[1]), lostIDs(got[1], got[0])...); len(lost) > 0 {
		t.Errorf("two sweeps at once show different orders: %v", lost)
	}
}

func pushFor(s *Suite, snap orderhub.Snapshot) (channel.Push, bool) {
	head := snap.Status
	return nextPush(s.Channel.Descriptor, snap, &head)
}

// sweepQuietly is sweepFeed without Fatalf, for goroutines.
func sweepQuietly(ctx context.Context, ad channel.Adapter, feed string) (its []channel.Item, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	lister, ok := ad.(channel.Lister)
	if !ok {
		return nil, fmt.Errorf("no Lister")
	}
	var cursor channel.Cursor
	for range maxPages {
		p, err := lister.List(ctx, feed, cursor)
		if err != nil {
			return its, err
		}
		its, cursor = append(its, p.Items...), p.Next
		if p.Done {
			return its, nil
		}
	}
	return its, fmt.Errorf("not done after %d pages", maxPages)
}
