package yandexmarket

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

const (
	host = "https://api.partner.market.yandex.ru"
	// maxPage is the largest page of the order list; more is cut silently.
	maxPage = 50
	// maxBatch is the largest batch of status-update.
	maxBatch = 30
	// maxOffers is the largest page of the catalogue; more is cut silently.
	maxOffers = 100
	// maxWarehouses is the largest page of the warehouses; more is refused.
	maxWarehouses = 30
	// maxStockRows is the largest batch of either call that sets stock.
	maxStockRows = 2000
	// maxStockRead is how many SKUs either call that reads stock takes.
	maxStockRead = 500
)

// The quota groups, one per method (or per counted resource).
const (
	groupOrders    = "orders"
	groupStatus    = "status"
	groupStatuses  = "status_update"
	groupBoxes     = "boxes"
	groupTrack     = "track"
	groupCancel    = "cancellation"
	groupToken     = "token"
	groupCampaigns = "campaigns"

	groupReturns   = "returns"
	groupReturn    = "return"
	groupDecisions = "return_decisions"
	groupSubmit    = "return_decision_submit"
	groupItems     = "order_items"

	groupOffers      = "offer_mappings"
	groupWarehouses  = "warehouses"
	groupStockUpdate = "stocks_update_v3"
	groupStockPut    = "stocks_put_v2"
	groupStockRead3  = "stocks_read_v3"
	groupStockRead2  = "stocks_read_v2"
)

// limits are the figures of the OpenAPI document. A bucket that starts full
// gives its burst on top of what flows in, so both together stay within the
// documented hour: 10000 is a burst of 500 and 9500 an hour. The document allows
// 6 orders calls in flight; its prose of other years says 2 and 4 per account,
// so 3 is used for orders; the calls around goods, which share the account's
// places, take fewer.
var limits = []channel.Limit{
	{Group: groupOrders, Calls: 9500, Burst: 500, Period: time.Hour, Parallel: 3, Source: "partner-api: getBusinessOrders, x-resource-limit-config: 10000 calls an hour, 6 parallel"},
	{Group: groupStatus, Calls: 9500, Burst: 500, Period: time.Hour, Parallel: 3, Source: "partner-api: updateOrderStatus, x-resource-limit-config: 10000 calls an hour"},
	{Group: groupStatuses, Calls: 9500, Burst: 500, Period: time.Hour, Parallel: 3, Source: "partner-api: updateOrderStatuses, x-resource-limit-config: 10000 orders an hour (path resp.result.orders)"},
	{Group: groupBoxes, Calls: 9500, Burst: 500, Period: time.Hour, Parallel: 3, Source: "partner-api: setOrderBoxLayout, x-resource-limit-config: 10000 calls an hour"},
	{Group: groupTrack, Calls: 9500, Burst: 500, Period: time.Hour, Parallel: 3, Source: "partner-api: setOrderDeliveryTrackCode, x-resource-limit-config: 10000 calls an hour"},
	{Group: groupCancel, Calls: 450, Burst: 50, Period: time.Hour, Parallel: 3, Source: "partner-api: acceptOrderCancellation, x-resource-limit-config: 500 calls an hour"},
	{Group: groupToken, Calls: 80, Burst: 20, Period: time.Hour, Parallel: 3, Source: "partner-api: getAuthTokenInfo, x-resource-limit-config: 100 calls an hour"},
	{Group: groupCampaigns, Calls: 900, Burst: 100, Period: time.Hour, Parallel: 3, Source: "partner-api: getCampaigns, x-resource-limit-config: 1000 calls an hour"},
	{Group: groupReturns, Calls: 4700, Burst: 300, Period: time.Hour, Parallel: 1, Source: "partner-api: getReturns, x-resource-limit-config: 5000 calls an hour"},
	{Group: groupReturn, Calls: 6700, Burst: 300, Period: time.Hour, Parallel: 2, Source: "partner-api: getReturn, x-resource-limit-config: 7000 calls an hour"},
	{Group: groupDecisions, Calls: 4700, Burst: 300, Period: time.Hour, Parallel: 1, Source: "partner-api: getReturnAvailableDecisions, x-resource-limit-config: 5000 calls an hour"},
	{Group: groupSubmit, Calls: 4700, Burst: 300, Period: time.Hour, Parallel: 2, Source: "partner-api: submitReturnDecision, x-resource-limit-config: 5000 calls an hour"},
	{Group: groupItems, Calls: 9500, Burst: 500, Period: time.Hour, Parallel: 2, Source: "partner-api: updateOrderItems, x-resource-limit-config: 10000 calls an hour, 6 parallel"},
	{Group: groupOffers, Calls: 90, Burst: 10, Period: time.Minute, Parallel: 1, Source: "partner-api: getOfferMappings, x-resource-limit-config: 100 calls a minute (600 with a paid subscription)"},
	{Group: groupWarehouses, Calls: 80, Burst: 20, Period: time.Hour, Parallel: 1, Source: "partner-api: getPagedWarehouses, x-resource-limit-config: 100 calls an hour"},
	{Group: groupStockUpdate, Calls: 40, Burst: 10, Period: time.Minute, Parallel: 2, Source: "partner-api: updateStocksOnPartnerWarehouses, x-resource-limit-config: 50 calls a minute"},
	{Group: groupStockPut, Calls: 90_000, Burst: 10_000, Period: time.Minute, Parallel: 2, Source: "partner-api: updateStocks, x-resource-limit-config: 100000 SKUs a minute (path req.skus)"},
	{Group: groupStockRead3, Calls: 450, Burst: 50, Period: time.Minute, Parallel: 1, Source: "partner-api: getStocksOnPartnerWarehouses, x-resource-limit-config: 500 calls a minute"},
	{Group: groupStockRead2, Calls: 95_000, Burst: 5_000, Period: time.Minute, Parallel: 1, Source: "partner-api: getStocks, x-resource-limit-config: 100000 offers a minute (path resp.result.warehouses.offers.offerId)"},
}

