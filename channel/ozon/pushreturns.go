package ozon

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// actionPattern is the id of an action; some are negative.
var actionPattern = regexp.MustCompile(`^-?[1-9][0-9]{0,9}$`)

// AnswerReturn answers requests to return rFBS goods, one call each.
func (a *adapter) AnswerReturn(ctx context.Context, answers []channel.ReturnAnswer) ([]channel.PushResult, error) {
	out := make([]channel.PushResult, len(answers))
	for i, ans := range answers {
		out[i] = a.answerReturn(channel.For(ctx, ans.Key), ans)
	}
	return out, nil
}

func (a *adapter) answerReturn(ctx context.Context, ans channel.ReturnAnswer) channel.PushResult {
	id := ans.Return.ExternalID
	offered := ans.Return.Actions
	if !idPattern.MatchString(id) || !actionPattern.MatchString(ans.Action) {
		return refused("Ozon takes answers by the numbers of the return and of the action")
	}
	if ans.Attempt > 1 {
		now, item, err := a.requestNow(ctx, id)
		if err != nil {
			return failed(err)
		}
		if !slices.ContainsFunc(now.Actions, isAction(ans.Action)) {
			return answeredBefore(item)
		}
		offered = now.Actions
	}
	body, why := bodyOf(ans, offered)
	if why != "" {
		return refused(why)
	}
	err := a.setReturnAction(ctx, body)
	if err == nil {
		return accepted("")
	}
	r := failed(err)
	if ans.Attempt > 1 && orderhub.ClassOf(err) == orderhub.ClassRejected {
		// The reading before may have come from a replica that lags.
		if now, item, err := a.requestNow(ctx, id); err == nil && !slices.ContainsFunc(now.Actions, isAction(ans.Action)) {
			return answeredBefore(item)
		}
	}
	return r
}

// answeredBefore: Ozon offered the action and no longer does. After an answer
// that was lost this is how an answer that arrived looks.
func answeredBefore(item channel.Item) channel.PushResult {
	r := done("Ozon no longer offers this action: the earlier attempt was taken, or the request was answered elsewhere")
	r.Items = []channel.Item{item}
	return r
}

func isAction(code string) func(orderhub.ReturnAction) bool {
	return func(a orderhub.ReturnAction) bool { return a.Code == code }
}

// requestNow reads one request.
func (a *adapter) requestNow(ctx context.Context, id string) (orderhub.ReturnSnapshot, channel.Item, error) {
	details, err := a.requestGet(ctx, id)
	if err != nil {
		return orderhub.ReturnSnapshot{}, channel.Item{}, err
	}
	// get does not repeat the id; both parts are JSON from Ozon or ours.
	body, err := json.Marshal(returnRequest{Request: json.RawMessage(`{"return_id":"` + id + `"}`), Details: details})
	if err == nil {
		var s orderhub.ReturnSnapshot
		// Without the list of actions nothing can be concluded from it.
		if s, err = normaliseRequest(body); err == nil && s.Actions != nil {
			return s, channel.Item{Kind: kindRequest, ExternalID: id, Body: body}, nil
		}
	}
	return orderhub.ReturnSnapshot{}, channel.Item{},
		a.fail(orderhub.ClassRetry, pathRequest, "the request cannot be read before answering it", "")
}

// bodyOf checks an answer against what Ozon offered and says what is wrong with it.
func bodyOf(ans channel.ReturnAnswer, offered []orderhub.ReturnAction) (body returnAnswer, why string) {
	at := slices.IndexFunc(offered, isAction(ans.Action))
	if at < 0 {
		return body, "Ozon does not offer this action for the return now"
	}
	action := offered[at]
	body = returnAnswer{
		ReturnID: json.Number(ans.Return.ExternalID), Action: json.Number(action.Code), Comment: strings.TrimSpace(ans.Comment),
	}
	if action.NeedsComment {
		if body.Comment == "" {
			return body, "this answer needs a comment"
		}
		known := func(r orderhub.ReturnReason) bool { return r.Code == ans.Reason }
		if !idPattern.MatchString(ans.Reason) || (len(action.Reasons) > 0 && !slices.ContainsFunc(action.Reasons, known)) {
			return body, "this answer needs one of Ozon's reasons"
		}
		body.Reason = json.Number(ans.Reason)
	}
	if action.NeedsAmount {
		if ans.Amount.Minor <= 0 {
			return body, "this answer needs an amount above zero"
		}
		for _, l := range ans.Return.Lines {
			// The call has no currency: it is the one of the account's prices.
			if l.Price.Currency != "" && l.Price.Currency != ans.Amount.Currency {
				return body, "the amount must be in " + l.Price.Currency
			}
		}
		body.Amount = json.Number(ans.Amount.Decimal())
	}
	return body, ""
}

