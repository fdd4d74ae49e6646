package channeltest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
)

// checkPaging: a sweep from nothing shows every order, and each as the market's
// own books have it.
func checkPaging(t testing.TB, s *Suite) {
	if s.NoList {
		return
	}
	b, m := s.market(t)
	s.place(t, m)
	ad := b.open()
	pages, _ := b.sweep(ad, nil)
	want := s.MinPages
	if want == 0 {
		want = 3
	}
	if len(pages) < want {
		t.Errorf("a full sweep takes %d pages, want at least %d: place more orders or ask for smaller pages", len(pages), want)
	}
	all := items(pages)
	wantAll(t, "first sweep", m.Truth(), all)
	for _, it := range all {
		if _, err := os.Stat(filepath.Join(s.fixtures(), "normalise", it.Kind)); err != nil {
			t.Errorf("kind %q has no samples in %s/normalise", it.Kind, s.fixtures())
			break
		}
	}
	snaps := b.known(ad, all, nil)
	for _, o := range m.Truth() {
		if snap, ok := snaps[o.ID]; ok {
			compareTruth(t, snap, o)
		}
	}
}

func compareTruth(t testing.TB, snap orderhub.Snapshot, o marketsim.TruthOrder) {
	t.Helper()
	if snap.Status != o.Headline {
		t.Errorf("order %s (%s/%s): status %s, the market's books say %s", o.ID, o.Native, o.Sub, snap.Status, o.Headline)
	}
	if snap.StatusOnly {
		return
	}
	if snap.Scheme != o.Scheme {
		t.Errorf("order %s: scheme %q, the market's books say %q", o.ID, snap.Scheme, o.Scheme)
	}
	if snap.Units() != o.Units {
		t.Errorf("order %s: %d units, the market's books say %d", o.ID, snap.Units(), o.Units)
	}
	if !snap.Total.IsZero() && snap.Total.Minor != o.TotalMinor {
		t.Errorf("order %s: total %s, the market's books say %d minor units", o.ID, snap.Total, o.TotalMinor)
	}
	// A minute is more than any rounding and less than any wrong time zone.
	if diff := snap.PlacedAt.Sub(o.PlacedAt).Abs(); diff > time.Minute {
		t.Errorf("order %s: placed at %s, the market's books say %s", o.ID, snap.PlacedAt, o.PlacedAt.UTC())
	}
}

// checkResume: whatever page the process dies at, the saved cursor goes on
// without a gap, in a new adapter.
func checkResume(t testing.TB, s *Suite) {
	if s.NoList {
		return
	}
	b, m := s.market(t)
	s.place(t, m)
	pages, _ := b.sweep(b.open(), nil)
	for k, cut := range pages {
		got := items(pages[:k+1])
		for i, p := range pages {
			if p.feed != cut.feed { // the other feeds are not interrupted
				got = append(got, items(pages[i:i+1])...)
			}
		}
		if !cut.Done {
			got = append(got, items(b.sweepFeed(b.open(), cut.feed, slices.Clone(cut.Next)))...)
		}
		wantAll(t, "sweep cut after a page of "+cut.feed+" and resumed", m.Truth(), got)
		// The same cursor twice, as after a crash before the commit.
		again := b.sweepFeed(b.open(), cut.feed, slices.Clone(cut.cursor))
		wantAll(t, "page of "+cut.feed+" repeated after a crash", m.Truth(), append(got, items(again)...))
		if missing := lostIDs(cut.Items, items(again)); len(missing) > 0 {
			t.Errorf("feed %s: a repeated cursor no longer shows %v", cut.feed, missing)
		}
	}
}

func lostIDs(want, got []channel.Item) []string {
	seen := map[string]bool{}
	for _, it := range got {
		seen[it.ExternalID] = true
	}
	var lost []string
	for _, it := range want {
		if !seen[it.ExternalID] {
			lost = append(lost, it.ExternalID)
		}
	}
	return lost
}

