package yandexsim

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// sellerMoves are the transitions that a seller may cause. An order goes from a
// row's status (and substatus, when the row names one) to the row's target; the
// first substatus of a row is what a call without one gets, except that a
// cancellation must name its reason.
var sellerMoves = []sellerMove{
	{packs, stProcess, subStarted, stProcess, []substatus{subReady}},
	{packs, stProcess, subStarted, stCancelled, []substatus{subShopFailed}},
	{packs, stProcess, subReady, stCancelled, []substatus{subShopFailed}},
	{delivers, stProcess, "", stDelivery, []substatus{subServiceGot}},
	// The documents speak of orders for a pick-up point; what others get is not
	// told, so they may too.
	{delivers, stDelivery, "", stPickup, []substatus{subPickupGot}},
	{delivers, stDelivery, "", stDelivered, []substatus{subDelivered}},
	{delivers, stPickup, "", stDelivered, []substatus{subDelivered}},
	{delivers, stProcess, "", stCancelled, []substatus{subShopFailed, subChangedMind, subUnreachable, subWrongData}},
	{delivers, stDelivery, "", stCancelled, []substatus{subShopFailed, subChangedMind, subUnreachable}},
	{delivers, stPickup, "", stCancelled, []substatus{subShopFailed, subChangedMind, subUnreachable, subPickupExpired}},
}

var (
	packs    = []program{programFBS, programExpress}
	delivers = []program{programDBS}
)

type sellerMove struct {
	programs []program
	from     status
	fromSub  substatus // "" = any
	to       status
	subs     []substatus
}

// settable are the statuses that may be sent at all.
var settable = []status{stProcess, stCancelled, stDelivery, stPickup, stDelivered}

// dbsChain is the order of a DBS order's statuses; skipping one is its own error.
var dbsChain = []status{stProcess, stDelivery, stPickup, stDelivered}

type wish struct {
	to   status
	sub  substatus
	real string // realDeliveryDate, "" = today
}

// sell moves an order as the seller wishes, or says why not. Call it with the
// lock held.
func (m *Market) sell(o *order, w wish, now time.Time) *apiError {
	s := o.now()
	if !slices.Contains(settable, w.to) {
		return refuse("Status not allowed: %s", w.to)
	}
	if o.shop.program == programFBY {
		return refuse("Status change was forbidden for client role = SHOP")
	}
	if w.to == s.status && (w.sub == "" || w.sub == s.sub) && s.sub != subStarted {
		if m.opts.RepeatOK {
			return nil
		}
		return refuse("Transition %s -> %s is not allowed. Reason: order %d already is in %s %s", s.status, w.to, o.id, s.status, s.sub)
	}
	sub, fail := allowed(o, &s, w)
	if fail != nil {
		return fail
	}
	if fail := checkRealDate(o, w, now); fail != nil {
		return fail
	}
	if sub == subReady && !s.codesGood(now, m.checkTime()) {
		return refuse("No permission to set status %s and substatus %s for order %d with status %s and substatus %s by reason: cises not loaded",
			w.to, sub, o.id, s.status, s.sub)
	}
	if w.to == stPickup || w.to == stDelivered {
		s.realDelivery = w.real
		if w.real == "" {
			s.realDelivery = wireDate(now)
		}
	}
	m.move(o, s, w.to, sub, now)
	what := "status"
	if w.to == stCancelled {
		what = "cancel"
	}
	o.did(now, headline(w.to, sub), what)
	return nil
}

// did records a seller's call that had an effect.
func (o *order) did(at time.Time, to orderhub.Status, what string) {
	o.calls = append(o.calls, marketsim.Call{At: at, To: to, What: what})
}

func allowed(o *order, s *state, w wish) (substatus, *apiError) {
	var row *sellerMove
	for i, r := range sellerMoves {
		if slices.Contains(r.programs, o.shop.program) && r.from == s.status && (r.fromSub == "" || r.fromSub == s.sub) && r.to == w.to {
			row = &sellerMoves[i]
			break
		}
	}
	if row == nil {
		from, to := slices.Index(dbsChain, s.status), slices.Index(dbsChain, w.to)
		if o.shop.program == programDBS && from >= 0 && to > from {
			return "", refuse("No transition found: %s -> %s", s.status, w.to)
		}
		return "", refuse("No permission to set status %s for order %d with status %s", w.to, o.id, s.status)
	}
	switch {
	case w.to == stCancelled && w.sub == subUnreachable && slices.Contains(row.subs, w.sub):
		// The simulated shop has no telephone.
		return "", refuse("Transition %s -> %s is not allowed. Reason: order %d has too few calls to the buyer for %s", s.status, w.to, o.id, w.sub)
	case w.to == stCancelled && !slices.Contains(row.subs, w.sub):
		return "", refuse("Cancellation request substatus %s is not available for status %s and role SHOP for order %d", orNull(w.sub), s.status, o.id)
	case w.to == stProcess && w.sub == "":
		return "", refuse("No permission to set status %s for order %d with status %s", w.to, o.id, s.status)
	case w.sub == "":
		return row.subs[0], nil
	case !slices.Contains(row.subs, w.sub):
		return "", refuse("No permission to set status %s and substatus %s for order %d with status %s and substatus %s", w.to, w.sub, o.id, s.status, s.sub)
	}
	return w.sub, nil
}