// CancelLines takes units out of postings that wait for their assembly.
func (a *adapter) CancelLines(ctx context.Context, cancels []channel.LineCancel) ([]channel.PushResult, error) {
	out := make([]channel.PushResult, len(cancels))
	for i, c := range cancels {
		out[i] = a.cancelLines(channel.For(ctx, c.Key), c)
	}
	return out, nil
}

func (a *adapter) cancelLines(ctx context.Context, c channel.LineCancel) channel.PushResult {
	message, why := lineReason(c)
	if why != "" {
		return refused(why)
	}
	had := unitsOf(c.Order.Snapshot.Lines)
	take, why := unitsToTake(c, had)
	if why != "" {
		return refused(why)
	}
	number := c.Order.Snapshot.ExternalID
	if c.Attempt > 1 || lacksAction(c.Order.Snapshot.Actions, actionProductCancel) {
		if end := a.beforeTaking(ctx, number, had, take); end != nil {
			return *end
		}
	}
	items := make([]cancelItem, 0, len(take))
	for sku, n := range take {
		items = append(items, cancelItem{json.Number(sku), n})
	}
	slices.SortFunc(items, func(x, y cancelItem) int { return strings.Compare(x.SKU.String(), y.SKU.String()) })
	if err := a.cancelProducts(ctx, number, c.Reason, message, items); err != nil {
		return view{number: number}.answered(err)
	}
	r := accepted("")
	r.Reread = []string{number}
	return r
}

// lineReason checks the reason; Ozon wants a text with every one of them.
func lineReason(c channel.LineCancel) (message, why string) {
	if !reasonID.MatchString(c.Reason) {
		return "", "a cancel needs the number of one of Ozon's reasons"
	}
	message = strings.TrimSpace(c.Comment)
	for _, r := range cancelReasons {
		switch {
		case r.Code != c.Reason || message != "":
		case r.NeedsComment:
			return "", "the cancel reason " + r.Code + " (" + r.Title + ") needs a comment"
		default:
			message = r.Title
		}
	}
	if message == "" {
		return "", "Ozon wants a comment with the cancel of single goods"
	}
	return message, ""
}

// unitsOf sums the units of each SKU: Ozon cancels by SKU, not by line.
func unitsOf(lines []orderhub.Line) map[string]int64 {
	out := map[string]int64{}
	for _, l := range lines {
		out[l.ListingKey] += l.Quantity
	}
	return out
}

// unitsToTake sums what is to be taken out by SKU.
func unitsToTake(c channel.LineCancel, had map[string]int64) (take map[string]int64, why string) {
	take = map[string]int64{}
	var all, out int64
	for _, n := range had {
		all += n
	}
	for i, n := range c.Units {
		lines := c.Order.Snapshot.Lines
		switch {
		case i < 0 || i >= len(lines) || n < 1 || n > lines[i].Quantity:
			return nil, "the units to cancel are not in the order"
		case !idPattern.MatchString(lines[i].ListingKey):
			return nil, "a line without Ozon's SKU cannot be cancelled alone"
		}
		take[lines[i].ListingKey] += n
		out += n
	}
	switch out {
	case 0:
		return nil, "there is nothing to cancel"
	case all:
		return nil, "these are all goods of the posting: cancel the order"
	}
	return take, ""
}

func lacksAction(actions []string, word string) bool {
	return actions != nil && !slices.Contains(actions, word)
}

// beforeTaking reads the posting and compares it with the ledger's picture: the
// call is repeated only while Ozon shows every unit that the ledger has. A
// result ends the push.
func (a *adapter) beforeTaking(ctx context.Context, number string, had, take map[string]int64) *channel.PushResult {
	end := func(r channel.PushResult) *channel.PushResult {
		r.Reread = []string{number}
		return &r
	}
	raw, ok, err := a.get(ctx, number)
	if err == nil && !ok {
		err = a.fail(orderhub.ClassRetry, pathGet, sentences[wordNotFound], wordNotFound)
	}
	if err != nil {
		return end(failed(err))
	}
	now, err := normalise(kindFBSGet, raw)
	if err != nil {
		return end(failed(a.fail(orderhub.ClassRetry, pathGet, "the posting cannot be read before acting on it", "")))
	}
	have := unitsOf(now.Lines)
	same, gone := true, true
	for sku, n := range had {
		same = same && have[sku] == n
		gone = gone && have[sku] == n-take[sku]
	}
	switch {
	case now.Status == orderhub.StatusCancelled:
		return end(refused("the posting was cancelled meanwhile"))
	case gone:
		return end(done("Ozon shows the posting without these goods already"))
	case !same:
		return end(refused("the goods of the posting changed meanwhile; look at it and cancel again"))
	case lacksAction(now.Actions, actionProductCancel):
		return end(view{number: number, actions: now.Actions}.notOffered("the cancel of single goods"))
	}
	return nil
}
