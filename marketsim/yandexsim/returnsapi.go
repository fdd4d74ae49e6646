package yandexsim

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

const returnsPerPage = 100

// returnFilter is the query of the list.
type returnFilter struct {
	Type      string
	Refunds   []string
	Shipments []string
	Orders    []int64
	From, To  string // days of the last change, both included
	from, to  time.Time
}

var (
	knownRefunds = strings.Fields(`STARTED_BY_USER REFUND_IN_PROGRESS REFUNDED FAILED WAITING_FOR_DECISION DECISION_MADE
		REFUNDED_WITH_BONUSES REFUNDED_BY_SHOP CANCELLED REJECTED COMPLETE_WITHOUT_REFUND PREMODERATION_DISPUTE
		PREMODERATION_DECISION_WAITING PREMODERATION_DECISION_MADE PREMODERATION_SELECT_DELIVERY UNKNOWN`)
	knownShipments = strings.Fields(`CREATED RECEIVED IN_TRANSIT READY_FOR_PICKUP PICKED LOST EXPIRED CANCELLED
		FULFILMENT_RECEIVED PREPARED_FOR_UTILIZATION NOT_IN_DEMAND UTILIZED READY_FOR_EXPROPRIATION
		RECEIVED_FOR_EXPROPRIATION UNKNOWN`)
)

// returnFilter reads the query. from_date and to_date are gone since 2026-10-12
// and pass unseen.
func (c *call) returnFilter() (f returnFilter, fail *apiError) {
	q := c.r.URL.Query()
	f = returnFilter{Type: q.Get("type"), From: q.Get("fromDate"), To: q.Get("toDate")}
	if f.Type != "" && f.Type != "RETURN" && f.Type != "UNREDEEMED" {
		return f, refuse("Type mismatch: %s", f.Type)
	}
	if f.Refunds, fail = words(strings.Join(q["statuses"], ","), knownRefunds); fail != nil {
		return f, fail
	}
	if f.Shipments, fail = words(strings.Join(q["shipmentStatuses"], ","), knownShipments); fail != nil {
		return f, fail
	}
	ids, _ := words(strings.Join(q["orderIds"], ","), nil)
	for _, text := range ids {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return f, refuse("Type mismatch: %s", text)
		}
		f.Orders = append(f.Orders, id)
	}
	if len(f.Orders) > 50 {
		return f, refuse("orderIds size must be between 0 and 50 (rejected size: %d)", len(f.Orders))
	}
	for _, d := range []struct {
		text string
		into *time.Time
	}{{f.From, &f.from}, {f.To, &f.to}} {
		if d.text == "" {
			continue
		}
		t, err := time.ParseInLocation(time.DateOnly, d.text, moscow)
		if err != nil {
			return f, refuse("Type mismatch: %s", d.text)
		}
		*d.into = t
	}
	if !f.to.IsZero() {
		f.to = f.to.AddDate(0, 0, 1)
	}
	return f, nil
}

// words splits a list in the query; known nil = anything goes.
func words(list string, known []string) ([]string, *apiError) {
	if list == "" {
		return nil, nil
	}
	out := strings.Split(list, ",")
	for _, w := range out {
		if known != nil && !slices.Contains(known, w) {
			return nil, refuse("Type mismatch: %s", w)
		}
	}
	return out, nil
}

func (f *returnFilter) matches(b *giveback, s *backState) bool {
	return (f.Type == "" || f.Type == b.returnType()) && allows(f.Refunds, string(s.refund)) &&
		allows(f.Shipments, string(s.shipment)) && allows(f.Orders, b.o.id) && within(s.updated, f.from, f.to)
}

