// Package rest is how adapters talk HTTP: one call in, one checked answer out.
// It keeps the quotas, caps the size of answers, sorts failures into classes
// and keeps secrets and buyer's data out of errors. It knows no marketplace and
// never repeats a call: whether to try again is decided in package jobs.
package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// DefaultMaxBody caps an answer unless Options says otherwise.
const DefaultMaxBody = 16 << 20

// Options set up a Client.
type Options struct {
	// Name prefixes every error: "ozon".
	Name string
	// HTTP does the calls; nil means a client with a 30 s time-out. Redirects
	// are never followed: a marketplace's API has none, and a key must not
	// travel to another host.
	HTTP *http.Client
	// Quotas may be nil for a client without limits.
	Quotas channel.Quotas
	// Header is added to every call (keys).
	Header http.Header
	// Secrets are removed from every text that leaves the client.
	Secrets []string
	// MaxBody caps an answer in bytes; 0 = DefaultMaxBody.
	MaxBody int64
	// Explain reads the channel's own error code and message from the body of a
	// failed answer. It may also set another class than the status implies, a
	// RetryAfter, or return nil to leave everything as Classify made it.
	Explain func(resp *http.Response, body []byte, e *orderhub.BorderError) *orderhub.BorderError
	// Charge tells how many extra calls an answer costs (WB: 4XX costs 10, so 9 more).
	Charge func(resp *http.Response) int
}

// Client calls one account's API.
type Client struct {
	opts Options
	http *http.Client
}

// New makes a Client.
func New(opts Options) *Client {
	hc := opts.HTTP
	if hc == nil {
		hc = &http.Client{Timeout: 30 * time.Second}
	}
	own := *hc
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if opts.MaxBody == 0 {
		opts.MaxBody = DefaultMaxBody
	}
	return &Client{opts: opts, http: &own}
}

// Call is one request.
type Call struct {
	Method string
	// URL is absolute.
	URL   string
	Query url.Values
	// Group is the quota group; Cost the calls it takes, 0 = 1.
	Group string
	Cost  int
	// Body is sent as JSON; nil = no body.
	Body any
	// Write marks a call that changes something: when its answer is lost, it is
	// ClassUncertain, not ClassRetry.
	Write  bool
	Header http.Header
}

// Response is a successful answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do makes one call. A 2xx answer is returned whole; anything else is a
// *orderhub.BorderError.
func (c *Client) Do(ctx context.Context, call Call) (Response, error) {
	op := c.op(call)
	leave, err := c.admit(ctx, op, call)
	if err != nil {
		return Response{}, err
	}
	defer leave()
	traced, unsent := watch(ctx)
	req, err := c.request(traced, call)
	if err != nil {
		return Response{}, orderhub.NewBorderError(orderhub.ClassRejected, op, "the request could not be built", errors.New(c.clean(innermost(err))))
	}
	began := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		err := c.transportError(op, call, err, unsent())
		c.record(ctx, req, began, 0, nil, err)
		return Response{}, err
	}
	defer resp.Body.Close()
	if c.opts.Charge != nil && c.opts.Quotas != nil {
		if n := c.opts.Charge(resp); n > 0 {
			c.opts.Quotas.Charge(call.Group, n)
		}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.opts.MaxBody+1))
	err = c.judge(op, call, resp, body, err)
	c.record(ctx, req, began, resp.StatusCode, body, err)
	if err != nil {
		return Response{}, err
	}
	return Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// judge tells what is wrong with an answer, nil when nothing is.
func (c *Client) judge(op string, call Call, resp *http.Response, body []byte, readErr error) error {
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		// The status is an answer already, whatever became of its body.
		return c.answerError(op, call, resp, body)
	case int64(len(body)) > c.opts.MaxBody:
		e := orderhub.NewBorderError(afterSend(call), op, fmt.Sprintf("the answer is larger than %d bytes", c.opts.MaxBody), nil)
		e.HTTPStatus = resp.StatusCode
		return e
	case readErr != nil:
		return c.transportError(op, call, readErr, false)
	}
	return nil
}

