package notify_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub/notify"
)

func TestOutwardAllows(t *testing.T) {
	t.Parallel()
	home := notify.Outward{Private: []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24")}}
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2a00:1450::1": true, "192.168.7.20": true, "::ffff:192.168.7.20": true,
		"127.0.0.1": false, "::1": false, "10.1.2.3": false, "192.168.8.1": false, "172.16.0.1": false, "169.254.169.254": false, "0.0.0.0": false,
		"100.64.1.1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "fe80::1": false, "fd00::1": false, "224.0.0.1": false, "255.255.255.255": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "::127.0.0.1": false,
	} {
		if got := home.Allows(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: got %v, want %v", address, got, want)
		}
	}
}

func TestOutwardURL(t *testing.T) {
	t.Parallel()
	local := notify.Outward{Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for _, c := range []struct {
		o       notify.Outward
		address string
		ok      bool
	}{
		{notify.Outward{}, "https://erp.example.com/hook", true},
		{notify.Outward{}, "http://erp.example.com/hook", false},
		{notify.Outward{}, "https://127.0.0.1/hook", false},
		{notify.Outward{}, "https://[::1]:8080/", false},
		{notify.Outward{}, "https://169.254.169.254/latest", false},
		{notify.Outward{}, "file:///etc/passwd", false},
		{notify.Outward{}, "https://user:pass@erp.example.com/", false},
		{notify.Outward{}, "https://erp.example.com/#x", false},
		{local, "http://127.0.0.1:8080/hook", true},
		{local, "http://10.0.0.1/hook", false},
		{local, "http://8.8.8.8/hook", false},
		{local, "https://8.8.8.8/hook", true},
		{local, "http://wms.lan/hook", true}, // where it leads shows at the connection
	} {
		if err := c.o.CheckURL(c.address); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", c.address, err, c.ok)
		}
	}
}

// TestOutwardClient: what a name leads to decides, not the name; redirects are not
// followed.
func TestOutwardClient(t *testing.T) {
	t.Parallel()
	reached := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached++
		http.Redirect(w, r, "/again", http.StatusFound)
	}))
	defer srv.Close()
	named := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
	resp, err := notify.Outward{}.Client(5 * time.Second).Get(named)
	if err == nil {
		resp.Body.Close()
	}
	if !notify.Forbidden(err) || reached != 0 {
		t.Errorf("%v, reached %d", err, reached)
	}
	open := notify.Outward{Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	resp, err = open.Client(5 * time.Second).Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusFound || reached != 1 {
		t.Errorf("status %d, reached %d", resp.StatusCode, reached)
	}
}

// TestPlainTextStaysInside: allowing a network allows http in it, and nowhere else.
func TestPlainTextStaysInside(t *testing.T) {
	t.Parallel()
	local := notify.Outward{Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	resp, err := local.Client(time.Second).Get("http://8.8.8.8:9/hook")
	if err == nil {
		resp.Body.Close()
	}
	if !notify.Forbidden(err) {
		t.Errorf("got %v", err)
	}
}
