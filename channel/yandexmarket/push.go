package yandexmarket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// The keys of Push.Params.
const (
	paramBoxes       = "boxes"        // layout of the boxes as JSON, see boxes.go
	paramDeliveredOn = "delivered_on" // YYYY-MM-DD, the day of delivery if not today
	paramTracking    = "tracking"
	paramCarrier     = "carrier" // deliveryServiceId, from GET /v2/delivery/services
	paramAnswer      = "answer"  // accept or decline
)

// task is one status to set, checked and translated.
type task struct {
	index           int
	campaign, order int64
	change          statusChange
	boxes           []box
}

// alone reports whether the task needs a call of its own: status-update takes
// neither boxes nor a day of delivery.
func (t task) alone() bool { return len(t.boxes) > 0 || t.change.Delivery != nil }

// PushStatus sets statuses: one order with PUT status, whose answer carries the
// order; several of one campaign with status-update.
func (a *adapter) PushStatus(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	results := make([]channel.PushResult, len(pushes))
	var tasks []task
	for i, p := range pushes {
		t, err := a.task(i, p)
		if err != nil {
			results[i] = refuse("set status", err)
			continue
		}
		tasks = append(tasks, t)
	}
	var doubted []task
	calls := batches(tasks)
	for k, call := range calls {
		refused, err := a.send(ctx, call, pushes, results)
		doubted = append(doubted, refused...)
		if stop := stopper(ctx, err); stop != nil {
			for _, t := range slices.Concat(calls[k+1:]...) {
				results[t.index] = failed(stop)
			}
			break
		}
	}
	a.lookAgain(ctx, doubted, pushes, results)
	return settle(results)
}

// task checks a push and translates it.
func (a *adapter) task(index int, p channel.Push) (task, error) {
	t := task{index: index}
	var err error
	if t.campaign, t.order, err = target(p.Order); err != nil {
		return t, err
	}
	switch p.To {
	case orderhub.StatusPacked:
		t.change = statusChange{Status: wordProcessing, Substatus: subReadyToShip}
	case orderhub.StatusShipped:
		t.change = statusChange{Status: wordDelivery}
	case orderhub.StatusReadyForPickup:
		t.change = statusChange{Status: wordPickup}
	case orderhub.StatusDelivered:
		t.change = statusChange{Status: wordDelivered}
	case orderhub.StatusCancelled:
		t.change = statusChange{Status: wordCancelled, Substatus: p.Reason}
		return t, checkReason(p)
	case orderhub.StatusUnknown, orderhub.StatusPending, orderhub.StatusNew, orderhub.StatusConfirmed,
		orderhub.StatusPartiallyReturned, orderhub.StatusReturned:
		return t, fmt.Errorf("the Market has no call that makes an order %s", p.To)
	}
	if t.change.Delivery, err = a.deliveredOn(p); err != nil {
		return t, err
	}
	t.boxes, err = readBoxes(p)
	return t, err
}

// target reads where an order lives.
func target(o orderhub.Order) (campaign, order int64, err error) {
	if order, err = parseID(o.Snapshot.ExternalID); err != nil {
		return 0, 0, fmt.Errorf("order id: %w", err)
	}
	if campaign, err = parseID(o.Snapshot.Attrs[attrCampaign]); err != nil {
		return 0, 0, fmt.Errorf("order %d: its campaign is not known; read the order again", order)
	}
	return campaign, order, nil
}

// checkReason takes the reasons that the table lists for the scheme and, where
// the headline is known, for the state.
func checkReason(p channel.Push) error {
	o := p.Order
	var allowed []string
	for _, r := range cancelReasons {
		if r.Scheme != o.Snapshot.Scheme || (o.Headline != "" && !slices.Contains(r.From, o.Headline)) {
			continue
		}
		if r.Code == p.Reason {
			return nil
		}
		allowed = append(allowed, r.Code)
	}
	if len(allowed) == 0 {
		return fmt.Errorf("order %s cannot be cancelled by the shop in this state", o.Snapshot.ExternalID)
	}
	return fmt.Errorf("reason %s is not allowed for order %s now; allowed: %s", quote(p.Reason), o.Snapshot.ExternalID, strings.Join(allowed, ", "))
}