// checkReplay: the same bytes give the same snapshot, and a second sweep over
// unchanged orders brings nothing new.
func checkReplay(t testing.TB, s *Suite) {
	if s.NoList {
		return
	}
	b, m := s.market(t)
	s.place(t, m)
	bySweep := make([]map[string]string, 2)
	for i := range bySweep {
		ad, other := b.open(), b.open()
		pages, _ := b.sweep(ad, nil)
		bySweep[i] = map[string]string{}
		for _, it := range items(pages) {
			first, ok := b.normalise(ad, it)
			second, ok2 := b.normalise(other, it)
			if !ok || !ok2 {
				continue
			}
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("normalise %s twice (-first +second):\n%s", it.Kind, diff)
			}
			bySweep[i][it.Kind+" "+it.ExternalID] = mustJSON(first)
		}
	}
	if diff := cmp.Diff(bySweep[0], bySweep[1]); diff != "" {
		t.Errorf("a second sweep over unchanged orders tells something else (-first +second):\n%s", diff)
	}
}

// checkNextSweep: what is placed or changed after a sweep is in the next one,
// also when it happens within the same second.
func checkNextSweep(t testing.TB, s *Suite) {
	if s.NoList {
		return
	}
	b, m := s.market(t)
	s.place(t, m)
	ad := b.open()
	pages, next := b.sweep(ad, nil)
	refs := map[string]channel.Ref{}
	for id, snap := range b.known(ad, items(pages), nil) {
		refs[id] = ref(snap)
	}
	var placed []string
	for _, scheme := range s.Schemes {
		placed = append(placed, s.placeOne(t, m, scheme, 0)...)
	}
	changed := change(m, placed)
	if len(changed) == 0 {
		t.Errorf("the simulator lets no order change: neither a buyer's cancel nor a step of its own")
	}
	pages, _ = b.sweep(b.open(), next)
	if lost := lostIDs(named(placed), items(pages)); len(lost) > 0 {
		t.Errorf("orders %v were placed after the sweep and are not in the next one", lost)
	}
	b.findChanged(ad, m, changed, next, items(pages), refs)
}

// findChanged expects the new words of changed orders in the sweep from next, or
// in a read where the channel's lists do not show changes.
func (b *bench) findChanged(ad channel.Adapter, m marketsim.Market, changed []string, next map[string]channel.Cursor, listed []channel.Item, refs map[string]channel.Ref) {
	b.t.Helper()
	byRead := b.s.Channel.Descriptor.RefreshOpen > 0
	snaps := b.known(ad, listed, nil)
	said := b.s.eventually(func() string {
		said := ""
		var hidden []channel.Ref
		for _, o := range m.Truth() {
			if snap := snaps[o.ID]; slices.Contains(changed, o.ID) && snap.Status != o.Headline {
				hidden = append(hidden, refs[o.ID])
				said = fmt.Sprintf("order %s changed to %s (%s/%s); the adapter knows it as %q", o.ID, o.Headline, o.Native, o.Sub, snap.Status)
			}
		}
		switch {
		case len(hidden) == 0:
		case byRead:
			its, _ := b.read(ad, hidden)
			snaps = b.known(ad, its, snaps)
		default:
			pages, _ := b.sweep(ad, next)
			snaps = b.known(ad, items(pages), snaps)
		}
		return said
	})
	if said != "" {
		b.t.Errorf("after the next sweep (read again: %v): %s", byRead, said)
	}
}

func named(ids []string) []channel.Item {
	out := make([]channel.Item, len(ids))
	for i, id := range ids {
		out[i].ExternalID = id
	}
	return out
}

// change lets the buyer cancel every third order and the market move the
// others, and returns those whose words changed.
func change(m marketsim.Market, except []string) []string {
	before := map[string]marketsim.TruthOrder{}
	for i, o := range m.Truth() {
		if slices.Contains(except, o.ID) {
			continue
		}
		before[o.ID] = o
		if i%3 == 0 {
			// An act that is not allowed changes nothing; the comparison tells.
			_ = m.Act(o.ID, marketsim.ActCancel)
		} else {
			_, _ = m.Progress(o.ID)
		}
	}
	var changed []string
	for _, o := range m.Truth() {
		if old, ok := before[o.ID]; ok && (old.Native != o.Native || old.Sub != o.Sub) {
			changed = append(changed, o.ID)
		}
	}
	return changed
}

