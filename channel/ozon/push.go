package ozon

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// What Push.Params may carry.
const (
	// paramPackages splits the posting: [[{"sku":"1550012345","quantity":1}],…].
	paramPackages = "packages"
	paramTracking = "tracking"
)

// PushStatus makes one call per posting: ship, cancel, and the rFBS moves.
func (a *adapter) PushStatus(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	out := make([]channel.PushResult, len(pushes))
	batch := ctx
	for i, p := range pushes {
		ctx := channel.For(batch, p.Key)
		switch p.To {
		case orderhub.StatusConfirmed:
			out[i] = a.ship(ctx, p)
		case orderhub.StatusShipped:
			out[i] = unsettled(p, a.delivering(ctx, p))
		case orderhub.StatusDelivered:
			out[i] = unsettled(p, a.delivered(ctx, p))
		case orderhub.StatusCancelled:
			out[i] = a.cancel(ctx, p)
		case orderhub.StatusUnknown, orderhub.StatusPending, orderhub.StatusNew, orderhub.StatusPacked,
			orderhub.StatusReadyForPickup, orderhub.StatusReturned, orderhub.StatusPartiallyReturned:
			out[i] = refused("Ozon has no call that makes an order " + string(p.To))
		}
	}
	return out, nil
}

func accepted(note string) channel.PushResult {
	return channel.PushResult{Outcome: channel.OutcomeAccepted, Note: note}
}

func done(note string) channel.PushResult {
	return channel.PushResult{Outcome: channel.OutcomeDone, Note: note}
}

func failed(err error) channel.PushResult {
	return channel.PushResult{Outcome: channel.OutcomeFailed, Err: err}
}

// refused is a push that never left: repeating it is useless.
func refused(words string) channel.PushResult {
	return failed(orderhub.NewBorderError(orderhub.ClassRejected, "ozon: push", words, nil))
}

// view is what is known of the posting before acting.
type view struct {
	number  string
	actions []string // nil = not told
	sub     string
	lines   []orderhub.Line
	fresh   bool // read from Ozon just now
}

func (v view) offers(actions ...string) bool {
	return slices.ContainsFunc(actions, func(w string) bool { return slices.Contains(v.actions, w) })
}

// lacks tells that Ozon listed its actions and none of these is among them.
func (v view) lacks(actions ...string) bool { return v.actions != nil && !v.offers(actions...) }

// look finds out whether the push is still to be done. The ledger's picture is
// enough for a first attempt when it offers the action; on a further attempt
// something may have happened already, so the posting is read. A result instead
// of a view ends the push.
func (a *adapter) look(ctx context.Context, p channel.Push, actions ...string) (view, *channel.PushResult) {
	s := p.Order.Snapshot
	v := view{number: s.ExternalID, actions: s.Actions, sub: s.NativeSub, lines: s.Lines}
	if p.Attempt <= 1 && !v.lacks(actions...) {
		return v, nil
	}
	raw, ok, err := a.get(ctx, v.number)
	if err != nil {
		r := failed(err)
		return v, &r
	}
	if !ok {
		// The ledger has it from Ozon: a replica that lags is likelier than a loss.
		r := failed(a.fail(orderhub.ClassRetry, pathGet, sentences[wordNotFound], wordNotFound))
		return v, &r
	}
	items := []channel.Item{{Kind: kindFBSGet, ExternalID: externalID(raw), Body: raw}}
	now, err := normalise(kindFBSGet, raw)
	if err != nil {
		r := failed(a.fail(orderhub.ClassRetry, pathGet, "the posting cannot be read before acting on it", ""))
		r.Items = items
		return v, &r
	}
	wish := orderhub.Effect{To: p.To}
	switch {
	case wish.WantsStatus(now.Status):
		r := done("Ozon shows it already")
		// An rFBS posting on its way is read with the request to cancel it, if any.
		if askable(items[0]) {
			r.Reread = []string{v.number}
		} else {
			r.Items = items
		}
		return v, &r
	case now.Status == orderhub.StatusCancelled:
		r := refused("the posting was cancelled meanwhile")
		r.Items = items
		return v, &r
	}
	v = view{number: v.number, actions: now.Actions, sub: now.NativeSub, lines: now.Lines, fresh: true}
	return v, nil
}

// notOffered refuses what Ozon does not list among the posting's actions.
func (v view) notOffered(what string) channel.PushResult {
	list := strings.Join(v.actions, ", ")
	if list == "" {
		list = "nothing"
	}
	e := orderhub.NewBorderError(orderhub.ClassRejected, "ozon: push",
		"Ozon does not offer "+what+" for the posting now (offered: "+list+")", nil)
	e.Code = codeNotOffered
	r := failed(e)
	r.Reread = []string{v.number}
	return r
}

// codeNotOffered is the adapter's own code of notOffered.
const codeNotOffered = "not_offered"

// settleAttempts is until which attempt a refused rFBS move counts as passing.
const settleAttempts = 4

// unsettled softens a refusal of an rFBS move on a further attempt: the move of
// the attempt before may be on its way still, and until it has arrived Ozon
// offers nothing and refuses a repeat.
func unsettled(p channel.Push, r channel.PushResult) channel.PushResult {
	var e *orderhub.BorderError
	if p.Attempt < 2 || p.Attempt > settleAttempts || !errors.As(r.Err, &e) || e.Class != orderhub.ClassRejected {
		return r
	}
	switch e.Code {
	case codeNotOffered, wordTransition, wordIncorrectStatus:
		later := *e
		later.Class = orderhub.ClassRetry
		r.Err = &later
	}
	return r
}