// deliveredOn reads the day of delivery. The Market wants it only when it is
// not today, never in the future, and only with PICKUP or DELIVERED.
func (a *adapter) deliveredOn(p channel.Push) (*changeDelivery, error) {
	v := p.Params[paramDeliveredOn]
	if v == "" || (p.To != orderhub.StatusReadyForPickup && p.To != orderhub.StatusDelivered) {
		return nil, nil //nolint:nilnil // no date is the usual case, and not an error
	}
	when, err := time.ParseInLocation(time.DateOnly, v, moscow)
	today := day(a.now())
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %s is not a day like 2026-09-03", paramDeliveredOn, quote(v))
	case when.After(today):
		return nil, fmt.Errorf("%s: %s is in the future", paramDeliveredOn, v)
	case when.Equal(today):
		return nil, nil //nolint:nilnil // the Market takes today by itself
	}
	var d changeDelivery
	d.Dates.RealDeliveryDate = v
	return &d, nil
}

// batches sorts tasks into calls: by campaign, at most maxBatch, an order once.
func batches(tasks []task) [][]task {
	var calls [][]task
	open := map[int64]int{} // campaign → call that still takes rows
	for _, t := range tasks {
		k, ok := open[t.campaign]
		same := func(other task) bool { return other.order == t.order }
		if t.alone() || !ok || len(calls[k]) >= maxBatch || slices.ContainsFunc(calls[k], same) {
			calls = append(calls, []task{t})
			if !t.alone() {
				open[t.campaign] = len(calls) - 1
			}
			continue
		}
		calls[k] = append(calls[k], t)
	}
	return calls
}

// send makes one call and answers its tasks. refused are those that the Market
// said no to; err is the failure of the call as a whole.
func (a *adapter) send(ctx context.Context, call []task, pushes []channel.Push, results []channel.PushResult) (refused []task, err error) {
	ctx = forTasks(ctx, call, pushes)
	if len(call) > 1 {
		return a.sendBatch(ctx, call, results)
	}
	t := call[0]
	results[t.index], err = a.sendOne(ctx, t, pushes[t.index])
	if err != nil && orderhub.ClassOf(err) == orderhub.ClassRejected {
		return call, nil
	}
	return nil, err
}

// forTasks names the pushes that a call is made for.
func forTasks(ctx context.Context, tasks []task, pushes []channel.Push) context.Context {
	keys := make([]string, len(tasks))
	for i, t := range tasks {
		keys[i] = pushes[t.index].Key
	}
	return channel.For(ctx, keys...)
}

// sendOne sends the boxes, if any, and the status. The answer shows the order
// in its new state, which proves it.
func (a *adapter) sendOne(ctx context.Context, t task, p channel.Push) (channel.PushResult, error) {
	if len(t.boxes) > 0 && (p.Attempt <= 1 || !a.hasBoxes(ctx, t)) {
		if err := a.putBoxes(ctx, t.campaign, t.order, t.boxes); err != nil {
			return failed(err), err
		}
	}
	body, err := a.putStatus(ctx, t.campaign, t.order, t.change)
	if err != nil {
		err = waitForCodes(t, err)
		return failed(err), err
	}
	snapshot, err := normaliseLegacy(body)
	if err != nil || snapshot.ExternalID != strconv.FormatInt(t.order, 10) {
		err = answerError("PUT /orders/status", orderhub.ClassUncertain, "the answer does not show the order")
		return failed(err), err
	}
	result := channel.PushResult{
		Outcome: channel.OutcomeAccepted,
		Items:   []channel.Item{{Kind: kindLegacy, ExternalID: snapshot.ExternalID, Body: body}},
	}
	if reached(p.To, snapshot.Status) {
		result.Outcome = channel.OutcomeDone
	}
	return result, nil
}

// waitForCodes turns the refusal of an order whose marking codes have just been
// sent into a matter of time: the Market checks them first.
func waitForCodes(t task, err error) error {
	var be *orderhub.BorderError
	if !errors.As(err, &be) || be.Class != orderhub.ClassRejected || !hasCodes(t.boxes) || !strings.Contains(strings.ToLower(be.Sentence), "cises") {
		return err
	}
	later := *be
	later.Class = orderhub.ClassRetry
	later.Sentence = "the Market has not accepted the marking codes yet: " + be.Sentence
	return &later
}

