package wbsim

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// quotaGroup names the methods that share a token bucket ("Лимит запросов на
// один аккаунт продавца" in the official documents).
type quotaGroup string

const (
	groupFBS        quotaGroup = "fbs"            // assembly orders, supplies
	groupCancel     quotaGroup = "fbs-cancel"     // PATCH orders/{id}/cancel
	groupMetaRead   quotaGroup = "fbs-meta-read"  // reading labelling codes
	groupMetaWrite  quotaGroup = "fbs-meta-write" // setting labelling codes
	groupDBS        quotaGroup = "dbs"            // reading DBS orders
	groupDBSStatus  quotaGroup = "dbs-status"     // changing DBS statuses
	groupDBSMeta    quotaGroup = "dbs-meta-write" // setting DBS labelling codes
	groupWarehouses quotaGroup = "warehouses"
	groupStocks     quotaGroup = "stocks"
	groupCards      quotaGroup = "cards" // reading the catalogue
	groupClaims     quotaGroup = "claims"
	groupReturns    quotaGroup = "item-returns"
	groupPing       quotaGroup = "ping"
	groupSeller     quotaGroup = "seller-info"
)

type limit struct {
	calls  int
	period time.Duration
	burst  int
	// penalty is what an answer 4XX costs; 0 = as any other.
	penalty int
}

// limits are those of a personal token. A 4XX counts as ten requests in the
// Marketplace groups (since 2026-06-04).
var limits = map[quotaGroup]limit{
	groupFBS:        {300, time.Minute, 20, 10},
	groupCancel:     {100, time.Minute, 20, 10},
	groupMetaRead:   {300, time.Minute, 20, 10},
	groupMetaWrite:  {1000, time.Minute, 20, 10},
	groupDBS:        {300, time.Minute, 20, 10},
	groupDBSStatus:  {1, time.Second, 10, 10},
	groupDBSMeta:    {500, time.Minute, 20, 10},
	groupWarehouses: {300, time.Minute, 20, 10},
	groupStocks:     {300, time.Minute, 20, 10},
	groupCards:      {100, time.Minute, 5, 0},
	groupClaims:     {20, time.Minute, 10, 0},
	groupReturns:    {1, time.Minute, 10, 0},
	groupPing:       {3, 30 * time.Second, 3, 0},
	groupSeller:     {1, time.Minute, 10, 0},
}

// bucket is the token bucket of one group; quota is nil without limits.
type bucket struct {
	quota   *marketsim.Quota
	burst   int
	penalty int
}

func newBuckets(scale float64) map[quotaGroup]*bucket {
	if scale == 0 {
		scale = 1
	}
	out := map[quotaGroup]*bucket{}
	for g, l := range limits {
		b := &bucket{burst: l.burst, penalty: l.penalty}
		if scale > 0 {
			// The period is divided, not the calls multiplied: 1 per second
			// times 0.5 must not become 0.
			b.burst = max(1, int(math.Round(float64(l.burst)*scale)))
			b.quota = marketsim.NewQuota(l.calls, time.Duration(float64(l.period)/scale), b.burst)
		}
		out[g] = b
	}
	return out
}

// take takes the token of one request.
func (b *bucket) take() (ok bool, retry time.Duration) {
	if b.quota == nil {
		return true, 0
	}
	return b.quota.Take(1)
}

// settle charges the rest of a 4XX and tells what is left.
func (b *bucket) settle(status int, h http.Header) {
	left := b.burst
	if b.quota != nil {
		if status >= 400 && status < 500 && b.penalty > 1 {
			b.quota.Charge(b.penalty - 1)
		}
		left = b.quota.Left()
	}
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(left))
}

// refuse writes the headers of a 429, which has no Remaining.
func (b *bucket) refuse(retry time.Duration, h http.Header) {
	reset := retry
	if b.quota != nil {
		reset = max(reset, b.quota.Reset())
	}
	h.Set("X-Ratelimit-Retry", seconds(retry))
	h.Set("X-Ratelimit-Reset", seconds(reset))
	h.Set("X-Ratelimit-Limit", strconv.Itoa(b.burst))
}

func seconds(d time.Duration) string { return strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))) }
