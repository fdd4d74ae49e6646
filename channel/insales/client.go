package insales

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// client makes the calls in use, one method each. The document of all of them:
// https://api.insales.ru.
type client struct {
	rest *rest.Client
	base string
}

func newClient(settings channel.Settings, hc *http.Client, quotas channel.Quotas) *client {
	base := settings[channel.SettingBaseURL]
	if base == "" {
		base = "https://" + host(settings[settingShop])
	}
	header := basic(settings)
	_, encoded, _ := strings.Cut(header.Get("Authorization"), " ")
	return &client{base: base, rest: rest.New(rest.Options{
		Name: string(Name), HTTP: hc, Quotas: quotas, Explain: explain, Header: header,
		Secrets: []string{settings[settingPassword], encoded},
	})}
}

// list is one page of a list that is ordered by (updated_at, id): GET
// /admin/orders.json, /admin/products.json with updated_since and from_id.
func (c *client) list(ctx context.Context, what string, query url.Values) ([]json.RawMessage, error) {
	var out []json.RawMessage
	return out, c.call(ctx, rest.Call{Method: http.MethodGet, URL: rest.Join(c.base, "/admin/"+what+".json"), Query: query}, &out)
}

// order: GET /admin/orders/{id}.json; found is false when the shop has none.
func (c *client) order(ctx context.Context, id string) (body json.RawMessage, found bool, err error) {
	call := rest.Call{Method: http.MethodGet, URL: rest.Join(c.base, "/admin/orders/"+url.PathEscape(id)+".json")}
	body, err = c.one(ctx, call, id)
	var be *orderhub.BorderError
	if errors.As(err, &be) && be.HTTPStatus == http.StatusNotFound {
		return nil, false, nil
	}
	return body, err == nil, err
}

// putOrder: PUT /admin/orders/{id}.json; the answer is the order.
func (c *client) putOrder(ctx context.Context, id string, fields map[string]any) (json.RawMessage, error) {
	return c.one(ctx, rest.Call{
		Method: http.MethodPut, URL: rest.Join(c.base, "/admin/orders/"+url.PathEscape(id)+".json"), Body: map[string]any{"order": fields}, Write: true,
	}, id)
}

// one makes a call that answers with the order of this id.
func (c *client) one(ctx context.Context, call rest.Call, id string) (json.RawMessage, error) {
	var body json.RawMessage
	if err := c.call(ctx, call, &body); err != nil {
		return nil, err
	}
	var key wireKey
	if err := rest.Decode(body, &key); err != nil || key.ID.String() != id || key.FulfillmentStatus == "" {
		class := orderhub.ClassRetry
		if call.Write {
			class = orderhub.ClassUncertain
		}
		return nil, orderhub.NewBorderError(class, string(Name)+": "+call.Method+" /admin/orders/"+rest.Clean(id)+".json", "the answer is not the order", err)
	}
	return body, nil
}

// productsByID: GET /admin/products/by_ids.json, at most 100 ids.
func (c *client) productsByID(ctx context.Context, ids []string) ([]wireProduct, error) {
	var out []wireProduct
	return out, c.call(ctx, rest.Call{
		Method: http.MethodGet, URL: rest.Join(c.base, "/admin/products/by_ids.json"), Query: url.Values{"product_ids": {strings.Join(ids, ",")}},
	}, &out)
}

// groupUpdate: PUT /admin/products/variants_group_update.json, at most 100
// variants. The shop queues the update and answers with an empty list.
func (c *client) groupUpdate(ctx context.Context, variants []map[string]any) error {
	var out []json.RawMessage
	return c.call(ctx, rest.Call{
		Method: http.MethodPut, URL: rest.Join(c.base, "/admin/products/variants_group_update.json"), Body: map[string]any{"variants": variants}, Write: true,
	}, &out)
}

