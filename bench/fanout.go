package bench

import (
	"context"
	"time"

	"github.com/orderhub/orderhub/demo"
)

// FanoutResult is how fast a sale on one channel reaches the others: without the
// channels' limits, and with the documented ones.
type FanoutResult struct {
	Free   demo.FanoutReport `json:"free"`
	Limits demo.FanoutReport `json:"limits"`
}

// The measurement of fan-out: orders per second, articles, and goals in seconds.
const (
	fanoutRate    = 200
	fanoutGoods   = 4000
	fanoutFor     = 30 * time.Second
	fanoutGoalP95 = 1.0
	fanoutGoalP99 = 3.0
)

// fanout measures it, on two databases of its own.
func (b *run) fanout(ctx context.Context, engine string) (*FanoutResult, error) {
	opts := demo.FanoutOptions{Goods: fanoutGoods, PerSecond: fanoutRate, For: fanoutFor}
	if b.opts.quick {
		opts.Goods, opts.PerSecond, opts.For, opts.Pace = 40, 10, time.Second, 0.05
	}
	r := &FanoutResult{}
	for _, limits := range []bool{false, true} {
		cfg, remove, err := b.create(ctx, engine)
		if err != nil {
			return nil, err
		}
		defer remove()
		opts.DSN, opts.Secret, opts.Limits = cfg.DSN, cfg.Secret, limits
		report, err := demo.Fanout(ctx, opts)
		if err != nil {
			return nil, err
		}
		if limits {
			r.Limits = report
		} else {
			r.Free = report
		}
		if b.opts.quick {
			break // the limits take their time
		}
	}
	b.printFanout(r)
	return r, nil
}

func (b *run) printFanout(r *FanoutResult) {
	b.printf("\nFan-out of stock: buyers on four simulated channels over HTTP, buying %.0f orders/s; sale → first request with the new figure to each other account\n", r.Free.PerSecond)
	b.printf("%-28s %8s %8s %8s %8s %9s\n", "", "pairs", "p50 s", "p95 s", "p99 s", "missing")
	line := func(name string, pairs int, q [3]float64, missing int) {
		b.printf("%-28s %8d %8.2f %8.2f %8.2f %9d\n", name, pairs, q[0], q[1], q[2], missing)
	}
	line("channels that notify", r.Free.Pairs, r.Free.Told, r.Free.Missing)
	line("Wildberries, from read", r.Free.PolledPairs, r.Free.Polled, 0)
	line("  from sale to read (polled)", r.Free.PolledPairs, r.Free.Seen, 0)
	b.printf("goal p95 < %.0f s, p99 < %.0f s: %s\n", fanoutGoalP95, fanoutGoalP99,
		met(r.Free.Told[1] < fanoutGoalP95 && r.Free.Told[2] < fanoutGoalP99 && r.Free.Polled[1] < fanoutGoalP95 && r.Free.Polled[2] < fanoutGoalP99 && r.Free.Missing == 0))
	if r.Limits.Orders == 0 {
		return
	}
	b.printf("the same with the documented quotas (Ozon takes 70 calls of 100 figures a minute and one figure of an offer in 30 s):\n")
	line("channels that notify", r.Limits.Pairs, r.Limits.Told, r.Limits.Missing)
	line("  put off by Ozon's 30 s", r.Limits.PutOff, r.Limits.PutOffSeconds, 0)
	line("Wildberries, from read", r.Limits.PolledPairs, r.Limits.Polled, 0)
}

// figuresListings is how many listings each account of the measurement of figures
// has.
const figuresListings = 50_000

// figures measures how long many listings take within the documented quotas.
func (b *run) figures(ctx context.Context, engine string) ([]demo.FiguresReport, error) {
	cfg, remove, err := b.create(ctx, engine)
	if err != nil {
		return nil, err
	}
	defer remove()
	opts := demo.FiguresOptions{
		DSN: cfg.DSN, Secret: cfg.Secret, Listings: figuresListings,
		Progress: func(line string) { b.printf("    %s\n", line) },
	}
	if b.opts.quick {
		opts.Listings, opts.Pace = 300, 0.01
	}
	b.printf("\nFigures of %d listings on each of three marketplaces, with the documented quotas on both sides of the wire\n", opts.Listings)
	list, err := demo.Figures(ctx, opts)
	for _, r := range list {
		b.printf("%-14s catalogue read, linked, first figures sent and read back in %.0f s; all read again in %.0f s with %d calls; %d refused for a quota, %d differ\n",
			r.Account, r.First, r.Night, r.Calls, r.Refused, r.Differ)
	}
	return list, err
}
