package wildberries

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// The keys of Push.Params that the adapter takes.
const (
	// paramCode is the code that a DBS buyer shows at the door.
	paramCode = "code"
	// paramWholeSupply = "yes" allows a hand-over that takes along orders of the
	// supply that were not asked for.
	paramWholeSupply = "whole_supply"
	// paramShippingDate is the day of the drop-off (YYYY-MM-DD); today in Moscow
	// when absent.
	paramShippingDate = "shipping_date"
)

// task is one push with its place in the answer.
type task struct {
	i    int
	id   int64
	push channel.Push
}

// batch collects the answers of one PushStatus.
type batch struct {
	results []channel.PushResult
}

func (b *batch) set(t task, r channel.PushResult) { b.results[t.i] = r }

func (b *batch) fail(t task, err error) {
	b.set(t, channel.PushResult{Outcome: channel.OutcomeFailed, Err: err})
}

func (b *batch) failAll(tasks []task, err error) {
	for _, t := range tasks {
		b.fail(t, err)
	}
}

// forTasks names the pushes that a call is made for.
func forTasks(ctx context.Context, tasks []task) context.Context {
	keys := make([]string, len(tasks))
	for i, t := range tasks {
		keys[i] = t.push.Key
	}
	return channel.For(ctx, keys...)
}

// rejected, retry: failures that the adapter finds out by itself.
func rejected(format string, args ...any) error {
	return orderhub.NewBorderError(orderhub.ClassRejected, "wildberries: push a status", fmt.Sprintf(format, args...), nil)
}

func retry(format string, args ...any) error {
	return orderhub.NewBorderError(orderhub.ClassRetry, "wildberries: push a status", fmt.Sprintf(format, args...), nil)
}

// move is a kind of call; pushes of one move share calls.
type move struct {
	scheme orderhub.Scheme
	verb   string
}

// The moves. Cancels come first: an order that is cancelled must not be handed
// over in the same batch.
var moves = []struct {
	move
	run func(a *adapter, ctx context.Context, tasks []task, out *batch)
}{
	{move{orderhub.SchemeFBS, "cancel"}, (*adapter).cancelFBS},
	{move{orderhub.SchemeFBS, "accept"}, (*adapter).acceptFBS},
	{move{orderhub.SchemeFBS, "deliver"}, (*adapter).deliverFBS},
	{move{orderhub.SchemeDBS, "cancel"}, dbsRun("cancel")},
	{move{orderhub.SchemeDBS, "confirm"}, dbsRun("confirm")},
	{move{orderhub.SchemeDBS, "deliver"}, dbsRun("deliver")},
	{move{orderhub.SchemeDBS, "receive"}, dbsRun("receive")},
	{move{orderhub.SchemeDBS, "reject"}, dbsRun("reject")},
}

// PushStatus moves orders. Every call is preceded by a read where a 4XX would
// cost ten requests, so a repeated push (Attempt > 1) finds out by itself what
// has happened already.
func (a *adapter) PushStatus(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	out := &batch{results: make([]channel.PushResult, len(pushes))}
	work := map[move][]task{}
	for i, p := range pushes {
		t := task{i: i, push: p}
		m, err := a.plan(p)
		if err != nil {
			out.fail(t, err)
			continue
		}
		t.id, _ = parseID(p.Order.Snapshot.ExternalID)
		work[m] = append(work[m], t)
	}
	for _, m := range moves {
		if tasks := work[m.move]; len(tasks) > 0 {
			m.run(a, forTasks(ctx, tasks), tasks, out)
		}
	}
	return out.results, nil
}

// plan says which call moves the order, or why there is none.
func (a *adapter) plan(p channel.Push) (move, error) {
	if a.token.readOnly() {
		return move{}, orderhub.NewBorderError(orderhub.ClassAuth, "wildberries: push a status", "the token is read-only", nil)
	}
	if _, ok := parseID(p.Order.Snapshot.ExternalID); !ok {
		return move{}, rejected("%q is not an order id of Wildberries", p.Order.Snapshot.ExternalID)
	}
	scheme := p.Order.Snapshot.Scheme
	switch {
	case scheme == orderhub.SchemeFBS && p.To == orderhub.StatusConfirmed:
		return move{scheme, "accept"}, nil
	case scheme == orderhub.SchemeFBS && p.To == orderhub.StatusShipped:
		return move{scheme, "deliver"}, nil
	case scheme == orderhub.SchemeFBS && p.To == orderhub.StatusCancelled:
		return move{scheme, "cancel"}, nil
	case scheme == orderhub.SchemeDBS && p.To == orderhub.StatusConfirmed:
		return move{scheme, "confirm"}, nil
	case scheme == orderhub.SchemeDBS && p.To == orderhub.StatusShipped:
		return move{scheme, "deliver"}, nil
	case scheme == orderhub.SchemeDBS && p.To == orderhub.StatusDelivered:
		return move{scheme, "receive"}, needsCode(p)
	case scheme == orderhub.SchemeDBS && p.To == orderhub.StatusCancelled && p.Order.Headline.HandedOver():
		return move{scheme, "reject"}, needsCode(p)
	case scheme == orderhub.SchemeDBS && p.To == orderhub.StatusCancelled:
		return move{scheme, "cancel"}, nil
	}
	return move{}, rejected("Wildberries has no call that makes an order of scheme %q %s", scheme, p.To)
}

