package channeltest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
)

// maxPages stops a feed that never says Done.
const maxPages = 2000

// place puts the suite's orders into the market.
func (s *Suite) place(t testing.TB, m marketsim.Market) {
	t.Helper()
	n := s.Orders
	if n == 0 {
		n = 12
	}
	for i := range n {
		for _, scheme := range s.Schemes {
			s.placeOne(t, m, scheme, i)
		}
	}
}

func (s *Suite) placeOne(t testing.TB, m marketsim.Market, scheme orderhub.Scheme, n int) []string {
	t.Helper()
	spec := marketsim.OrderSpec{
		Scheme: scheme,
		Lines: []marketsim.SpecLine{
			{SKU: fmt.Sprintf("KIT-%d", n%5), Quantity: int64(1 + n%3), PriceMinor: 129990},
			{SKU: "0557722", Quantity: 1, PriceMinor: 49000},
		},
		PlacedAt: time.Now().UTC().Truncate(time.Second).Add(-time.Duration(n%4) * 10 * time.Minute),
	}
	if s.Spec != nil {
		spec = s.Spec(scheme, n)
	}
	ids, err := m.Place(spec)
	if err != nil || len(ids) == 0 {
		t.Fatalf("the simulator takes no order of scheme %s: %v", scheme, err)
	}
	return ids
}

// page is one page of a sweep and where it began.
type page struct {
	feed   string
	cursor channel.Cursor
	channel.Page
}

// sweep lists every feed to its end, each from its cursor (nil map = from the
// very start).
func (b *bench) sweep(ad channel.Adapter, from map[string]channel.Cursor) (pages []page, next map[string]channel.Cursor) {
	b.t.Helper()
	next = map[string]channel.Cursor{}
	for _, feed := range orderFeeds(b.s.Channel.Descriptor) {
		more := b.sweepFeed(ad, feed.Name, from[feed.Name])
		pages = append(pages, more...)
		if len(more) > 0 {
			next[feed.Name] = more[len(more)-1].Next
		}
	}
	return pages, next
}

func (b *bench) sweepFeed(ad channel.Adapter, feed string, cursor channel.Cursor) []page {
	b.t.Helper()
	lister, ok := ad.(channel.Lister)
	if !ok {
		b.t.Fatalf("the adapter has no Lister; set Suite.NoList if it only pushes")
	}
	var pages []page
	for len(pages) < maxPages {
		p := page{feed: feed, cursor: cursor}
		err := b.call("list "+feed, func(ctx context.Context) (err error) {
			p.Page, err = lister.List(ctx, feed, cursor)
			return err
		})
		if err != nil {
			b.t.Errorf("list %s, page %d: %v", feed, len(pages)+1, err)
			return pages
		}
		for _, it := range p.Items {
			if it.ExternalID == "" || it.Kind == "" || !json.Valid(it.Body) {
				b.t.Errorf("list %s: an item needs a kind, an external id and the JSON body as it came; got kind %q, id %q", feed, it.Kind, it.ExternalID)
			}
		}
		pages = append(pages, p)
		if p.Done {
			return pages
		}
		if string(p.Next) == string(cursor) {
			b.t.Errorf("list %s, page %d: not done, and the cursor stays where it was", feed, len(pages))
			return pages
		}
		cursor = p.Next
	}
	b.t.Errorf("list %s: not done after %d pages", feed, maxPages)
	return pages
}

func items(pages []page) []channel.Item {
	var out []channel.Item
	for _, p := range pages {
		out = append(out, p.Items...)
	}
	return out
}

// wantAll reports the market's orders that are not among the items, and items
// that the market does not know.
func wantAll(t testing.TB, what string, truth []marketsim.TruthOrder, got []channel.Item) {
	t.Helper()
	seen, real := map[string]bool{}, map[string]bool{}
	for _, it := range got {
		seen[it.ExternalID] = true
	}
	missing, example := 0, ""
	for _, o := range truth {
		real[o.ID] = true
		if !seen[o.ID] {
			missing++
			example = fmt.Sprintf("%s (scheme %s, %s/%s)", o.ID, o.Scheme, o.Native, o.Sub)
		}
	}
	if missing > 0 {
		t.Errorf("%s: %d of %d orders are lost, for example %s", what, missing, len(truth), example)
	}
	for id := range seen {
		if !real[id] {
			t.Errorf("%s: order %s is not in the market's books", what, id)
		}
	}
}

