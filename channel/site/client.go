package site

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
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
		own.Transport = guarded(own.Transport)
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

// guarded is a transport that dials only public addresses. The check is made on
// the resolved address of each connection, so a name that answers differently
// the second time (DNS rebinding) does not pass. No proxy: it would be dialled
// instead of the target.
func guarded(lent http.RoundTripper) http.RoundTripper {
	base, ok := lent.(*http.Transport)
	if !ok {
		base, _ = http.DefaultTransport.(*http.Transport)
	}
	t := base.Clone()
	t.Proxy = nil
	t.DialTLSContext = nil
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: refusePrivate}
	t.DialContext = dialer.DialContext
	return t
}

var errPrivateTarget = errors.New("the address is private, loopback or reserved")

// refusePrivate runs after the name was resolved and before the connection.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(ap.Addr()) {
		return errPrivateTarget
	}
	return nil
}

// reserved are networks that are not on the internet, beside those that netip
// tells (RFC 6890): shared, protocol, documentation, benchmark, future, and the
// IPv6 forms that wrap an IPv4 address.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("100::/64"),
}

func isPublic(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if !addr.IsGlobalUnicast() || addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(addr) {
			return false
		}
	}
	return true
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
	case strings.Contains(be.Error(), errPrivateTarget.Error()):
		return orderhub.NewBorderError(orderhub.ClassRejected, be.Op,
			fmt.Sprintf("%s; set %s to yes if the shop lives in your own network", errPrivateTarget, settingAllowPrivate), nil)
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
