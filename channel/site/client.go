package site

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/webhook"
)

const (
	deliveryTimeout = 15 * time.Second
	// maxAnswer caps the shop's answer, of which only the status counts.
	maxAnswer = 256 << 10
)

// newClient makes the HTTP client for messages to the shop. The target is what
// somebody typed into a form: unless the operator says otherwise it must not
// reach into the hub's own network. The lent client's transport is used as it is
// only when that is allowed.
func newClient(lent *http.Client, quotas channel.Quotas, settings channel.Settings) *rest.Client {
	own := http.Client{Timeout: deliveryTimeout}
	if lent != nil {
		own.Transport = lent.Transport
	}
	if settings[settingAllowPrivate] != "yes" {
		own.Transport = webhook.PublicOnly(own.Transport)
	}
	secrets := []string{settings[settingSecret], settings[settingSecretOld], settings[settingDeliverySecret]}
	secrets = append(secrets, secretsOf(settings[settingDeliveryURL])...)
	return rest.New(rest.Options{
		Name: string(Name), HTTP: &own, Quotas: quotas, MaxBody: maxAnswer, Explain: explain, Secrets: secrets,
	})
}

// secretsOf is what stands behind the host of an address, where shops put
// passwords of their own: the path and the query, and their long parts alone too. A
// short part may be any word ("status") and is no secret outside its address.
func secretsOf(address string) []string {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	out := []string{u.Path, u.RawQuery}
	parts := strings.Split(u.Path, "/")
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	for _, p := range parts {
		if len(p) >= 12 {
			out = append(out, p)
		}
	}
	return out
}

// post sends one signed event to the shop: POST delivery_url, by Standard
// Webhooks. The receiver drops repeats by webhook-id, so a lost answer is
// ClassRetry and never uncertain.
func (a *adapter) post(ctx context.Context, id string, body []byte) error {
	header := http.Header{}
	if err := webhook.Sign(header, a.sign, id, a.now(), body); err != nil {
		return orderhub.NewBorderError(orderhub.ClassRejected, "site: sign", "the message could not be signed", err)
	}
	_, err := a.client.Do(ctx, rest.Call{
		Method: http.MethodPost, URL: a.url, Group: quotaDelivery, Body: body, Header: header,
	})
	var be *orderhub.BorderError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &be):
		return err
	case be.HTTPStatus >= 200 && be.HTTPStatus < 300:
		return nil // only the answer's body was too long
	case strings.Contains(be.Error(), webhook.ErrPrivateTarget.Error()):
		return orderhub.NewBorderError(orderhub.ClassRejected, be.Op,
			fmt.Sprintf("%s; set %s to yes if the shop lives in your own network", webhook.ErrPrivateTarget, settingAllowPrivate), nil)
	default:
		return be
	}
}

// explain puts the shop's answer into words; its body is anything and not
// quoted.
func explain(resp *http.Response, _ []byte, e *orderhub.BorderError) *orderhub.BorderError {
	status := resp.StatusCode
	switch {
	case status == http.StatusGone:
		e.Class, e.Sentence = orderhub.ClassRejected, "the shop's address is gone"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Sentence = "the shop did not accept the signature; compare the secrets"
	case status == http.StatusTooEarly:
		e.Class, e.Sentence = orderhub.ClassRetry, "the shop asks to come later"
	case status >= 300 && status < 400:
		e.Class, e.Sentence = orderhub.ClassRejected, "the shop's address redirects; redirects are not followed, give the final address"
	case e.Class == orderhub.ClassRejected:
		e.Sentence = "the shop refused the message"
	}
	return e
}