func newClient(a *adapter, hc *http.Client) *rest.Client {
	header := http.Header{}
	header.Set("Api-Key", a.key) // never "Authorization: Bearer": that is the old OAuth
	header.Set("X-Market-Integration", integrationName+"/"+integrationVersion)
	// The Market does not support Keep-Alive. A kept connection that it closes
	// under a PUT would make the outcome uncertain for nothing.
	header.Set("Connection", "close")
	return rest.New(rest.Options{
		Name: string(descriptor.Name), HTTP: hc, Quotas: a.quotas, Header: header,
		Secrets: []string{a.key},
		Explain: func(resp *http.Response, body []byte, e *orderhub.BorderError) *orderhub.BorderError {
			return explain(resp, body, e, a.now())
		},
	})
}

// listOrders is POST /v1/businesses/{businessId}/orders (getBusinessOrders).
func (a *adapter) listOrders(ctx context.Context, filter orderFilter, token string) (orderPage, error) {
	query := url.Values{"limit": {strconv.Itoa(a.pageSize)}}
	if token != "" {
		query.Set("pageToken", token)
	}
	var page orderPage
	_, err := a.client.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: rest.Join(a.base, fmt.Sprintf("/v1/businesses/%d/orders", a.business)),
		Query: query, Group: groupOrders, Body: filter,
	}, &page)
	if err == nil && page.Orders == nil {
		err = answerError("POST /orders", orderhub.ClassRetry, "the answer has no list of orders")
	}
	return page, err
}

// putStatus is PUT /v2/campaigns/{campaignId}/orders/{orderId}/status
// (updateOrderStatus). It answers with the order in the legacy shape.
func (a *adapter) putStatus(ctx context.Context, campaign, order int64, change statusChange) ([]byte, error) {
	resp, err := a.client.Do(ctx, rest.Call{
		Method: http.MethodPut, URL: a.orderURL(campaign, order, "/status"),
		Group: groupStatus, Write: true, Body: statusChangeRequest{Order: change},
	})
	return resp.Body, err
}

// postStatuses is POST /v2/campaigns/{campaignId}/orders/status-update
// (updateOrderStatuses), 1 to 30 orders. The answer is 200 even when every row
// failed. The quota counts orders.
func (a *adapter) postStatuses(ctx context.Context, campaign int64, rows []statusRow) (statusesAnswer, error) {
	var out statusesAnswer
	_, err := a.client.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: rest.Join(a.base, fmt.Sprintf("/v2/campaigns/%d/orders/status-update", campaign)),
		Group: groupStatuses, Cost: len(rows), Write: true, Body: statusesRequest{Orders: rows},
	}, &out)
	return out, err
}

// putBoxes is PUT /v2/campaigns/{campaignId}/orders/{orderId}/boxes
// (setOrderBoxLayout). Each call replaces the layout.
func (a *adapter) putBoxes(ctx context.Context, campaign, order int64, boxes []box) error {
	return a.write(ctx, rest.Call{
		Method: http.MethodPut, URL: a.orderURL(campaign, order, "/boxes"),
		Group: groupBoxes, Write: true, Body: boxesRequest{Boxes: boxes},
	})
}

