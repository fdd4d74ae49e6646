package wildberries

import (
	"context"
	"net/http"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// dbsRun makes the move of one DBS verb.
func dbsRun(verb string) func(a *adapter, ctx context.Context, tasks []task, out *batch) {
	return func(a *adapter, ctx context.Context, tasks []task, out *batch) { a.moveDBS(ctx, verb, tasks, out) }
}

// moveDBS changes statuses with one call. The answer is 200 with a result per
// order, so nothing is read first: a refused order costs no extra requests.
func (a *adapter) moveDBS(ctx context.Context, verb string, tasks []task, out *batch) {
	results, err := a.c.dbsMove(ctx, verb, dbsBody(verb, tasks))
	if err != nil {
		out.failAll(tasks, err)
		return
	}
	answers := map[int64]moveResult{}
	for _, r := range results {
		answers[r.OrderID] = r
	}
	var refused []task
	for _, t := range tasks {
		r, ok := answers[t.id]
		switch {
		case !ok:
			out.fail(t, orderhub.NewBorderError(orderhub.ClassUncertain, "wildberries: push a status",
				"the answer to the batch says nothing of this order", nil))
		case !r.IsError && len(r.Errors) == 0:
			out.set(t, channel.PushResult{Outcome: channel.OutcomeAccepted})
		default:
			out.fail(t, refusal(verb, r))
			if refusedByStatus(r) {
				refused = append(refused, t)
			}
		}
	}
	// "Another status by now" may mean that it is there already. If this cannot
	// be read either, the refusal stands.
	a.compareDBS(ctx, refused, out)
}

func dbsBody(verb string, tasks []task) any {
	if verb == "receive" || verb == "reject" {
		body := dbsCodesBody{}
		for _, t := range tasks {
			body.Orders = append(body.Orders, dbsCode{OrderID: t.id, Code: t.push.Params[paramCode]})
		}
		return body
	}
	body := dbsOrdersBody{}
	for _, t := range tasks {
		body.OrdersIDs = append(body.OrdersIDs, t.id)
	}
	return body
}

// compareDBS replaces refusals of orders that are in the wanted status.
func (a *adapter) compareDBS(ctx context.Context, tasks []task, out *batch) {
	if len(tasks) == 0 {
		return
	}
	actual := &batch{results: make([]channel.PushResult, len(out.results))}
	left := map[int]bool{}
	for _, t := range a.stillToMove(ctx, tasks, actual) {
		left[t.i] = true
	}
	for _, t := range tasks {
		r := actual.results[t.i]
		if left[t.i] || (r.Outcome == channel.OutcomeFailed && orderhub.ClassOf(r.Err) != orderhub.ClassRejected) {
			continue
		}
		out.set(t, r)
	}
}

// refusedByStatus reports whether the order's status was the reason.
func refusedByStatus(r moveResult) bool {
	for _, e := range r.Errors {
		if e.Detail == "StatusMismatch" || (e.Code == http.StatusConflict && len(e.MetaDetails) == 0) {
			return true
		}
	}
	return false
}

// refusal puts the errors of one order into words.
func refusal(verb string, r moveResult) error {
	if len(r.Errors) == 0 {
		return rejected("Wildberries refused and gave no reason")
	}
	first := r.Errors[0]
	if len(first.MetaDetails) > 0 {
		fail := rejected
		if onlyPending(first.MetaDetails) {
			fail = retry
		}
		return fail("marking codes of this order: %s", markingWords(first.MetaDetails))
	}
	if first.Detail == "IncorrectRequest" && (verb == "receive" || verb == "reject") {
		return rejected("Wildberries does not accept it: compare the code with the one that the buyer shows")
	}
	if class := rest.Classify(first.Code, true); class != orderhub.ClassRejected && class != orderhub.ClassAuth {
		return orderhub.NewBorderError(class, "wildberries: push a status", inWords(first.Detail), nil)
	}
	if first.Detail == "" {
		return rejected("Wildberries refused with code %d", first.Code)
	}
	return rejected("%s", inWords(first.Detail))
}
