package people

import (
	"net/netip"
	"sync"
	"time"
)

// From one address (of IPv6 its /64) a login may be tried 10 times at once and then
// every 30 seconds, and all logins together 30 times and then every 10 seconds. From
// everywhere a login may be tried 100 times and then every 10 seconds: more than one
// address can use up, so that a stranger does not lock a person out. Attempts that
// succeed do not count.
var (
	perLoginHere = allowance{burst: 10, every: 30 * time.Second}
	perAddress   = allowance{burst: 30, every: 10 * time.Second}
	perLogin     = allowance{burst: 100, every: 10 * time.Second}
)

type allowance struct {
	burst float64
	every time.Duration
}

// throttleKeys bounds the memory.
const throttleKeys = 20_000

// throttle counts attempts in this process.
type throttle struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[string]*bucket
}

type bucket struct {
	allowance
	left float64
	at   time.Time
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, by: map[string]*bucket{}}
}

// attempt is one try that was counted.
type attempt struct {
	t    *throttle
	keys []string
}

// begin counts an attempt at a login from an address; wait is how long to stay
// away when there were too many.
func (t *throttle) begin(login string, from netip.Addr) (a attempt, wait time.Duration) {
	here := "nowhere"
	if from.IsValid() {
		here = network(from)
	}
	a = attempt{t: t, keys: []string{"login " + login, "here " + here + " " + login, "address " + here}}
	if !from.IsValid() {
		a.keys = a.keys[:2] // all of nowhere are not one party
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, key := range a.keys {
		b := t.bucket(key, []allowance{perLogin, perLoginHere, perAddress}[i])
		if b.left < 1 {
			wait = max(wait, time.Duration((1-b.left)*float64(b.every)))
		}
	}
	if wait > 0 {
		return a, wait
	}
	for _, key := range a.keys {
		if b := t.by[key]; b != nil { // a flood may have pushed it out
			b.left--
		}
	}
	return a, 0
}

// forgive takes an attempt back: it was no failure.
func (a attempt) forgive() {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	for _, key := range a.keys {
		if b := a.t.by[key]; b != nil {
			b.left = min(b.burst, b.left+1)
		}
	}
}

func (t *throttle) bucket(key string, a allowance) *bucket {
	now := t.now()
	b := t.by[key]
	if b == nil {
		if len(t.by) >= throttleKeys {
			t.forget(now)
		}
		b = &bucket{allowance: a, left: a.burst, at: now}
		t.by[key] = b
		return b
	}
	b.fill(now)
	return b
}

func (b *bucket) fill(now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.left = min(b.burst, b.left+float64(d)/float64(b.every))
	}
	b.at = now
}

// forget drops those who waited long enough, and when these are few, some others.
func (t *throttle) forget(now time.Time) {
	for key, b := range t.by {
		if b.fill(now); b.left >= b.burst {
			delete(t.by, key)
		}
	}
	for key := range t.by {
		if len(t.by) < throttleKeys*9/10 {
			return
		}
		delete(t.by, key)
	}
}

// network is what one party can have of its own: an IPv4 address, a /64.
func network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
