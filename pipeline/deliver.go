package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/webhook"
)

// fanLane makes deliveries of events; each endpoint has a lane of its own, so that a
// dead one keeps nobody else waiting.
var fanLane = jobs.Lane{Work: jobs.WorkFanOut, Account: "webhooks"}

func endpointLane(id int64) jobs.Lane {
	return jobs.Lane{Work: jobs.WorkDeliver, Account: "webhooks", Feed: strconv.FormatInt(id, 10)}
}

const (
	// deliverBatch is how many orders' events are sent in one step, deliverAtOnce of
	// them at the same time.
	deliverBatch  = 32
	deliverAtOnce = 4
	// deliverTimeout is how long a receiver may take to answer.
	deliverTimeout = 15 * time.Second
	// deliverFor is how long an event is tried, refusals how often one that the
	// receiver itself refuses.
	deliverFor = 4 * 24 * time.Hour
	refusals   = 8
	// stopAfter is how long a receiver may be away until its endpoint is stopped: less
	// than deliverFor, so that no event dies of it.
	stopAfter = 3 * 24 * time.Hour
	// awayFor is how long a receiver was away so that its return lets all tries begin
	// anew.
	awayFor = 5 * time.Minute
	// keepDelivered is how long deliveries can be looked up, dead ones three times as
	// long.
	keepDelivered = 30 * 24 * time.Hour
)

// pauses are those between the tries of one event, and of an endpoint whose receiver
// is away; the last one stays.
var pauses = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour}

// pauseAfter is the pause after so many tries, spread a little.
func (h *Hub) pauseAfter(tries int) time.Duration {
	d := pauses[min(max(tries, 1), len(pauses))-1]
	return h.pause(d + time.Duration(rand.Int64N(int64(d)/10+1)))
}

// fanOut makes deliveries of what happened since the last time. The reader's position
// moves in the same transaction.
func (h *Hub) fanOut(ctx context.Context, lease store.Lease) error {
	at, looked, err := h.store.NotifyCursor(ctx, store.WebhookCursor)
	if err != nil {
		return err
	}
	last, settled, err := h.store.SettledEvents(ctx)
	if err != nil || !settled {
		return err // the tick comes again
	}
	for at < last {
		to := min(at+fanStep, last)
		if err := h.store.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.Hold(ctx, lease); err != nil {
				return err
			}
			moved, err := tx.MoveCursor(ctx, store.WebhookCursor, at, to)
			if err != nil {
				return err
			}
			if !moved {
				return store.ErrFenced // somebody else was here
			}
			return h.fanTo(ctx, tx, at, to)
		}); err != nil {
			return err
		}
		at = to
	}
	if now := h.store.Now(); now.Sub(looked) > time.Minute {
		if err := h.store.ForgetOnce(ctx, now.Add(-keepOnce), 1000); err != nil {
			return err
		}
		return h.store.ForgetDeliveries(ctx, now.Add(-keepDelivered), now.Add(-3*keepDelivered), 1000)
	}
	return nil
}

