package woocommerce

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// maxPage is the largest page of any list, and how many ids fit into include.
const maxPage = 100

// client makes the calls in use, one method each.
type client struct {
	rest   *rest.Client
	quotas channel.Quotas
	base   string
	query  url.Values // the keys, where they travel in the address
}

func newClient(settings channel.Settings, hc *http.Client, quotas channel.Quotas) *client {
	key, secret := settings[settingKey], settings[settingSecret]
	header := http.Header{"User-Agent": {"orderhub/1"}}
	basic := base64.StdEncoding.EncodeToString([]byte(key + ":" + secret))
	c := &client{base: rest.Join(settings[channel.SettingBaseURL], "/wp-json/wc/v3/"), quotas: quotas}
	if settings[settingAuth] == authQuery {
		c.query = url.Values{settingKey: {key}, settingSecret: {secret}}
	} else {
		header.Set("Authorization", "Basic "+basic)
	}
	c.rest = rest.New(rest.Options{
		Name: "woocommerce", HTTP: hc, Quotas: quotas, Header: header, Explain: explain,
		Secrets: []string{key, secret, basic, settings[settingHookKey]},
	})
	return c
}

// listOrders: GET orders, https://developer.woocommerce.com/docs/apis/rest-api/v3/orders/
func (c *client) listOrders(ctx context.Context, query url.Values) (rows []json.RawMessage, more bool, err error) {
	more, err = c.page(ctx, "orders", query, &rows)
	return rows, more || fills(query, len(rows)), err
}

// getOrder: GET orders/{id}; shows an order in the bin, too.
func (c *client) getOrder(ctx context.Context, id int64) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.get(ctx, fmt.Sprintf("orders/%d", id), nil, &out)
	return out, err
}

// updateOrder: PUT orders/{id}. The answer is the order as it is now.
func (c *client) updateOrder(ctx context.Context, id int64, update orderUpdate) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.write(ctx, http.MethodPut, fmt.Sprintf("orders/%d", id), update, &out)
	return out, err
}

// addNote: POST orders/{id}/notes
func (c *client) addNote(ctx context.Context, id int64, note orderNote) error {
	var out json.RawMessage
	return c.write(ctx, http.MethodPost, fmt.Sprintf("orders/%d/notes", id), note, &out)
}

// maxRefundPages ends the reading of an order's refunds: 1000 are far above any real
// order.
const maxRefundPages = 10

// listRefunds: GET orders/{id}/refunds, all pages: an order has a few.
func (c *client) listRefunds(ctx context.Context, id int64) ([]json.RawMessage, error) {
	var out []json.RawMessage
	path := fmt.Sprintf("orders/%d/refunds", id)
	for page := 1; page <= maxRefundPages; page++ {
		var part []json.RawMessage
		query := url.Values{"per_page": {strconv.Itoa(maxPage)}, "page": {strconv.Itoa(page)}, "orderby": {"id"}, "order": {"asc"}}
		more, err := c.page(ctx, path, query, &part)
		if err != nil {
			return nil, err
		}
		if out = append(out, part...); !more && !fills(query, len(part)) {
			return out, nil
		}
	}
	return nil, orderhub.NewBorderError(orderhub.ClassRejected, "woocommerce: GET "+path, "the order has more than 1000 refunds", nil)
}

// listProducts: GET products, or the variations of one: GET products/{id}/variations
func (c *client) listProducts(ctx context.Context, parent int64, query url.Values) (rows []wireProduct, more bool, err error) {
	more, err = c.page(ctx, productsPath(parent), query, &rows)
	return rows, more || fills(query, len(rows)), err
}

// updateStock: POST products/batch, or products/{id}/variations/batch
func (c *client) updateStock(ctx context.Context, parent int64, updates []stockUpdate) ([]wireProduct, error) {
	var out struct{ Update []wireProduct }
	path := productsPath(parent) + "/batch"
	err := c.write(ctx, http.MethodPost, path, map[string]any{"update": updates}, &out)
	if err == nil && out.Update == nil {
		err = misses(path, "update", orderhub.ClassUncertain)
	}
	return out.Update, err
}

func productsPath(parent int64) string {
	if parent == 0 {
		return "products"
	}
	return fmt.Sprintf("products/%d/variations", parent)
}

// maxHookPages ends the reading of the webhooks. One that is not seen would be made again.
const maxHookPages = 20