// sendBatch sends several statuses of one campaign. The answer is 200 even when
// every row failed, so each row is looked at.
func (a *adapter) sendBatch(ctx context.Context, call []task, results []channel.PushResult) (refused []task, err error) {
	rows := make([]statusRow, len(call))
	for i, t := range call {
		rows[i] = statusRow{ID: t.order, Status: t.change.Status, Substatus: t.change.Substatus}
	}
	answer, err := a.postStatuses(ctx, call[0].campaign, rows)
	if err != nil {
		for _, t := range call {
			results[t.index] = failed(err)
		}
		if orderhub.ClassOf(err) == orderhub.ClassRejected {
			return call, nil
		}
		return nil, err
	}
	byID := map[string]statusesRow{}
	for _, row := range answer.Result.Orders {
		byID[string(row.ID)] = row
	}
	for _, t := range call {
		row, ok := byID[strconv.FormatInt(t.order, 10)]
		switch {
		case !ok:
			results[t.index] = failed(answerError("POST /orders/status-update", orderhub.ClassUncertain, "the answer does not mention the order"))
		case row.UpdateStatus == "OK":
			results[t.index] = channel.PushResult{Outcome: channel.OutcomeAccepted}
		default:
			text := rest.Clean(string(row.ErrorDetails), a.key)
			results[t.index] = failed(answerError("POST /orders/status-update", rowClass(text), "the Market refused: "+text))
			refused = append(refused, t)
		}
	}
	return refused, nil
}

// finalWords are the refusals that the document lists for statuses. Another
// text may be a passing fault of one row, so that is tried again.
var finalWords = []string{
	"no transition found", "not allowed", "no permission", "not available for status", "forbidden", "not found", "bad request", "invalid",
}

func rowClass(text string) orderhub.Class {
	text = strings.ToLower(text)
	if slices.ContainsFunc(finalWords, func(w string) bool { return strings.Contains(text, w) }) {
		return orderhub.ClassRejected
	}
	return orderhub.ClassRetry
}

// answerError is a failure inside an answer of HTTP 200.
func answerError(what string, class orderhub.Class, sentence string) error {
	e := orderhub.NewBorderError(class, string(descriptor.Name)+": "+what, sentence, nil)
	e.HTTPStatus = http.StatusOK
	return e
}

// lookAgain reads the orders that the Market refused to move. What a repeated
// call is answered is not documented, so an order that is already there (or
// further) is done; and the ledger learns why another was refused.
func (a *adapter) lookAgain(ctx context.Context, doubted []task, pushes []channel.Push, results []channel.PushResult) {
	if len(doubted) == 0 {
		return
	}
	var refs []channel.Ref
	for _, t := range doubted {
		s := pushes[t.index].Order.Snapshot
		refs = append(refs, channel.Ref{ExternalID: s.ExternalID, Scheme: s.Scheme, Attrs: s.Attrs})
	}
	items, err := a.ReadOrders(forTasks(ctx, doubted, pushes), refs)
	if err != nil {
		return // the refusal stands as it is
	}
	for _, t := range doubted {
		for _, item := range items {
			if item.ExternalID != strconv.FormatInt(t.order, 10) {
				continue
			}
			r := &results[t.index]
			r.Items = []channel.Item{item}
			if s, err := normalise(item.Kind, item.Body); err == nil && reached(pushes[t.index].To, s.Status) {
				r.Outcome, r.Err = channel.OutcomeDone, nil
				r.Note = fmt.Sprintf("the Market already has the order as %s %s", s.Native, s.NativeSub)
			}
		}
	}
}

// reached reports whether an order is where it was to go, or further.
func reached(to, now orderhub.Status) bool {
	e := orderhub.Effect{To: to}
	return e.WantsStatus(now)
}

