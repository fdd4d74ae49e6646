package yandexmarket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// The reasons of updateOrderItems.
const (
	removedByShop  = "PARTNER_REQUESTED_REMOVE"
	removedByBuyer = "USER_REQUESTED_REMOVE"
)

// removal is what stays of one order, checked. Both calls take the whole of it:
// what is left out of them is deleted.
type removal struct {
	order, campaign int64
	scheme          orderhub.Scheme
	ref             channel.Ref
	reason          string
	before, after   []itemCount // the lines that have units, in the order's sequence
}

// CancelLines takes units out of orders that are not packed yet: DBS with PUT
// items, FBS and EXPRESS with a layout of boxes that leaves them out, as the
// document of PUT items demands.
func (a *adapter) CancelLines(ctx context.Context, cancels []channel.LineCancel) ([]channel.PushResult, error) {
	return inTurn(ctx, cancels, func(c channel.LineCancel) string { return c.Key }, a.cancelOne)
}

func (a *adapter) cancelOne(ctx context.Context, c channel.LineCancel) channel.PushResult {
	t, err := newRemoval(c)
	if err != nil {
		return refuse("take lines out", err)
	}
	if c.Attempt > 1 {
		if seen, over := a.seeRemoval(ctx, t); over || seen.Err != nil {
			return seen
		}
	}
	if err = a.remove(ctx, t); err == nil {
		return channel.PushResult{Outcome: channel.OutcomeAccepted}
	}
	result := failed(err)
	if orderhub.ClassOf(err) == orderhub.ClassRejected {
		seen, _ := a.seeRemoval(ctx, t)
		if seen.Outcome == channel.OutcomeDone {
			return seen
		}
		result.Items = seen.Items // the ledger learns why
	}
	return result
}

// remove makes the call.
func (a *adapter) remove(ctx context.Context, t removal) error {
	if t.scheme == orderhub.SchemeDBS {
		return a.putItems(ctx, t.campaign, t.order, itemsRequest{Items: t.after, Reason: t.reason})
	}
	var all box
	for _, it := range t.after {
		if it.Count > 0 {
			all.Items = append(all.Items, boxItem{ID: it.ID, FullCount: it.Count})
		}
	}
	return a.write(ctx, rest.Call{
		Method: http.MethodPut, URL: a.orderURL(t.campaign, t.order, "/boxes"),
		Group: groupBoxes, Write: true, Body: boxesRequest{Boxes: []box{all}, AllowRemove: true},
	})
}

// seeRemoval reads the order. over = nothing is left to do: the units are out, or
// the order is not the one that they were counted in.
func (a *adapter) seeRemoval(ctx context.Context, t removal) (result channel.PushResult, over bool) {
	items, err := a.ReadOrders(ctx, []channel.Ref{t.ref})
	if err != nil {
		return failed(err), false
	}
	if len(items) == 0 {
		return channel.PushResult{}, false
	}
	s, err := normalise(items[0].Kind, items[0].Body)
	if err != nil {
		return channel.PushResult{}, false
	}
	have := map[int64]int64{}
	for _, l := range s.Lines {
		if id, err := parseID(l.ID); err == nil {
			have[id] += l.Quantity
		}
	}
	switch {
	case sameCounts(have, t.after):
		return channel.PushResult{Outcome: channel.OutcomeDone, Items: items, Note: "the units are out of the order already"}, true
	case sameCounts(have, t.before):
		return channel.PushResult{Items: items}, false
	}
	result = refuse("take lines out", fmt.Errorf("order %d has other quantities at the Market than here; look at it again", t.order))
	result.Items = items
	return result, true
}

// sameCounts compares quantities by line; lines without units count as absent.
func sameCounts(have map[int64]int64, want []itemCount) bool {
	units := int64(0)
	for _, n := range have {
		units += n
	}
	for _, it := range want {
		if have[it.ID] != it.Count {
			return false
		}
		units -= it.Count
	}
	return units == 0
}

// newRemoval checks what is to be taken out and counts what stays.
func newRemoval(c channel.LineCancel) (removal, error) {
	s := c.Order.Snapshot
	t := removal{
		scheme: s.Scheme, ref: channel.Ref{ExternalID: s.ExternalID, Scheme: s.Scheme, Attrs: s.Attrs}, reason: removedByShop,
	}
	if c.Reason == removedByBuyer || c.Reason == "USER_CHANGED_MIND" {
		t.reason = removedByBuyer
	}
	var err error
	if t.campaign, t.order, err = target(c.Order); err != nil {
		return t, err
	}
	if s.Scheme != orderhub.SchemeDBS && s.Scheme != orderhub.SchemeFBS && s.Scheme != orderhub.SchemeExpress {
		return t, fmt.Errorf("lines of %s orders cannot be taken out from here", s.Scheme)
	}
	if s.Native != "" && (s.Native != wordProcessing || s.NativeSub != subStarted) {
		return t, fmt.Errorf("lines can be taken out in %s %s only, the order is %s %s", wordProcessing, subStarted, s.Native, s.NativeSub)
	}
	for i := range c.Units {
		if i < 0 || i >= len(s.Lines) {
			return t, fmt.Errorf("the order has no line %d", i)
		}
	}
	var taken, left int64
	for i, l := range s.Lines {
		out := c.Units[i]
		if out < 0 || out > l.Quantity {
			return t, fmt.Errorf("line %s has %d units, %d cannot be taken out", strconv.Quote(clip(l.ID)), l.Quantity, out)
		}
		if l.Quantity == 0 {
			continue // taken out before
		}
		id, err := parseID(l.ID)
		if err != nil {
			return t, fmt.Errorf("line %d: id: %w", i, err)
		}
		t.before = append(t.before, itemCount{ID: id, Count: l.Quantity})
		t.after = append(t.after, itemCount{ID: id, Count: l.Quantity - out})
		taken, left = taken+out, left+l.Quantity-out
	}
	switch {
	case taken == 0:
		return t, errors.New("nothing is to be taken out")
	case left == 0:
		return t, errors.New("nothing would be left; cancel the order instead")
	}
	return t, nil
}
