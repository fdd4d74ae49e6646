package server_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/people"
	"github.com/orderhub/orderhub/store"
)

// identityProvider speaks as much OpenID Connect as a log-in takes, and checks what
// it is told.
type identityProvider struct {
	srv *httptest.Server
	key *rsa.PrivateKey

	turn sync.Mutex
	mu   sync.Mutex
	// claims are those of who is at the keyboard, over the usual ones.
	claims map[string]any
	// sign signs the tokens, another key than it publishes when it is set.
	sign  *rsa.PrivateKey
	codes map[string]url.Values
}

const clientSecret = "a client secret for tests"

func newIdentityProvider(t *testing.T) *identityProvider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &identityProvider{key: key, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": p.srv.URL, "authorization_endpoint": p.srv.URL + "/auth", "token_endpoint": p.srv.URL + "/token",
			"jwks_uri": p.srv.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		b64 := base64.RawURLEncoding
		answer(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
			"n": b64.EncodeToString(key.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(key.E)).Bytes())}}})
	})
	mux.HandleFunc("GET /auth", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("client_id") != "hub" || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("state")) < 20 || len(q.Get("nonce")) < 20 {
			http.Error(w, "not a log-in", http.StatusBadRequest)
			return
		}
		code := rand.Text()
		p.mu.Lock()
		p.codes[code] = q
		p.mu.Unlock()
		http.Redirect(w, r, q.Get("redirect_uri")+"?iss=x&state="+url.QueryEscape(q.Get("state"))+"&code="+code, http.StatusFound)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		asked := p.codes[r.PostFormValue("code")]
		delete(p.codes, r.PostFormValue("code"))
		p.mu.Unlock()
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		id, secret, _ := r.BasicAuth()
		if secret, err := url.QueryUnescape(secret); asked == nil || err != nil || id != "hub" || secret != clientSecret ||
			base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
			return
		}
		answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": p.idToken(asked.Get("nonce"))})
	})
	p.srv = httptest.NewServer(mux)
	t.Cleanup(p.srv.Close)
	return p
}