func orNull(s substatus) string {
	if s == "" {
		return "null"
	}
	return string(s)
}

// checkRealDate: only with PICKUP and DELIVERED, never in the future and not
// before the order.
func checkRealDate(o *order, w wish, now time.Time) *apiError {
	if w.real == "" {
		return nil
	}
	date, err := time.ParseInLocation(time.DateOnly, w.real, moscow)
	switch {
	case err != nil:
		return refuse("Illegal input at 'order.delivery.dates.realDeliveryDate'")
	case w.to != stPickup && w.to != stDelivered:
		return refuse("Transition to %s is not allowed. Reason: realDeliveryDate goes only with PICKUP and DELIVERED", w.to)
	case date.After(now):
		return refuse("Delivery date %s can't be in the future", w.real)
	case date.Before(midnight(o.created)):
		return refuse("Real delivery date should be from order creation date to current date inclusively")
	}
	return nil
}

// putStatus: PUT /v2/campaigns/{campaignId}/orders/{orderId}/status.
func (m *Market) putStatus(c *call) (any, *apiError) {
	var body struct {
		Order *struct {
			Status    status    `json:"status"`
			Substatus substatus `json:"substatus"`
			Delivery  struct {
				Dates struct {
					Real string `json:"realDeliveryDate"`
				} `json:"dates"`
			} `json:"delivery"`
		} `json:"order"`
	}
	if fail := c.decode(&body); fail != nil {
		return nil, fail
	}
	if body.Order == nil || body.Order.Status == "" {
		return nil, refuse("order.status must not be null (rejected value: null)")
	}
	if !slices.Contains(knownStatuses, string(body.Order.Status)) {
		return nil, refuse("Illegal input at 'order.status'")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	o, _, fail := c.order(now)
	if fail != nil {
		return nil, fail
	}
	if fail := m.sell(o, wish{body.Order.Status, body.Order.Substatus, body.Order.Delivery.Dates.Real}, now); fail != nil {
		return nil, fail
	}
	return map[string]any{"order": renderLegacy(view{o, o.history.Now()})}, nil
}

const batchRows = 30

type rowDTO struct {
	ID           int64     `json:"id"`
	Status       status    `json:"status,omitempty"`
	Substatus    substatus `json:"substatus,omitempty"`
	UpdateStatus string    `json:"updateStatus"`
	ErrorDetails string    `json:"errorDetails,omitempty"`
}

// updateStatuses: POST /v2/campaigns/{campaignId}/orders/status-update. The
// answer is 200 whatever the rows say.
func (m *Market) updateStatuses(c *call) (any, *apiError) {
	var body struct {
		Orders []struct {
			ID        int64     `json:"id"`
			Status    status    `json:"status"`
			Substatus substatus `json:"substatus"`
		} `json:"orders"`
	}
	if fail := c.decode(&body); fail != nil {
		return nil, fail
	}
	if n := len(body.Orders); n < 1 || n > batchRows {
		return nil, refuse("orders size must be between 1 and %d (rejected size: %d)", batchRows, n)
	}
	for i, row := range body.Orders {
		if !slices.Contains(knownStatuses, string(row.Status)) {
			return nil, refuse("Illegal input at 'orders[%d].status'", i)
		}
	}
	if fail := c.charge(len(body.Orders)); fail != nil {
		return nil, fail
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	rows := make([]rowDTO, 0, len(body.Orders))
	for _, want := range body.Orders {
		rows = append(rows, m.updateRow(c, want.ID, wish{to: want.Status, sub: want.Substatus}, now))
	}
	return okResult(map[string]any{"orders": rows}), nil
}

func (m *Market) updateRow(c *call, id int64, w wish, now time.Time) rowDTO {
	row := rowDTO{ID: id, UpdateStatus: "ERROR"}
	o := m.books.get(id)
	if o == nil || o.shop.id != c.shop.id {
		row.ErrorDetails = fmt.Sprintf("Order not found: %d", id)
		return row
	}
	fail := &apiError{http.StatusInternalServerError, "", fmt.Sprintf("Failed to update order %d: internal error", id)}
	if !m.inject.RowFails("status-update") {
		fail = m.sell(o, w, now)
	}
	s := o.history.Now()
	row.Status, row.Substatus = s.status, s.sub
	if fail != nil {
		row.ErrorDetails = fail.message
		return row
	}
	row.UpdateStatus = "OK"
	return row
}
