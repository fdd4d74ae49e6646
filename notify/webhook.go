package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/webhook"
)

// Webhook posts messages signed by Standard Webhooks. A repeat has the same
// webhook-id, and the receiver drops it.
type Webhook struct {
	HTTP *http.Client
	Now  func() time.Time
}

var _ Sender = (*Webhook)(nil)

// NewWebhook makes a sender that follows no redirects. client may be nil.
func NewWebhook(client *http.Client, now func() time.Time) *Webhook {
	c := http.Client{Timeout: 15 * time.Second}
	if client != nil {
		c = *client
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if now == nil {
		now = time.Now
	}
	return &Webhook{HTTP: &c, Now: now}
}

// CheckURL tells whether a text is an address that a webhook can have.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.Fragment != "" || len(address) > 2000 {
		return errors.New("want https://host/path, without a user and a fragment")
	}
	return nil
}

// Send posts the payload.
func (w *Webhook) Send(ctx context.Context, m Message) error {
	const op = "webhook: POST"
	key, err := webhook.ParseSecret(m.To.Secret)
	if err != nil {
		return fail(orderhub.ClassAuth, op, "the recipient has no usable secret")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.To.Address, bytes.NewReader(m.Payload))
	if err != nil {
		return fail(orderhub.ClassRejected, op, "the recipient's address cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	if err := webhook.Sign(req.Header, key, m.Key, w.Now(), m.Payload); err != nil {
		return fail(orderhub.ClassRejected, op, "the message cannot be signed")
	}
	resp, err := w.HTTP.Do(req)
	if errors.Is(err, webhook.ErrPrivateTarget) {
		return fail(orderhub.ClassRejected, op, webhook.ErrPrivateTarget.Error()+": the hub calls such a one when its network is named with --private-networks")
	}
	if err != nil {
		return fail(orderhub.ClassRetry, op, "no answer came")
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	return webhookFault(op, resp, w.Now())
}

func webhookFault(op string, resp *http.Response, now time.Time) error {
	status := resp.StatusCode
	if status >= 200 && status < 300 {
		return nil
	}
	class := orderhub.ClassRetry
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		class = orderhub.ClassAuth
	case http.StatusGone, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		class = orderhub.ClassRejected
	case http.StatusTooManyRequests:
		class = orderhub.ClassRateLimited
	}
	e := fail(class, op, fmt.Sprintf("the receiver answered %d", status))
	e.HTTPStatus = status
	e.RetryAfter = RetryAfter(resp.Header.Get("Retry-After"), now)
	return e
}

// RetryAfter reads a pause, given in seconds or as a date; an hour at most.
func RetryAfter(header string, now time.Time) time.Duration {
	var d time.Duration
	if s, err := strconv.Atoi(header); err == nil {
		d = time.Duration(min(s, 3600)) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		d = at.Sub(now)
	}
	return max(0, min(d, time.Hour))
}
