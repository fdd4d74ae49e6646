package marketsim

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// Fault is what goes wrong with one request or one notification.
type Fault string

// The faults.
const (
	FaultNone          Fault = ""
	FaultRateLimited   Fault = "rate_limited"   // 429, 420 in the marketplace's own form
	FaultServerError   Fault = "server_error"   // 5xx, nothing done
	FaultTimeoutBefore Fault = "timeout_before" // no answer, nothing done
	FaultTimeoutAfter  Fault = "timeout_after"  // no answer, done
	FaultStale         Fault = "stale"          // a read from a replica that lags
	FaultLost          Fault = "lost"           // the notification never arrives
	FaultDuplicated    Fault = "duplicated"     // it arrives twice
	FaultLate          Fault = "late"           // it arrives late, after later ones
)

// Faults is how often things go wrong, as shares of 1, and what goes wrong by
// script.
type Faults struct {
	RateLimited   float64 `json:"rate_limited"`
	ServerError   float64 `json:"server_error"`
	TimeoutBefore float64 `json:"timeout_before"`
	TimeoutAfter  float64 `json:"timeout_after"`
	Stale         float64 `json:"stale"`
	Lost          float64 `json:"lost"`
	Duplicated    float64 `json:"duplicated"`
	Late          float64 `json:"late"`
	// FailRows is the share of rows that fail inside a 200 answer of a batch
	// call, and of asynchronous steps that fail after their 200 (ship_failed).
	FailRows float64 `json:"fail_rows"`

	// Hang is how long a time-out keeps the connection before it is cut.
	Hang time.Duration `json:"hang"`
	// Lag is how far a stale replica is behind; Delay how late a late
	// notification comes.
	Lag   time.Duration `json:"lag"`
	Delay time.Duration `json:"delay"`

	// Script fails the n-th request (from 1) to a path: exact and first.
	Script []Scripted `json:"script,omitempty"`
}

// Scripted is one planned fault.
type Scripted struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Nth    int    `json:"nth"`
	Fault  Fault  `json:"fault"`
}

// FaultLevel gives the ready-made levels of the command line: none, light, hard.
func FaultLevel(level string) (Faults, bool) {
	switch level {
	case "", "none":
		return Faults{}, true
	case "light":
		return Faults{
			RateLimited: 0.01, ServerError: 0.01, TimeoutBefore: 0.002, TimeoutAfter: 0.002, Stale: 0.01,
			Lost: 0.05, Duplicated: 0.05, Late: 0.05, FailRows: 0.01,
			Hang: 200 * time.Millisecond, Lag: 2 * time.Second, Delay: 2 * time.Second,
		}, true
	case "hard":
		return Faults{
			RateLimited: 0.02, ServerError: 0.05, TimeoutBefore: 0.02, TimeoutAfter: 0.03, Stale: 0.05,
			Lost: 0.3, Duplicated: 0.2, Late: 0.2, FailRows: 0.05,
			Hang: 300 * time.Millisecond, Lag: 3 * time.Second, Delay: 4 * time.Second,
		}, true
	default:
		return Faults{}, false
	}
}

// Injector decides and causes faults. Its decisions depend on the seed and on
// the count of requests per route, not on the clock or on other routes, so a
// run repeats as far as its callers do.
type Injector struct {
	seed   uint64
	mu     sync.Mutex
	faults Faults
	counts map[string]uint64
	stats  map[Fault]int
}

// NewInjector makes an Injector.
func NewInjector(seed uint64, f Faults) *Injector {
	return &Injector{seed: seed, faults: f, counts: map[string]uint64{}, stats: map[Fault]int{}}
}

// Set changes the faults of a running simulator.
func (in *Injector) Set(f Faults) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.faults = f
}

// Stats counts the faults caused so far.
func (in *Injector) Stats() map[Fault]int {
	in.mu.Lock()
	defer in.mu.Unlock()
	out := map[Fault]int{}
	for k, v := range in.stats {
		out[k] = v
	}
	return out
}

// roll draws the next number of a named sequence; n counts from 1.
func (in *Injector) roll(name string) (p float64, n int) {
	in.counts[name]++
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], in.counts[name])
	_, _ = h.Write(b[:])
	return rand.New(rand.NewPCG(in.seed, h.Sum64())).Float64(), int(in.counts[name])
}

// Chance draws once from a named sequence.
func (in *Injector) Chance(name string, share float64) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	p, _ := in.roll(name)
	return p < share
}

// RowFails draws whether a row of a batch (or an asynchronous step) fails.
func (in *Injector) RowFails(what string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	p, _ := in.roll("row " + what)
	return p < in.faults.FailRows
}

// request picks the fault of one request.
func (in *Injector) request(r *http.Request) (Fault, time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	p, n := in.roll(r.Method + " " + r.URL.Path)
	f := in.faults
	for _, s := range f.Script {
		if s.Method == r.Method && s.Path == r.URL.Path && s.Nth == n {
			in.stats[s.Fault]++
			return s.Fault, f.Hang
		}
	}
	fault := pick(p, []share{
		{FaultRateLimited, f.RateLimited}, {FaultServerError, f.ServerError},
		{FaultTimeoutBefore, f.TimeoutBefore}, {FaultTimeoutAfter, f.TimeoutAfter},
	})
	if fault != FaultNone {
		in.stats[fault]++
	}
	return fault, f.Hang
}

// ReplicaTime is the moment as of which a read answers: now, or a while ago
// when the read lands on a stale replica.
func (in *Injector) ReplicaTime(now time.Time, what string) time.Time {
	in.mu.Lock()
	defer in.mu.Unlock()
	if p, _ := in.roll("stale " + what); p < in.faults.Stale {
		in.stats[FaultStale]++
		return now.Add(-in.faults.Lag)
	}
	return now
}

// notification picks the fault of one notification.
func (in *Injector) notification(kind string) (Fault, time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	p, _ := in.roll("notification " + kind)
	f := in.faults
	fault := pick(p, []share{{FaultLost, f.Lost}, {FaultDuplicated, f.Duplicated}, {FaultLate, f.Late}})
	if fault != FaultNone {
		in.stats[fault]++
	}
	return fault, f.Delay
}

type share struct {
	fault Fault
	part  float64
}

func pick(p float64, shares []share) Fault {
	for _, s := range shares {
		if p < s.part {
			return s.fault
		}
		p -= s.part
	}
	return FaultNone
}

// ErrorWriter writes the marketplace's own form of a failure.
type ErrorWriter func(w http.ResponseWriter, r *http.Request)

// Wrap puts the faults in front of a seller API. Control calls must not pass
// through it.
func (in *Injector) Wrap(next http.Handler, rateLimited, serverError ErrorWriter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault, hang := in.request(r)
		switch fault {
		case FaultRateLimited:
			rateLimited(w, r)
		case FaultServerError:
			serverError(w, r)
		case FaultTimeoutBefore:
			cut(r, hang)
		case FaultTimeoutAfter:
			next.ServeHTTP(httptest.NewRecorder(), r)
			cut(r, hang)
		case FaultNone, FaultStale, FaultLost, FaultDuplicated, FaultLate:
			next.ServeHTTP(w, r)
		}
	})
}

// cut keeps the caller waiting and then breaks the connection.
func cut(r *http.Request, hang time.Duration) {
	timer := time.NewTimer(hang)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler)
}
