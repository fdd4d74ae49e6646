package rest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

func limits() []channel.Limit {
	return []channel.Limit{
		{Group: "orders", Calls: 10, Period: time.Second, Burst: 5},
		{Group: "slow", Calls: 1, Period: time.Minute},
		{Group: "narrow", Calls: 100, Period: time.Second, Parallel: 1},
	}
}

// took runs f on the bubble's clock.
func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func wait(t *testing.T, b *rest.Buckets, group string, n int) {
	t.Helper()
	if err := b.Wait(t.Context(), group, n); err != nil {
		t.Fatalf("wait for %d of %s: %v", n, group, err)
	}
}

func TestWaitKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := rest.NewBuckets(limits())
		if d := took(func() {
			for range 5 {
				wait(t, b, "orders", 1)
			}
		}); d != 0 {
			t.Errorf("the burst took %s", d)
		}
		if d := took(func() {
			for range 10 {
				wait(t, b, "orders", 1)
			}
		}); d != time.Second {
			t.Errorf("10 calls after the burst took %s, want 1s", d)
		}
		if d := took(func() { wait(t, b, "orders", 5) }); d != 500*time.Millisecond {
			t.Errorf("a call that costs 5 took %s", d)
		}
		if d := took(func() { wait(t, b, "unknown", 100) }); d != 0 {
			t.Errorf("a group without a bucket took %s", d)
		}
	})
}

func TestWaitAcrossGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := rest.NewBuckets(limits())
		var wg sync.WaitGroup
		d := took(func() {
			for range 25 {
				wg.Go(func() { wait(t, b, "orders", 1) })
			}
			wg.Wait()
		})
		if d < 2*time.Second || d > 2100*time.Millisecond {
			t.Errorf("25 calls from 25 goroutines took %s, want 2s", d)
		}
	})
}

func TestWaitRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := rest.NewBuckets(limits())
		if err := b.Wait(t.Context(), "orders", 6); orderhub.ClassOf(err) != orderhub.ClassRejected {
			t.Errorf("more than the burst: %v", err)
		}
		wait(t, b, "slow", 1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var err error
		if d := took(func() { err = b.Wait(ctx, "slow", 1) }); d != 0 {
			t.Errorf("a hopeless wait took %s", d)
		}
		var be *orderhub.BorderError
		if !errors.As(err, &be) || be.Class != orderhub.ClassRateLimited || be.RetryAfter.Round(time.Second) != time.Minute {
			t.Errorf("a hopeless wait: %v", err)
		}
		ended, stop := context.WithCancel(t.Context())
		stop()
		if err := b.Wait(ended, "slow", 1); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
		if err := b.Wait(ended, "unknown", 1); !errors.Is(err, context.Canceled) {
			t.Errorf("after the end, without a bucket: %v", err)
		}
	})
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := rest.NewBuckets(limits())
		b.Pause("orders", 4*time.Second)
		b.Pause("orders", time.Second) // does not cut the longer one
		b.Pause("orders", -time.Second)
		b.Pause("unknown", time.Second)
		if left := b.Left(); left["orders"] != 0 || left["slow"] != 1 {
			t.Errorf("left during the pause: %v", left)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := b.Wait(ctx, "orders", 1)
		var be *orderhub.BorderError
		if !errors.As(err, &be) || be.Class != orderhub.ClassRateLimited || be.RetryAfter != 4*time.Second {
			t.Errorf("a pause longer than the time given: %v", err)
		}
		if d := took(func() { wait(t, b, "orders", 1) }); d != 4*time.Second {
			t.Errorf("the wait took %s", d)
		}
	})
}

// A pause that begins while others wait for tokens holds them too, and a longer
// one that begins within it as well.
func TestPauseHoldsWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := rest.NewBuckets(limits())
		wait(t, b, "orders", 5)
		start := time.Now()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				wait(t, b, "orders", 1)
				if d := time.Since(start); d < 7*time.Second {
					t.Errorf("a call went out after %s, within the pause", d)
				}
			})
		}
		synctest.Wait()
		b.Pause("orders", 5*time.Second)
		time.Sleep(2 * time.Second) // of the bubble's clock
		b.Pause("orders", 5*time.Second)
		wg.Wait()
	})
}

// A long pause is told at once: a caller that slept through it would keep a
// worker from other accounts.
func TestALongPauseIsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := rest.NewBuckets(limits())
		b.Pause("orders", time.Hour)
		var be *orderhub.BorderError
		var err error
		if d := took(func() { err = b.Wait(t.Context(), "orders", 1) }); d != 0 || !errors.As(err, &be) || be.RetryAfter != time.Hour {
			t.Errorf("after %s: %v", d, err)
		}
	})
}

func TestPauseEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := rest.NewBuckets(limits())
		b.Pause("orders", 4*time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		var err error
		if d := took(func() { err = b.Wait(ctx, "orders", 1) }); d != time.Second || !errors.Is(err, context.Canceled) {
			t.Errorf("after %s: %v", d, err)
		}
	})
}

func TestChargeAndLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := rest.NewBuckets(limits())
		wait(t, b, "orders", 1)
		if left := b.Left(); left["orders"] != 4 || left["slow"] != 1 || left["narrow"] != 100 {
			t.Errorf("left: %v", left)
		}
		b.Charge("orders", 14) // more than the burst leaves a debt of ten
		b.Charge("unknown", 5)
		if left := b.Left(); left["orders"] != 0 {
			t.Errorf("left in debt: %v", left)
		}
		if d := took(func() { wait(t, b, "orders", 1) }); d != 1100*time.Millisecond {
			t.Errorf("a call in debt waited %s, want 1.1s", d)
		}
	})
}

// A limit without calls is a mistake of the descriptor; it must not hang.
func TestLimitWithoutCalls(t *testing.T) {
	t.Parallel()
	b := rest.NewBuckets([]channel.Limit{{Group: "none", Period: time.Second}})
	b.Charge("none", 3)
	_ = b.Left()
}

func TestEnter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := rest.NewBuckets(limits())
		leave, err := b.Enter(t.Context(), "narrow")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.Enter(ctx, "narrow"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second call in a group for one: %v", err)
		}
		leave()
		if _, err := b.Enter(t.Context(), "narrow"); err != nil {
			t.Errorf("after the first left: %v", err)
		}
		for range 3 {
			if _, err := b.Enter(t.Context(), "orders"); err != nil {
				t.Errorf("a group without a cap: %v", err)
			}
		}
	})
}
