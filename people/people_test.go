package people

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/people/password"
)

func TestPasswordHash(t *testing.T) {
	t.Parallel()
	h := newHasher(HashCost{Memory: 64, Passes: 2})
	one, err := h.hash(t.Context(), "three green kettles")
	if err != nil {
		t.Fatal(err)
	}
	two, err := h.hash(t.Context(), "three green kettles")
	if err != nil || one == two || !strings.HasPrefix(one, "$argon2id$v=19$m=64,t=2,p=1$") {
		t.Errorf("%s %s %v", one, two, err)
	}
	for hash, want := range map[string]map[string]bool{
		one: {"three green kettles": true, "three green kettle": false, "": false},
		"":  {"": false, "three green kettles": false},
	} {
		for word, right := range want {
			if got, err := h.check(t.Context(), hash, word); err != nil || got != right {
				t.Errorf("%q with %q: %v %v", word, hash, got, err)
			}
		}
	}
	for _, bad := range []string{"x", "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$", "$argon2i$v=19$m=64,t=2,p=1$AAAA$AAAA", "$argon2id$v=19$m=9999999,t=2,p=1$AAAA$AAAA", "$argon2id$v=19$m=64,t=0,p=1$AAAA$AAAA"} {
		if ok, err := h.check(t.Context(), bad, "x"); ok || err == nil {
			t.Errorf("%s: %v %v", bad, ok, err)
		}
	}
	if h.stale(one) || !newHasher(password.Default).stale(one) {
		t.Error("stale hashes are not known")
	}
	// An argon2id of the reference implementation's own tests.
	const known = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	if ok, err := h.check(t.Context(), known, "password"); err != nil || !ok {
		t.Errorf("the reference: %v %v", ok, err)
	}
}

// TestHashesAreFewAtATime: the memory is bounded, and a crowd is told to wait.
func TestHashesAreFewAtATime(t *testing.T) {
	t.Parallel()
	h := newHasher(HashCost{Memory: 64, Passes: 1})
	for range hashesAtOnce {
		if _, err := h.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	failed := make(chan error, hashesWaiting)
	for range hashesWaiting {
		go func() {
			_, err := h.enter(ctx)
			failed <- err
		}()
	}
	for h.waiting.Load() < hashesWaiting {
		time.Sleep(time.Millisecond)
	}
	if _, err := h.hash(t.Context(), "x"); orderhub.CodeOf(err) != orderhub.CodeUnavailable {
		t.Errorf("one too many: %v", err)
	}
	stop()
	for range hashesWaiting {
		if err := <-failed; err == nil {
			t.Error("more than a few at a time")
		}
	}
	if h.waiting.Load() != 0 {
		t.Error("who gave up still waits")
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	th := newThrottle(func() time.Time { return now })
	here := netip.MustParseAddr("203.0.113.7")
	for range 100 { // right passwords never end
		a, wait := th.begin("vera", here)
		if wait > 0 {
			t.Fatal("a success counts")
		}
		a.forgive()
	}
	for range int(perLoginHere.burst) {
		if _, wait := th.begin("vera", here); wait > 0 {
			t.Fatal("too early")
		}
	}
	if _, wait := th.begin("vera", here); wait != perLoginHere.every {
		t.Errorf("one too many: %s", wait)
	}
	if _, wait := th.begin("vera", netip.MustParseAddr("198.51.100.1")); wait > 0 {
		t.Error("a stranger locks a person out")
	}
	if _, wait := th.begin("oleg", here); wait > 0 {
		t.Error("another login waits")
	}
	now = now.Add(perLoginHere.every / 2)
	if _, wait := th.begin("vera", here); wait != perLoginHere.every/2 {
		t.Errorf("half of the wait: %s", wait)
	}
	now = now.Add(perLoginHere.every / 2)
	if _, wait := th.begin("vera", here); wait > 0 {
		t.Errorf("after the wait: %s", wait)
	}
	// A botnet.
	for i := range int(perLogin.burst) {
		th.begin("boss", netip.AddrFrom4([4]byte{10, 0, byte(i), 1}))
	}
	if _, wait := th.begin("boss", here); wait != perLogin.every {
		t.Errorf("from everywhere: %s", wait)
	}
	// One IPv6 network is one party; the memory has an end.
	for i := range int(perAddress.burst) {
		th.begin("x"+strconv.Itoa(i), netip.MustParseAddr("2001:db8::"+strconv.Itoa(i)))
	}
	if _, wait := th.begin("y", netip.MustParseAddr("2001:db8::ffff:1")); wait == 0 {
		t.Error("a /64 is many parties")
	}
	for i := range 3 * throttleKeys {
		th.begin("flood"+strconv.Itoa(i), netip.Addr{})
	}
	if len(th.by) > throttleKeys {
		t.Errorf("%d keys", len(th.by))
	}
}

func TestProviderSettings(t *testing.T) {
	t.Parallel()
	good := Provider{Issuer: "https://id.example.org", ClientID: "hub", ClientSecret: "s", Redirect: "https://hub.example.org/cb"}
	for name, c := range map[string]struct {
		change func(p *Provider)
		field  string
	}{
		"good":             {func(*Provider) {}, ""},
		"no secret":        {func(p *Provider) { p.ClientSecret = "" }, "oidc"},
		"no public url":    {func(p *Provider) { p.Redirect = "/cb" }, "public-url"},
		"open to all":      {func(p *Provider) { p.DefaultRole = orderhub.RoleViewer }, "oidc-default-role"},
		"of a domain":      {func(p *Provider) { p.DefaultRole, p.Domains = orderhub.RoleViewer, []string{"example.org"} }, ""},
		"claim, no roles":  {func(p *Provider) { p.RoleClaim = "groups" }, "oidc-role-claim"},
		"an unknown role":  {func(p *Provider) { p.RoleClaim, p.Roles = "groups", map[string]orderhub.Role{"a": "king"} }, "role"},
		"an unknown first": {func(p *Provider) { p.DefaultRole, p.Domains = "king", []string{"example.org"} }, "role"},
	} {
		p := good
		c.change(&p)
		err := p.Check()
		var field string
		if e, ok := err.(*orderhub.Error); ok { //nolint:errorlint // made just here
			field = e.Field
		}
		if field != c.field || (err == nil) != (c.field == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRoleOfAClaim(t *testing.T) {
	t.Parallel()
	p := &provider{Provider: Provider{Roles: map[string]orderhub.Role{"wh": orderhub.RoleWarehouse, "heads": orderhub.RoleManager}}}
	for _, c := range []struct {
		claim any
		want  orderhub.Role
	}{
		{nil, ""}, {"wh", orderhub.RoleWarehouse}, {"other", ""}, {[]any{"wh", "heads", 7}, orderhub.RoleManager}, {[]any{}, ""}, {map[string]any{"wh": 1}, ""},
	} {
		if got := p.roleOf(c.claim); got != c.want {
			t.Errorf("%v is %q, want %q", c.claim, got, c.want)
		}
	}
}
