package demo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

const (
	defaultBase = "https://api.demo.example"
	groupOrders = "orders"
)

// client makes the calls in use, one method each.
type client struct {
	rest *rest.Client
	base string
}

func newClient(settings channel.Settings, hc *http.Client, quotas channel.Quotas) *client {
	base := settings[channel.SettingBaseURL]
	if base == "" {
		base = defaultBase
	}
	return &client{base: base, rest: rest.New(rest.Options{
		Name: "demo", HTTP: hc, Quotas: quotas, Explain: explain,
		Header:  http.Header{"Authorization": {"Bearer " + settings["token"]}},
		Secrets: []string{settings["token"], settings["webhook_secret"]},
	})}
}

// listOrders: GET /v1/orders, "Changed orders".
func (c *client) listOrders(ctx context.Context, query url.Values) (listReply, error) {
	var out listReply
	err := c.call(ctx, rest.Call{Method: http.MethodGet, URL: rest.Join(c.base, "/v1/orders"), Query: query}, &out)
	if err == nil && (out.Orders == nil || out.Last == "") {
		err = misses(http.MethodGet+" /v1/orders", "orders and last", orderhub.ClassRetry)
	}
	return out, err
}

// getOrders: POST /v1/orders/get, "Orders by id". A read in spite of its verb.
func (c *client) getOrders(ctx context.Context, ids []string) ([]json.RawMessage, error) {
	var out struct{ Orders []json.RawMessage }
	err := c.call(ctx, rest.Call{Method: http.MethodPost, URL: rest.Join(c.base, "/v1/orders/get"), Body: map[string]any{"ids": ids}}, &out)
	if err == nil && out.Orders == nil {
		err = misses(http.MethodPost+" /v1/orders/get", "orders", orderhub.ClassRetry)
	}
	return out.Orders, err
}

// setStatus: POST /v1/orders/status, "Move orders".
func (c *client) setStatus(ctx context.Context, moves []wireMove) ([]wireResult, error) {
	var out struct{ Results []wireResult }
	err := c.call(ctx, rest.Call{Method: http.MethodPost, URL: rest.Join(c.base, "/v1/orders/status"), Body: map[string]any{"orders": moves}, Write: true}, &out)
	if err == nil && out.Results == nil {
		err = misses(http.MethodPost+" /v1/orders/status", "results", orderhub.ClassUncertain)
	}
	return out.Results, err
}

// me: GET /v1/me, "Who am I".
func (c *client) me(ctx context.Context) (wireMe, error) {
	var out wireMe
	err := c.call(ctx, rest.Call{Method: http.MethodGet, URL: rest.Join(c.base, "/v1/me")}, &out)
	return out, err
}

func (c *client) call(ctx context.Context, call rest.Call, into any) error {
	call.Group = groupOrders
	_, err := c.rest.DoJSON(ctx, call, into)
	return err
}

// misses: a 200 without what the document promises (a proxy's own JSON) must
// not pass for an empty list.
func misses(op, fields string, class orderhub.Class) error {
	return orderhub.NewBorderError(class, "demo: "+op, "the answer lacks "+fields, errors.New("not the documented shape"))
}

// explain takes the market's own words: {"error":{"code":"…","text":"…"}}.
func explain(_ *http.Response, body []byte, e *orderhub.BorderError) *orderhub.BorderError {
	var out struct{ Error wireError }
	if rest.Decode(body, &out) == nil && out.Error.Code != "" {
		e.Code, e.Sentence = out.Error.Code, out.Error.Text
	}
	return e
}
