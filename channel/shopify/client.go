package shopify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// client speaks GraphQL, and asks for a token where the account has none.
type client struct {
	settings channel.Settings
	http     *http.Client
	quotas   channel.Quotas
	now      func() time.Time
	base     string

	mu sync.Mutex
	// rest carries the token; nil = there is none yet. until is its end, zero = never.
	rest  *rest.Client
	until time.Time
}

func newClient(settings channel.Settings, hc *http.Client, quotas channel.Quotas, now func() time.Time) *client {
	c := &client{settings: settings, http: hc, quotas: quotas, now: now, base: settings[channel.SettingBaseURL]}
	if c.base == "" {
		c.base = "https://" + host(settings[settingShop])
	}
	if token := settings[settingToken]; token != "" {
		c.rest = c.with(token)
	}
	return c
}

// with makes the HTTP client of a token.
func (c *client) with(token string) *rest.Client {
	return rest.New(rest.Options{
		Name: string(Name), HTTP: c.http, Quotas: c.quotas, Explain: explain,
		Header: http.Header{"X-Shopify-Access-Token": {token}}, Secrets: []string{token, c.settings[settingSecret]},
	})
}

// ready gives the client with a token that lasts: POST
// /admin/oauth/access_token, the client credentials grant.
func (c *client) ready(ctx context.Context) (*rest.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rest != nil && (c.until.IsZero() || c.now().Before(c.until)) {
		return c.rest, nil
	}
	ask := rest.New(rest.Options{Name: string(Name), HTTP: c.http, Quotas: c.quotas, Explain: explain, Secrets: []string{c.settings[settingSecret]}})
	var out struct {
		Token     string    `json:"access_token"`
		ExpiresIn rest.Text `json:"expires_in"`
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.settings[settingClient]}, "client_secret": {c.settings[settingSecret]}}
	_, err := ask.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: rest.Join(c.base, "/admin/oauth/access_token"), Group: groupToken, Body: []byte(form.Encode()),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}, &out)
	var be *orderhub.BorderError
	switch {
	case errors.As(err, &be) && be.Class == orderhub.ClassRejected:
		be.Class = orderhub.ClassAuth // 400 shop_not_permitted, invalid_client
		return nil, be
	case err != nil:
		return nil, err
	case out.Token == "":
		return nil, orderhub.NewBorderError(orderhub.ClassRetry, string(Name)+": POST /admin/oauth/access_token", "the answer holds no token", nil)
	}
	seconds, _ := out.ExpiresIn.Int64()
	// An hour before its end, so that no call in flight loses it.
	c.rest, c.until = c.with(out.Token), c.now().Add(max(time.Minute, time.Duration(min(max(seconds, 0), 1e6))*time.Second-time.Hour))
	return c.rest, nil
}

// forget drops a token that was asked for and is no longer taken.
func (c *client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settings[settingToken] == "" {
		c.rest = nil
	}
}

type reply struct {
	Data       map[string]json.RawMessage
	Errors     gqlErrors
	Extensions struct {
		Cost struct {
			Requested float64 `json:"requestedQueryCost"`
			Throttle  struct {
				Available float64 `json:"currentlyAvailable"`
				Rate      float64 `json:"restoreRate"`
			} `json:"throttleStatus"`
		}
	}
}

type gqlError struct {
	Message    string
	Path       []any
	Extensions struct{ Code string }
}

// gqlErrors is a list, or one text where no GraphQL was spoken (401, 404).
type gqlErrors []gqlError

func (e *gqlErrors) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*e = gqlErrors{{Message: text}}
		return nil
	}
	return json.Unmarshal(b, (*[]gqlError)(e))
}

// do runs an operation; into gets data.<root>, and stays as it is when that is
// null and may be.
func (c *client) do(ctx context.Context, op operation, vars map[string]any, into any) error {
	data, err := c.run(ctx, op, vars)
	if err != nil {
		return err
	}
	if string(data[op.root]) == "null" {
		return nil
	}
	if err := rest.Decode(data[op.root], into); err != nil {
		return c.fail(op, lost(op), "the answer has another shape than documented", "", err)
	}
	return nil
}