func needsCode(p channel.Push) error {
	if strings.TrimSpace(p.Params[paramCode]) == "" {
		return rejected("ask the buyer for the code in the Wildberries app and give it as %q", paramCode)
	}
	return nil
}

// stillToMove reads the orders' statuses and answers the pushes that need no
// call: already there, or impossible now. It returns the others.
func (a *adapter) stillToMove(ctx context.Context, tasks []task, out *batch) []task {
	if len(tasks) == 0 {
		return nil
	}
	scheme := tasks[0].push.Order.Snapshot.Scheme
	ids := make([]int64, len(tasks))
	for i, t := range tasks {
		ids[i] = t.id
	}
	known, err := a.readStatuses(forTasks(ctx, tasks), scheme, ids)
	if err != nil {
		out.failAll(tasks, err)
		return nil
	}
	var left []task
	for _, t := range tasks {
		it, ok := known[t.id]
		if !ok {
			left = append(left, t) // not on this replica yet: the call will tell
			continue
		}
		now, err := normalise(it.Kind, it.Body)
		if err != nil {
			out.fail(t, rejected("the answer about the order cannot be understood"))
			continue
		}
		if r, decided := judge(t.push.To, now); decided {
			r.Items = []channel.Item{it}
			out.set(t, r)
			continue
		}
		left = append(left, t)
	}
	return left
}

// judge decides a push by the order's status on the channel, where it can.
func judge(to orderhub.Status, now orderhub.Snapshot) (channel.PushResult, bool) {
	no := func(err error) (channel.PushResult, bool) {
		return channel.PushResult{Outcome: channel.OutcomeFailed, Err: err}, true
	}
	words := now.Native + "/" + now.NativeSub
	switch {
	case now.Status == to, to != orderhub.StatusCancelled && now.Status != orderhub.StatusCancelled && now.Status.Rank() > to.Rank():
		return channel.PushResult{Outcome: channel.OutcomeDone, Note: "Wildberries has it as " + words + " already"}, true
	case now.Status == orderhub.StatusCancelled:
		return no(rejected("the order is cancelled on Wildberries (%s)", words))
	case to == orderhub.StatusCancelled:
		if now.Status.IsEnd() || (now.Actions != nil && len(now.Actions) == 0) {
			return no(rejected("Wildberries does not let the order be cancelled any more (%s)", words))
		}
	case now.Status == orderhub.StatusUnknown:
		return no(rejected("Wildberries says %s, which the hub does not know; nothing is sent on a guess", words))
	case to == orderhub.StatusShipped && now.Status == orderhub.StatusNew:
		// The hub knows it as confirmed: the answer may be a moment old.
		return no(retry("Wildberries still has the order as new, so it cannot be handed over"))
	}
	return channel.PushResult{}, false
}

// cancelFBS cancels one by one: there is no call for several.
func (a *adapter) cancelFBS(ctx context.Context, tasks []task, out *batch) {
	tasks = a.stillToMove(ctx, tasks, out)
	for n, t := range tasks {
		err := a.c.cancelOrder(channel.For(ctx, t.push.Key), t.id)
		switch {
		case err == nil:
			out.set(t, channel.PushResult{Outcome: channel.OutcomeAccepted})
		case isStatus(err, http.StatusConflict, http.StatusNotFound):
			for _, left := range a.stillToMove(ctx, []task{t}, out) {
				out.fail(left, err)
			}
		case stops(err):
			out.failAll(tasks[n:], err)
			return
		default:
			out.fail(t, err)
		}
	}
}

// stops reports whether further calls would fail the same way.
func stops(err error) bool {
	class := orderhub.ClassOf(err)
	return class == orderhub.ClassAuth || class == orderhub.ClassRateLimited
}

func isStatus(err error, codes ...int) bool {
	var be *orderhub.BorderError
	if !errors.As(err, &be) {
		return false
	}
	for _, c := range codes {
		if be.HTTPStatus == c {
			return true
		}
	}
	return false
}
