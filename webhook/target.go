package webhook

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// ErrPrivateTarget tells that an address is not on the internet.
var ErrPrivateTarget = errors.New("the address is private, loopback or reserved")

// PublicOnly gives a transport that dials only public addresses; lent may be nil. The check is made on
// the resolved address of each connection, so a name that answers differently
// the second time (DNS rebinding) does not pass. No proxy: it would be dialled
// instead of the target.
func PublicOnly(lent http.RoundTripper) http.RoundTripper {
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

// refusePrivate runs after the name was resolved and before the connection.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !IsPublic(ap.Addr()) {
		return ErrPrivateTarget
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
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("::/96"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("100::/64"),
}

// IsPublic tells whether an address is on the internet.
func IsPublic(addr netip.Addr) bool {
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