// run gives the whole data of an answer; its root field is there.
func (c *client) run(ctx context.Context, op operation, vars map[string]any) (map[string]json.RawMessage, error) {
	api, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"query": op.text, "operationName": op.name}
	if vars != nil {
		body["variables"] = vars
	}
	var out reply
	_, err = api.DoJSON(ctx, rest.Call{
		Method: http.MethodPost, URL: rest.Join(c.base, "/admin/api/"+c.settings[settingVersion]+"/graphql.json"), Group: groupPoints, Cost: op.cost, Body: body, Write: op.write,
	}, &out)
	if err != nil {
		var be *orderhub.BorderError
		if errors.As(err, &be) && be.HTTPStatus == http.StatusUnauthorized {
			c.forget()
		}
		return nil, named(op, err)
	}
	there := len(out.Data[op.root]) > 0 && string(out.Data[op.root]) != "null"
	if len(out.Errors) > 0 && (!there || !out.Errors.onlyDenied()) {
		return nil, c.judge(op, out)
	}
	if _, asked := out.Data[op.root]; !there && (!asked || !op.mayBeNull()) {
		return nil, c.fail(op, lost(op), "the answer lacks "+op.root, "", nil)
	}
	return out.Data, nil
}

// mayBeNull: an order that the shop does not have is null.
func (op operation) mayBeNull() bool { return op.root == "order" }

// onlyDenied: parts of an answer that the key may not read come as null, with an
// error each, and the rest is good.
func (e gqlErrors) onlyDenied() bool {
	for _, x := range e {
		if x.Extensions.Code != "ACCESS_DENIED" || len(x.Path) < 2 {
			return false
		}
	}
	return true
}

// judge sorts the errors of an answer that has HTTP status 200.
func (c *client) judge(op operation, out reply) error {
	var words []string
	code := ""
	for _, e := range out.Errors {
		code = cmp.Or(code, e.Extensions.Code)
		words = append(words, e.Message)
	}
	said := strings.Join(words, "; ")
	switch code {
	case "THROTTLED":
		e := c.fail(op, orderhub.ClassRateLimited, "the points of this app in this shop are used up", code, nil)
		e.RetryAfter = time.Second
		if t := out.Extensions.Cost; t.Throttle.Rate > 0 && t.Requested > t.Throttle.Available {
			e.RetryAfter = max(e.RetryAfter, min(time.Minute, time.Duration((t.Requested-t.Throttle.Available)/t.Throttle.Rate*float64(time.Second))))
		}
		c.quotas.Pause(groupPoints, e.RetryAfter)
		return e
	case "ACCESS_DENIED", "UNAUTHORIZED", "SHOP_INACTIVE":
		return c.fail(op, orderhub.ClassAuth, said, code, nil)
	case "INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE":
		return c.fail(op, lost(op), said, code, nil)
	}
	return c.fail(op, orderhub.ClassRejected, said, code, nil)
}

func (c *client) fail(op operation, class orderhub.Class, said, code string, cause error) *orderhub.BorderError {
	secrets := []string{c.settings[settingToken], c.settings[settingSecret]}
	e := orderhub.NewBorderError(class, string(Name)+": "+op.name, rest.Clean(said, secrets...), cause)
	e.Code = rest.Clean(code, secrets...)
	return e
}

// lost is the class of an answer that tells nothing.
func lost(op operation) orderhub.Class {
	if op.write {
		return orderhub.ClassUncertain
	}
	return orderhub.ClassRetry
}

// named puts the operation's name where the path, which is always the same, says
// nothing.
func named(op operation, err error) error {
	var be *orderhub.BorderError
	if errors.As(err, &be) {
		be.Op = string(Name) + ": " + op.name
	}
	return err
}

// explain: Shopify's own words beside an HTTP status. 423 is a locked shop, 402 a
// frozen one: a person must act.
func explain(resp *http.Response, body []byte, e *orderhub.BorderError) *orderhub.BorderError {
	if resp.StatusCode == http.StatusLocked {
		e.Class = orderhub.ClassAuth
	}
	var out struct {
		Errors gqlErrors
		Error  string
		About  string `json:"error_description"`
	}
	if rest.Decode(body, &out) != nil {
		return e
	}
	if said := cmp.Or(out.About, out.Error); said != "" {
		e.Sentence, e.Code = said, out.Error
	}
	if len(out.Errors) > 0 && out.Errors[0].Message != "" {
		e.Sentence, e.Code = out.Errors[0].Message, out.Errors[0].Extensions.Code
	}
	return e
}

// userError is one refusal inside an answer.
type userError struct {
	Field   []string
	Message string
	Code    string
}

// refused makes an error of the refusals of a mutation, nil for none.
func (c *client) refused(op operation, errs []userError) *orderhub.BorderError {
	if len(errs) == 0 {
		return nil
	}
	var words []string
	for _, e := range errs {
		words = append(words, e.Message)
	}
	return c.fail(op, orderhub.ClassRejected, cmp.Or(strings.Join(words, "; "), "Shopify refused and gave no reason"), errs[0].Code, nil)
}
