package yandexsim

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Limits changes the documented limits. They count in fixed windows (an hour
// starts at the full hour), separately for each shop or, for calls on the
// business, for the account.
type Limits struct {
	// Off lifts every limit.
	Off bool
	// Scale multiplies the documented amounts; 0 = 1. Every limit keeps at
	// least one.
	Scale float64
	// Window replaces the documented hours and minutes; 0 = as documented.
	Window time.Duration
	// Parallel replaces the caps on calls in flight: 4 per shop or account, 6 of
	// their own for reading orders; 0 = as documented, below 0 = no cap.
	Parallel int
}

// amount is a documented limit: x-resource-limit-config.
type amount struct {
	calls  int
	period time.Duration
	// word is the period as it stands in the message.
	word string
}

func perHour(n int) amount   { return amount{n, time.Hour, "1 hour"} }
func perMinute(n int) amount { return amount{n, time.Minute, "1 minute"} }

// limiter counts calls.
type limiter struct {
	opts     Limits
	mu       sync.Mutex
	windows  map[string]*window
	inFlight map[string]int
}

type window struct {
	start time.Time
	used  int
}

func newLimiter(opts Limits) *limiter {
	if opts.Scale == 0 {
		opts.Scale = 1
	}
	return &limiter{opts: opts, windows: map[string]*window{}, inFlight: map[string]int{}}
}

// enter takes one of the places for calls in flight. Calls with a cap of their
// own (parallel-limit-value) don't count against the common one.
func (l *limiter) enter(entity string, r *route) (leave func(), highest int, ok bool) {
	highest, key := 4, entity
	if r.parallel > 0 {
		highest, key = r.parallel, entity+" "+r.resource
	}
	if l.opts.Parallel > 0 {
		highest = l.opts.Parallel
	}
	if l.opts.Off || l.opts.Parallel < 0 {
		return func() {}, highest, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inFlight[key] >= highest {
		return nil, highest, false
	}
	l.inFlight[key]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.inFlight[key]--
	}, highest, true
}

// allowance is what a window holds after a call.
type allowance struct {
	limit, left int
	until       time.Time
}

func (a allowance) headers(h http.Header) {
	h.Set("X-RateLimit-Resource-Limit", strconv.Itoa(a.limit))
	h.Set("X-RateLimit-Resource-Remaining", strconv.Itoa(a.left))
	h.Set("X-RateLimit-Resource-Until", untilDate(a.until))
}

// untilDate is an RFC 822 date. Its seconds are rounded up, so that who waits
// for it waits long enough.
func untilDate(t time.Time) string {
	if c := t.Truncate(time.Second); c.Before(t) {
		t = c.Add(time.Second)
	}
	return t.UTC().Format(http.TimeFormat)
}

// take charges n; when the window has too few left it charges nothing.
func (l *limiter) take(entity string, r *route, n int, now time.Time) (allowance, bool) {
	limit, period := max(1, int(math.Round(float64(r.limit.calls)*l.opts.Scale))), r.limit.period
	if l.opts.Window > 0 {
		period = l.opts.Window
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key, start := entity+" "+r.resource, now.Truncate(period)
	w := l.windows[key]
	if w == nil || !w.start.Equal(start) {
		w = &window{start: start}
		l.windows[key] = w
	}
	a := allowance{limit: limit, left: max(0, limit-w.used), until: start.Add(period)}
	if l.opts.Off {
		a.left = limit
		return a, true
	}
	if n > a.left {
		return a, false
	}
	w.used += n
	a.left -= n
	return a, true
}

func parallelMessage(highest int, entity string) string {
	return fmt.Sprintf("Hit rate limit of %d parallel requests for %s", highest, entity)
}

func resourceMessage(limit int, word, resource, entity string) string {
	return fmt.Sprintf("Hit rate limit of %d requests per %s for resource %s for %s", limit, word, resource, entity)
}