// normalise translates an item and checks what every snapshot must fulfil.
func (b *bench) normalise(ad channel.Adapter, it channel.Item) (snap orderhub.Snapshot, ok bool) {
	b.t.Helper()
	err := b.call("normalise "+it.Kind, func(context.Context) (err error) {
		snap, err = ad.Normalise(it.Kind, it.Body)
		return err
	})
	if err != nil {
		b.t.Errorf("normalise %s of %s: %v", it.Kind, it.ExternalID, err)
		return snap, false
	}
	if snap.ExternalID != it.ExternalID {
		b.t.Errorf("normalise %s: the item says id %q, the snapshot %q", it.Kind, it.ExternalID, snap.ExternalID)
	}
	if _, err := orderhub.ParseStatus(string(snap.Status)); err != nil {
		b.t.Errorf("normalise %s of %s: %v", it.Kind, it.ExternalID, err)
	}
	for _, at := range []time.Time{snap.ChangedAt, snap.PlacedAt, snap.ShipBy, snap.Shipping.DeliverFrom, snap.Shipping.DeliverTo} {
		if at.Location() != time.UTC {
			b.t.Errorf("normalise %s of %s: time %s is not in UTC", it.Kind, it.ExternalID, at)
		}
	}
	return snap, true
}

// read reads orders in batches of the descriptor's size.
func (b *bench) read(ad channel.Adapter, refs []channel.Ref) ([]channel.Item, bool) {
	b.t.Helper()
	reader, ok := ad.(channel.OrderReader)
	if !ok {
		return nil, false
	}
	var out []channel.Item
	size := max(1, b.s.Channel.Descriptor.ReadBatch)
	for len(refs) > 0 {
		n := min(size, len(refs))
		err := b.call("read orders", func(ctx context.Context) error {
			got, err := reader.ReadOrders(ctx, refs[:n])
			out = append(out, got...)
			return err
		})
		if err != nil {
			b.t.Errorf("read orders: %v", err)
			return out, true
		}
		refs = refs[n:]
	}
	return out, true
}

// ref names the snapshot's order the way the core does.
func ref(snap orderhub.Snapshot) channel.Ref {
	return channel.Ref{ExternalID: snap.ExternalID, Scheme: snap.Scheme, Attrs: snap.Attrs}
}

// known merges the snapshots of each order as far as the kit needs it.
func (b *bench) known(ad channel.Adapter, its []channel.Item, into map[string]orderhub.Snapshot) map[string]orderhub.Snapshot {
	b.t.Helper()
	if into == nil {
		into = map[string]orderhub.Snapshot{}
	}
	for _, it := range its {
		snap, ok := b.normalise(ad, it)
		if !ok {
			continue
		}
		if old, have := into[snap.ExternalID]; have {
			snap = merged(old, snap)
		}
		into[snap.ExternalID] = snap
	}
	return into
}

// merged puts later news on top: a status-only answer keeps the rest, and an
// answer without a status keeps the status.
func merged(old, snap orderhub.Snapshot) orderhub.Snapshot {
	out := snap
	switch {
	case snap.StatusOnly:
		out = old
		out.Status, out.Native, out.NativeSub = snap.Status, snap.Native, snap.NativeSub
		out.CancelRequest, out.Cancellation, out.Holds = snap.CancelRequest, snap.Cancellation, snap.Holds
	case snap.Status == orderhub.StatusUnknown:
		out.Status, out.Native, out.NativeSub = old.Status, old.Native, old.NativeSub
	}
	out.Attrs = maps.Clone(old.Attrs)
	if out.Attrs == nil {
		out.Attrs = map[string]string{}
	}
	maps.Copy(out.Attrs, snap.Attrs)
	return out
}

// orderFeeds are the feeds that tell of orders; those of returns are for tests of
// the adapter's own.
func orderFeeds(d channel.Descriptor) []channel.Feed {
	return slices.DeleteFunc(slices.Clone(d.Feeds), func(f channel.Feed) bool { return f.Returns })
}
