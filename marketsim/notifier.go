package marketsim

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"
)

// Notifier posts notifications to the hub, in order per market, with faults and
// retries. Safe for concurrent use.
type Notifier struct {
	inject *Injector
	client *http.Client
	// Good reports whether an answer counts as taken.
	good func(status int, contentType string, body []byte) bool
	// Retries are the pauses between attempts.
	retries []time.Duration

	mu     sync.Mutex
	url    string
	ctx    context.Context
	cancel context.CancelFunc
	queue  chan message
	wg     sync.WaitGroup
	failed int
}

type message struct {
	kind      string
	header    http.Header
	body      []byte
	notBefore time.Time
}

// NewNotifier makes a Notifier; Close it.
func NewNotifier(in *Injector, retries []time.Duration, good func(status int, contentType string, body []byte) bool) *Notifier {
	ctx, cancel := context.WithCancel(context.Background())
	n := &Notifier{
		inject: in, good: good, retries: retries, ctx: ctx, cancel: cancel,
		client: &http.Client{Timeout: 5 * time.Second}, queue: make(chan message, 65536),
	}
	for range 4 {
		n.wg.Add(1)
		go n.work()
	}
	return n
}

// SetURL sets where notifications go; "" drops them.
func (n *Notifier) SetURL(url string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.url = url
}

// Send queues a notification. header may be nil.
func (n *Notifier) Send(kind string, header http.Header, body []byte) {
	n.mu.Lock()
	url := n.url
	n.mu.Unlock()
	if url == "" {
		return
	}
	m := message{kind: kind, header: header, body: body}
	fault, delay := n.inject.notification(kind)
	switch fault {
	case FaultLost:
		return
	case FaultDuplicated:
		n.put(m)
	case FaultLate:
		m.notBefore = time.Now().Add(delay)
	case FaultNone, FaultRateLimited, FaultServerError, FaultTimeoutBefore, FaultTimeoutAfter, FaultStale:
	}
	n.put(m)
}

func (n *Notifier) put(m message) {
	if wait := time.Until(m.notBefore); wait > 0 {
		time.AfterFunc(wait, func() { n.put(message{kind: m.kind, header: m.header, body: m.body}) })
		return
	}
	select {
	case n.queue <- m:
	case <-n.ctx.Done():
	default: // the queue of a marketplace is finite too: the sweep is the truth
	}
}

// Failed counts notifications given up after all retries.
func (n *Notifier) Failed() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failed
}

// Close stops sending; what is queued is dropped.
func (n *Notifier) Close() {
	n.cancel()
	n.wg.Wait()
}

func (n *Notifier) work() {
	defer n.wg.Done()
	for {
		select {
		case <-n.ctx.Done():
			return
		case m := <-n.queue:
			n.deliver(m)
		}
	}
}

func (n *Notifier) deliver(m message) {
	for attempt := 0; ; attempt++ {
		if n.post(m) {
			return
		}
		if attempt >= len(n.retries) {
			n.mu.Lock()
			n.failed++
			n.mu.Unlock()
			return
		}
		select {
		case <-time.After(n.retries[attempt]):
		case <-n.ctx.Done():
			return
		}
	}
}

func (n *Notifier) post(m message) bool {
	n.mu.Lock()
	url := n.url
	n.mu.Unlock()
	if url == "" {
		return true
	}
	req, err := http.NewRequestWithContext(n.ctx, http.MethodPost, url, bytes.NewReader(m.body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range m.header {
		req.Header[k] = v
	}
	resp, err := n.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var buf bytes.Buffer
	_, _ = buf.ReadFrom(http.MaxBytesReader(nil, resp.Body, 64<<10))
	return n.good(resp.StatusCode, resp.Header.Get("Content-Type"), buf.Bytes())
}
