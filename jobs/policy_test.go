package jobs

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	of := func(class orderhub.Class, after time.Duration) error {
		e := orderhub.NewBorderError(class, "op", "sentence", nil)
		e.RetryAfter = after
		return fmt.Errorf("wrapped: %w", e)
	}
	for name, tc := range map[string]struct {
		err     error
		attempt int
		scale   float64
		again   bool
		counts  bool
		wait    time.Duration // without jitter
	}{
		"wrong key":                     {of(orderhub.ClassAuth, 0), 1, 1, true, false, time.Minute},
		"wrong key, the hundredth time": {of(orderhub.ClassAuth, 0), 100, 1, true, false, time.Minute},
		"rejected":                      {of(orderhub.ClassRejected, 0), 1, 1, false, false, 0},
		"rejected, with a time":         {of(orderhub.ClassRejected, time.Hour), 1, 1, false, false, 0},
		"rate limited":                  {of(orderhub.ClassRateLimited, 17*time.Second), 1, 1, true, false, 17 * time.Second},
		"rate limited, time not told":   {of(orderhub.ClassRateLimited, 0), 1, 1, true, false, time.Second},
		"rate limits are not scaled":    {of(orderhub.ClassRateLimited, 17*time.Second), 1, 0.01, true, false, 17 * time.Second},
		"retry 1":                       {of(orderhub.ClassRetry, 0), 1, 1, true, true, 2 * time.Second},
		"retry 2":                       {of(orderhub.ClassRetry, 0), 2, 1, true, true, 4 * time.Second},
		"retry 5":                       {of(orderhub.ClassRetry, 0), 5, 1, true, true, 32 * time.Second},
		"retry 1000 is not for ever":    {of(orderhub.ClassRetry, 0), 1000, 1, true, true, time.Hour},
		"retry 0 is the first":          {of(orderhub.ClassRetry, 0), 0, 1, true, true, 2 * time.Second},
		"retry below 0":                 {of(orderhub.ClassRetry, 0), -5, 1, true, true, 2 * time.Second},
		"retry scaled":                  {of(orderhub.ClassRetry, 0), 3, 0.01, true, true, 80 * time.Millisecond},
		"scale 0 is as it is":           {of(orderhub.ClassRetry, 0), 3, 0, true, true, 8 * time.Second},
		"uncertain":                     {of(orderhub.ClassUncertain, 0), 1, 1, true, true, 2 * time.Second},
		"an error of no class":          {errors.New("broken"), 2, 1, true, true, 4 * time.Second},
		"a class of tomorrow":           {of("sideways", 0), 2, 1, true, true, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 200 {
				got := Policy(tc.err, tc.attempt, tc.scale)
				if got.Again != tc.again || got.Counts != tc.counts {
					t.Fatalf("got %+v", got)
				}
				if got.Wait < tc.wait || got.Wait > tc.wait+tc.wait/5+1 {
					t.Fatalf("wait %s, want %s and up to a fifth more", got.Wait, tc.wait)
				}
			}
		})
	}
}

// Retries of many must not come in step.
func TestPolicySpreads(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 50 {
		seen[Policy(errors.New("x"), 1, 1).Wait] = true
	}
	if len(seen) < 10 {
		t.Errorf("%d different waits of 50", len(seen))
	}
}