// listHooks: GET webhooks, https://developer.woocommerce.com/docs/apis/rest-api/v3/webhooks/
func (c *client) listHooks(ctx context.Context) ([]wireHook, error) {
	var out []wireHook
	for page := 1; page <= maxHookPages; page++ {
		var part []wireHook
		query := url.Values{"per_page": {strconv.Itoa(maxPage)}, "page": {strconv.Itoa(page)}, "status": {"all"}, "orderby": {"id"}, "order": {"asc"}}
		more, err := c.page(ctx, "webhooks", query, &part)
		if err != nil {
			return nil, err
		}
		if out = append(out, part...); !more && !fills(query, len(part)) {
			return out, nil
		}
	}
	return nil, orderhub.NewBorderError(orderhub.ClassRejected, "woocommerce: webhooks", "the shop has more than 2000 webhooks: delete those that nobody needs", nil)
}

// createHook: POST webhooks
func (c *client) createHook(ctx context.Context, hook hookUpdate) error {
	var out wireHook
	return c.write(ctx, http.MethodPost, "webhooks", hook, &out)
}

// updateHook: PUT webhooks/{id}
func (c *client) updateHook(ctx context.Context, id string, hook hookUpdate) error {
	var out wireHook
	return c.write(ctx, http.MethodPut, "webhooks/"+url.PathEscape(id), hook, &out)
}

func (c *client) get(ctx context.Context, path string, query url.Values, into any) error {
	_, err := c.call(ctx, rest.Call{Method: http.MethodGet, URL: c.base + path, Query: query}, into)
	return err
}

// page reads one page of a list; more tells that the shop counts further ones. It
// leaves out what it cannot load without filling the page up, so a short page proves
// nothing.
func (c *client) page(ctx context.Context, path string, query url.Values, into any) (more bool, err error) {
	header, err := c.call(ctx, rest.Call{Method: http.MethodGet, URL: c.base + path, Query: query}, into)
	pages, _ := strconv.Atoi(header.Get("X-WP-TotalPages")) // some hosts take it away
	at, _ := strconv.Atoi(query.Get("page"))
	return pages > max(1, at), err
}

// fills tells that a page has all the rows that were asked for.
func fills(query url.Values, rows int) bool {
	n, err := strconv.Atoi(query.Get("per_page"))
	return err == nil && rows >= n
}

func (c *client) write(ctx context.Context, method, path string, body, into any) error {
	_, err := c.call(ctx, rest.Call{Method: method, URL: c.base + path, Body: body, Write: true}, into)
	return err
}

func (c *client) call(ctx context.Context, call rest.Call, into any) (http.Header, error) {
	call.Group = groupShop
	if len(c.query) > 0 {
		with := url.Values{}
		for _, values := range []url.Values{call.Query, c.query} {
			for k, v := range values {
				with[k] = v
			}
		}
		call.Query = with
	}
	resp, err := c.rest.Do(ctx, call)
	if err != nil {
		return nil, err
	}
	// Some themes and plugins begin every answer with a byte order mark.
	if err := rest.Decode(bytes.TrimPrefix(bytes.TrimSpace(resp.Body), []byte("\ufeff")), into); err != nil {
		class := orderhub.ClassRetry
		if call.Write {
			class = orderhub.ClassUncertain
		}
		u, _ := url.Parse(call.URL)
		e := orderhub.NewBorderError(class, "woocommerce: "+call.Method+" "+u.Path, "the answer is not the JSON that the document promises: a firewall, a cache or a plugin stands before the shop's API", err)
		e.HTTPStatus = resp.Status
		return nil, e
	}
	return resp.Header, nil
}

// misses: an answer without what the document promises must not pass for success.
func misses(path, fields string, class orderhub.Class) error {
	return orderhub.NewBorderError(class, "woocommerce: "+path, "the answer lacks "+fields, errors.New("not the documented shape"))
}

// explain takes the shop's own words: {"code":"…","message":"…","data":{"status":…}}.
func explain(resp *http.Response, body []byte, e *orderhub.BorderError) *orderhub.BorderError {
	var out wireError
	known := rest.Decode(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\ufeff")), &out) == nil && out.Code != ""
	if known {
		e.Code, e.Sentence = out.Code.String(), out.Message.String()
	}
	switch status := resp.StatusCode; {
	case out.Code == "rest_no_route":
		e.Sentence = "the shop's REST API does not know the call: is WooCommerce switched on and new enough?"
	case known:
	case status >= 300 && status < 400:
		e.Sentence = "the shop sends the call on to another address: write the address of the shop exactly as the browser shows it"
	case status == http.StatusNotFound:
		e.Sentence = "there is no REST API at this address: check the address, and that permalinks are not \"plain\""
	case status == http.StatusForbidden:
		e.Sentence = "refused, and not by WooCommerce: a firewall or a security plugin keeps the hub out"
	}
	return e
}

// codeOf is the shop's own code of a refusal.
func codeOf(err error) string {
	var be *orderhub.BorderError
	if errors.As(err, &be) && be.Class == orderhub.ClassRejected {
		return be.Code
	}
	return ""
}