// record hands a call to whoever records under this context, without the keys: a
// host may echo what it was sent.
func (c *Client) record(ctx context.Context, req *http.Request, began time.Time, status int, reply []byte, failure error) {
	r := channel.RecorderOf(ctx)
	if r == nil {
		return
	}
	e := channel.Exchange{
		At: began.UTC(), Took: time.Since(began), Method: req.Method, Path: mask(req.URL.Path, c.opts.Secrets), Status: status,
		Reply: c.kept(reply), Keys: channel.KeysOf(ctx),
	}
	if failure != nil {
		e.Failure = failure.Error()
	}
	if req.GetBody != nil {
		if body, err := req.GetBody(); err == nil {
			sent, _ := io.ReadAll(body) // from memory
			e.Request = c.kept(sent)
		}
	}
	r.Add(e)
}

// kept is what is kept of a body. It is masked before it is cut: half a key would
// not be found.
func (c *Client) kept(body []byte) []byte {
	masked := mask(string(body), c.opts.Secrets)
	return []byte(masked[:min(len(masked), channel.KeptBytes)])
}

// entrant is what Quotas can do beside channel.Quotas: cap the calls in flight.
type entrant interface {
	Enter(ctx context.Context, group string) (leave func(), err error)
}

// admit waits for a place and for the quota, in this order: a token must not
// grow old while the call waits for a place.
func (c *Client) admit(ctx context.Context, op string, call Call) (leave func(), err error) {
	leave = func() {}
	if err := ctx.Err(); err != nil {
		return nil, orderhub.NewBorderError(orderhub.ClassRetry, op, "stopped before the call", err)
	}
	if c.opts.Quotas == nil {
		return leave, nil
	}
	if e, ok := c.opts.Quotas.(entrant); ok {
		if leave, err = e.Enter(ctx, call.Group); err != nil {
			return nil, orderhub.NewBorderError(orderhub.ClassRetry, op, "stopped while waiting for a free connection", err)
		}
	}
	if err := c.opts.Quotas.Wait(ctx, call.Group, max(1, call.Cost)); err != nil {
		leave()
		var be *orderhub.BorderError
		if errors.As(err, &be) {
			be.Op = op
			return nil, be
		}
		return nil, orderhub.NewBorderError(orderhub.ClassRetry, op, "stopped while waiting for the quota", err)
	}
	return leave, nil
}

// watch tells whether a failed request certainly never left: it asked for a
// connection and got none (no such host, refused, TLS, cancelled before).
func watch(ctx context.Context) (traced context.Context, unsent func() bool) {
	var asked, got atomic.Bool
	traced = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { got.Store(true) },
	})
	return traced, func() bool { return asked.Load() && !got.Load() }
}

// DoJSON makes a call and decodes the answer. An answer that is not JSON is a
// failure, whatever its status said.
func (c *Client) DoJSON(ctx context.Context, call Call, into any) (Response, error) {
	resp, err := c.Do(ctx, call)
	if err != nil {
		return resp, err
	}
	if err := Decode(resp.Body, into); err != nil {
		e := orderhub.NewBorderError(afterSend(call), c.op(call), "the answer is not the JSON that the document promises", err)
		e.HTTPStatus = resp.Status
		return resp, e
	}
	return resp, nil
}

// Decode reads JSON leniently: unknown fields pass, numbers stay exact
// (json.Number) where the target asks for it.
func Decode(body []byte, into any) error {
	switch trimmed := bytes.TrimSpace(body); {
	case len(trimmed) == 0:
		return errors.New("empty body")
	case string(trimmed) == "null":
		// Unmarshal would leave the target as it is: an empty page out of nothing.
		return errors.New("null instead of a value")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return withoutValue(err)
	}
	return nil
}

// withoutValue keeps the place of a JSON error and drops the value, which may
// be buyer's data.
func withoutValue(err error) error {
	var te *json.UnmarshalTypeError
	if errors.As(err, &te) {
		return fmt.Errorf("field %s: want %s", te.Field, te.Type)
	}
	var se *json.SyntaxError
	if errors.As(err, &se) {
		return fmt.Errorf("broken JSON at byte %d", se.Offset)
	}
	var pe *time.ParseError
	if errors.As(err, &pe) {
		return errors.New("a time is not in the form of RFC 3339")
	}
	// json.Number and other decoders name no field and quote the value.
	return errors.New("a value is not in the documented form")
}

// op names the call without its query, which may hold anything.
func (c *Client) op(call Call) string {
	path, _, _ := strings.Cut(call.URL, "?")
	if u, err := url.Parse(call.URL); err == nil {
		path = u.Path
	}
	return c.opts.Name + ": " + call.Method + " " + c.clean(path)
}

