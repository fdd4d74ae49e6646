package wildberries

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// deliverFBS hands over the supplies of the orders. The call takes a whole
// supply: orders in it that nobody asked for are handed over too, so it is made
// only when there are none or the push allows it.
func (a *adapter) deliverFBS(ctx context.Context, tasks []task, out *batch) {
	tasks = a.stillToMove(ctx, tasks, out)
	loads, err := a.findSupplies(ctx, tasks, out)
	if err != nil {
		out.failAll(tasks, err)
		return
	}
	for _, l := range loads {
		a.deliver(forTasks(ctx, l.tasks), l, out)
	}
}

// load is a supply with those of its orders that were asked for.
type load struct {
	supplyID string
	tasks    []task
	// others are the further orders in it.
	others []int64
}

// findSupplies sorts the orders by the supply in which Wildberries has them. The
// remembered supply is only a hint: orders are moved in the seller's cabinet.
func (a *adapter) findSupplies(ctx context.Context, tasks []task, out *batch) ([]load, error) {
	contents := map[string][]int64{}
	inside := func(supplyID string, id int64) (bool, error) {
		if _, ok := contents[supplyID]; !ok {
			ids, err := a.c.supplyOrders(ctx, supplyID)
			if err != nil && !isStatus(err, http.StatusNotFound) {
				return false, err
			}
			contents[supplyID] = ids
		}
		return slices.Contains(contents[supplyID], id), nil
	}
	place := map[int64]string{}
	var astray []task
	for _, t := range tasks {
		hint := t.push.Order.Snapshot.Attrs[attrSupply]
		if hint == "" {
			astray = append(astray, t)
			continue
		}
		there, err := inside(hint, t.id)
		if err != nil {
			return nil, err
		}
		if !there {
			astray = append(astray, t)
			continue
		}
		place[t.id] = hint
	}
	found, err := a.listedSupplies(ctx, astray)
	if err != nil {
		return nil, err
	}
	for id, supplyID := range found {
		if _, err := inside(supplyID, id); err != nil {
			return nil, err
		}
		place[id] = supplyID
	}
	return loadsOf(tasks, place, contents, out), nil
}

func loadsOf(tasks []task, place map[int64]string, contents map[string][]int64, out *batch) []load {
	var loads []load
	for _, t := range tasks {
		supplyID, ok := place[t.id]
		if !ok {
			out.fail(t, retry("Wildberries shows the order in no supply; it must be in one before it can be handed over"))
			continue
		}
		n := slices.IndexFunc(loads, func(l load) bool { return l.supplyID == supplyID })
		if n < 0 {
			n = len(loads)
			loads = append(loads, load{supplyID: supplyID, others: slices.Clone(contents[supplyID])})
		}
		loads[n].tasks = append(loads[n].tasks, t)
		loads[n].others = slices.DeleteFunc(loads[n].others, func(id int64) bool { return id == t.id })
	}
	return loads
}

// listedSupplies reads from the list of orders in which supplies they are. An
// order in none is absent.
func (a *adapter) listedSupplies(ctx context.Context, tasks []task) (map[int64]string, error) {
	wanted := map[int64]bool{}
	var p position
	for _, t := range tasks {
		placed := t.push.Order.Snapshot.PlacedAt
		if placed.IsZero() {
			continue
		}
		wanted[t.id] = true
		if p.From == 0 || placed.Unix() < p.From {
			p.From = placed.Unix()
		}
		p.To = max(p.To, placed.Unix()+1)
	}
	out := map[int64]string{}
	for len(wanted) > 0 && p.From < p.To {
		end := min(p.To, p.From+int64(maxWindow/time.Second))
		page, err := a.c.orders(ctx, time.Unix(p.From, 0), time.Unix(end, 0), p.Next)
		if err != nil {
			return nil, err
		}
		for _, raw := range page.Orders {
			var w wireOrder
			_ = json.Unmarshal(raw, &w) // a broken neighbour is no reason to stop
			if wanted[w.ID] {
				delete(wanted, w.ID)
				if w.SupplyID != "" {
					out[w.ID] = w.SupplyID
				}
			}
		}
		p = p.after(page, end)
	}
	return out, nil
}

// deliver hands one supply over.
func (a *adapter) deliver(ctx context.Context, l load, out *batch) {
	s, err := a.c.supply(ctx, l.supplyID)
	if err != nil {
		out.failAll(l.tasks, err)
		return
	}
	if s.Done {
		out.failAll(l.tasks, retry("the supply %s is handed over already, but Wildberries does not show the order as such yet", l.supplyID))
		return
	}
	others, err := a.living(ctx, l.others)
	if err != nil {
		out.failAll(l.tasks, err)
		return
	}
	whole := slices.ContainsFunc(l.tasks, func(t task) bool { return t.push.Params[paramWholeSupply] == "yes" })
	if len(others) > 0 && !whole {
		out.failAll(l.tasks, rejected("the supply %s holds %d more orders that would be handed over too; "+
			"ask for all of them together, or allow it with %s=yes", l.supplyID, len(others), paramWholeSupply))
		return
	}
	if err := a.chooseShipping(ctx, s, l.tasks); err != nil {
		out.failAll(l.tasks, err)
		return
	}
	if refusal, err := a.c.deliverSupply(ctx, l.supplyID); err != nil {
		a.deliverRefused(ctx, l, refusal, err, out)
		return
	}
	for n, t := range l.tasks {
		r := channel.PushResult{Outcome: channel.OutcomeAccepted, Attrs: map[string]string{attrSupply: l.supplyID}}
		if n == 0 {
			for _, id := range others {
				r.Reread = append(r.Reread, formatID(id))
			}
		}
		out.set(t, r)
	}
}