// listReturns: GET /v2/campaigns/{campaignId}/returns (getReturns), by id.
func (m *Market) listReturns(c *call) (any, *apiError) {
	f, fail := c.returnFilter()
	if fail != nil {
		return nil, fail
	}
	limit, fail := c.limit(returnsPerPage)
	if fail != nil {
		return nil, fail
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	mark := fingerprint(c.r.URL.Path, limit, f)
	after, fail := m.openToken(c, mark, now)
	if fail != nil {
		return nil, fail
	}
	asOf := m.inject.ReplicaTime(now, "returns")
	list, paging := []returnDTO{}, map[string]any{}
	for _, b := range m.backs[min(max(0, after-firstReturn), int64(len(m.backs))):] {
		s, ok := b.history.At(asOf)
		if !ok || b.o.shop.id != c.shop.id || !f.matches(b, s) {
			continue
		}
		if len(list) == limit {
			paging["nextPageToken"] = m.newToken(list[len(list)-1].ID, mark, now)
			break
		}
		list = append(list, renderReturn(b, s))
	}
	return okResult(map[string]any{"returns": list, "paging": paging}), nil
}

// findReturn is the return of an id in a shop, as of a moment. Call it with the
// lock held.
func (m *Market) findReturn(shop, id int64, asOf time.Time) (*giveback, backState, *apiError) {
	if b := m.back(id); b != nil && b.o.shop.id == shop {
		if s, ok := b.history.At(asOf); ok {
			return b, *s, nil
		}
	}
	return nil, backState{}, notFound("Return not found: returnId = %d", id)
}

// giveback finds the return of the path.
func (c *call) giveback(asOf time.Time) (*giveback, backState, *apiError) {
	o, _, fail := c.order(asOf)
	if fail != nil {
		return nil, backState{}, fail
	}
	text := c.r.PathValue("returnId")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, backState{}, refuse("Type mismatch: %s", text)
	}
	b, s, fail := c.m.findReturn(c.shop.id, id, asOf)
	if fail == nil && b.o != o {
		return nil, backState{}, notFound("Return not found: returnId = %d", id)
	}
	return b, s, fail
}

// getReturn: GET .../orders/{orderId}/returns/{returnId}.
func (m *Market) getReturn(c *call) (any, *apiError) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, s, fail := c.giveback(m.inject.ReplicaTime(m.tick(), "return"))
	if fail != nil {
		return nil, fail
	}
	return okResult(renderReturn(b, &s)), nil
}

// offerDTO is ReturnAvailableDecisionDTO.
type offerDTO struct {
	Decision decision   `json:"decisionType"`
	Reasons  []string   `json:"decisionReasonTypes,omitempty"`
	Bounds   *boundsDTO `json:"partialCompensationBounds,omitempty"`
}

type boundsDTO struct {
	Min     money `json:"minAmount"`
	Max     money `json:"maxAmount"`
	Percent int64 `json:"maxPercent"`
}

const (
	partialPercent       = 50
	partialFrom    int64 = 10_000
)

var declineReasons = []string{"ISSUE_WITH_THE_PRODUCT_WAS_NOT_CONFIRMED", "MECHANICAL_DAMAGE", "PRODUCT_APPEARANCE_COMPROMISED"}

// offers are the decisions that the seller may make now.
func (b *giveback) offers(s *backState) []offerDTO {
	out := []offerDTO{}
	if !s.waits() {
		return out
	}
	out = append(out, offerDTO{Decision: deRefund}, offerDTO{Decision: deFast}, offerDTO{Decision: deDecline, Reasons: declineReasons})
	if half := b.money(s) * partialPercent / 100; half >= partialFrom {
		out = append(out, offerDTO{Decision: dePartial, Bounds: &boundsDTO{roubles(partialFrom), roubles(half), partialPercent}})
	}
	if b.o.shop.program == programDBS {
		for _, d := range []decision{deShipping, deRepair, deReplace, deExamine, deOther} {
			out = append(out, offerDTO{Decision: d})
		}
	}
	return out
}

