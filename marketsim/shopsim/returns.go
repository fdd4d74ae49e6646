package shopsim

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

var _ marketsim.Returning = (*Market)(nil)

// giveback is goods that come back, in the shop's books. Guarded by the market's
// lock.
type giveback struct {
	id          string
	o           *order
	kind        orderhub.ReturnKind
	state       string // the shop's word
	version     int64
	reason      string
	comment     string
	refundMinor int64
	// lines are of the order, with the units that come back; at is their place in it.
	lines     []marketsim.SpecLine
	at        []int
	openedAt  time.Time
	updatedAt time.Time
}

// The shop's words for the states of a return.
const (
	backAnnounced = "announced"
	backOnTheWay  = "on_the_way"
	backAtPickup  = "at_pickup"
	backReceived  = "received"
	backWithdrawn = "withdrawn"
)

func (g *giveback) over() bool { return g.state == backReceived || g.state == backWithdrawn }

// luck is a number of the return's own, the same in every run.
func (g *giveback) luck(seed uint64) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, seed, g.id)
	return h.Sum64() >> 20
}

// worth is the value of the goods.
func (g *giveback) worth() int64 {
	sum := int64(0)
	for _, l := range g.lines {
		sum += l.Quantity * l.PriceMinor
	}
	return sum
}

// openReturn opens a return of what the buyer still has, and tells of it; false
// when there is nothing, or one is open. The caller holds the lock.
func (m *Market) openReturn(o *order, refused bool) bool {
	left := make([]int64, len(o.lines))
	for i, l := range o.lines {
		left[i] = l.Quantity
	}
	n := 1
	for _, g := range m.backs {
		if g.o != o {
			continue
		}
		if !g.over() {
			return false
		}
		n++
		if g.state == backReceived {
			for i, l := range g.lines {
				left[g.at[i]] -= l.Quantity
			}
		}
	}
	now := m.opts.Now().UTC()
	g := &giveback{id: fmt.Sprintf("R-%s-%d", o.id, n), o: o, version: 1, openedAt: now, updatedAt: now}
	luck := g.luck(m.opts.Seed)
	units := int64(0)
	for _, n := range left {
		units += n
	}
	one := !refused && units > 1 && luck%2 == 0 // just one of them comes back
	for i, n := range left {
		if n == 0 {
			continue
		}
		if one {
			n = 1
		}
		l := o.lines[i]
		l.Quantity = n
		g.lines, g.at = append(g.lines, l), append(g.at, i)
		if one {
			break
		}
	}
	switch {
	case units == 0:
		return false
	case refused:
		g.kind, g.state, g.reason = orderhub.ReturnRefused, backOnTheWay, o.reason
		if o.paid {
			g.refundMinor = g.worth()
		}
	case luck/2%3 == 0:
		g.kind, g.state, g.reason, g.comment = orderhub.ReturnDefect, backAnnounced, "Брак", "Пришло с трещиной,\nфото в письме"
	default:
		g.kind, g.state, g.reason = orderhub.ReturnCustomer, backAnnounced, "Не подошло"
	}
	m.backs = append(m.backs, g)
	m.out.add(m.returnMessage("return.created", g))
	return true
}

// ProgressReturn lets the shop's couriers bring the goods, and the shop give the
// money back when it has them. One buyer in eight keeps the goods after all.
func (m *Market) ProgressReturn(id string) (moved bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var g *giveback
	for _, x := range m.backs {
		if x.id == id {
			g = x
		}
	}
	if g == nil {
		return false, fmt.Errorf("progress: no return %s", id)
	}
	if g.over() {
		return false, nil
	}
	luck := g.luck(m.opts.Seed)
	switch {
	case g.state == backAnnounced && luck/8%8 == 0:
		g.state = backWithdrawn
	case g.state == backAnnounced:
		g.state = backOnTheWay
	case g.state == backOnTheWay && luck/64%2 == 0:
		g.state = backAtPickup
	default:
		g.state = backReceived
		if g.kind != orderhub.ReturnRefused {
			g.refundMinor = g.worth()
		}
	}
	g.version, g.updatedAt = g.version+1, m.opts.Now().UTC()
	m.out.add(m.returnMessage("return.updated", g))
	if g.state == backReceived && g.kind != orderhub.ReturnRefused {
		// The shop's own word for an order whose goods came back; that of a refused
		// one is cancelled already.
		m.change(g.o, m.afterReturn(g.o))
		m.out.add(m.message("order.updated", g.o))
	}
	return true, nil
}

// afterReturn is the status of an order by what came back of it.
func (m *Market) afterReturn(o *order) string {
	units := int64(0)
	for _, l := range o.lines {
		units += l.Quantity
	}
	for _, g := range m.backs {
		if g.o == o && g.state == backReceived {
			for _, l := range g.lines {
				units -= l.Quantity
			}
		}
	}
	if units > 0 {
		return "partially_returned"
	}
	return "returned"
}

// Returns lists what the shop believes.
func (m *Market) Returns() []marketsim.TruthReturn {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]marketsim.TruthReturn, 0, len(m.backs))
	for _, g := range m.backs {
		t := marketsim.TruthReturn{
			ID: g.id, Order: g.o.id, Kind: g.kind, State: returnState(g.state), Units: map[string]int64{},
			RefundMinor: g.refundMinor, OpenedAt: g.openedAt,
		}
		for _, l := range g.lines {
			t.Units[l.SKU] += l.Quantity
		}
		out = append(out, t)
	}
	return out
}

// returnState is written down here independently of the adapter.
func returnState(word string) orderhub.ReturnState {
	if word == backWithdrawn {
		return orderhub.ReturnClosed
	}
	return orderhub.ReturnState(word) // the hub's own words
}

type wireReturn struct {
	ID        string           `json:"id"`
	OrderID   string           `json:"order_id"`
	Version   int64            `json:"version"`
	Kind      string           `json:"kind"`
	State     string           `json:"state"`
	Reason    string           `json:"reason"`
	Comment   string           `json:"comment,omitempty"`
	Currency  string           `json:"currency"`
	Refund    string           `json:"refund,omitempty"`
	OpenedAt  time.Time        `json:"opened_at"`
	UpdatedAt time.Time        `json:"updated_at"`
	Lines     []wireReturnLine `json:"lines"`
}

type wireReturnLine struct {
	ID       string `json:"id"`
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
	Price    string `json:"price"`
}

// returnMessage writes the return as it is now; the caller holds the lock.
func (m *Market) returnMessage(event string, g *giveback) *message {
	w := wireReturn{
		ID: g.id, OrderID: g.o.id, Version: g.version, Kind: string(g.kind), State: g.state, Reason: g.reason, Comment: g.comment,
		Currency: "RUB", OpenedAt: g.openedAt, UpdatedAt: g.updatedAt,
	}
	if g.refundMinor > 0 {
		w.Refund = decimal(g.refundMinor)
	}
	for i, l := range g.lines {
		w.Lines = append(w.Lines, wireReturnLine{ID: strconv.Itoa(g.at[i] + 1), SKU: l.SKU, Quantity: l.Quantity, Price: decimal(l.PriceMinor)})
	}
	body := map[string]any{"return": w}
	if m.opts.Mode == ModeWebhook {
		body = map[string]any{"type": event, "timestamp": g.updatedAt, "data": body}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("shopsim: write return: %v", err)) // our own types
	}
	return &message{id: fmt.Sprintf("shop-%d-%s-%d", m.opts.Seed, g.id, g.version), body: raw}
}