// living drops the orders that are cancelled: they may still be listed in the
// supply, but nobody will hand them over.
func (a *adapter) living(ctx context.Context, ids []int64) ([]int64, error) {
	known, err := a.readStatuses(ctx, orderhub.SchemeFBS, ids)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(ids, func(id int64) bool {
		it, ok := known[id]
		if !ok {
			return false
		}
		now, err := normalise(it.Kind, it.Body)
		return err == nil && now.Status == orderhub.StatusCancelled
	}), nil
}

// chooseShipping says where and when the supply will be dropped off, when the
// settings name a point and nobody has chosen one for a day to come.
func (a *adapter) chooseShipping(ctx context.Context, s supply, tasks []task) error {
	if a.shipping.point == 0 {
		return nil
	}
	today := a.now().In(moscow).Format(time.DateOnly)
	date := today
	for _, t := range tasks {
		if v := t.push.Params[paramShippingDate]; v != "" {
			date = v
		}
	}
	if s.ShippingPointID != nil && s.ShippingDt != nil && *s.ShippingDt >= today {
		return nil
	}
	res, err := a.c.setShipping(ctx, shippingMethod{SupplyID: s.ID, Type: a.shipping.kind, Date: date, PointID: a.shipping.point})
	switch {
	case err != nil && orderhub.ClassOf(err) == orderhub.ClassUncertain:
		// Saying it twice does no harm, and the supply was not handed over.
		return retry("no answer to the choice of the shipping point")
	case err != nil:
		return err
	case res.Error == nil:
		return nil
	case res.Error.Detail == "SupplyAlreadyScanned":
		return nil // too late to choose, and not needed any more
	}
	return rejected("the shipping point %d cannot be set for the supply %s: %s", a.shipping.point, s.ID, inWords(res.Error.Detail))
}

// deliverRefused sorts a failed hand-over: orders that are there after all, and
// orders whose marking codes hold the whole supply up.
func (a *adapter) deliverRefused(ctx context.Context, l load, refusal json.RawMessage, err error, out *batch) {
	if !isStatus(err, http.StatusConflict, http.StatusNotFound) {
		out.failAll(l.tasks, err)
		return
	}
	var be *orderhub.BorderError
	if errors.As(err, &be) && be.Code == "MetaValidationFail" {
		markingRefused(l, refusal, out)
		return
	}
	out.failAll(a.stillToMove(ctx, l.tasks, out), err)
}

// markingRefused tells each order what is wrong with its own codes, and the
// others for whom the supply waits.
func markingRefused(l load, data json.RawMessage, out *batch) {
	var refused struct {
		Orders []struct {
			ID          int64        `json:"id"`
			MetaDetails []metaDetail `json:"metaDetails"`
		} `json:"orders"`
	}
	_ = json.Unmarshal(data, &refused) // without details every order gets the general sentence
	own := map[int64][]metaDetail{}
	pending := len(refused.Orders) > 0
	var names []string
	for _, o := range refused.Orders {
		own[o.ID] = o.MetaDetails
		names = append(names, formatID(o.ID))
		pending = pending && onlyPending(o.MetaDetails)
	}
	fail := rejected
	if pending {
		fail = retry // the registry answers within half an hour
	}
	for _, t := range l.tasks {
		if details, ok := own[t.id]; ok {
			out.fail(t, fail("the supply %s is not handed over: marking codes of this order: %s", l.supplyID, markingWords(details)))
			continue
		}
		out.fail(t, fail("the supply %s is not handed over: marking codes are missing or not accepted in the orders %s",
			l.supplyID, strings.Join(names, ", ")))
	}
}

// onlyPending reports whether the codes only wait for the state's registry.
func onlyPending(details []metaDetail) bool {
	for _, d := range details {
		if d.Decision != "pending" {
			return false
		}
	}
	return len(details) > 0
}

// markingWords names the kinds of codes and Wildberries' verdicts, never a code.
func markingWords(details []metaDetail) string {
	if len(details) == 0 {
		return "missing or not accepted"
	}
	words := make([]string, len(details))
	for i, d := range details {
		words[i] = d.Key + " " + d.Decision
	}
	return strings.Join(words, ", ")
}

// inWords puts one of Wildberries' codes into a sentence where there is one.
func inWords(code string) string {
	if s, ok := codeSentences[code]; ok {
		return s
	}
	return code
}