// checkRange: an audit of a span lists exactly the orders placed in it.
func checkRange(t testing.TB, s *Suite) {
	if s.NoList {
		return
	}
	b, m := s.market(t)
	ad := b.open()
	lister, ok := ad.(channel.RangeLister)
	if !ok {
		return
	}
	s.place(t, m)
	now := time.Now().UTC().Truncate(time.Second)
	from, to := now.Add(-25*time.Minute), now.Add(-5*time.Minute)
	var got []channel.Item
	var cursor channel.Cursor
	for range maxPages {
		var p channel.Page
		err := b.call("list range", func(ctx context.Context) (err error) {
			p, err = lister.ListRange(ctx, from, to, cursor)
			return err
		})
		if err != nil {
			t.Errorf("list range: %v", err)
			return
		}
		got, cursor = append(got, p.Items...), p.Next
		if p.Done {
			break
		}
	}
	var want []marketsim.TruthOrder
	for _, o := range m.Truth() {
		if !o.PlacedAt.Before(from) && o.PlacedAt.Before(to) {
			want = append(want, o)
		}
	}
	wantAll(t, "range of 20 minutes", want, got)
}

// checkReadOrders: reading an order tells the same as listing it, and an order
// that the channel does not know is left out without an error.
func checkReadOrders(t testing.TB, s *Suite) {
	if s.NoList {
		return
	}
	b, m := s.market(t)
	s.place(t, m)
	ad := b.open()
	pages, _ := b.sweep(ad, nil)
	listed := b.known(ad, items(pages), nil)
	var refs []channel.Ref
	for _, id := range slices.Sorted(maps.Keys(listed)) {
		refs = append(refs, ref(listed[id]))
	}
	got, ok := b.read(ad, refs)
	if !ok {
		return
	}
	if lost := lostIDs(items(pages), got); len(lost) > 0 {
		t.Errorf("read orders: %d of %d listed orders are missing, for example %s", len(lost), len(refs), lost[0])
	}
	for id, snap := range b.known(ad, got, nil) {
		var differ []string
		sharedDiff("", tree(listed[id]), tree(snap), &differ)
		if len(differ) > 0 {
			t.Errorf("order %s: list and read tell different things: %v", id, differ)
		}
	}
	// A hint knows only the id.
	bare, _ := b.read(ad, []channel.Ref{{ExternalID: refs[0].ExternalID}})
	if len(lostIDs(named([]string{refs[0].ExternalID}), bare)) > 0 {
		t.Errorf("read orders: order %s is not found by its id alone, as a hint gives it", refs[0].ExternalID)
	}
	unknown := strangerID(refs[0].ExternalID, listed)
	batch := []channel.Ref{{ExternalID: unknown, Scheme: refs[0].Scheme, Attrs: refs[0].Attrs}}
	if s.Channel.Descriptor.ReadBatch > 1 {
		batch = append(batch, refs[0])
	}
	got, _ = b.read(ad, batch)
	for _, it := range got {
		if it.ExternalID == unknown {
			t.Errorf("read orders: an item came for %s, which the market does not know", unknown)
		}
	}
	if len(batch) > 1 && len(got) == 0 {
		t.Errorf("read orders: one unknown id hides the rest of the batch")
	}
}

// strangerID makes an id of the same form that no order has.
func strangerID(id string, taken map[string]orderhub.Snapshot) string {
	for i := range len(id) {
		for d := byte('1'); d <= '9'; d++ {
			if id[i] < '0' || id[i] > '9' {
				break
			}
			other := id[:i] + string(d) + id[i+1:]
			if _, ok := taken[other]; !ok {
				return other
			}
		}
	}
	return id + "9"
}

// notCompared are fields that may differ between two answers about one state.
var notCompared = []string{"drift", "discrepancies", "status_only"}

func tree(snap orderhub.Snapshot) any {
	var v map[string]any
	if err := json.Unmarshal([]byte(mustJSON(snap)), &v); err != nil {
		panic(err)
	}
	for _, f := range notCompared {
		delete(v, f)
	}
	return v
}

// sharedDiff compares what both sides carry.
func sharedDiff(path string, a, b any, out *[]string) {
	switch av := a.(type) {
	case map[string]any:
		bv, ok := b.(map[string]any)
		if !ok {
			*out = append(*out, path)
			return
		}
		for k, x := range av {
			if y, both := bv[k]; both {
				sharedDiff(path+"."+k, x, y, out)
			}
		}
	case []any:
		bv, ok := b.([]any)
		if !ok || len(av) != len(bv) {
			*out = append(*out, path)
			return
		}
		for i := range av {
			sharedDiff(path+"[]", av[i], bv[i], out)
		}
	default:
		if a != b {
			*out = append(*out, path+": "+mustJSON(a)+" and "+mustJSON(b))
		}
	}
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
