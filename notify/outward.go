package notify

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/webhook"
)

// Outward says which addresses programs that people name may be reached at: public
// ones, and Private networks that the operator allows. A name is judged by the
// address that it leads to at each connection, so that it cannot change its mind.
type Outward struct{ Private []netip.Prefix }

// Allows tells whether an address may be reached.
func (o Outward) Allows(a netip.Addr) bool {
	return o.inside(a) || webhook.IsPublic(a)
}

// inside tells whether an address is in a network that the operator allows.
func (o Outward) inside(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(o.Private, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Dialer makes connections to allowed addresses only.
func (o Outward) Dialer(timeout time.Duration) *net.Dialer { return dialer(timeout, o.Allows) }

func dialer(timeout time.Duration, allows func(netip.Addr) bool) *net.Dialer {
	return &net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !allows(at.Addr()) {
			return webhook.ErrPrivateTarget
		}
		return nil
	}}
}

// Client makes a client that reaches allowed addresses only, goes through no proxy
// and follows no redirect. Without TLS it reaches the networks of the operator alone.
func (o Outward) Client(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		Transport:     byScheme{plain: transport(o.inside), tls: transport(o.Allows)},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// byScheme sends a request by the transport of its scheme.
type byScheme struct{ plain, tls http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b byScheme) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" {
		return b.tls.RoundTrip(r)
	}
	return b.plain.RoundTrip(r)
}

func transport(allows func(netip.Addr) bool) *http.Transport {
	return &http.Transport{
		DialContext:       dialer(10*time.Second, allows).DialContext,
		ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// CheckURL refuses addresses that no webhook can have: without TLS only to networks
// that the operator allows.
func (o Outward) CheckURL(address string) error {
	if err := CheckURL(address); err != nil {
		return orderhub.InvalidField("url", "%s", err)
	}
	u, err := url.Parse(address)
	if err != nil {
		return orderhub.InvalidField("url", "cannot be read")
	}
	at, err := netip.ParseAddr(u.Hostname())
	isAddress := err == nil
	if isAddress && !o.Allows(at) {
		return orderhub.InvalidField("url", "%s is not a public address; the operator allows others with --private-networks", at)
	}
	if u.Scheme == "http" && (len(o.Private) == 0 || isAddress && !o.inside(at)) {
		return orderhub.InvalidField("url", "want https; http is for networks that the operator allows with --private-networks")
	}
	return nil
}

// Forbidden tells whether a connection failed because it must not be.
func Forbidden(err error) bool { return errors.Is(err, webhook.ErrPrivateTarget) }

// Prefixes reads networks like 10.0.0.0/8.
func Prefixes(field string, list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, v := range list {
		p, err := netip.ParsePrefix(v)
		if err != nil {
			return nil, orderhub.InvalidField(field, "%s", fmt.Sprintf("%.60q is not a network like 10.0.0.0/8", v))
		}
		out = append(out, p.Masked())
	}
	return out, nil
}
