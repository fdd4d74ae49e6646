package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
)

// Client talks to a hub as anybody would: by its REST API.
type Client struct {
	Base  string
	Token string
	HTTP  *http.Client
}

// Do calls the API. An answer that is not 2xx is a *api.Problem.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+"/api/v1"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	req.Header.Set("Content-Type", "application/json")
	hc := c.HTTP
	if hc == nil {
		hc = http.DefaultClient
	}
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode > 299 {
		p := &api.Problem{Status: resp.StatusCode}
		if json.Unmarshal(answer, p) != nil || p.Detail == "" {
			p.Detail = fmt.Sprintf("%s %s: HTTP %d", method, path, resp.StatusCode)
		}
		return p
	}
	if out == nil || len(answer) == 0 {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// Manager works the orders through the API: confirms, packs, ships, delivers
// what the shop delivers itself, cancels a few, and answers cancel requests.
// What a manager does next depends on the order alone, so a killed manager goes
// on where it was.
type Manager struct {
	client *Client
	sims   *Sims
	seed   uint64
	pause  time.Duration
	// cuts: units are taken out of some orders.
	cuts bool
	// until stops new work: orders are only finished.
	mu    sync.Mutex
	stats ManagerStats
}

// ManagerStats counts what the manager did.
type ManagerStats struct {
	Asked   int `json:"asked"`
	Refused int `json:"refused"`
	Cancels int `json:"cancels"`
	Cuts    int `json:"cuts"`
}

// NewManager makes a manager. sims may be nil when the buyers' codes are not
// needed.
func NewManager(c *Client, sims *Sims, seed uint64, pause time.Duration) *Manager {
	return &Manager{client: c, sims: sims, seed: seed, pause: pause}
}

// Stats tells what was done so far.
func (m *Manager) Stats() ManagerStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

// Run works until ctx ends.
func (m *Manager) Run(ctx context.Context) {
	for ctx.Err() == nil {
		_ = m.Round(ctx) // the hub may be away for a moment: the next round goes on
		select {
		case <-ctx.Done():
		case <-time.After(m.pause):
		}
	}
}

// workable are the statuses in which a manager may have something to do.
var workable = []orderhub.Status{
	orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped, orderhub.StatusReadyForPickup,
}

// Round looks at every order that may need work once.
func (m *Manager) Round(ctx context.Context) error {
	for _, status := range workable {
		cursor := ""
		for {
			var page api.OrderPage
			q := url.Values{"status": {string(status)}, "limit": {"200"}, "cursor": {cursor}}
			if err := m.client.Do(ctx, http.MethodGet, "/orders?"+q.Encode(), nil, &page); err != nil {
				return err
			}
			if err := m.workPage(ctx, page.Orders); err != nil {
				return err
			}
			if cursor = page.Cursor; cursor == "" {
				break
			}
		}
	}
	return nil
}

// workPage groups a page by what is to be asked for, and asks.
func (m *Manager) workPage(ctx context.Context, orders []api.OrderRow) error {
	groups := map[string][]int64{}
	for _, o := range orders {
		if o.Requested != "" || o.ReadOnly {
			continue
		}
		switch wish := m.wish(o); wish {
		case "":
		case "cancel":
			if err := m.cancel(ctx, o); err != nil {
				return err
			}
		case "cut":
			done, err := m.cut(ctx, o)
			if err != nil {
				return err
			}
			if done {
				wish = m.goOn(o)
				groups[wish] = append(groups[wish], o.Number)
			}
		case "code":
			if err := m.handOver(ctx, o); err != nil {
				return err
			}
		case "answer":
			if err := m.answer(ctx, o); err != nil {
				return err
			}
		default:
			groups[wish] = append(groups[wish], o.Number)
		}
	}
	for to, numbers := range groups {
		wish := map[string]any{"to": to, "numbers": numbers, "params": map[string]string{"whole_supply": "yes"}}
		var res struct {
			Outcomes []api.Outcome `json:"outcomes"`
		}
		if err := m.client.Do(ctx, http.MethodPost, "/transitions", wish, &res); err != nil {
			return err
		}
		m.count(res.Outcomes)
	}
	return nil
}

func (m *Manager) count(outcomes []api.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range outcomes {
		m.stats.Asked++
		if !o.OK {
			m.stats.Refused++
		}
	}
}

// wish is what the manager wants of an order: a status, "" for nothing, or one
// of the words that need more than a status.
func (m *Manager) wish(o api.OrderRow) string {
	for _, h := range o.Holds {
		switch h {
		case orderhub.HoldCancelRequest:
			return "answer"
		case orderhub.HoldArbitration, orderhub.HoldManual, orderhub.HoldConflict, orderhub.HoldShort:
			return ""
		case orderhub.HoldNotAccepted, orderhub.HoldShipFailed, orderhub.HoldUnmapped:
		}
	}
	seller := o.Scheme == orderhub.SchemeRFBS || o.Scheme == orderhub.SchemeDBS || o.Scheme == orderhub.SchemeSite
	switch o.Status {
	case orderhub.StatusNew:
		switch n := m.draw(o.Number); {
		case n < 0.04:
			return "cancel"
		case m.cuts && n < 0.12 && o.Units > 1 && o.Channel != "wildberries":
			return "cut"
		}
		return m.goOn(o)
	case orderhub.StatusConfirmed:
		return "packed"
	case orderhub.StatusPacked:
		if seller || o.Channel == "wildberries" {
			return "shipped"
		}
	case orderhub.StatusShipped, orderhub.StatusReadyForPickup:
		if o.Channel == "wildberries" && o.Scheme == orderhub.SchemeDBS {
			return "code"
		}
		if seller {
			return "delivered"
		}
	case orderhub.StatusUnknown, orderhub.StatusPending, orderhub.StatusDelivered, orderhub.StatusCancelled,
		orderhub.StatusPartiallyReturned, orderhub.StatusReturned:
	}
	return ""
}

// goOn is the first step of work on a new order.
func (m *Manager) goOn(o api.OrderRow) string {
	if o.Channel == "yandex_market" && o.Scheme != orderhub.SchemeDBS {
		return "packed" // confirmed on the way, it is local
	}
	return "confirmed"
}

// draw gives the order's own number between 0 and 1.
func (m *Manager) draw(number int64) float64 {
	return rand.New(rand.NewPCG(m.seed, uint64(number))).Float64()
}

// cancel cancels with the first reason that the channel takes.
func (m *Manager) cancel(ctx context.Context, o api.OrderRow) error {
	var card api.OrderCard
	if err := m.client.Do(ctx, http.MethodGet, fmt.Sprintf("/orders/%d", o.Number), nil, &card); err != nil {
		return err
	}
	reason := ""
	for _, n := range card.Next {
		if n.To == orderhub.StatusCancelled && len(n.Reasons) > 0 {
			reason = n.Reasons[0].Code
		}
	}
	m.mu.Lock()
	m.stats.Cancels++
	m.mu.Unlock()
	return m.ask(ctx, o.Number, map[string]any{"to": "cancelled", "reason": reason, "comment": "out of stock"})
}

// cut takes one unit out of an order that goes on without it. done = there is nothing
// to be done about that any more.
func (m *Manager) cut(ctx context.Context, o api.OrderRow) (done bool, err error) {
	var card api.OrderCard
	if err := m.client.Do(ctx, http.MethodGet, fmt.Sprintf("/orders/%d", o.Number), nil, &card); err != nil {
		return false, err
	}
	for _, e := range card.Effects {
		if e.Kind == orderhub.EffectCancelLines {
			return !e.State.IsOpen(), nil
		}
	}
	reason := ""
	for _, n := range card.Next {
		if n.To == orderhub.StatusCancelled && len(n.Reasons) > 0 {
			reason = n.Reasons[0].Code
		}
	}
	line := slices.IndexFunc(card.Lines, func(l api.LineView) bool { return l.Quantity > 0 })
	if line < 0 {
		return true, nil
	}
	m.mu.Lock()
	m.stats.Cuts++
	m.mu.Unlock()
	wish := map[string]any{"lines": []orderhub.LineUnits{{Line: line, Units: 1}}, "reason": reason, "comment": "one is broken"}
	err = m.client.Do(ctx, http.MethodPost, fmt.Sprintf("/orders/%d/cancel-lines", o.Number), wish, nil)
	if p, ok := err.(*api.Problem); ok && p.Status < 500 { //nolint:errorlint // Do returns a bare *api.Problem
		return true, m.refusedIsFine(err)
	}
	return false, m.refusedIsFine(err)
}

// handOver asks the buyer for the code and delivers.
func (m *Manager) handOver(ctx context.Context, o api.OrderRow) error {
	if m.sims == nil {
		return nil
	}
	code, err := m.sims.Wildberries.BuyerCode(o.ExternalID)
	if err != nil {
		return nil //nolint:nilerr // the buyer is not at home: the next round asks again
	}
	return m.ask(ctx, o.Number, map[string]any{"to": "delivered", "params": map[string]string{"code": code}})
}

func (m *Manager) ask(ctx context.Context, number int64, wish map[string]any) error {
	err := m.client.Do(ctx, http.MethodPost, fmt.Sprintf("/orders/%d/transitions", number), wish, nil)
	return m.refusedIsFine(err)
}

// answer accepts a cancel request of every second order.
func (m *Manager) answer(ctx context.Context, o api.OrderRow) error {
	wish := map[string]any{"accept": m.draw(o.Number) < 0.5, "reason": "ORDER_IN_DELIVERY"}
	return m.refusedIsFine(m.client.Do(ctx, http.MethodPost, fmt.Sprintf("/orders/%d/cancel-answer", o.Number), wish, nil))
}

// refusedIsFine counts refusals: orders move under a manager's hands.
func (m *Manager) refusedIsFine(err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stats.Asked++
	if p, ok := err.(*api.Problem); ok && p.Status < 500 { //nolint:errorlint // Do returns a bare *api.Problem
		m.stats.Refused++
		return nil
	}
	return err
}