// listDecisions: POST /v1/businesses/{businessId}/returns/decisions
// (getReturnAvailableDecisions).
func (m *Market) listDecisions(c *call) (any, *apiError) {
	var body struct {
		Campaign *int64 `json:"campaignId"`
		Return   *int64 `json:"returnId"`
	}
	if fail := c.decode(&body); fail != nil {
		return nil, fail
	}
	switch {
	case body.Campaign == nil:
		return nil, refuse("campaignId must not be null (rejected value: null)")
	case body.Return == nil:
		return nil, refuse("returnId must not be null (rejected value: null)")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b, s, fail := m.findReturn(*body.Campaign, *body.Return, m.inject.ReplicaTime(m.tick(), "decisions"))
	if fail != nil {
		return nil, fail
	}
	return okResult(map[string]any{"availableDecisions": b.offers(&s)}), nil
}

// wantedDecision is ReturnItemDecisionDTO.
type wantedDecision struct {
	Item         int64    `json:"returnItemId"`
	Decision     decision `json:"decisionType"`
	Reason       string   `json:"decisionReasonType"`
	Comment      string   `json:"comment"`
	Compensation *struct {
		Value    jsonKopecks `json:"value"`
		Currency string      `json:"currencyId"`
	} `json:"compensation"`
}

// submitDecision: POST .../returns/{returnId}/decision/submit.
func (m *Market) submitDecision(c *call) (any, *apiError) {
	var body struct {
		Decisions []wantedDecision `json:"returnItemDecisions"`
	}
	if fail := c.decode(&body); fail != nil {
		return nil, fail
	}
	if len(body.Decisions) == 0 {
		return nil, refuse("returnItemDecisions must not be empty (rejected value: [])")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.tick()
	b, s, fail := c.giveback(now)
	if fail != nil {
		return nil, fail
	}
	if !s.waits() {
		return nil, refuse("Return %d does not wait for a decision (status: %s)", b.id, s.refund)
	}
	verdicts := map[int64]verdict{}
	for _, d := range body.Decisions {
		v, fail := b.verdict(&s, d)
		if fail != nil {
			return nil, fail
		}
		verdicts[d.Item] = v
	}
	if len(verdicts) != len(b.items) {
		return nil, refuse("Decisions for %d of %d items of return %d", len(verdicts), len(b.items), b.id)
	}
	m.decide(b, s, verdicts, now)
	b.answers = append(b.answers, marketsim.Call{At: now, What: string(body.Decisions[0].Decision)})
	return okEmpty(), nil
}

// verdict checks the decision about one position.
func (b *giveback) verdict(s *backState, d wantedDecision) (verdict, *apiError) {
	i := slices.IndexFunc(b.items, func(it backItem) bool { return it.id == d.Item })
	if i < 0 {
		return verdict{}, refuse("Return item %d not found in return %d", d.Item, b.id)
	}
	offers := b.offers(s)
	k := slices.IndexFunc(offers, func(o offerDTO) bool { return o.Decision == d.Decision })
	if k < 0 {
		return verdict{}, refuse("Decision %s is not available for return item %d", d.Decision, d.Item)
	}
	v := verdict{decision: d.Decision}
	switch d.Decision {
	case deDecline:
		if !slices.Contains(offers[k].Reasons, d.Reason) {
			return v, refuse("decisionReasonType is not allowed for return item %d", d.Item)
		}
	case deShipping, deRepair, deOther:
		if strings.TrimSpace(d.Comment) == "" {
			return v, refuse("comment must not be empty for decision %s", d.Decision)
		}
	case dePartial:
		if d.Compensation == nil || d.Compensation.Currency != currency || d.Compensation.Value <= 0 {
			return v, refuse("compensation must not be null for decision %s", d.Decision)
		}
		// The share is of the position; a kopeck more is rounding.
		if v.amount = int64(d.Compensation.Value); v.amount > b.items[i].amount*partialPercent/100+1 {
			return v, refuse("compensation is out of bounds for return item %d", d.Item)
		}
	case deRefund, deFast, deReplace, deExamine:
	}
	return v, nil
}
