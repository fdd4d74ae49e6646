package marketsim

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Quota is the marketplace's own token bucket of one method or group.
type Quota struct {
	mu      sync.Mutex
	limiter *rate.Limiter
}

// NewQuota allows calls per period with a burst.
func NewQuota(calls int, period time.Duration, burst int) *Quota {
	return &Quota{limiter: rate.NewLimiter(rate.Limit(float64(calls)/period.Seconds()), burst)}
}

// Take takes n tokens. When there are too few it takes none and tells how long
// until n would be there.
func (q *Quota) Take(n int) (ok bool, retry time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.limiter.AllowN(time.Now(), n) {
		return true, 0
	}
	missing := float64(n) - q.limiter.Tokens()
	return false, time.Duration(missing / float64(q.limiter.Limit()) * float64(time.Second))
}

// Charge takes n tokens even if that leaves a debt (WB: a 4XX costs ten).
func (q *Quota) Charge(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n > 0 {
		take := min(n, q.limiter.Burst())
		q.limiter.ReserveN(time.Now(), take)
		n -= take
	}
}

// Left is how many calls are possible now.
func (q *Quota) Left() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return max(0, int(q.limiter.Tokens()))
}

// Reset is how long until the bucket is full again.
func (q *Quota) Reset() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	missing := float64(q.limiter.Burst()) - q.limiter.Tokens()
	return time.Duration(missing / float64(q.limiter.Limit()) * float64(time.Second))
}
