package wildberries

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// client makes the calls. Each method names its endpoint and the section of the
// official documents (https://dev.wildberries.ru/docs/openapi/<section>).
type client struct {
	rest        *rest.Client
	quotas      channel.Quotas
	marketplace string
	common      string
	content     string
	returns     string
	analytics   string
	// The limits of the paged lists; tests make them small.
	page, cardPage, claimPage int
}

func newClient(token, baseURL string, hc *http.Client, quotas channel.Quotas, maxBody int64) client {
	c := client{
		marketplace: hostMarketplace, common: hostCommon, content: hostContent,
		returns: hostReturns, analytics: hostAnalytics,
		quotas: quotas, page: pageLimit, cardPage: maxCards, claimPage: maxClaims,
	}
	if baseURL != "" {
		c.marketplace, c.common, c.content, c.returns, c.analytics = baseURL, baseURL, baseURL, baseURL, baseURL
	}
	c.rest = rest.New(rest.Options{
		Name:    "wildberries",
		HTTP:    hc,
		Quotas:  quotas,
		Header:  http.Header{"Authorization": {token}},
		Secrets: []string{token},
		MaxBody: maxBody,
		Explain: explain,
		Charge:  c.charge,
	})
	return c
}

// note travels with a call to charge and explain, which only see the answer.
type note struct {
	// group is the quota group of the call.
	group string
	// refusal is the field data of a failed answer, or the whole of one that is a
	// list (stocks): which orders or sizes, and why.
	refusal json.RawMessage
}

// category is the category of tokens that the call needs.
func (n *note) category() string {
	switch n.group {
	case groupCards:
		return categoryContent
	case groupClaims:
		return categoryReturns
	case groupReturns:
		return categoryAnalytics
	}
	return categoryMarketplace
}

type noteKey struct{}

// noteOf finds the note of the call that was answered.
func noteOf(resp *http.Response) *note {
	n, _ := resp.Request.Context().Value(noteKey{}).(*note)
	return n
}

// charge tells the extra cost of an answer. In the groups of the Marketplace
// every 4XX counts as ten requests (a 429 was not let in and is followed by a
// pause instead). X-Ratelimit-Remaining corrects our own count downwards when
// other programs of the seller spend the same quota.
func (c client) charge(resp *http.Response) int {
	n := noteOf(resp)
	if n == nil {
		return 0
	}
	group, extra := n.group, 0
	isMarketplace := group != groupPing && group != groupSellerInfo && n.category() == categoryMarketplace
	if isMarketplace && resp.StatusCode >= 400 && resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests {
		extra = 9
	}
	remaining, err := strconv.Atoi(resp.Header.Get("X-Ratelimit-Remaining"))
	if err != nil || remaining < 0 {
		return extra
	}
	return max(extra, c.quotas.Left()[group]-remaining)
}

func (c client) do(ctx context.Context, call rest.Call, into any) error {
	_, err := c.noted(ctx, call, into)
	return err
}

// noted is do for callers that need the note of a refusal. into nil = the good
// answer has no body (204).
func (c client) noted(ctx context.Context, call rest.Call, into any) (*note, error) {
	n := &note{group: call.Group}
	ctx = context.WithValue(ctx, noteKey{}, n)
	if into == nil {
		_, err := c.rest.Do(ctx, call)
		return n, err
	}
	_, err := c.rest.DoJSON(ctx, call, into)
	return n, err
}

// list makes a call that answers with orders. An answer without them is not an
// empty list: a proxy or another service has answered.
func (c client) list(ctx context.Context, call rest.Call) (orderPage, error) {
	var out orderPage
	if err := c.do(ctx, call, &out); err != nil {
		return orderPage{}, err
	}
	if out.Orders == nil {
		return orderPage{}, lacks(call, "orders")
	}
	return out, nil
}

// lacks is the failure of a good answer without its main field.
func lacks(call rest.Call, field string) error {
	class := orderhub.ClassRetry
	if call.Write {
		class = orderhub.ClassUncertain
	}
	return orderhub.NewBorderError(class, "wildberries: "+call.Method, "the answer lacks the field "+field, nil)
}

