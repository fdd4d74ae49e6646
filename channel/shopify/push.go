package shopify

import (
	"context"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

const (
	paramTracking = "tracking"
	paramCarrier  = "carrier"
)

// work is what a step needs to know of an order.
type work struct {
	ID                string
	CancelledAt       string
	Fulfillment       string `json:"displayFulfillmentStatus"`
	FulfillmentOrders connection
	Fulfillments      []wireFulfillment
	// open are the fulfilment orders of all pages.
	open []fulfilmentOrder
}

type fulfilmentOrder struct {
	ID               string
	Status           string
	AssignedLocation struct{ Location *struct{ ID string } }
}

// PushStatus moves orders one by one, each after a look at what is left to do: a
// second attempt finds what the first one did.
func (a *adapter) PushStatus(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	return each(ctx, pushes, a.move), nil
}

// PushTracking gives the last shipment its number.
func (a *adapter) PushTracking(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	return each(ctx, pushes, a.track), nil
}

// each answers every push; once the shop is away the rest is not tried.
func each(ctx context.Context, pushes []channel.Push, one func(context.Context, channel.Push) channel.PushResult) []channel.PushResult {
	out := make([]channel.PushResult, len(pushes))
	away := false
	for i, p := range pushes {
		if away {
			out[i].Outcome = channel.OutcomeUnsent
			continue
		}
		out[i] = one(channel.For(ctx, p.Key), p)
		if out[i].Err != nil && orderhub.ClassOf(out[i].Err) != orderhub.ClassRejected {
			away = true
		}
	}
	return out
}

func (a *adapter) look(ctx context.Context, p channel.Push) (work, error) {
	var w work
	id := p.Order.Snapshot.ExternalID
	if !idPattern.MatchString(id) {
		return w, a.client.fail(opWork, orderhub.ClassRejected, "the order's id is none of Shopify's", "", nil)
	}
	if err := a.client.do(ctx, opWork, map[string]any{"id": gid("Order", id)}, &w); err != nil {
		return w, err
	}
	if w.ID == "" {
		return w, a.client.fail(opWork, orderhub.ClassRejected, "the shop has no such order, or it is older than the key may see", "", nil)
	}
	if err := a.allWork(ctx, &w); err != nil {
		return w, err
	}
	w.Fulfillments = slices.DeleteFunc(w.Fulfillments, func(f wireFulfillment) bool { return f.gone() })
	return w, nil
}

// allWork completes what did not fit into the first answer.
func (a *adapter) allWork(ctx context.Context, w *work) error {
	lists := []connection{w.FulfillmentOrders}
	if at := w.FulfillmentOrders.PageInfo; at != nil && at.HasNextPage {
		pages, err := a.pages(ctx, opMoreWork, w.ID, "fulfillmentOrders", at.EndCursor)
		if err != nil {
			return err
		}
		for _, body := range pages {
			var p connection
			_ = rest.Decode(body, &p) // pages has read it already
			lists = append(lists, p)
		}
	}
	for _, list := range lists {
		for _, row := range list.Nodes {
			var fo fulfilmentOrder
			if err := rest.Decode(row, &fo); err != nil {
				return a.client.fail(opWork, orderhub.ClassRetry, "the answer has another shape than documented", "", err)
			}
			w.open = append(w.open, fo)
		}
	}
	if len(w.Fulfillments) < shipmentsAtOnce {
		return nil
	}
	var err error
	w.Fulfillments, err = a.shipments(ctx, w.ID)
	return err
}

func (a *adapter) move(ctx context.Context, p channel.Push) channel.PushResult {
	w, err := a.look(ctx, p)
	switch {
	case err != nil:
		return failed(err)
	case w.CancelledAt != "" && p.To == orderhub.StatusCancelled:
		return channel.PushResult{Outcome: channel.OutcomeDone}
	case w.CancelledAt != "":
		return failed(a.client.fail(opWork, orderhub.ClassRejected, "the order is cancelled in the shop; nothing was sent", "", nil))
	}
	switch p.To {
	case orderhub.StatusShipped:
		return a.ship(ctx, p, w)
	case orderhub.StatusReadyForPickup:
		return a.event(ctx, w, "READY_FOR_PICKUP")
	case orderhub.StatusDelivered:
		return a.event(ctx, w, "DELIVERED")
	case orderhub.StatusCancelled:
		return a.cancel(ctx, p)
	case orderhub.StatusUnknown, orderhub.StatusPending, orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked,
		orderhub.StatusPartiallyReturned, orderhub.StatusReturned:
	}
	return failed(a.client.fail(opWork, orderhub.ClassRejected, "Shopify has no call for "+string(p.To), "", nil))
}

// ship makes a shipment for each location of all that is open there.
func (a *adapter) ship(ctx context.Context, p channel.Push, w work) channel.PushResult {
	var places []string
	open := map[string][]map[string]string{}
	held := false
	for _, fo := range w.open {
		switch fo.Status {
		case "OPEN", "IN_PROGRESS":
		case "ON_HOLD", "SCHEDULED":
			held = true
			continue
		default:
			continue
		}
		place := ""
		if fo.AssignedLocation.Location != nil {
			place = fo.AssignedLocation.Location.ID
		}
		if open[place] == nil {
			places = append(places, place)
		}
		open[place] = append(open[place], map[string]string{"fulfillmentOrderId": fo.ID})
	}
	switch {
	case held:
		return failed(a.client.fail(opShip, orderhub.ClassRejected, "a part of the order is on hold or scheduled in the shop; release it there first", "", nil))
	case len(places) == 0 && len(w.Fulfillments) > 0:
		return channel.PushResult{Outcome: channel.OutcomeDone}
	case len(places) == 0:
		return failed(a.client.fail(opShip, orderhub.ClassRejected, "nothing of the order is left to be sent, or the key may not see its fulfilment orders", "", nil))
	}
	for _, place := range places {
		in := map[string]any{"lineItemsByFulfillmentOrder": open[place], "notifyCustomer": a.notify}
		if info := tracking(p); info != nil {
			in["trackingInfo"] = info
		}
		var out struct {
			Fulfillment *struct{ ID string }
			UserErrors  []userError
		}
		if err := a.client.do(ctx, opShip, map[string]any{"fulfillment": in}, &out); err != nil {
			return failed(err)
		}
		if err := a.client.refused(opShip, out.UserErrors); err != nil {
			return failed(err)
		}
		if out.Fulfillment == nil {
			return failed(a.client.fail(opShip, orderhub.ClassUncertain, "the answer names no shipment", "", nil))
		}
	}
	return channel.PushResult{Outcome: channel.OutcomeAccepted}
}

func tracking(p channel.Push) map[string]string {
	number := p.Params[paramTracking]
	if number == "" {
		number = p.Order.Snapshot.Shipping.Tracking
	}
	if number == "" {
		return nil
	}
	info := map[string]string{"number": number}
	if carrier := p.Params[paramCarrier]; carrier != "" {
		info["company"] = carrier
	}
	return info
}

// event tells of every shipment that is not so far yet.
func (a *adapter) event(ctx context.Context, w work, word string) channel.PushResult {
	if len(w.Fulfillments) == 0 {
		return failed(a.client.fail(opEvent, orderhub.ClassRejected, "the order has no shipment in the shop yet", "", nil))
	}
	told := false
	for _, f := range w.Fulfillments {
		if shipmentRank[f.DisplayStatus] >= shipmentRank[word] {
			continue
		}
		var out struct {
			Event      *struct{ ID string } `json:"fulfillmentEvent"`
			UserErrors []userError
		}
		if err := a.client.do(ctx, opEvent, map[string]any{"event": map[string]string{"fulfillmentId": f.ID, "status": word}}, &out); err != nil {
			return failed(err)
		}
		if err := a.client.refused(opEvent, out.UserErrors); err != nil {
			return failed(err)
		}
		if out.Event == nil {
			return failed(a.client.fail(opEvent, orderhub.ClassUncertain, "the answer names no event", "", nil))
		}
		told = true
	}
	if !told {
		return channel.PushResult{Outcome: channel.OutcomeDone}
	}
	return channel.PushResult{Outcome: channel.OutcomeAccepted}
}

// cancel asks for a cancellation, which Shopify works later. Money is given back
// by people; nothing is restocked by Shopify, for the hub's figure says what is
// there.
func (a *adapter) cancel(ctx context.Context, p channel.Push) channel.PushResult {
	reason := p.Reason
	if !slices.ContainsFunc(cancelReasons, func(r channel.CancelReason) bool { return r.Code == reason }) {
		reason = "OTHER"
	}
	vars := map[string]any{
		"id": gid("Order", p.Order.Snapshot.ExternalID), "notify": a.notify, "restock": false, "reason": reason,
		"refund": map[string]bool{"originalPaymentMethodsRefund": false},
	}
	if p.Comment != "" {
		vars["note"] = p.Comment
	}
	var out struct {
		Job    *struct{ ID string }
		Errors []userError `json:"orderCancelUserErrors"`
	}
	if err := a.client.do(ctx, opCancel, vars, &out); err != nil {
		return failed(err)
	}
	if err := a.client.refused(opCancel, out.Errors); err != nil {
		return failed(err)
	}
	if out.Job == nil {
		return failed(a.client.fail(opCancel, orderhub.ClassUncertain, "the answer names no job", "", nil))
	}
	return channel.PushResult{Outcome: channel.OutcomeAccepted}
}

func (a *adapter) track(ctx context.Context, p channel.Push) channel.PushResult {
	if p.Params[paramTracking] == "" {
		return failed(a.client.fail(opTrack, orderhub.ClassRejected, "there is no tracking number", "", nil))
	}
	w, err := a.look(ctx, p)
	if err != nil {
		return failed(err)
	}
	if len(w.Fulfillments) == 0 {
		return failed(a.client.fail(opTrack, orderhub.ClassRejected, "the order has no shipment in the shop yet; the number goes with it", "", nil))
	}
	last := w.Fulfillments[len(w.Fulfillments)-1]
	var out struct {
		Fulfillment *struct{ ID string }
		UserErrors  []userError
	}
	if err := a.client.do(ctx, opTrack, map[string]any{"id": last.ID, "info": tracking(p), "notify": a.notify}, &out); err != nil {
		return failed(err)
	}
	if err := a.client.refused(opTrack, out.UserErrors); err != nil {
		return failed(err)
	}
	if out.Fulfillment == nil {
		return failed(a.client.fail(opTrack, orderhub.ClassUncertain, "the answer names no shipment", "", nil))
	}
	return channel.PushResult{Outcome: channel.OutcomeAccepted}
}

func failed(err error) channel.PushResult {
	return channel.PushResult{Outcome: channel.OutcomeFailed, Err: err}
}