// postTrack is POST /v2/campaigns/{campaignId}/orders/{orderId}/delivery/track
// (setOrderDeliveryTrackCode).
func (a *adapter) postTrack(ctx context.Context, campaign, order int64, track trackRequest) error {
	return a.write(ctx, rest.Call{
		Method: http.MethodPost, URL: a.orderURL(campaign, order, "/delivery/track"),
		Group: groupTrack, Write: true, Body: track,
	})
}

// putCancellation is PUT /v2/campaigns/{campaignId}/orders/{orderId}/cancellation/accept
// (acceptOrderCancellation).
func (a *adapter) putCancellation(ctx context.Context, campaign, order int64, answer cancellationRequest) error {
	return a.write(ctx, rest.Call{
		Method: http.MethodPut, URL: a.orderURL(campaign, order, "/cancellation/accept"),
		Group: groupCancel, Write: true, Body: answer,
	})
}

// tokenInfo is POST /v2/auth/token (getAuthTokenInfo), without a body.
func (a *adapter) tokenInfo(ctx context.Context) (tokenAnswer, error) {
	var out tokenAnswer
	_, err := a.client.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: rest.Join(a.base, "/v2/auth/token"), Group: groupToken,
	}, &out)
	return out, err
}

// listCampaigns is GET /v2/campaigns (getCampaigns), paged by token.
func (a *adapter) listCampaigns(ctx context.Context, token string) (campaignPage, error) {
	query := url.Values{"limit": {"100"}}
	if token != "" {
		query.Set("pageToken", token)
	}
	var out campaignPage
	_, err := a.client.DoJSON(ctx, rest.Call{
		Method: http.MethodGet, URL: rest.Join(a.base, "/v2/campaigns"), Query: query, Group: groupCampaigns,
	}, &out)
	return out, err
}

// listOffers is POST /v2/businesses/{businessId}/offer-mappings
// (getOfferMappings), paged by token: the offers in the archive, or the others.
func (a *adapter) listOffers(ctx context.Context, archived bool, token string) (offerPage, error) {
	query := url.Values{"limit": {strconv.Itoa(a.offersPage)}}
	if token != "" {
		query.Set("pageToken", token)
	}
	var out offerPage
	_, err := a.client.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: a.businessURL("/v2", "/offer-mappings"),
		Query: query, Group: groupOffers, Body: offersFilter{Archived: archived},
	}, &out)
	if err == nil && out.Result.OfferMappings == nil {
		err = answerError("POST /offer-mappings", orderhub.ClassRetry, "the answer has no list of offers")
	}
	return out, err
}

// listWarehouses is POST /v2/businesses/{businessId}/warehouses
// (getPagedWarehouses), paged by token.
func (a *adapter) listWarehouses(ctx context.Context, token string) (warehousePage, error) {
	query := url.Values{"limit": {strconv.Itoa(maxWarehouses)}}
	if token != "" {
		query.Set("pageToken", token)
	}
	var out warehousePage
	_, err := a.client.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: a.businessURL("/v2", "/warehouses"),
		Query: query, Group: groupWarehouses, Body: struct{}{},
	}, &out)
	if err == nil && out.Result.Warehouses == nil {
		err = answerError("POST /warehouses", orderhub.ClassRetry, "the answer has no list of warehouses")
	}
	return out, err
}

// updateStocks is POST /v3/businesses/{businessId}/offers/stocks/update
// (updateStocksOnPartnerWarehouses), for accounts without groups of warehouses.
func (a *adapter) updateStocks(ctx context.Context, rows []warehouseRow) error {
	return a.write(ctx, rest.Call{
		Method: http.MethodPost, URL: a.businessURL("/v3", "/offers/stocks/update"),
		Group: groupStockUpdate, Write: true, Body: stocksV3Request{SKUItems: rows},
	})
}

// putStocks is PUT /v2/campaigns/{campaignId}/offers/stocks (updateStocks), for
// accounts with groups of warehouses. Never POST: on this path that is the read,
// which answers 200 to figures and changes nothing. The quota counts rows.
func (a *adapter) putStocks(ctx context.Context, campaign int64, rows []shopRow) error {
	return a.write(ctx, rest.Call{
		Method: http.MethodPut, URL: a.shopStocksURL(campaign),
		Group: groupStockPut, Cost: len(rows), Write: true, Body: stocksV2Request{SKUs: rows},
	})
}

