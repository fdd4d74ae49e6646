package channel

import (
	"context"
	"sync"
	"time"
)

// KeptBytes is how much is kept of the body of a request and of a reply.
const KeptBytes = 256 << 10

// Exchange is one call to a channel as it went over the wire, without headers:
// keys travel there. A key that stands elsewhere is masked, and bodies are cut at
// KeptBytes.
type Exchange struct {
	At     time.Time
	Took   time.Duration
	Method string
	// Path is the address without host and query.
	Path    string
	Request []byte
	// Status is the HTTP status, 0 when no answer came; Reply the body of the
	// answer, as much of it as came; Failure why there is none.
	Status  int
	Reply   []byte
	Failure string
	// Keys are what the call was made for, see For.
	Keys []string
}

// Failed reports whether the call had no answer or one that is no success.
func (e Exchange) Failed() bool { return e.Status < 200 || e.Status > 299 }

// Recorder collects the exchanges of the calls made under its context. It may be
// used by several goroutines.
type Recorder struct {
	mu        sync.Mutex
	exchanges []Exchange
}

type recorderKey struct{}

// WithRecorder gives a context under which channel/rest records its calls.
func WithRecorder(ctx context.Context) (context.Context, *Recorder) {
	r := &Recorder{}
	return context.WithValue(ctx, recorderKey{}, r), r
}

// RecorderOf is the recorder of a context, nil when nobody records.
func RecorderOf(ctx context.Context) *Recorder {
	r, _ := ctx.Value(recorderKey{}).(*Recorder)
	return r
}

type keysKey struct{}

// For gives a context whose calls are made for these only: the keys of pushes, or
// the ids of orders that are read. Without it a call is for the whole batch.
func For(ctx context.Context, keys ...string) context.Context {
	return context.WithValue(ctx, keysKey{}, keys)
}

// ForPushes is For with the keys of pushes.
func ForPushes(ctx context.Context, pushes []Push) context.Context {
	keys := make([]string, len(pushes))
	for i, p := range pushes {
		keys[i] = p.Key
	}
	return For(ctx, keys...)
}

// KeysOf are the keys of For, nil = the whole batch.
func KeysOf(ctx context.Context) []string {
	keys, _ := ctx.Value(keysKey{}).([]string)
	return keys
}

// Add records an exchange; on a nil Recorder it does nothing.
func (r *Recorder) Add(e Exchange) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exchanges = append(r.exchanges, e)
}

// Take hands the exchanges out and forgets them.
func (r *Recorder) Take() []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.exchanges
	r.exchanges = nil
	return out
}