// account: GET /admin/account.json, the shop itself.
func (c *client) account(ctx context.Context) (title string, err error) {
	var out struct {
		ID       rest.Text
		Title    rest.Text
		MainHost rest.Text `json:"main_host"`
	}
	if err := c.call(ctx, rest.Call{Method: http.MethodGet, URL: rest.Join(c.base, "/admin/account.json")}, &out); err != nil {
		return "", err
	}
	if out.Title == "" {
		out.Title = out.MainHost
	}
	return out.Title.String(), nil
}

// named lists rows with a text of theirs: GET /admin/warehouses.json,
// /admin/custom_statuses.json, /admin/fields.json.
func (c *client) named(ctx context.Context, what, key, title string) (rows [][2]string, err error) {
	var out []wireVariant
	if err := c.call(ctx, rest.Call{Method: http.MethodGet, URL: rest.Join(c.base, "/admin/"+what+".json")}, &out); err != nil {
		return nil, err
	}
	for _, row := range out {
		rows = append(rows, [2]string{row.text(key), row.text(title)})
	}
	return rows, nil
}

// webhooks: GET /admin/webhooks.json.
func (c *client) webhooks(ctx context.Context) ([]wireHook, error) {
	var out []wireHook
	return out, c.call(ctx, rest.Call{Method: http.MethodGet, URL: rest.Join(c.base, "/admin/webhooks.json")}, &out)
}

// subscribe: POST /admin/webhooks.json, or PUT with the id of one that is there.
func (c *client) subscribe(ctx context.Context, hook wireHook) error {
	call := rest.Call{
		Method: http.MethodPost, URL: rest.Join(c.base, "/admin/webhooks.json"), Write: true,
		Body: map[string]any{"webhook": map[string]string{"address": hook.Address, "topic": hook.Topic, "format_type": hook.FormatType}},
	}
	if hook.ID != "" {
		call.Method, call.URL = http.MethodPut, rest.Join(c.base, "/admin/webhooks/"+url.PathEscape(hook.ID.String())+".json")
	}
	call.Group = groupAPI
	_, err := c.rest.Do(ctx, call)
	return err
}

func (c *client) call(ctx context.Context, call rest.Call, into any) error {
	call.Group = groupAPI
	_, err := c.rest.DoJSON(ctx, call, into)
	return err
}

// explain: a 503 with Retry-After is the limit («Частота запросов к API»); one
// without is the shop's own trouble. What is wrong with a write stands in
// "errors", "message" or in the fields' own names.
func explain(resp *http.Response, body []byte, e *orderhub.BorderError) *orderhub.BorderError {
	if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "" {
		e.Class, e.Sentence = orderhub.ClassRateLimited, "the limit of 500 calls in five minutes is used up"
		if e.RetryAfter <= 0 {
			e.RetryAfter = waitUnsaid
		}
		return e
	}
	var fields map[string]json.RawMessage
	if rest.Decode(body, &fields) != nil {
		return e
	}
	var words []string
	for _, key := range sortedKeys(fields) {
		if said := texts(fields[key]); said != "" && key != "status" {
			words = append(words, key+": "+said)
		}
	}
	if len(words) > 0 {
		e.Sentence = strings.Join(words, "; ")
	}
	return e
}

// waitUnsaid is the pause of the vendor's own client when none is told.
const waitUnsaid = 150 * time.Second

// texts joins the words of a message, whatever its shape.
func texts(raw json.RawMessage) string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return one
	}
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return strings.Join(many, ", ")
	}
	var named map[string]json.RawMessage
	if json.Unmarshal(raw, &named) != nil {
		return ""
	}
	var out []string
	for _, key := range sortedKeys(named) {
		var inner []string
		if json.Unmarshal(named[key], &inner) == nil && len(inner) > 0 {
			out = append(out, key+" "+strings.Join(inner, ", "))
		}
	}
	return strings.Join(out, "; ")
}

func sortedKeys(m map[string]json.RawMessage) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// since writes a time as the document does: "2017-09-04 00:00:00 +00:00".
func since(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999 -07:00") }

func count(n int) string { return strconv.Itoa(n) }
