package pipeline

import (
	"context"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/webhook"
)

// secretOverlap is how long an old secret still signs after a new one was made.
const secretOverlap = 24 * time.Hour

// maxSecretOverlap is the longest that can be asked for, maxSecrets how many sign.
const (
	maxSecretOverlap = 7 * 24 * time.Hour
	maxSecrets       = 3
)

// maxEndpoints is how many endpoints a hub may have.
const maxEndpoints = 50

// AddEndpoint adds an endpoint; its secret is told now and never again.
func (h *Hub) AddEndpoint(ctx context.Context, e orderhub.Endpoint) (orderhub.Endpoint, string, error) {
	e.ID, e.State = 0, orderhub.EndpointActive
	if err := h.checkEndpoint(ctx, &e); err != nil {
		return e, "", err
	}
	secret := webhook.NewSecret()
	e.Secrets = []orderhub.EndpointSecret{{Secret: secret}}
	err := h.store.InTx(ctx, func(tx *store.Tx) error {
		have, err := tx.Endpoints(ctx)
		if err != nil {
			return err
		}
		if len(have) >= maxEndpoints {
			return orderhub.Errorf(orderhub.CodeRefused, "there are %d endpoints already; remove one first", len(have))
		}
		fresh := e
		if err := tx.SaveEndpoint(ctx, &fresh); err != nil {
			return err
		}
		e = fresh
		return nil
	})
	return e, secret, err
}

// ChangeEndpoint changes name, address, filter or state of an endpoint. One that is
// switched on again is told everything that waits, as if it had not been tried.
func (h *Hub) ChangeEndpoint(ctx context.Context, id int64, change func(e *orderhub.Endpoint)) (orderhub.Endpoint, error) {
	before, err := h.store.Endpoint(ctx, id)
	if err != nil {
		return before, err
	}
	checked := before
	change(&checked)
	if err := h.checkEndpoint(ctx, &checked); err != nil {
		return before, err
	}
	var out orderhub.Endpoint
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		e, err := tx.LockEndpoint(ctx, id)
		if err != nil {
			return err
		}
		woken := checked.State == orderhub.EndpointActive && (e.State != orderhub.EndpointActive || checked.URL != e.URL)
		e.Name, e.URL, e.State, e.Filter, e.Personal = checked.Name, checked.URL, checked.State, checked.Filter, checked.Personal
		if woken {
			e.Failures, e.FailingSince, e.NextAt, e.Error = 0, time.Time{}, time.Time{}, ""
			if err := tx.ReleaseDeliveries(ctx, id, true); err != nil {
				return err
			}
		}
		if err := tx.SaveEndpoint(ctx, &e); err != nil {
			return err
		}
		out = e
		return h.jobs.Ring(ctx, tx, endpointLane(id))
	})
	return out, err
}

// RemoveEndpoint ends an endpoint and forgets what it was and is to be told.
func (h *Hub) RemoveEndpoint(ctx context.Context, id int64) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		e, err := tx.LockEndpoint(ctx, id)
		if err != nil {
			return err
		}
		return tx.RemoveEndpoint(ctx, e)
	})
}

// RotateEndpointSecret makes a new secret, which is told now and never again. The old
// one signs beside it for a while; 0 = a day.
func (h *Hub) RotateEndpointSecret(ctx context.Context, id int64, overlap time.Duration) (e orderhub.Endpoint, secret string, err error) {
	if overlap == 0 {
		overlap = secretOverlap
	}
	if overlap < 0 || overlap > maxSecretOverlap {
		return e, "", orderhub.InvalidField("overlap_hours", "want 1 to %d", int(maxSecretOverlap.Hours()))
	}
	secret = webhook.NewSecret()
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		if e, err = tx.LockEndpoint(ctx, id); err != nil {
			return err
		}
		now := h.store.Now()
		secrets := []orderhub.EndpointSecret{{Secret: secret}}
		for i, s := range e.Secrets {
			if i == 0 {
				s.Until = now.Add(overlap)
			}
			if s.Until.After(now) && len(secrets) < maxSecrets {
				secrets = append(secrets, s)
			}
		}
		e.Secrets = secrets
		return tx.SaveEndpoint(ctx, &e)
	})
	return e, secret, err
}