// ship assembles the posting. 200 is "begun"; the read-back tells the rest.
func (a *adapter) ship(ctx context.Context, p channel.Push) channel.PushResult {
	v, end := a.look(ctx, p, actionShip)
	if end != nil {
		return *end
	}
	switch {
	case v.fresh && v.offers(actionShipInProcess) && !v.offers(actionShip, actionShipAsyncRetry):
		return accepted("Ozon is assembling the posting")
	case v.lacks(actionShip, actionShipAsync, actionShipAsyncRetry):
		return v.notOffered("the assembly")
	}
	packages, err := packagesOf(v.lines, p.Params[paramPackages])
	if err != nil {
		return refused(err.Error())
	}
	numbers, err := a.shipPosting(ctx, v.number, packages)
	if err != nil {
		return v.answered(err, wordAlreadyShipped)
	}
	r := accepted("")
	for _, n := range numbers {
		if n != v.number && n != "" {
			r.Reread = append(r.Reread, n)
		}
	}
	if len(r.Reread) > 0 {
		r.Note = "split into " + strings.Join(numbers, ", ")
	}
	return r
}

// cancel cancels the posting whole, with one of Ozon's reasons.
func (a *adapter) cancel(ctx context.Context, p channel.Push) channel.PushResult {
	if !reasonID.MatchString(p.Reason) {
		return refused("a cancel needs the number of one of Ozon's reasons")
	}
	for _, r := range cancelReasons {
		if r.Code == p.Reason && r.NeedsComment && strings.TrimSpace(p.Comment) == "" {
			return refused("the cancel reason " + r.Code + " (" + r.Title + ") needs a comment")
		}
	}
	v, end := a.look(ctx, p, actionCancel)
	switch {
	case end != nil:
		return *end
	case v.lacks(actionCancel):
		return v.notOffered("the cancel")
	}
	// When the list cannot be had the cancel itself will tell.
	if ids, err := a.cancelReasonsOf(ctx, v.number); err == nil && len(ids) > 0 && !slices.Contains(ids, p.Reason) {
		return refused("Ozon does not take the cancel reason " + p.Reason + " for this posting; it takes " + strings.Join(ids, ", "))
	}
	if err := a.cancelPosting(ctx, v.number, json.Number(p.Reason), p.Comment); err != nil {
		return v.answered(err, wordAlreadyCancelled)
	}
	return accepted("")
}

// delivering reports the hand-over of an rFBS posting.
func (a *adapter) delivering(ctx context.Context, p channel.Push) channel.PushResult {
	v, end := a.look(ctx, p, actionDelivering)
	switch {
	case end != nil:
		return *end
	case v.lacks(actionDelivering):
		return v.notOffered("the hand-over to a carrier of the seller's own")
	}
	if err := a.move(ctx, pathDelivering, v.number); err != nil {
		return v.answered(err)
	}
	return accepted("")
}

// delivered reports the delivery of an rFBS posting. Ozon wants the last mile
// first; moves are asynchronous, so the second one may have to wait.
func (a *adapter) delivered(ctx context.Context, p channel.Push) channel.PushResult {
	v, end := a.look(ctx, p, actionDelivered, actionLastMile)
	if end != nil {
		return *end
	}
	if v.fresh && v.sub == subConditionallyDelivered {
		return accepted("Ozon shows it as conditionally delivered; delivered follows by itself")
	}
	if v.lacks(actionDelivered, actionLastMile) {
		return v.notOffered("the delivery")
	}
	lastMile := v.offers(actionLastMile) && !v.offers(actionDelivered)
	if lastMile {
		// A last mile that is "not possible" was probably reported before.
		if err := a.move(ctx, pathLastMile, v.number); err != nil && codeOf(err) != wordTransition {
			return v.answered(err)
		}
	}
	err := a.move(ctx, pathDelivered, v.number)
	switch {
	case err == nil:
		return accepted("Ozon may show it as conditionally delivered first")
	case lastMile && (codeOf(err) == wordTransition || codeOf(err) == wordIncorrectStatus):
		return failed(a.fail(orderhub.ClassRetry, pathDelivered, "the last mile is reported; Ozon does not take the delivery yet", codeOf(err)))
	default:
		return v.answered(err)
	}
}

// PushTracking sets tracking numbers, all in one call.
func (a *adapter) PushTracking(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	out := make([]channel.PushResult, len(pushes))
	var numbers []trackingNumber
	var at []int
	for i, p := range pushes {
		tracking := strings.TrimSpace(p.Params[paramTracking])
		if tracking == "" {
			out[i] = refused("the tracking number is missing")
			continue
		}
		numbers = append(numbers, trackingNumber{p.Order.Snapshot.ExternalID, tracking})
		at = append(at, i)
	}
	if len(numbers) == 0 {
		return out, nil
	}
	rows, err := a.setTracking(ctx, numbers)
	for j, i := range at {
		number := numbers[j].PostingNumber
		rowErr := err
		if rowErr == nil {
			rowErr = a.rowError(pathTracking, number, rows)
		}
		if rowErr != nil {
			out[i] = view{number: number}.answered(rowErr)
			continue
		}
		out[i] = accepted("")
	}
	return out, nil
}

// answered sorts a refusal: already is the word that says that the wish was
// fulfilled before. After a refusal that hangs on the posting's status the
// posting is read again: the ledger's picture of it is old.
func (v view) answered(err error, already ...string) channel.PushResult {
	word := codeOf(err)
	if word != "" && slices.Contains(already, word) {
		r := done(sentences[word])
		r.Reread = []string{v.number}
		return r
	}
	r := failed(err)
	switch word {
	case wordAlreadyShipped, wordAlreadyCancelled, wordTransition, wordIncorrectStatus:
		r.Reread = []string{v.number}
	}
	return r
}

func codeOf(err error) string {
	var e *orderhub.BorderError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
