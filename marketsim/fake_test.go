package marketsim

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
)

// fakeMarket is a market in which buyer, courier and seller all act at once.
type fakeMarket struct {
	name orderhub.Channel
	// refusePay and refuseCancelUnpaid make it stubborn.
	refusePay, refuseCancelUnpaid bool

	mu     sync.Mutex
	orders []TruthOrder
	notify string
	acts   []string
}

func (m *fakeMarket) Channel() orderhub.Channel   { return m.name }
func (m *fakeMarket) Handler() http.Handler       { return http.NotFoundHandler() }
func (m *fakeMarket) Settings() map[string]string { return nil }
func (m *fakeMarket) Close()                      {}

func (m *fakeMarket) Notify(url string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notify = url
}

func (m *fakeMarket) Place(spec OrderSpec) ([]string, error) {
	if len(spec.Lines) == 0 {
		return nil, fmt.Errorf("no lines")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o := TruthOrder{ID: strconv.Itoa(len(m.orders) + 1), Headline: orderhub.StatusNew, Scheme: spec.Scheme}
	if spec.Pending {
		o.Headline = orderhub.StatusPending
	}
	for _, l := range spec.Lines {
		o.Units += l.Quantity
		o.TotalMinor += l.Quantity * l.PriceMinor
	}
	m.orders = append(m.orders, o)
	return []string{o.ID}, nil
}

func (m *fakeMarket) find(id string) *TruthOrder {
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 || n > len(m.orders) {
		return nil
	}
	return &m.orders[n-1]
}

func (m *fakeMarket) Act(id string, act BuyerAct) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return fmt.Errorf("no order %s", id)
	}
	to := orderhub.Status("")
	switch {
	case act == ActPay && o.Headline == orderhub.StatusPending && !m.refusePay:
		to = orderhub.StatusNew
	case act == ActCancel && o.Headline == orderhub.StatusPending && m.refuseCancelUnpaid:
	case act == ActCancel && !o.Headline.HandedOver() && !o.Headline.IsEnd():
		to = orderhub.StatusCancelled
	case act == ActRefuse && o.Headline == orderhub.StatusShipped:
		to = orderhub.StatusCancelled
	case act == ActReturn && o.Headline == orderhub.StatusDelivered:
		to = orderhub.StatusReturned
	}
	if to == "" {
		return fmt.Errorf("%s: order %s is %s", act, id, o.Headline)
	}
	m.acts = append(m.acts, fmt.Sprintf("%s %s", act, id))
	o.Headline = to
	return nil
}

// Progress plays the seller too: a step per call, up to delivered.
func (m *fakeMarket) Progress(id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.find(id)
	if o == nil {
		return false, fmt.Errorf("no order %s", id)
	}
	next := map[orderhub.Status]orderhub.Status{
		orderhub.StatusNew: orderhub.StatusConfirmed, orderhub.StatusConfirmed: orderhub.StatusPacked,
		orderhub.StatusPacked: orderhub.StatusShipped, orderhub.StatusShipped: orderhub.StatusDelivered,
	}[o.Headline]
	if next == "" {
		return false, nil
	}
	o.Headline = next
	return true, nil
}

func (m *fakeMarket) Truth() []TruthOrder {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]TruthOrder(nil), m.orders...)
}

// fakeClock moves only when somebody sleeps.
type fakeClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *fakeClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
