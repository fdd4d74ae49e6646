package ozon

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

const (
	// maxReturns is the largest page of /v1/returns/list. The pages of requests
	// are small: each request on them costs a call.
	maxReturns, maxRequests = 500, 50
	// A first sweep of the returns goes this far back, in windows of this width:
	// the document names no widest one.
	firstReturns, returnsPiece = 180 * day, 30 * day
	// Requests are listed by the time they were made, so each sweep lists them
	// all from this far back.
	requestsBack = 120 * day
	// What is settled (approved or rejected) and old is read in detail only in a
	// deep sweep.
	requestsFresh, requestsDeepEvery = 14 * day, 6 * time.Hour
)

// listReturns reads a page of goods that come back: what changed since the last
// sweep, window by window.
func (a *adapter) listReturns(ctx context.Context, pos position) (channel.Page, error) {
	if pos.To.IsZero() {
		pos.From = since(pos, firstReturns, changesOverlap)
		pos.To = earlier(pos.From.Add(returnsPiece), pos.Start.Add(ahead))
	}
	page, date, err := a.returnsList(ctx, pos.From, pos.To, pos.API)
	if err != nil {
		return channel.Page{}, err
	}
	// The mark must not be ahead of Ozon's clock, as in sweep.
	if date.Year() > 1 {
		pos.Start = earlier(pos.Start, date)
	}
	rows := *page.Returns
	last := ""
	if len(rows) > 0 {
		last = externalKey(rows[len(rows)-1], "id")
	}
	more := page.HasNext == "true" && len(rows) > 0
	stuck := more && (last == pos.API || !idPattern.MatchString(last))
	var out channel.Page
	for _, raw := range rows {
		// Goods of FBO orders go back into Ozon's own stock.
		if !strings.EqualFold(externalKey(raw, "schema"), "FBO") {
			out.Items = append(out.Items, channel.Item{Kind: kindReturn, ExternalID: externalKey(raw, "id"), Body: raw})
		}
	}
	switch {
	case stuck:
		a.log.Warn("ozon gave the same page again; the next sweep repeats this window", "path", pathReturns)
		out.Done, pos = true, position{Mark: earlier(pos.Start, markBefore(pos))}
	case more:
		pos.API, pos.At = last, a.now().UTC()
	case pos.To.Before(pos.Start.Add(ahead)):
		pos.From, pos.API, pos.At = pos.To, "", time.Time{}
		pos.To = earlier(pos.From.Add(returnsPiece), pos.Start.Add(ahead))
	default:
		out.Done, pos = true, position{Mark: pos.Start}
	}
	out.Next = pos.cursor()
	return out, nil
}

// listRequests reads a page of requests to return rFBS goods. Every sweep shows
// all of them: Ozon does not select them by change.
func (a *adapter) listRequests(ctx context.Context, pos position) (channel.Page, error) {
	if pos.To.IsZero() {
		pos.From, pos.To = pos.Start.Add(-requestsBack), pos.Start.Add(ahead)
		if pos.Start.Sub(pos.Deep) >= requestsDeepEvery {
			pos.Deep, pos.Stage = pos.Start, stageDeep
		}
	}
	rows, _, err := a.requestsList(ctx, pos.From, pos.To, pos.API)
	if err != nil {
		return channel.Page{}, err
	}
	var out channel.Page
	if out.Items, err = a.detailed(ctx, rows, pos); err != nil {
		return channel.Page{}, err
	}
	last := ""
	if len(rows) > 0 {
		last = externalKey(rows[len(rows)-1], "return_id")
	}
	if len(rows) < a.requestsPage || last == pos.API || !idPattern.MatchString(last) {
		out.Next, out.Done = position{Mark: pos.Start, Deep: pos.Deep}.cursor(), true
		return out, nil
	}
	pos.API, pos.At = last, a.now().UTC()
	out.Next = pos.cursor()
	return out, nil
}

const stageDeep = "deep"

// detailed puts what only /v2/returns/rfbs/get tells beside the rows of a list.
// One request that cannot be read does not hold up the others: it goes without.
func (a *adapter) detailed(ctx context.Context, rows []json.RawMessage, pos position) ([]channel.Item, error) {
	var out []channel.Item
	failures := 0
	for _, raw := range rows {
		id := externalKey(raw, "return_id")
		item := returnRequest{Request: raw}
		if idPattern.MatchString(id) && wantsDetails(raw, pos) {
			details, err := a.requestGet(ctx, id)
			rejected := orderhub.ClassOf(err) == orderhub.ClassRejected
			switch {
			case err == nil:
				item.Details = details
			case stops(err), !rejected && failures > 0, ctx.Err() != nil:
				return nil, err
			case !rejected:
				failures++
			}
		}
		body, err := json.Marshal(item)
		if err != nil {
			body = raw // quarantined with what came
		}
		out = append(out, channel.Item{Kind: kindRequest, ExternalID: id, Body: body})
	}
	return out, nil
}

// wantsDetails: everything that may still want an answer, and the rest while it
// is young or in a deep sweep.
func wantsDetails(raw json.RawMessage, pos position) bool {
	var row requestRow
	if json.Unmarshal(raw, &row) != nil || pos.Stage == stageDeep {
		return true
	}
	if !slices.Contains([]text{"Approved", "Rejected"}, row.State.v.Group) {
		return true
	}
	made, err := time.Parse(time.RFC3339Nano, string(row.CreatedAt))
	return err != nil || pos.Start.Sub(made) < requestsFresh
}