// readStocksV3 is POST /v3/businesses/{businessId}/offers/stocks
// (getStocksOnPartnerWarehouses). With offerIds there are no pages.
func (a *adapter) readStocksV3(ctx context.Context, warehouse int64, offers []string) (stocksV3Answer, error) {
	var out stocksV3Answer
	_, err := a.client.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: a.businessURL("/v3", "/offers/stocks"),
		Group: groupStockRead3, Body: stocksV3Filter{Warehouse: warehouse, OfferIDs: offers},
	}, &out)
	if err == nil && out.Result.Offers == nil {
		err = answerError("POST /v3/offers/stocks", orderhub.ClassRetry, "the answer has no list of offers")
	}
	return out, err
}

// readStocksV2 is POST /v2/campaigns/{campaignId}/offers/stocks (getStocks).
// With offerIds there are no pages. The quota counts offers.
func (a *adapter) readStocksV2(ctx context.Context, campaign int64, offers []string) (stocksV2Answer, error) {
	var out stocksV2Answer
	_, err := a.client.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: a.shopStocksURL(campaign),
		Group: groupStockRead2, Cost: len(offers), Body: stocksV2Filter{OfferIDs: offers},
	}, &out)
	if err == nil && out.Result.Warehouses == nil {
		err = answerError("POST /v2/offers/stocks", orderhub.ClassRetry, "the answer has no list of warehouses")
	}
	return out, err
}

// write makes a call whose answer is the empty wrapper {"status":"OK"}.
func (a *adapter) write(ctx context.Context, call rest.Call) error {
	var out wrapper
	if _, err := a.client.DoJSON(ctx, call, &out); err != nil {
		return err
	}
	if out.Status != "OK" {
		class := orderhub.ClassUncertain
		_, text := out.words()
		if text != "" {
			class = orderhub.ClassRejected
		}
		return answerError(call.Method, class, "answered 200 with status "+quote(string(out.Status))+": "+rest.Clean(text, a.key))
	}
	return nil
}

func (a *adapter) orderURL(campaign, order int64, tail string) string {
	return rest.Join(a.base, fmt.Sprintf("/v2/campaigns/%d/orders/%d%s", campaign, order, tail))
}

func (a *adapter) businessURL(version, tail string) string {
	return rest.Join(a.base, fmt.Sprintf("%s/businesses/%d%s", version, a.business, tail))
}

func (a *adapter) shopStocksURL(campaign int64) string {
	return rest.Join(a.base, fmt.Sprintf("/v2/campaigns/%d/offers/stocks", campaign))
}

// explain reads the Market's own words: {"status":"ERROR","errors":[{code,message}]}.
// The code is coarse, so decisions hang on the HTTP status and the message.
func explain(resp *http.Response, body []byte, e *orderhub.BorderError, now time.Time) *orderhub.BorderError {
	var answer wrapper
	if rest.Decode(body, &answer) == nil {
		code, text := answer.words()
		e.Code = code
		if text != "" {
			e.Sentence = text
		}
	}
	text := strings.ToLower(e.Sentence)
	switch {
	case e.Class == orderhub.ClassRateLimited:
		e.RetryAfter = rateLimitPause(resp.Header, text, now)
	case resp.StatusCode == http.StatusForbidden && strings.Contains(text, "occasionally forbidden"):
		// A method near its end refuses a growing share of the calls at random.
		e.Class = orderhub.ClassRetry
	case resp.StatusCode == http.StatusLocked:
		// The account is being moved between systems of the Market.
		e.Class = orderhub.ClassRetry
	case resp.StatusCode == http.StatusNotFound && strings.Contains(text, "partnerid"):
		e.Sentence += " (this shop of the account has no such order: it belongs to another campaign, or it is gone)"
	}
	return e
}

// rateLimitPause tells how long to wait after 420. Too many calls at once is
// over in a moment; a spent quota names the time of its renewal as an RFC 822
// date in X-RateLimit-Resource-Until. There is no Retry-After.
func rateLimitPause(h http.Header, text string, now time.Time) time.Duration {
	if strings.Contains(text, "parallel requests") {
		return time.Second
	}
	until := strings.TrimSpace(h.Get("X-RateLimit-Resource-Until"))
	for _, layout := range []string{time.RFC1123, time.RFC1123Z, time.RFC822, time.RFC822Z, time.RFC850, time.RFC3339} {
		if t, err := time.Parse(layout, until); err == nil {
			return min(max(t.Sub(now), time.Second), time.Hour)
		}
	}
	return 10 * time.Second
}
