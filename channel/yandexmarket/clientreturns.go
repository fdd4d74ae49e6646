package yandexmarket

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// maxReturns is the largest page of the returns; more is cut silently.
const maxReturns = 100

// listReturns is GET /v2/campaigns/{campaignId}/returns (getReturns): returns and
// refused deliveries of one shop by the day of their last change.
func (a *adapter) listReturns(ctx context.Context, campaign int64, from, to time.Time, token string) (returnPage, error) {
	query := url.Values{
		"limit":    {strconv.Itoa(a.returnsPage)},
		"fromDate": {from.Format(time.DateOnly)}, "toDate": {to.Format(time.DateOnly)},
	}
	if token != "" {
		query.Set("pageToken", token)
	}
	var out returnPage
	_, err := a.client.DoJSON(ctx, rest.Call{
		Method: http.MethodGet, URL: rest.Join(a.base, fmt.Sprintf("/v2/campaigns/%d/returns", campaign)),
		Query: query, Group: groupReturns,
	}, &out)
	if err == nil && out.Result.Returns == nil {
		err = answerError("GET /returns", orderhub.ClassRetry, "the answer has no list of returns")
	}
	return out, err
}

// getReturn is GET /v2/campaigns/{campaignId}/orders/{orderId}/returns/{returnId}
// (getReturn).
func (a *adapter) getReturn(ctx context.Context, campaign, order, id int64) (json.RawMessage, error) {
	var out oneReturn
	_, err := a.client.DoJSON(ctx, rest.Call{
		Method: http.MethodGet, URL: a.orderURL(campaign, order, fmt.Sprintf("/returns/%d", id)), Group: groupReturn,
	}, &out)
	var key returnKey
	if err == nil && (json.Unmarshal(out.Result, &key) != nil || key.ID != scalar(strconv.FormatInt(id, 10))) {
		err = answerError("GET /returns/{id}", orderhub.ClassRetry, "the answer does not show the return")
	}
	return out.Result, err
}

// availableDecisions is POST /v1/businesses/{businessId}/returns/decisions
// (getReturnAvailableDecisions).
func (a *adapter) availableDecisions(ctx context.Context, campaign, id int64) (json.RawMessage, error) {
	var out decisionsAnswer
	_, err := a.client.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: a.businessURL("/v1", "/returns/decisions"),
		Group: groupDecisions, Body: decisionsRequest{CampaignID: campaign, ReturnID: id},
	}, &out)
	return out.Result.AvailableDecisions, err
}

// submitDecision is POST …/orders/{orderId}/returns/{returnId}/decision/submit
// (submitReturnDecision).
func (a *adapter) submitDecision(ctx context.Context, campaign, order, id int64, decisions []itemDecision) error {
	return a.write(ctx, rest.Call{
		Method: http.MethodPost, URL: a.orderURL(campaign, order, fmt.Sprintf("/returns/%d/decision/submit", id)),
		Group: groupSubmit, Write: true, Body: submitRequest{ReturnItemDecisions: decisions},
	})
}

// putItems is PUT /v2/campaigns/{campaignId}/orders/{orderId}/items
// (updateOrderItems). Its answer has no body.
func (a *adapter) putItems(ctx context.Context, campaign, order int64, items itemsRequest) error {
	_, err := a.client.Do(ctx, rest.Call{
		Method: http.MethodPut, URL: a.orderURL(campaign, order, "/items"), Group: groupItems, Write: true, Body: items,
	})
	return err
}
