package ozon

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// The methods about returns and cancellations in part or on request.
const (
	pathReturns       = "/v1/returns/list"                     // returnsList
	pathRequests      = "/v2/returns/rfbs/list"                // RFBSReturnsAPI_ReturnsRfbsListV2
	pathRequest       = "/v2/returns/rfbs/get"                 // RFBSReturnsAPI_ReturnsRfbsGetV2
	pathReturnAction  = "/v1/returns/rfbs/action/set"          // ReturnsAPI_ReturnsRfbsActionSet
	pathProductCancel = "/v2/posting/fbs/product/cancel"       // PostingAPI_CancelFbsPostingProduct
	pathCancelAsked   = "/v2/conditional-cancellation/list"    // CancellationAPI_GetConditionalCancellationListV2
	pathCancelApprove = "/v2/conditional-cancellation/approve" // CancellationAPI_ConditionalCancellationApproveV2
	pathCancelReject  = "/v2/conditional-cancellation/reject"  // CancellationAPI_ConditionalCancellationRejectV2
)

// returnsList reads one page of goods that come back, by the time of the last
// change of their status: POST /v1/returns/list. Pages go on behind the id of
// the last return.
func (a *adapter) returnsList(ctx context.Context, from, to time.Time, lastID string) (returnsPage, time.Time, error) {
	type window struct {
		From time.Time `json:"time_from"`
		To   time.Time `json:"time_to"`
	}
	var page returnsPage
	// Only one of the filters by time is allowed.
	resp, err := a.read(ctx, pathReturns, struct {
		Filter map[string]window `json:"filter"`
		Limit  int               `json:"limit"`
		LastID json.Number       `json:"last_id"`
	}{map[string]window{"visual_status_change_moment": {from, to}}, a.returnsPage, json.Number(cmp.Or(lastID, "0"))}, &page)
	if err == nil && page.Returns == nil {
		err = a.fail(orderhub.ClassRetry, pathReturns, "the answer holds no returns", "")
	}
	at, _ := http.ParseTime(resp.Header.Get("Date"))
	return page, at.UTC(), err
}

// requestsList reads one page of the requests to return rFBS goods, by the time
// they were made: POST /v2/returns/rfbs/list. There is no filter by change.
func (a *adapter) requestsList(ctx context.Context, from, to time.Time, lastID string) ([]json.RawMessage, time.Time, error) {
	type filter struct {
		Groups  []string `json:"group_state"`
		Created period   `json:"created_at"`
	}
	var page requestsPage
	resp, err := a.read(ctx, pathRequests, struct {
		Filter filter      `json:"filter"`
		Limit  int         `json:"limit"`
		LastID json.Number `json:"last_id,omitempty"`
	}{filter{[]string{"All"}, period{from, to}}, a.requestsPage, json.Number(lastID)}, &page)
	at, _ := http.ParseTime(resp.Header.Get("Date"))
	return page.Rows, at.UTC(), err
}

// requestGet reads one request with what the seller may answer now:
// POST /v2/returns/rfbs/get.
func (a *adapter) requestGet(ctx context.Context, id string) (json.RawMessage, error) {
	var answer struct {
		Returns json.RawMessage `json:"returns"`
	}
	_, err := a.read(ctx, pathRequest, map[string]json.Number{"return_id": json.Number(id)}, &answer)
	if err == nil && (len(answer.Returns) == 0 || answer.Returns[0] != '{') {
		err = a.fail(orderhub.ClassRetry, pathRequest, "the answer holds no request", "")
	}
	return answer.Returns, err
}

// returnAnswer is the body of /v1/returns/rfbs/action/set.
type returnAnswer struct {
	ReturnID json.Number `json:"return_id"`
	Action   json.Number `json:"id"`
	Comment  string      `json:"comment,omitempty"`
	Reason   json.Number `json:"rejection_reason_id,omitempty"`
	Amount   json.Number `json:"compensation_amount,omitempty"`
}

// setReturnAction answers a request: POST /v1/returns/rfbs/action/set.
func (a *adapter) setReturnAction(ctx context.Context, answer returnAnswer) error {
	return a.writeBlind(ctx, pathReturnAction, answer)
}

// cancelsAsked lists requests to cancel these postings, all of them or only
// those that wait for the seller: POST /v2/conditional-cancellation/list.
func (a *adapter) cancelsAsked(ctx context.Context, numbers []string, state string) ([]json.RawMessage, error) {
	type filters struct {
		Numbers []string `json:"posting_number"`
		State   string   `json:"state"`
	}
	const limit = 500
	var out []json.RawMessage
	lastID := "0"
	for {
		var page cancelsPage
		_, err := a.read(ctx, pathCancelAsked, struct {
			Filters filters     `json:"filters"`
			Limit   int         `json:"limit"`
			LastID  json.Number `json:"last_id"`
		}{filters{numbers, state}, limit, json.Number(lastID)}, &page)
		switch {
		case err != nil:
			return nil, err
		case page.Result == nil:
			return nil, a.fail(orderhub.ClassRetry, pathCancelAsked, "the answer holds no requests", "")
		}
		out = append(out, *page.Result...)
		next := string(page.LastID)
		if len(*page.Result) < limit || next == lastID || !idPattern.MatchString(next) {
			return out, nil
		}
		lastID = next
	}
}

// answerCancel approves or rejects a request to cancel:
// POST /v2/conditional-cancellation/approve, /reject.
func (a *adapter) answerCancel(ctx context.Context, path, id, comment string) error {
	return a.writeBlind(ctx, path, struct {
		ID      json.Number `json:"cancellation_id"`
		Comment string      `json:"comment,omitempty"`
	}{json.Number(id), comment})
}

// cancelItem: units of one SKU to take out.
type cancelItem struct {
	SKU      json.Number `json:"sku"`
	Quantity int64       `json:"quantity"`
}

// cancelProducts takes units out of a posting: POST /v2/posting/fbs/product/cancel.
// Repeated it may take out more.
func (a *adapter) cancelProducts(ctx context.Context, number, reason, message string, items []cancelItem) error {
	var answer struct {
		Result *text `json:"result"`
	}
	err := a.write(ctx, pathProductCancel, struct {
		PostingNumber string       `json:"posting_number"`
		ReasonID      json.Number  `json:"cancel_reason_id"`
		Message       string       `json:"cancel_reason_message"`
		Items         []cancelItem `json:"items"`
	}{number, json.Number(reason), message, items}, &answer)
	if err == nil && answer.Result == nil {
		err = a.fail(orderhub.ClassUncertain, pathProductCancel, "the answer does not say whether the goods are taken out", "")
	}
	return err
}

// writeBlind calls a method whose good answer the document leaves empty: no body
// or any JSON is taken, a page of a proxy is not.
func (a *adapter) writeBlind(ctx context.Context, path string, body any) error {
	resp, err := a.rest.Do(ctx, rest.Call{
		Method: http.MethodPost, URL: rest.Join(a.base, path), Group: groupAll, Body: body, Write: true,
	})
	if err == nil && len(bytes.TrimSpace(resp.Body)) > 0 && !json.Valid(resp.Body) {
		err = a.fail(orderhub.ClassUncertain, path, "the answer is not the JSON that Ozon sends", "")
	}
	return err
}
