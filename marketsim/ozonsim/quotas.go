package ozonsim

import (
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// quotas are the limits of one Client-Id. Safe for concurrent use.
type quotas struct {
	all     *marketsim.Quota
	methods map[string]*marketsim.Quota
	// pause is the least time between two updates of one product on one warehouse.
	pause time.Duration
}

// methodLimits are the limits of single methods, calls per minute.
var methodLimits = map[string]int{
	"/v2/products/stocks": 80,
}

// callsPerSecond is the limit over all methods.
const callsPerSecond = 50

func newQuotas(opts Options) *quotas {
	if opts.NoQuotas {
		return &quotas{}
	}
	scale := opts.QuotaScale
	if scale <= 0 {
		scale = 1
	}
	q := &quotas{
		all:     scaledQuota(callsPerSecond, time.Second, scale),
		methods: map[string]*marketsim.Quota{}, pause: time.Duration(float64(30*time.Second) / scale),
	}
	for path, perMinute := range methodLimits {
		q.methods[path] = scaledQuota(perMinute, time.Minute, scale)
	}
	return q
}

// scaledQuota lets the period shrink or grow: the number of calls is whole.
func scaledQuota(calls int, period time.Duration, scale float64) *marketsim.Quota {
	return marketsim.NewQuota(calls, time.Duration(float64(period)/scale), max(1, int(float64(calls)*scale)))
}

// take charges one call and tells what is left for the method, or how long to wait.
func (q *quotas) take(path string) (left int, retry time.Duration, ok bool) {
	if q.all == nil {
		return callsPerSecond, 0, true
	}
	if own := q.methods[path]; own != nil {
		if ok, retry := own.Take(1); !ok {
			return 0, retry, false
		}
	}
	if ok, retry := q.all.Take(1); !ok {
		return 0, retry, false
	}
	left = q.all.Left()
	if own := q.methods[path]; own != nil {
		left = min(left, own.Left())
	}
	return left, 0, true
}