func (h *Hub) fanTo(ctx context.Context, tx *store.Tx, from, to int64) error {
	list, err := tx.Endpoints(ctx)
	if err != nil {
		return err
	}
	for _, e := range list {
		begin := max(from, e.AfterEvent)
		if begin >= to {
			continue
		}
		n, err := tx.FanOut(ctx, e, begin, to, false)
		if err != nil {
			return err
		}
		if n > 0 && e.State == orderhub.EndpointActive && !e.NextAt.After(h.store.Now()) {
			if err := h.jobs.Ring(ctx, tx, endpointLane(e.ID)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *Hub) deliverLane(ctx context.Context, lane jobs.Lane, lease store.Lease) error {
	id, err := strconv.ParseInt(lane.Feed, 10, 64)
	if err != nil {
		return fmt.Errorf("lane %s: %w", lane, err)
	}
	return h.deliverTo(ctx, id, lease)
}

// deliverTo tells an endpoint what is due, until nothing is or its receiver is away.
func (h *Hub) deliverTo(ctx context.Context, id int64, lease store.Lease) error {
	for ctx.Err() == nil {
		e, err := h.store.Endpoint(ctx, id)
		if orderhub.CodeOf(err) == orderhub.CodeNotFound {
			return nil
		}
		if err != nil || e.State != orderhub.EndpointActive || e.NextAt.After(h.store.Now()) {
			return err
		}
		batch := deliverBatch
		if e.Failures > 0 {
			batch = 1 // a probe
		}
		list, err := h.store.DueDeliveries(ctx, id, batch)
		if err != nil || len(list) == 0 {
			return err
		}
		tried, err := h.sendAll(ctx, e, list)
		if err != nil {
			return err
		}
		if len(tried) == 0 {
			return ctx.Err() // all were broken off
		}
		if err := h.between("delivered"); err != nil {
			return err
		}
		if h.stillThere(ctx, e, tried) {
			for i := range tried {
				tried[i].verdict = verdictPoison
			}
		}
		if err := h.settleDeliveries(ctx, e, tried, lease); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tried is a delivery and how its attempt went.
type tried struct {
	orderhub.Delivery
	verdict verdict
	// after is how long the receiver wants to be left alone.
	after time.Duration
}

// verdict is what an attempt says.
type verdict string

const (
	verdictTaken   verdict = "taken"
	verdictRefused verdict = "refused" // the receiver is there and does not want this one
	verdictPoison  verdict = "poison"  // the receiver is there and breaks on this one
	verdictAway    verdict = "away"    // nothing would get through now
	verdictGone    verdict = "gone"    // it never wants anything again
)

// sendAll sends deliveries, some at the same time: each is of another order. When the
// receiver is found to be away the rest stays.
func (h *Hub) sendAll(ctx context.Context, e orderhub.Endpoint, list []orderhub.Delivery) ([]tried, error) {
	bodies, err := h.deliveryBodies(ctx, e, list)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var out []tried
	away := false
	var sending sync.WaitGroup
	next := make(chan orderhub.Delivery)
	for range min(deliverAtOnce, len(list)) {
		sending.Go(func() {
			for d := range next {
				t := h.attempt(ctx, e, d, bodies[d.EventID])
				if t.verdict == verdictAway && ctx.Err() != nil {
					continue // the hub broke it off: that says nothing of the receiver
				}
				mu.Lock()
				out = append(out, t)
				away = away || t.verdict == verdictAway || t.verdict == verdictGone
				mu.Unlock()
			}
		})
	}
	for _, d := range list {
		mu.Lock()
		stop := away || ctx.Err() != nil
		mu.Unlock()
		if stop {
			break
		}
		next <- d
	}
	close(next)
	sending.Wait()
	return out, nil
}

// Message is what a receiver is sent: an event, and its order as it is then.
type Message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      FeedEntry `json:"data"`
}

// deliveryBodies writes what is sent.
func (h *Hub) deliveryBodies(ctx context.Context, e orderhub.Endpoint, list []orderhub.Delivery) (map[int64][]byte, error) {
	ids := make([]int64, len(list))
	for i, d := range list {
		ids[i] = d.EventID
	}
	messages, err := h.messages(ctx, e, ids)
	if err != nil {
		return nil, err
	}
	out := map[int64][]byte{}
	for id, m := range messages {
		if out[id], err = json.Marshal(m); err != nil {
			return nil, fmt.Errorf("write event %d: %w", id, err)
		}
	}
	return out, nil
}

// messages gives what an endpoint is told of events, those that are there no more left
// out.
func (h *Hub) messages(ctx context.Context, e orderhub.Endpoint, ids []int64) (map[int64]Message, error) {
	events, err := h.store.EventsByIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	orders, err := h.feedOrders(ctx, events)
	if err != nil {
		return nil, err
	}
	out := map[int64]Message{}
	for _, ev := range events {
		o := orders[ev.OrderID]
		if o == nil {
			continue
		}
		if !e.Personal {
			o = o.impersonal()
		}
		out[ev.ID] = Message{"order." + string(ev.Kind), ev.At, feedEntry(ev, o, true)}
	}
	return out, nil
}

// impersonal leaves the buyer out, as Snapshot.Forget does.
func (o *FeedOrder) impersonal() *FeedOrder {
	out := *o
	out.Buyer, out.Comment, out.Shipping.Address = orderhub.Customer{}, "", ""
	return &out
}

func (h *Hub) attempt(ctx context.Context, e orderhub.Endpoint, d orderhub.Delivery, body []byte) tried {
	t := tried{Delivery: d}
	if body == nil {
		t.verdict, t.Error, t.Attempts = verdictRefused, "the event is there no more", refusals
		return t
	}
	status, excerpt, after, err := h.post(ctx, e, "event-"+strconv.FormatInt(d.EventID, 10), body)
	t.Status, t.Excerpt, t.after, t.Error = status, excerpt, after, ""
	switch {
	case err != nil:
		t.verdict, t.Error = verdictAway, Sentence(err)
	case status >= 200 && status < 300:
		t.verdict = verdictTaken
	case status == http.StatusGone:
		t.verdict, t.Error = verdictGone, "the receiver answered 410: it wants nothing any more"
	default:
		t.verdict, t.Error = verdictAway, "the receiver answered "+strconv.Itoa(status)
		switch status {
		case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
			t.verdict = verdictRefused
		}
	}
	return t
}

// maxExcerpt is how much of an answer is kept.
const maxExcerpt = 500

// post sends one signed message. Its errors hold no address.
func (h *Hub) post(ctx context.Context, e orderhub.Endpoint, id string, body []byte) (status int, excerpt string, after time.Duration, err error) {
	now := h.store.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return 0, "", 0, orderhub.Errorf(orderhub.CodeInvalid, "the address cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "orderhub")
	var keys []webhook.Key
	for _, s := range e.Secrets {
		key, err := webhook.ParseSecret(s.Secret)
		if err == nil && (s.Until.IsZero() || s.Until.After(now)) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return 0, "", 0, orderhub.Errorf(orderhub.CodeInvalid, "the endpoint has no usable secret")
	}
	if err := webhook.Sign(req.Header, keys[0], id, now, body, keys[1:]...); err != nil {
		return 0, "", 0, orderhub.Errorf(orderhub.CodeInvalid, "the message cannot be signed")
	}
	resp, err := h.outClient.Do(req)
	if err != nil {
		return 0, "", 0, orderhub.Errorf(orderhub.CodeUnavailable, "%s", whyNot(err))
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 16<<10))
	if len(answer) > maxExcerpt {
		answer = answer[:maxExcerpt]
	}
	return resp.StatusCode, text(string(answer)), notify.RetryAfter(resp.Header.Get("Retry-After"), now), nil
}

// whyNot says why no answer came, without the address.
func whyNot(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case notify.Forbidden(err):
		return "the address leads into a network that is not public; the operator allows such with --private-networks"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer came in time"
	default:
		return "no connection, or it broke off"
	}
}

// settleDeliveries writes what came of attempts, and what it says of the endpoint. What
// went to an address that the endpoint no longer has is sent again to the new one.
func (h *Hub) settleDeliveries(ctx context.Context, sentTo orderhub.Endpoint, list []tried, lease store.Lease) error {
	// What was sent was sent, even if the lane is to stop.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliverTimeout)
	defer cancel()
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(ctx, lease); err != nil {
			return err
		}
		e, err := tx.LockEndpoint(ctx, sentTo.ID)
		if orderhub.CodeOf(err) == orderhub.CodeNotFound {
			return nil
		}
		if err != nil || e.URL != sentTo.URL {
			return err
		}
		back := h.judge(&e, list)
		rows := make([]orderhub.Delivery, 0, len(list))
		for _, t := range list {
			rows = append(rows, h.settled(t))
		}
		if err := tx.SaveDeliveries(ctx, rows); err != nil {
			return err
		}
		if back {
			if err := tx.ReleaseDeliveries(ctx, e.ID, false); err != nil {
				return err
			}
		}
		return tx.SaveEndpoint(ctx, &e)
	})
}

// settled is a delivery after its attempt.
func (h *Hub) settled(t tried) orderhub.Delivery {
	d, now := t.Delivery, h.store.Now()
	d.Attempts++
	d.TriedAt = now
	if d.BeganAt.IsZero() {
		d.BeganAt = now
	}
	if t.verdict == verdictTaken {
		d.State, d.SettledAt, d.Error = orderhub.DeliveryDelivered, now, ""
		return d
	}
	d.NextAt = now.Add(max(h.pauseAfter(d.Attempts), t.after))
	if t.verdict == verdictPoison || (t.verdict == verdictRefused && d.Attempts >= refusals) || d.NextAt.Sub(d.BeganAt) > deliverFor {
		d.State, d.SettledAt = orderhub.DeliveryDead, now
	}
	return d
}

// judge decides what attempts say of the endpoint. back is true when its receiver was
// away for long and is there again.
func (h *Hub) judge(e *orderhub.Endpoint, list []tried) (back bool) {
	now := h.store.Now()
	is := func(v verdict) func(tried) bool { return func(t tried) bool { return t.verdict == v } }
	if i := slices.IndexFunc(list, is(verdictGone)); i >= 0 {
		e.State, e.Error = orderhub.EndpointStopped, list[i].Error
		return false
	}
	if slices.ContainsFunc(list, is(verdictTaken)) {
		e.DeliveredAt = now
	}
	i := slices.IndexFunc(list, is(verdictAway))
	if i < 0 {
		// Also one that refuses is there.
		back = !e.FailingSince.IsZero() && now.Sub(e.FailingSince) > awayFor
		e.Failures, e.FailingSince, e.NextAt, e.Error = 0, time.Time{}, time.Time{}, ""
		return back
	}
	if slices.ContainsFunc(list, is(verdictTaken)) {
		e.Failures, e.FailingSince = 0, time.Time{} // it was there a moment ago
	}
	if e.Failures++; e.FailingSince.IsZero() {
		e.FailingSince = now
	}
	e.NextAt, e.Error = now.Add(max(h.pauseAfter(e.Failures), list[i].after)), list[i].Error
	if now.Sub(e.FailingSince) > stopAfter {
		e.State = orderhub.EndpointStopped
	}
	return false
}