// PushTracking gives tracking numbers of DBS orders.
func (a *adapter) PushTracking(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	return each(ctx, pushes, func(ctx context.Context, p channel.Push) error {
		campaign, order, err := target(p.Order)
		if err != nil {
			return refusal("give tracking", err)
		}
		if p.Order.Snapshot.Scheme != orderhub.SchemeDBS {
			return refusal("give tracking", errors.New("only DBS orders take a tracking number, the Market carries the others itself"))
		}
		code, carrier := p.Params[paramTracking], p.Params[paramCarrier]
		if carrier == "" {
			carrier = p.Order.Snapshot.Attrs[attrDeliveryService]
		}
		service, err := parseID(carrier)
		switch {
		case code == "":
			return refusal("give tracking", errors.New("the tracking number is empty"))
		case err != nil:
			return refusal("give tracking", fmt.Errorf("carrier: %w (a deliveryServiceId of the Market)", err))
		}
		return a.postTrack(ctx, campaign, order, trackRequest{TrackCode: code, DeliveryServiceID: service})
	})
}

// AnswerCancel answers buyers who want to cancel a DBS order on its way.
func (a *adapter) AnswerCancel(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	return each(ctx, pushes, func(ctx context.Context, p channel.Push) error {
		campaign, order, err := target(p.Order)
		if err != nil {
			return refusal("answer the cancel request", err)
		}
		answer := cancellationRequest{Accepted: p.Params[paramAnswer] == "accept", Reason: p.Reason}
		switch {
		case answer.Accepted:
			answer.Reason = ""
		case p.Params[paramAnswer] != "decline":
			err = fmt.Errorf("%s: %s is not accept or decline", paramAnswer, quote(p.Params[paramAnswer]))
		case p.Reason != "ORDER_DELIVERED" && p.Reason != "ORDER_IN_DELIVERY":
			err = fmt.Errorf("reason %s is not allowed; allowed: ORDER_DELIVERED, ORDER_IN_DELIVERY", quote(p.Reason))
		}
		if err != nil {
			return refusal("answer the cancel request", err)
		}
		return a.putCancellation(ctx, campaign, order, answer)
	})
}

// each makes one call per push.
func each(ctx context.Context, pushes []channel.Push, do func(context.Context, channel.Push) error) ([]channel.PushResult, error) {
	return inTurn(ctx, pushes, func(p channel.Push) string { return p.Key }, func(ctx context.Context, p channel.Push) channel.PushResult {
		if err := do(ctx, p); err != nil {
			return failed(err)
		}
		return channel.PushResult{Outcome: channel.OutcomeAccepted}
	})
}

// inTurn does one thing after the other. When the Market says stop, the rest is
// answered with that.
func inTurn[T any](ctx context.Context, list []T, key func(T) string, do func(context.Context, T) channel.PushResult) ([]channel.PushResult, error) {
	results := make([]channel.PushResult, len(list))
	var stop error
	for i, item := range list {
		if stop != nil {
			results[i] = failed(stop)
			continue
		}
		results[i] = do(channel.For(ctx, key(item)), item)
		stop = stopper(ctx, results[i].Err)
	}
	return settle(results)
}

// stopper tells with which error the calls that were not made yet are answered;
// nil = go on.
func stopper(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return orderhub.NewBorderError(orderhub.ClassRetry, string(descriptor.Name)+": push", "stopped before it was sent", ctx.Err())
	}
	if err != nil && orderhub.ClassOf(err) == orderhub.ClassRateLimited {
		return err
	}
	return nil
}

// settle turns results that all failed for one reason of the whole call into
// the error of the batch.
func settle(results []channel.PushResult) ([]channel.PushResult, error) {
	if len(results) == 0 {
		return results, nil
	}
	first := results[0].Err
	if first == nil || orderhub.ClassOf(first) == orderhub.ClassRejected {
		return results, nil
	}
	for _, r := range results {
		if r.Err != first { //nolint:errorlint // the very same failure, not one of its kind
			return results, nil
		}
	}
	return nil, first
}

func failed(err error) channel.PushResult {
	return channel.PushResult{Outcome: channel.OutcomeFailed, Err: err}
}

// refuse answers a push that is not sent because it cannot succeed.
func refuse(what string, err error) channel.PushResult { return failed(refusal(what, err)) }

func refusal(what string, err error) error {
	return orderhub.NewBorderError(orderhub.ClassRejected, string(descriptor.Name)+": "+what, err.Error(), nil)
}