func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	var body io.Reader
	switch b := call.Body.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(b)
	default:
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(call.Body); err != nil {
			return nil, err
		}
		body = bytes.NewReader(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
	}
	target := call.URL
	if len(call.Query) > 0 {
		join := "?"
		if strings.Contains(target, "?") {
			join = "&"
		}
		target += join + call.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, call.Method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range []http.Header{c.opts.Header, call.Header} {
		for k, vs := range h {
			req.Header[http.CanonicalHeaderKey(k)] = vs
		}
	}
	return req, nil
}

// transportError sorts a call without an answer. Only what certainly never
// reached the other side may be repeated blindly.
func (c *Client) transportError(op string, call Call, err error, unsent bool) error {
	class, sentence := afterSend(call), "the connection broke before the answer was complete"
	if unsent {
		class, sentence = orderhub.ClassRetry, "no connection"
	}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	cause := errors.New(c.clean(innermost(err)))
	switch {
	case errors.As(err, &dns):
		sentence = "the host was not found"
	case errors.As(err, &cert):
		sentence = "the certificate of the host is not trusted"
	case errors.Is(err, context.Canceled):
		sentence, cause = "stopped before the answer came", context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		sentence, cause = "no answer in time", context.DeadlineExceeded
	case isTimeout(err):
		sentence = "no answer in time"
	}
	return orderhub.NewBorderError(class, op, sentence, cause)
}

func afterSend(call Call) orderhub.Class {
	if call.Write {
		return orderhub.ClassUncertain
	}
	return orderhub.ClassRetry
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// innermost drops the *url.Error, whose text carries the whole address.
func innermost(err error) string {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return err.Error()
}

// answerError sorts an answer that is not 2xx.
func (c *Client) answerError(op string, call Call, resp *http.Response, body []byte) error {
	e := orderhub.NewBorderError(Classify(resp.StatusCode, call.Write), op, http.StatusText(resp.StatusCode), nil)
	e.HTTPStatus = resp.StatusCode
	e.RetryAfter = retryAfter(resp.Header)
	if c.opts.Explain != nil {
		if better := c.opts.Explain(resp, body, e); better != nil {
			e = better
		}
		e = c.cleaned(op, e)
	}
	if e.HTTPStatus == 0 {
		e.HTTPStatus = resp.StatusCode
	}
	if e.Sentence == "" {
		e.Sentence = fmt.Sprintf("HTTP status %d", resp.StatusCode)
	}
	if e.Class == orderhub.ClassRateLimited && c.opts.Quotas != nil {
		if e.RetryAfter <= 0 {
			e.RetryAfter = time.Second
		}
		c.opts.Quotas.Pause(call.Group, e.RetryAfter)
	}
	return e
}

// cleaned rebuilds an error whose texts are the other side's own.
func (c *Client) cleaned(op string, e *orderhub.BorderError) *orderhub.BorderError {
	var cause error
	if inner := e.Unwrap(); inner != nil {
		cause = errors.New(c.clean(inner.Error()))
	}
	out := orderhub.NewBorderError(e.Class, op, c.clean(e.Sentence), cause)
	out.HTTPStatus, out.Code, out.RetryAfter = e.HTTPStatus, c.clean(e.Code), e.RetryAfter
	return out
}

// Classify sorts an HTTP status. 420 is Yandex Market's rate limit.
func Classify(status int, write bool) orderhub.Class {
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusPaymentRequired:
		return orderhub.ClassAuth
	case status == http.StatusTooManyRequests || status == 420:
		return orderhub.ClassRateLimited
	case status == http.StatusRequestTimeout || status == 499 || status >= 500:
		if write && status != http.StatusServiceUnavailable {
			return orderhub.ClassUncertain
		}
		return orderhub.ClassRetry
	default:
		return orderhub.ClassRejected
	}
}

// retryAfter reads Retry-After in seconds or as a date, an hour at most.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(v, 64); err == nil {
		if !(seconds > 0) { // NaN too
			return 0
		}
		return time.Duration(min(seconds, 3600) * float64(time.Second))
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, min(time.Until(t), time.Hour))
	}
	return 0
}

// clean removes secrets and what may be a buyer's data, and shortens.
func (c *Client) clean(s string) string { return Clean(s, c.opts.Secrets...) }

// Join puts a base address and a path together.
func Join(base, path string) string { return strings.TrimSuffix(base, "/") + path }