// ping tries host and token. GET /ping, section general. It must not be used as
// a regular probe: Wildberries blocks that.
func (c client) ping(ctx context.Context) error {
	call := rest.Call{Method: http.MethodGet, URL: rest.Join(c.marketplace, "/ping"), Group: groupPing}
	var out struct {
		Status string `json:"Status"`
	}
	if err := c.do(ctx, call, &out); err != nil {
		return err
	}
	if out.Status == "" {
		return lacks(call, "Status")
	}
	return nil
}

// sellerInfo reads the seller's name. GET /api/v1/seller-info, section general.
func (c client) sellerInfo(ctx context.Context) (sellerInfo, error) {
	var out sellerInfo
	err := c.do(ctx, rest.Call{Method: http.MethodGet, URL: rest.Join(c.common, "/api/v1/seller-info"), Group: groupSellerInfo}, &out)
	return out, err
}

// newOrders lists all new FBS orders. GET /api/v3/orders/new, section orders-fbs.
func (c client) newOrders(ctx context.Context) (orderPage, error) {
	return c.list(ctx, rest.Call{Method: http.MethodGet, URL: rest.Join(c.marketplace, "/api/v3/orders/new"), Group: groupOrders})
}

// orders lists FBS orders created in [from, to], at most 30 days, without their
// statuses. GET /api/v3/orders, section orders-fbs.
func (c client) orders(ctx context.Context, from, to time.Time, next int64) (orderPage, error) {
	return c.list(ctx, rest.Call{
		Method: http.MethodGet, URL: rest.Join(c.marketplace, "/api/v3/orders"), Query: c.window(from, to, next), Group: groupOrders,
	})
}

// orderStatuses reads the statuses of at most 1000 FBS orders.
// POST /api/v3/orders/status, section orders-fbs.
func (c client) orderStatuses(ctx context.Context, ids []int64) (orderPage, error) {
	return c.list(ctx, rest.Call{
		Method: http.MethodPost, URL: rest.Join(c.marketplace, "/api/v3/orders/status"), Body: ordersBody{ids}, Group: groupOrders,
	})
}

// cancelOrder cancels one FBS order. PATCH /api/v3/orders/{orderId}/cancel,
// section orders-fbs.
func (c client) cancelOrder(ctx context.Context, id int64) error {
	return c.do(ctx, rest.Call{
		Method: http.MethodPatch, URL: rest.Join(c.marketplace, "/api/v3/orders/"+strconv.FormatInt(id, 10)+"/cancel"),
		Group: groupCancel, Write: true,
	}, nil)
}

// supplies lists the supplies of the seller. GET /api/v3/supplies, section orders-fbs.
func (c client) supplies(ctx context.Context, next int64) (supplyPage, error) {
	call := rest.Call{
		Method: http.MethodGet, URL: rest.Join(c.marketplace, "/api/v3/supplies"), Query: c.paging(next), Group: groupOrders,
	}
	var out supplyPage
	err := c.do(ctx, call, &out)
	if err == nil && out.Supplies == nil {
		err = lacks(call, "supplies")
	}
	return out, err
}

// supply reads one supply. GET /api/v3/supplies/{supplyId}, section orders-fbs.
func (c client) supply(ctx context.Context, id string) (supply, error) {
	call := rest.Call{Method: http.MethodGet, URL: rest.Join(c.marketplace, "/api/v3/supplies/"+url.PathEscape(id)), Group: groupOrders}
	var out supply
	err := c.do(ctx, call, &out)
	if err == nil && out.ID == "" {
		err = lacks(call, "id")
	}
	return out, err
}

// createSupply makes an empty supply. POST /api/v3/supplies, section orders-fbs.
// Not repeatable: a second call makes a second supply.
func (c client) createSupply(ctx context.Context, name string) (string, error) {
	call := rest.Call{
		Method: http.MethodPost, URL: rest.Join(c.marketplace, "/api/v3/supplies"), Body: map[string]string{"name": name},
		Group: groupOrders, Write: true,
	}
	var out struct {
		ID string `json:"id"`
	}
	err := c.do(ctx, call, &out)
	if err == nil && out.ID == "" {
		err = lacks(call, "id")
	}
	return out.ID, err
}

