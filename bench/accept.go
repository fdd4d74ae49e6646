package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/ozon"
	"github.com/orderhub/orderhub/channel/site"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// AcceptResult is how fast orders of one kind are accepted in batches of one
// size: from the raw payload in memory to the commit of order, lines, search
// words, event and follow-up job. Times are microseconds per order.
type AcceptResult struct {
	Payload   string  `json:"payload"`
	Batch     int     `json:"batch"`
	Orders    int     `json:"orders"`
	PerSecond float64 `json:"per_second"`
	// Save is the work of the lane that puts raw payloads into the inbox, Accept
	// of the one that accepts them beside it, Normalise the translation alone,
	// measured apart.
	Save      float64 `json:"save_us"`
	Normalise float64 `json:"normalise_us"`
	Accept    float64 `json:"accept_us"`
	// Floor inserts the same rows into the same tables, FloorBare into tables
	// without secondary indexes: rows prepared, one transaction per batch, no
	// logic. Orders per second.
	Floor     float64 `json:"floor_per_second"`
	FloorBare float64 `json:"floor_without_indexes_per_second"`
	// OfFloor is PerSecond / Floor.
	OfFloor float64 `json:"of_floor"`
}

// account is the account that the bench's orders belong to.
const account = "bench"

var channels = []channel.Channel{site.Channel, ozon.Channel}

// acceptCases are what is measured.
var acceptCases = []struct {
	payload       payload
	batch, orders int
}{
	{sitePayload, 1, 400}, {sitePayload, 50, 5000}, {sitePayload, 100, 5000}, {sitePayload, 200, 5000},
	{ozonPayload, 1, 400}, {ozonPayload, 100, 5000}, {flashPayload, 100, 10_000},
}

// acceptRounds is how often each case is measured; the medians are reported,
// because other work on the machine disturbs single rounds.
const acceptRounds = 3

// accept measures all cases.
func (b *run) accept(ctx context.Context, engine string) ([]AcceptResult, error) {
	b.printAcceptHead()
	var out []AcceptResult
	for _, c := range acceptCases {
		rounds := acceptRounds
		if b.opts.quick {
			c.orders, rounds = 2*c.batch, 1
		}
		var results []AcceptResult
		for range rounds {
			r, err := b.acceptOnce(ctx, engine, c.payload, c.batch, c.orders)
			if err != nil {
				return nil, fmt.Errorf("%s, batch %d: %w", c.payload.name, c.batch, err)
			}
			results = append(results, r)
		}
		r := medians(results)
		b.printAccept(r)
		out = append(out, r)
	}
	b.printAcceptFoot()
	return out, nil
}

// medians takes the median of each figure.
func medians(results []AcceptResult) AcceptResult {
	median := func(figure func(r *AcceptResult) *float64) {
		values := make([]float64, len(results))
		for i := range results {
			values[i] = *figure(&results[i])
		}
		slices.Sort(values)
		*figure(&results[0]) = values[len(values)/2]
	}
	// The first takes the medians; the others keep what they have.
	median(func(r *AcceptResult) *float64 { return &r.PerSecond })
	median(func(r *AcceptResult) *float64 { return &r.Save })
	median(func(r *AcceptResult) *float64 { return &r.Normalise })
	median(func(r *AcceptResult) *float64 { return &r.Accept })
	median(func(r *AcceptResult) *float64 { return &r.Floor })
	median(func(r *AcceptResult) *float64 { return &r.FloorBare })
	results[0].OfFloor = results[0].PerSecond / results[0].Floor
	return results[0]
}

// acceptOnce accepts orders into a fresh database, and writes the same rows
// again as the floor, right after each other.
func (b *run) acceptOnce(ctx context.Context, engine string, p payload, batch, orders int) (AcceptResult, error) {
	r := AcceptResult{Payload: p.name, Batch: batch, Orders: orders}
	items := p.raws(newMaker(1, b.at), orders)
	var rows []rowset
	var acc orderhub.Account
	err := b.withDatabase(ctx, engine, func(db *database) error {
		hub, err := pipeline.New(pipeline.Options{Store: db.Store, Channels: channels, Batch: batch})
		if err != nil {
			return err
		}
		if acc, err = hub.AddAccount(ctx, account, orderhub.Channel(p.channel), "", p.settings); err != nil {
			return err
		}
		if err := stockUp(ctx, hub, p.goods, orders); err != nil {
			return err
		}
		t, err := drive(ctx, db.Store, hub, items, batch)
		if err != nil {
			return err
		}
		normalise, err := normaliseAlone(hub, acc, items)
		if err != nil {
			return err
		}
		r.PerSecond = float64(orders) / t.all.Seconds()
		r.Save, r.Accept, r.Normalise = each(t.save, orders), each(t.accept, orders), each(normalise, orders)
		if err := accepted(ctx, db.Store, orders); err != nil {
			return err
		}
		if err := balanced(ctx, db.Store, p.goods); err != nil {
			return err
		}
		rows, err = db.readBack(ctx, batch)
		return err
	})
	if err != nil {
		return r, err
	}
	for _, f := range []struct {
		indexes bool
		into    *float64
	}{{true, &r.Floor}, {false, &r.FloorBare}} {
		took, err := b.floor(ctx, engine, acc, rows, f.indexes)
		if err != nil {
			return r, fmt.Errorf("floor: %w", err)
		}
		*f.into = float64(orders) / took.Seconds()
	}
	return r, nil
}

