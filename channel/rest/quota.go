package rest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// Buckets is one account's set of quota buckets: a token bucket per group, with
// a pause and a cap on parallel calls. It implements channel.Quotas.
type Buckets struct {
	mu     sync.Mutex
	groups map[string]*bucket
}

type bucket struct {
	limiter     *rate.Limiter
	parallel    chan struct{}
	mu          sync.Mutex
	pausedUntil time.Time
}

// NewBuckets makes fresh buckets from a descriptor's limits.
func NewBuckets(limits []channel.Limit) *Buckets {
	b := &Buckets{groups: map[string]*bucket{}}
	for _, l := range limits {
		burst := l.Burst
		if burst == 0 {
			burst = l.Calls
		}
		burst = max(1, burst)
		g := &bucket{limiter: rate.NewLimiter(rate.Limit(float64(l.Calls)/l.Period.Seconds()), burst)}
		if l.Parallel > 0 {
			g.parallel = make(chan struct{}, l.Parallel)
		}
		b.groups[l.Group] = g
	}
	return b
}

// Wait blocks until n calls of the group are allowed. A group without a bucket
// is free. More than the burst at once is an error of the caller.
func (b *Buckets) Wait(ctx context.Context, group string, n int) error {
	g := b.group(group)
	if g == nil {
		return ctx.Err()
	}
	if err := g.waitPause(ctx); err != nil {
		return err
	}
	if n > g.limiter.Burst() {
		return orderhub.NewBorderError(orderhub.ClassRejected, "quota "+group,
			fmt.Sprintf("%d calls at once exceed the burst of %d", n, g.limiter.Burst()), nil)
	}
	if err := g.limiter.WaitN(ctx, n); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e := orderhub.NewBorderError(orderhub.ClassRateLimited, "quota "+group, "the quota leaves no call in the time given", err)
		missing := float64(n) - g.limiter.Tokens()
		e.RetryAfter = time.Duration(missing / float64(g.limiter.Limit()) * float64(time.Second))
		return e
	}
	// A pause may have begun meanwhile: all who waited would run into it.
	return g.waitPause(ctx)
}

// longPause is from when a pause is an answer and not a wait: a caller that slept
// through it would keep a worker from other accounts.
const longPause = 5 * time.Second

// Charge takes n extra permissions after the fact, in slices of the burst.
func (b *Buckets) Charge(group string, n int) {
	g := b.group(group)
	if g == nil {
		return
	}
	for n > 0 {
		take := min(n, g.limiter.Burst())
		g.limiter.ReserveN(time.Now(), take)
		n -= take
	}
}

// Pause stops the whole group for d; a shorter pause never cuts a longer one.
func (b *Buckets) Pause(group string, d time.Duration) {
	g := b.group(group)
	if g == nil || d <= 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(d); until.After(g.pausedUntil) {
		g.pausedUntil = until
	}
}

// Left tells how many calls of each group are allowed right now.
func (b *Buckets) Left() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]int{}
	for name, g := range b.groups {
		g.mu.Lock()
		paused := time.Now().Before(g.pausedUntil)
		g.mu.Unlock()
		if paused {
			out[name] = 0
			continue
		}
		out[name] = max(0, int(g.limiter.Tokens()))
	}
	return out
}

// Enter takes a place among the parallel calls of the group; leave gives it back.
func (b *Buckets) Enter(ctx context.Context, group string) (leave func(), err error) {
	g := b.group(group)
	if g == nil || g.parallel == nil {
		return func() {}, nil
	}
	select {
	case g.parallel <- struct{}{}:
		return func() { <-g.parallel }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (b *Buckets) group(name string) *bucket {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.groups[name]
}

func (g *bucket) waitPause(ctx context.Context) error {
	for {
		g.mu.Lock()
		wait := time.Until(g.pausedUntil)
		g.mu.Unlock()
		if wait <= 0 {
			return nil
		}
		if deadline, ok := ctx.Deadline(); wait > longPause || (ok && time.Until(deadline) < wait) {
			e := orderhub.NewBorderError(orderhub.ClassRateLimited, "quota", "paused after the channel asked for it", nil)
			e.RetryAfter = wait
			return e
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}