// addToSupply puts at most 100 orders into an open supply: new → confirm.
// PATCH /api/marketplace/v3/supplies/{supplyId}/orders, section orders-fbs.
func (c client) addToSupply(ctx context.Context, supplyID string, ids []int64) error {
	return c.do(ctx, rest.Call{
		Method: http.MethodPatch, URL: rest.Join(c.marketplace, "/api/marketplace/v3/supplies/"+url.PathEscape(supplyID)+"/orders"),
		Body: ordersBody{ids}, Group: groupOrders, Write: true,
	}, nil)
}

// supplyOrders lists the orders of a supply.
// GET /api/marketplace/v3/supplies/{supplyId}/order-ids, section orders-fbs.
func (c client) supplyOrders(ctx context.Context, supplyID string) ([]int64, error) {
	call := rest.Call{
		Method: http.MethodGet, URL: rest.Join(c.marketplace, "/api/marketplace/v3/supplies/"+url.PathEscape(supplyID)+"/order-ids"),
		Group: groupOrders,
	}
	var out struct {
		OrderIDs list[int64] `json:"orderIds"`
	}
	err := c.do(ctx, call, &out)
	if err == nil && out.OrderIDs == nil {
		err = lacks(call, "orderIds")
	}
	return out.OrderIDs, err
}

// setShipping says how and where a supply will be dropped off. PATCH
// /api/marketplace/v3/fbs/supplies/shipping-method, section orders-fbs, since
// September 2026. 200 is no success: see the result.
func (c client) setShipping(ctx context.Context, m shippingMethod) (shippingResult, error) {
	call := rest.Call{
		Method: http.MethodPatch, URL: rest.Join(c.marketplace, "/api/marketplace/v3/fbs/supplies/shipping-method"),
		Body: map[string][]shippingMethod{"data": {m}}, Group: groupOrders, Write: true,
	}
	var out struct {
		Results []shippingResult `json:"results"`
	}
	if err := c.do(ctx, call, &out); err != nil {
		return shippingResult{}, err
	}
	for _, r := range out.Results {
		if r.SupplyID == m.SupplyID && (r.Success || r.Error != nil) {
			return r, nil
		}
	}
	return shippingResult{}, lacks(call, "results")
}

// deliverSupply closes a supply: all its orders → complete.
// PATCH /api/v3/supplies/{supplyId}/deliver, section orders-fbs. With an error
// comes what Wildberries says of single orders, if it does.
func (c client) deliverSupply(ctx context.Context, supplyID string) (json.RawMessage, error) {
	n, err := c.noted(ctx, rest.Call{
		Method: http.MethodPatch, URL: rest.Join(c.marketplace, "/api/v3/supplies/"+url.PathEscape(supplyID)+"/deliver"),
		Group: groupOrders, Write: true,
	}, nil)
	return n.refusal, err
}

// dbsNewOrders lists all new DBS orders. GET /api/v3/dbs/orders/new, section dbs.
func (c client) dbsNewOrders(ctx context.Context) (orderPage, error) {
	return c.list(ctx, rest.Call{Method: http.MethodGet, URL: rest.Join(c.marketplace, "/api/v3/dbs/orders/new"), Group: groupDBS})
}

// dbsOrders lists finished DBS orders of a period of at most 30 days, without
// their statuses. GET /api/v3/dbs/orders, section dbs.
func (c client) dbsOrders(ctx context.Context, from, to time.Time, next int64) (orderPage, error) {
	return c.list(ctx, rest.Call{
		Method: http.MethodGet, URL: rest.Join(c.marketplace, "/api/v3/dbs/orders"), Query: c.window(from, to, next), Group: groupDBS,
	})
}