func each(d time.Duration, n int) float64 { return float64(d.Microseconds()) / float64(n) }

// stockUp makes products and counts them: enough for most of the orders, not for
// all.
func stockUp(ctx context.Context, hub *pipeline.Hub, goods, orders int) error {
	if goods == 0 {
		return nil
	}
	products := make([]orderhub.Product, goods)
	doc := store.Document{Kind: orderhub.MoveCount, Actor: orderhub.Actor{Kind: orderhub.ActorHub, Name: "bench"}}
	for i := range products {
		products[i] = orderhub.Product{SKU: skuOf(i), Name: "Товар"}
		doc.Lines = append(doc.Lines, store.DocumentLine{SKU: skuOf(i), Quantity: int64(orders * 3 / goods * 9 / 10)})
	}
	if err := hub.SaveProducts(ctx, products); err != nil {
		return err
	}
	return hub.PostDocument(ctx, &doc)
}

// balanced checks the book of a sale: the figures are the sum of the moves, and
// what is reserved is what the orders have.
func balanced(ctx context.Context, s *store.Store, goods int) error {
	if goods == 0 {
		return nil
	}
	skus := make([]string, goods)
	for i := range skus {
		skus[i] = skuOf(i)
	}
	figures, err := s.StockOf(ctx, orderhub.MainWarehouse, skus)
	if err != nil {
		return err
	}
	totals, err := s.DemandTotals(ctx, orderhub.MainWarehouse)
	if err != nil {
		return err
	}
	for _, sku := range skus {
		moves, err := s.Moves(ctx, orderhub.MainWarehouse, sku, 0, 1_000_000)
		if err != nil {
			return err
		}
		var sum orderhub.Stock
		for _, m := range moves {
			sum = sum.Add(m)
		}
		f, d := figures[sku], totals[sku]
		if f.OnHand != sum.OnHand || f.Reserved != sum.Reserved || f.Reserved != d.Reserved || f.Available() < 0 || d.Short() < 0 {
			return fmt.Errorf("the book of %s does not add up: figures %+v, moves %+v, demands %+v", sku, f, sum, d)
		}
	}
	return nil
}

// driveTimes is how long orders took from the first save to the last commit, and
// how long the two lanes of that were at work.
type driveTimes struct{ all, save, accept time.Duration }

// drive brings the items in as the hub does: one lane saves page by page, a page
// being a batch, a second accepts what was saved, and a third answers its
// doorbell, so that batches insert follow-up jobs.
func drive(ctx context.Context, s *store.Store, hub *pipeline.Hub, items []store.Raw, batch int) (t driveTimes, err error) {
	lanes, ctx := errgroup.WithContext(ctx)
	pages, bells := make(chan struct{}, len(items)), make(chan struct{}, len(items))
	began := time.Now()
	lanes.Go(func() error {
		defer close(pages)
		for page := range slices.Chunk(items, batch) {
			began := time.Now()
			if err := s.InTx(ctx, func(tx *store.Tx) error {
				_, err := tx.SaveRaw(ctx, account, "bench", s.Now(), page)
				return err
			}); err != nil {
				return err
			}
			t.save += time.Since(began)
			pages <- struct{}{}
		}
		return nil
	})
	lanes.Go(func() error {
		defer close(bells)
		for range pages {
			began := time.Now()
			if err := hub.AcceptPending(ctx, account); err != nil {
				return err
			}
			t.accept += time.Since(began)
			bells <- struct{}{}
		}
		t.all = time.Since(began)
		return nil
	})
	lanes.Go(func() error {
		for range bells {
			if err := answerBell(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
	err = lanes.Wait()
	return t, err
}

func answerBell(ctx context.Context, s *store.Store) error {
	lane := jobs.Lane{Work: jobs.WorkFollow, Account: account}.String()
	lease, ok, err := s.StartLane(ctx, lane, "bench", time.Minute)
	if err != nil || !ok {
		return fmt.Errorf("answer the doorbell: %w", err)
	}
	return s.ReleaseLease(ctx, lease)
}

// normaliseAlone translates the items with the account's adapter and nothing else.
func normaliseAlone(hub *pipeline.Hub, acc orderhub.Account, items []store.Raw) (time.Duration, error) {
	c, err := hub.Channel(acc.Channel)
	if err != nil {
		return 0, err
	}
	settings, err := c.Descriptor.Resolve(acc.Settings)
	if err != nil {
		return 0, err
	}
	adapter, err := c.Open(settings, channel.Deps{Now: time.Now})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	for _, it := range items {
		if _, err := adapter.Normalise(it.Kind, it.Body); err != nil {
			return 0, fmt.Errorf("normalise: %w", err)
		}
	}
	return time.Since(began), nil
}

// accepted checks that nothing was lost or set aside.
func accepted(ctx context.Context, s *store.Store, want int) error {
	counts, err := s.CountOrders(ctx, account)
	if err != nil {
		return err
	}
	got := int64(0)
	for _, n := range counts {
		got += n
	}
	if got != int64(want) {
		return fmt.Errorf("%d orders were accepted of %d", got, want)
	}
	return nil
}
