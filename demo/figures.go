package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
)

// FiguresOptions set up a measurement of how long many listings take within the
// documented quotas.
type FiguresOptions struct {
	DSN, Secret string
	Dir         string
	Listings    int // of each account
	// Pace shortens pauses and loosens quotas, for tests; 0 = as in life.
	Pace float64
	// Progress gets a line now and then.
	Progress func(string)
}

// FiguresReport is what became of the figures of one account.
type FiguresReport struct {
	Account  string `json:"account"`
	Listings int    `json:"listings"`
	// First is until the catalogue was read, all listings linked, their first figures
	// sent and read back; Night is the reading of all figures.
	First float64 `json:"first_seconds"`
	Night float64 `json:"night_seconds"`
	// Calls of the nightly reading, and answers 429 or 420 in the whole run: calls
	// beyond a quota.
	Calls   int `json:"night_calls"`
	Refused int `json:"refused"`
	// Differ counts figures that were not as expected.
	Differ int64 `json:"differ"`
}

// Figures lets three marketplaces with many listings be filled and then read whole,
// with the documented quotas on both sides of the wire.
func Figures(ctx context.Context, opts FiguresOptions) ([]FiguresReport, error) {
	calls := &callCounter{calls: map[string]int{}, refused: map[string]int{}}
	pace, quotas := opts.Pace, 1.0
	if pace == 0 {
		pace = 1
	} else {
		quotas = 1 / pace
	}
	w, err := start(ctx, Options{
		DSN: opts.DSN, Secret: opts.Secret, Dir: opts.Dir, Seed: 1, Policy: orderhub.OversellShared,
		pace: pace, quotas: quotas, lag: time.Duration(float64(10*time.Second) * pace), goods: manyGoods(opts.Listings), units: 50, watch: calls.watch,
	})
	if err != nil {
		return nil, err
	}
	defer w.close()
	f := &figures{world: w, opts: opts, calls: calls}
	for _, m := range w.sims.Markets() {
		if m.Channel() != "site" {
			f.reports = append(f.reports, FiguresReport{Account: AccountID(m.Channel()), Listings: opts.Listings})
		}
	}
	if err := f.until(ctx, "first figures", func(r *FiguresReport, a pipeline.Freshness) (bool, string) {
		done := a.Stock.States[store.PublicationConfirmed] == int64(opts.Listings)
		if done && r.First == 0 {
			r.First = time.Since(w.began).Seconds()
		}
		return done, fmt.Sprint(a.Stock.States)
	}); err != nil {
		return nil, err
	}
	return f.reports, f.night(ctx)
}

type figures struct {
	*world
	opts    FiguresOptions
	calls   *callCounter
	reports []FiguresReport
}

// night reads all figures.
func (f *figures) night(ctx context.Context) error {
	before := map[string]int{}
	for i := range f.reports {
		r := &f.reports[i]
		before[r.Account] = f.calls.of(r.Account)
		if err := f.hub.ReconcileStock(ctx, r.Account); err != nil {
			return err
		}
	}
	began := time.Now()
	return f.until(ctx, "reading all figures", func(r *FiguresReport, a pipeline.Freshness) (bool, string) {
		read := int64(0)
		for _, feed := range a.Feeds {
			if feed.Feed == pipeline.ReconcileFeed {
				read = feed.Items
				if !feed.ConfirmedAt.IsZero() && r.Night == 0 {
					r.Night, r.Differ = feed.FinishedAt.Sub(began).Seconds(), a.Stock.Reconciled.Differ
					r.Calls, r.Refused = f.calls.of(r.Account)-before[r.Account], f.calls.refusedOf(r.Account)
				}
			}
		}
		return r.Night > 0, fmt.Sprintf("%d of %d", read, a.Stock.Reconciled.Of)
	})
}

// until waits until all accounts are done and tells how far they are.
func (f *figures) until(ctx context.Context, what string, done func(*FiguresReport, pipeline.Freshness) (bool, string)) error {
	told := time.Now()
	for limit := time.Now().Add(40 * time.Minute); ; wait(ctx, 500*time.Millisecond) {
		list, err := f.hub.Freshness(ctx)
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		all, line := true, what
		for i := range f.reports {
			for _, a := range list {
				if a.Account.ID != f.reports[i].Account {
					continue
				}
				ok, how := done(&f.reports[i], a)
				all = all && ok
				line += ", " + a.Account.ID + " " + how
			}
		}
		if f.opts.Progress != nil && (all || time.Since(told) > 20*time.Second) {
			f.opts.Progress(line)
			told = time.Now()
		}
		if all {
			return nil
		}
		if time.Now().After(limit) {
			return errors.New("not done: " + line)
		}
	}
}

// callCounter counts calls and refusals by channel.
type callCounter struct {
	mu             sync.Mutex
	calls, refused map[string]int
}

func (c *callCounter) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ch, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		s := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(s, r)
		c.mu.Lock()
		defer c.mu.Unlock()
		account := AccountID(orderhub.Channel(ch))
		c.calls[account]++
		if s.status == http.StatusTooManyRequests || s.status == 420 {
			c.refused[account]++
		}
	})
}

func (c *callCounter) of(account string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[account]
}

func (c *callCounter) refusedOf(account string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused[account]
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