func (p *identityProvider) idToken(nonce string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	claims := map[string]any{"iss": p.srv.URL, "aud": "hub", "sub": "77", "nonce": nonce, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"email": "Ann@Example.org", "email_verified": true, "name": "Анна", "locale": "ru-RU"}
	maps.Copy(claims, p.claims)
	body, _ := json.Marshal(claims)
	b64 := base64.RawURLEncoding
	text := b64.EncodeToString([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + b64.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	key := p.key
	if p.sign != nil {
		key = p.sign
	}
	sig, _ := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	return text + "." + b64.EncodeToString(sig)
}

// is says who sits at the keyboard.
func (p *identityProvider) is(claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = claims
}

// visitProvider goes the whole way there and back. change may change the address and
// the cookie that the browser comes back with.
func (w *world) visitProvider(t *testing.T, change func(u *url.URL, cookie *string)) (b *browser, location string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(address, cookie string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if cookie != "" {
			req.Header.Set("Cookie", cookie)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	start := get(w.srv.URL+"/api/v1/oidc/start", "")
	if start.StatusCode != http.StatusFound || len(start.Cookies()) != 1 {
		t.Fatalf("%d %v", start.StatusCode, start.Header)
	}
	c := start.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge > 600 {
		t.Errorf("%+v", c)
	}
	there := get(start.Header.Get("Location"), "")
	back, err := url.Parse(there.Header.Get("Location"))
	if err != nil || there.StatusCode != http.StatusFound || !strings.HasPrefix(back.String(), "http://hub.test/api/v1/oidc/callback?") {
		t.Fatalf("%d %v", there.StatusCode, back)
	}
	cookie := c.Name + "=" + c.Value
	if change != nil {
		change(back, &cookie)
	}
	in := get(w.srv.URL+back.RequestURI(), cookie)
	location = in.Header.Get("Location")
	for _, c := range in.Cookies() {
		if c.Name == "orderhub" && c.Value != "" {
			w.hide(c.Value)
			b = &browser{w: w, cookie: "orderhub=" + c.Value, csrf: people.CSRF(c.Value)}
		}
	}
	if in.StatusCode != http.StatusSeeOther || (b == nil) != strings.HasPrefix(location, "/login?error=") {
		t.Errorf("%d %q, signed in: %v", in.StatusCode, location, b != nil)
	}
	return b, location
}

func TestProvider(t *testing.T) {
	idp := newIdentityProvider(t)
	each(t, options{provider: &people.Provider{
		Name: "Example ID", Issuer: idp.srv.URL, ClientID: "hub", ClientSecret: clientSecret, Redirect: "http://hub.test/api/v1/oidc/callback",
		Domains: []string{"example.org"}, DefaultRole: orderhub.RoleViewer, RoleClaim: "groups",
		Roles: map[string]orderhub.Role{"heads": orderhub.RoleManager, "wh": orderhub.RoleWarehouse},
	}}, func(t *testing.T, w *world) {
		w.hide(clientSecret)
		if r := w.raw(t, http.MethodGet, "/api/v1/setup", nil); !strings.Contains(string(r.Body), `{"name":"Example ID","url":"/api/v1/oidc/start"}`) {
			t.Errorf("%s", r.Body)
		}
		visit := func(claims map[string]any) (b *browser, to string) {
			t.Helper()
			idp.as(claims, func() { b, to = w.visitProvider(t, nil) })
			return b, to
		}
		if b, to := visit(nil); b != nil {
			t.Errorf("the first user comes from the provider: %s", to)
		}
		owner := w.setUp(t, "vera@example.org")
		b, to := visit(nil)
		if b == nil || to != "/" || !b.open(t) {
			t.Fatalf("not in: %s", to)
		}
		u, err := w.people.User(t.Context(), "ann@example.org")
		if err != nil || u.Role != orderhub.RoleViewer || u.Name != "Анна" || u.Language != orderhub.Russian || u.Password {
			t.Errorf("%+v %v", u, err)
		}
		if _, r := w.logIn(t, "ann@example.org", "any long password", ""); r.Status != http.StatusUnauthorized {
			t.Errorf("a password where there is none: %d", r.Status)
		}
		// Without a password here there is none to ask for.
		var codes api.TOTPSecret
		b.do(t, http.MethodPost, "/me/totp", map[string]string{"current": ""}).into(t, http.StatusOK, &codes)
		w.hide(codes.Secret)
		if r := b.do(t, http.MethodDelete, "/me/totp", map[string]string{"current": ""}); r.Status != http.StatusNoContent {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		list, err := w.store.ListAudit(t.Context(), store.AuditFilter{Operation: "oidc", Limit: 10})
		if err != nil || len(list) == 0 || list[0].Actor.Name != "ann@example.org" || list[0].Outcome != orderhub.OutcomeDone {
			t.Errorf("%+v %v", list, err)
		}
		// Who leaves the group at the provider leaves its role here; a role that an owner
		// gave, and that the provider never gives, stays.
		role := func(want orderhub.Role, claims map[string]any) {
			t.Helper()
			visit(claims)
			if u, err := w.people.User(t.Context(), "ann@example.org"); err != nil || u.Role != want {
				t.Errorf("%v: %s, want %s (%v)", claims, u.Role, want, err)
			}
		}
		role(orderhub.RoleManager, map[string]any{"groups": []string{"heads"}})
		role(orderhub.RoleViewer, nil)
		owner.do(t, http.MethodPatch, "/users/2", map[string]any{"role": "accountant"}).into(t, http.StatusOK, nil)
		role(orderhub.RoleAccountant, nil)
		owner.do(t, http.MethodPatch, "/users/2", map[string]any{"disabled": true}).into(t, http.StatusOK, nil)
		if b, _ := visit(nil); b != nil {
			t.Error("a disabled user comes in")
		}
	})
}

// TestProviderRefusals: who is not let in, and what is no answer.
func TestProviderRefusals(t *testing.T) {
	idp := newIdentityProvider(t)
	eachClock(t, options{provider: &people.Provider{
		Issuer: idp.srv.URL, ClientID: "hub", ClientSecret: clientSecret, Redirect: "http://hub.test/api/v1/oidc/callback",
		Domains: []string{"example.org"}, RoleClaim: "groups", Roles: map[string]orderhub.Role{"heads": orderhub.RoleManager, "wh": orderhub.RoleWarehouse},
	}}, func(t *testing.T, w *world, c *clock) {
		w.setUp(t, "vera@example.org")
		refused := func(what string, claims map[string]any, change func(u *url.URL, cookie *string)) {
			t.Helper()
			c.pass(30 * time.Second) // failures are throttled
			idp.as(claims, func() {
				if b, to := w.visitProvider(t, change); b != nil || to != "/login?error=denied" {
					t.Errorf("%s: %q", what, to)
				}
			})
		}
		wh := []string{"wh"}
		refused("no role", nil, nil)
		refused("another domain", map[string]any{"email": "ann@example.org.evil.example", "groups": wh}, nil)
		refused("not confirmed", map[string]any{"email_verified": false, "groups": wh}, nil)
		refused("no address", map[string]any{"email": "", "groups": wh}, nil)
		refused("takes over a password", map[string]any{"email": "vera@example.org", "groups": wh}, nil)
		refused("for another client", map[string]any{"aud": "other", "groups": wh}, nil)
		refused("of another issuer", map[string]any{"iss": "https://evil.example", "groups": wh}, nil)
		refused("too old", map[string]any{"exp": time.Now().Add(-time.Hour).Unix(), "groups": wh}, nil)
		refused("another nonce", map[string]any{"nonce": "x", "groups": wh}, nil)
		good := map[string]any{"groups": wh}
		refused("no cookie", good, func(_ *url.URL, c *string) { *c = "" })
		refused("a cookie of another trip", good, func(_ *url.URL, c *string) { *c = "orderhub-oidc=a.b.c" })
		refused("another verifier", good, func(_ *url.URL, c *string) { *c += "x" })
		refused("another state", good, func(u *url.URL, _ *string) { setQuery(u, "state", "x") })
		refused("a made-up code", good, func(u *url.URL, _ *string) { setQuery(u, "code", "x") })
		refused("the provider says no", good, func(u *url.URL, _ *string) { setQuery(u, "error", "access_denied") })
		// Let in; the claim counts at each log-in, and is needed at each.
		idp.as(map[string]any{"groups": []string{"other", "wh", "heads"}}, func() { w.visitProvider(t, nil) })
		if u, err := w.people.User(t.Context(), "ann@example.org"); err != nil || u.Role != orderhub.RoleManager {
			t.Errorf("%+v %v", u, err)
		}
		idp.as(good, func() { w.visitProvider(t, nil) })
		if u, err := w.people.User(t.Context(), "ann@example.org"); err != nil || u.Role != orderhub.RoleWarehouse {
			t.Errorf("%+v %v", u, err)
		}
		refused("no longer in a group", nil, nil)
		refused("another person of the same address", map[string]any{"sub": "78", "groups": wh}, nil)
		other, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		idp.as(good, func() {
			idp.mu.Lock()
			idp.sign = other
			idp.mu.Unlock()
			if b, _ := w.visitProvider(t, nil); b != nil {
				t.Error("anybody's signature counts")
			}
			idp.mu.Lock()
			idp.sign = nil
			idp.mu.Unlock()
		})
	})
}

// as lets somebody sit at the keyboard while f runs; the tests of both engines use
// one provider, in turn.
func (p *identityProvider) as(claims map[string]any, f func()) {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.is(claims)
	f()
}

func setQuery(u *url.URL, key, value string) {
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = q.Encode()
}
