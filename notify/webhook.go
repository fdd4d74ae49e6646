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
	if err != nil {
		return fail(orderhub.ClassRetry, op, "no answer came")
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	return webhookFault(op, resp)
}

func webhookFault(op string, resp *http.Response) error {
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
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		e.RetryAfter = time.Duration(min(s, 3600)) * time.Second
	}
	return e
}
