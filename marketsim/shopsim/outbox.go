package shopsim

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/webhook"
)

// outbox keeps what is owed to the hub and sends it until the hub says 2xx.
// Nothing leaves it otherwise, so that nothing the shop sold is forgotten.
type outbox struct {
	m      *Market
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	queue queue // what waits for its time
	open  int   // waiting or in flight
	seq   uint64
	bell  chan struct{} // rung when the head of the queue may have changed
}

const senders = 4

func newOutbox(m *Market) *outbox {
	ctx, cancel := context.WithCancel(context.Background())
	b := &outbox{m: m, ctx: ctx, cancel: cancel, bell: make(chan struct{}, 1)}
	for range senders {
		b.wg.Go(b.work)
	}
	return b
}

// add takes a new message in, and sometimes lets its first attempt go wrong.
func (b *outbox) add(msg *message) {
	now := time.Now()
	fault, delay := b.m.opts.Injector.SendFault("order")
	switch fault {
	case marketsim.FaultDuplicated:
		twin := *msg
		b.put(&twin, now, true)
	case marketsim.FaultLate:
		now = now.Add(delay)
	case marketsim.FaultLost: // the first attempt comes to nothing
		msg.attempts++
		now = now.Add(b.pause(msg.attempts))
	case marketsim.FaultNone, marketsim.FaultRateLimited, marketsim.FaultServerError,
		marketsim.FaultTimeoutBefore, marketsim.FaultTimeoutAfter, marketsim.FaultStale:
	}
	b.put(msg, now, true)
}

func (b *outbox) put(msg *message, due time.Time, isNew bool) {
	b.mu.Lock()
	if isNew {
		b.open++
	}
	b.seq++
	msg.due, msg.seq = due, b.seq
	heap.Push(&b.queue, msg)
	b.mu.Unlock()
	b.ring()
}

func (b *outbox) ring() {
	select {
	case b.bell <- struct{}{}:
	default:
	}
}

// wake sends everything that waits at once: the hub has a new address.
func (b *outbox) wake() {
	now := time.Now()
	b.mu.Lock()
	for _, msg := range b.queue {
		if msg.due.After(now) {
			msg.due = now
		}
	}
	heap.Init(&b.queue)
	b.mu.Unlock()
	b.ring()
}

func (b *outbox) owed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}

func (b *outbox) close() {
	b.cancel()
	b.wg.Wait()
}

func (b *outbox) work() {
	for {
		msg := b.take()
		if msg == nil {
			return
		}
		msg.attempts++
		if err := b.send(msg); err != nil {
			b.put(msg, time.Now().Add(b.pause(msg.attempts)), false)
			continue
		}
		b.mu.Lock()
		b.open--
		b.mu.Unlock()
	}
}

// take waits for the next message whose time has come; nil = closed.
func (b *outbox) take() *message {
	for {
		msg, wait := b.next()
		if msg != nil {
			b.ring() // perhaps there is work for another sender
			return msg
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-b.bell:
		case <-b.ctx.Done():
		}
		timer.Stop()
		if b.ctx.Err() != nil {
			return nil
		}
	}
}

// next gives the message at the head, or how long until its time comes.
func (b *outbox) next() (*message, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		return nil, time.Minute
	}
	if wait := time.Until(b.queue[0].due); wait > 0 {
		return nil, wait
	}
	msg, _ := heap.Pop(&b.queue).(*message)
	return msg, 0
}

// queue is a heap of messages by their time, in the order in which they came.
type queue []*message

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].seq < q[j].seq
}

func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push serves container/heap.
func (q *queue) Push(x any) {
	if msg, ok := x.(*message); ok {
		*q = append(*q, msg)
	}
}

// Pop serves container/heap.
func (q *queue) Pop() any {
	old := *q
	msg := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return msg
}

// pause doubles from attempt to attempt up to a cap.
func (b *outbox) pause(attempts int) time.Duration {
	first, most := 500*time.Millisecond, 10*time.Second
	if b.m.opts.Fast {
		first, most = 10*time.Millisecond, 200*time.Millisecond
	}
	return min(most, first<<min(attempts, 10))
}

var errNoHub = errors.New("the hub's address is not known yet")

// send makes one attempt.
func (b *outbox) send(msg *message) error {
	url := b.m.target()
	if url == "" {
		return errNoHub
	}
	req, err := http.NewRequestWithContext(b.ctx, http.MethodPost, url, bytes.NewReader(msg.body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	switch b.m.opts.Mode {
	case ModeREST:
		req.Header.Set("Authorization", "Bearer "+b.m.opts.Token)
		req.Header.Set("Idempotency-Key", msg.id)
	case ModeWebhook:
		if err := webhook.Sign(req.Header, b.m.key, msg.id, b.m.opts.Now(), msg.body); err != nil {
			return err
		}
	}
	resp, err := b.m.opts.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the hub answered %d", resp.StatusCode)
	}
	// An answer that got lost on the way: the shop sends again what the hub has.
	if fault, _ := b.m.opts.Injector.SendFault("order answer"); fault == marketsim.FaultLost && msg.attempts == 1 {
		return errors.New("the answer was lost")
	}
	return nil
}

// target is where orders go.
func (m *Market) target() string {
	m.mu.Lock()
	hook := m.hook
	m.mu.Unlock()
	if m.opts.Mode == ModeWebhook && hook != "" {
		return hook
	}
	if m.opts.Hub == nil {
		return ""
	}
	base := m.opts.Hub()
	switch {
	case base == "":
		return ""
	case m.opts.Mode == ModeREST:
		return base + "/api/v1/accounts/" + m.opts.Account + "/orders"
	default:
		return base + "/hooks/" + m.opts.Account + "/" + m.opts.HookKey
	}
}