// dbsStatuses reads the statuses of at most 1000 DBS orders. An order that is
// not known comes with empty statuses and an error of its own.
// POST /api/marketplace/v3/dbs/orders/status/info, section dbs.
func (c client) dbsStatuses(ctx context.Context, ids []int64) (orderPage, error) {
	return c.list(ctx, rest.Call{
		Method: http.MethodPost, URL: rest.Join(c.marketplace, "/api/marketplace/v3/dbs/orders/status/info"), Body: dbsOrdersBody{ids},
		Group: groupDBS,
	})
}

// dbsMove changes the status of DBS orders. POST
// /api/marketplace/v3/dbs/orders/status/{confirm|deliver|receive|reject|cancel},
// section dbs. 200 is no success: each order has its own result.
func (c client) dbsMove(ctx context.Context, verb string, body any) ([]moveResult, error) {
	var out struct {
		Results []moveResult `json:"results"`
	}
	err := c.do(ctx, rest.Call{
		Method: http.MethodPost, URL: rest.Join(c.marketplace, "/api/marketplace/v3/dbs/orders/status/"+verb), Body: body,
		Group: groupDBSStatus, Write: true,
	}, &out)
	return out.Results, err
}

// cards lists cards by the time of their last change. Cards in the trash are not
// listed. POST /content/v2/get/cards/list, section work-with-products.
func (c client) cards(ctx context.Context, at cardCursor) (cardPage, error) {
	var body cardsBody
	body.Settings.Sort.Ascending = true
	body.Settings.Filter.WithPhoto = -1 // with and without
	body.Settings.Cursor.Limit, body.Settings.Cursor.cardCursor = c.cardPage, at
	call := rest.Call{Method: http.MethodPost, URL: rest.Join(c.content, "/content/v2/get/cards/list"), Body: body, Group: groupCards}
	var out cardPage
	err := c.do(ctx, call, &out)
	if err == nil && out.Cards == nil {
		err = lacks(call, "cards")
	}
	return out, err
}

// warehouses lists the seller's warehouses. GET /api/v3/warehouses, section
// work-with-products.
func (c client) warehouses(ctx context.Context) ([]warehouse, error) {
	var out []warehouse
	err := c.do(ctx, rest.Call{Method: http.MethodGet, URL: rest.Join(c.marketplace, "/api/v3/warehouses"), Group: groupWarehouses}, &out)
	return out, err
}

// putStocks sets at most 1000 figures. 204 is no success: whether a figure stands
// is told by stocks alone. With an error comes what Wildberries says of single
// sizes, if it does. PUT /api/v3/stocks/{warehouseId}, section work-with-products.
func (c client) putStocks(ctx context.Context, warehouse int64, rows []stockRow) (json.RawMessage, error) {
	n, err := c.noted(ctx, rest.Call{
		Method: http.MethodPut, URL: rest.Join(c.marketplace, "/api/v3/stocks/"+formatID(warehouse)),
		Body: map[string][]stockRow{"stocks": rows}, Group: groupStocks, Write: true,
	}, nil)
	return n.refusal, err
}

// stocks reads the figures of at most 1000 sizes.
// POST /api/v3/stocks/{warehouseId}, section work-with-products.
func (c client) stocks(ctx context.Context, warehouse int64, chrtIDs []int64) ([]stockShown, error) {
	call := rest.Call{
		Method: http.MethodPost, URL: rest.Join(c.marketplace, "/api/v3/stocks/"+formatID(warehouse)),
		Body: map[string][]int64{"chrtIds": chrtIDs}, Group: groupStocks,
	}
	var out struct {
		Stocks list[stockShown] `json:"stocks"`
	}
	err := c.do(ctx, call, &out)
	if err == nil && out.Stocks == nil {
		err = lacks(call, "stocks")
	}
	return out.Stocks, err
}

func (c client) paging(next int64) url.Values {
	return url.Values{"limit": {strconv.Itoa(c.page)}, "next": {strconv.FormatInt(next, 10)}}
}

// window asks for a period of whole seconds.
func (c client) window(from, to time.Time, next int64) url.Values {
	q := c.paging(next)
	q.Set("dateFrom", strconv.FormatInt(from.Unix(), 10))
	q.Set("dateTo", strconv.FormatInt(to.Unix(), 10))
	return q
}
