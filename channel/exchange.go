package channel

import (
	"context"
	"sync"
	"time"
)

// Exchange is one call to a channel as it went over the wire, without headers:
// keys travel there.
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