func (h *Hub) checkEndpoint(ctx context.Context, e *orderhub.Endpoint) error {
	var err error
	if e.Name, err = checkName(e.Name); err != nil {
		return err
	}
	e.URL = strings.TrimSpace(e.URL)
	if err := h.outward.CheckURL(e.URL); err != nil {
		return err
	}
	switch e.State {
	case orderhub.EndpointActive, orderhub.EndpointPaused:
	case orderhub.EndpointStopped, orderhub.EndpointRemoved:
		if e.State == orderhub.EndpointRemoved {
			return orderhub.InvalidField("state", "want active or paused")
		}
	default:
		return orderhub.InvalidField("state", "%.20q is not known; allowed: active, paused", clean(string(e.State)))
	}
	return h.checkEventFilter(ctx, e.Filter)
}

// DeliveryMessage reads a delivery and what its endpoint would be told if it were sent
// now, nil = the event is there no more. What was sent is not kept.
func (h *Hub) DeliveryMessage(ctx context.Context, endpointID, id int64) (d orderhub.Delivery, m *Message, err error) {
	e, err := h.store.Endpoint(ctx, endpointID)
	if err != nil {
		return d, nil, err
	}
	if d, err = h.store.Delivery(ctx, endpointID, id); err != nil {
		return d, nil, err
	}
	messages, err := h.messages(ctx, e, []int64{d.EventID})
	if message, ok := messages[d.EventID]; ok {
		m = &message
	}
	return d, m, err
}

// RedeliverOne sends a delivery again that was settled.
func (h *Hub) RedeliverOne(ctx context.Context, endpointID, id int64) error {
	n, err := h.redeliver(ctx, endpointID, id)
	if err == nil && n == 0 {
		return orderhub.Errorf(orderhub.CodeNotFound, "endpoint %d has no settled delivery %d", endpointID, id)
	}
	return err
}

// RedeliverDead sends all dead deliveries of an endpoint again, and tells how many.
func (h *Hub) RedeliverDead(ctx context.Context, endpointID int64) (int64, error) {
	return h.redeliver(ctx, endpointID, 0)
}

func (h *Hub) redeliver(ctx context.Context, endpointID, id int64) (n int64, err error) {
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.LockEndpoint(ctx, endpointID); err != nil {
			return err
		}
		if n, err = tx.Redeliver(ctx, endpointID, id); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, endpointLane(endpointID))
	})
	return n, err
}

// fanStep is how many events become deliveries in one transaction.
const fanStep = 2000

// RedeliverSince sends an endpoint everything again that happened since a moment,
// what it has had and what was before its time alike. It tells how many.
func (h *Hub) RedeliverSince(ctx context.Context, endpointID int64, since time.Time) (int64, error) {
	if since.IsZero() || since.After(h.store.Now()) {
		return 0, orderhub.InvalidField("since", "want a moment that is over")
	}
	if _, err := h.store.Endpoint(ctx, endpointID); err != nil {
		return 0, err
	}
	from, err := h.store.EventBefore(ctx, since)
	if err != nil {
		return 0, err
	}
	total := int64(0)
	for over := false; !over; from += fanStep {
		n := int64(0)
		err := h.store.InTx(ctx, func(tx *store.Tx) error {
			// What is behind the reader it will tell by itself.
			last, err := tx.HoldWebhookCursor(ctx)
			if err != nil {
				return err
			}
			e, err := tx.LockEndpoint(ctx, endpointID)
			if err != nil {
				return err
			}
			over = from+fanStep >= last
			if n, err = tx.FanOut(ctx, e, from, min(from+fanStep, last), true); err != nil {
				return err
			}
			return h.jobs.Ring(ctx, tx, endpointLane(endpointID))
		})
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}
