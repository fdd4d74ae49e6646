package server_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/people"
	"github.com/orderhub/orderhub/server"
	"github.com/orderhub/orderhub/store/storetest"
)

// clock is a store's time that tests move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) pass(d time.Duration) { c.ahead.Add(int64(d)) }

// eachClock runs a test on a hub over each engine whose time can be moved.
func eachClock(t *testing.T, opts options, f func(t *testing.T, w *world, c *clock)) {
	t.Helper()
	t.Parallel()
	for _, engine := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			c, cfg := &clock{}, storetest.Config(t, engine)
			cfg.Now = c.now
			f(t, newWorld(t, storetest.Open(t, cfg), opts), c)
		})
	}
}

func owner(code string) map[string]string {
	m := map[string]string{"login": "Vera@Example.org ", "name": "Вера", "password": password}
	if code != "" {
		m["setup_code"] = code
	}
	return m
}

func TestSetUp(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		var v api.SetupView
		w.raw(t, http.MethodGet, "/api/v1/setup", nil).into(t, http.StatusOK, &v)
		if !v.Needed || !v.CodeNeeded || v.OIDC == nil || len(v.OIDC) != 0 {
			t.Errorf("%+v", v)
		}
		if p := w.raw(t, http.MethodGet, "/api/v1/session", nil).problem(t); p.Status != http.StatusUnauthorized || p.Code != "setup_needed" {
			t.Errorf("%+v", p)
		}
		for _, code := range []string{"", "aaaaaaaaaaaaaaaa"} {
			w.raw(t, http.MethodPost, "/api/v1/setup", owner(code)).refused(t, http.StatusForbidden, "setup_code")
		}
		bad := owner(w.store.SetupCode())
		bad["password"] = "short"
		w.raw(t, http.MethodPost, "/api/v1/setup", bad).refused(t, http.StatusUnprocessableEntity, "password", "10")
		w.raw(t, http.MethodPost, "/api/v1/setup", owner(w.store.SetupCode()), "Sec-Fetch-Site", "cross-site").refused(t, http.StatusForbidden, "")

		// Many at once: one wins.
		replies := make([]reply, 8)
		var all sync.WaitGroup
		for i := range replies {
			all.Go(func() {
				body := owner(w.store.SetupCode())
				body["login"] = "vera" + strconv.Itoa(i)
				replies[i] = w.raw(t, http.MethodPost, "/api/v1/setup", body)
			})
		}
		all.Wait()
		var b *browser
		for _, r := range replies {
			switch {
			case r.Status == http.StatusCreated && b == nil:
				b = w.enter(t, r)
			case r.Status != http.StatusConflict:
				t.Errorf("%d %s", r.Status, r.Body)
			}
		}
		if b == nil || b.user.Role != orderhub.RoleOwner || !b.open(t) {
			t.Fatalf("nobody won: %+v", b)
		}
		if list, err := w.store.Users(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("%d users, %v", len(list), err)
		}
		w.raw(t, http.MethodGet, "/api/v1/setup", nil).into(t, http.StatusOK, &v)
		if v.Needed || v.CodeNeeded {
			t.Errorf("%+v", v)
		}
	})
}

// TestSetUpHere: at this machine itself no code is needed, unless somebody may stand
// between.
func TestSetUpHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{server: server.Options{OpenSetup: true}})
	for _, header := range [][]string{{"X-Forwarded-For", "203.0.113.7"}, {"Forwarded", "for=203.0.113.7"}, {"Via", "1.1 proxy"}} {
		w.raw(t, http.MethodPost, "/api/v1/setup", owner(""), header...).refused(t, http.StatusForbidden, "setup_code")
	}
	// A page whose name points at 127.0.0.1.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.srv.URL+"/api/v1/setup", strings.NewReader(`{"login":"x","name":"x","password":"`+password+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Host = "evil.example:80"
	resp, err := w.srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("another host's name: %d", resp.StatusCode)
	}
	b := w.enter(t, w.raw(t, http.MethodPost, "/api/v1/setup", owner("")))
	if b.user.Login != "vera@example.org" {
		t.Errorf("%+v", b.user)
	}
}

// stumble is the context of a request whose first questions to the database fail.
type stumble struct {
	context.Context
	left atomic.Int64
	shut chan struct{}
}

func (s *stumble) Done() <-chan struct{} {
	if s.left.Add(-1) >= 0 {
		return s.shut
	}
	return nil
}

func (s *stumble) Err() error {
	if s.left.Load() >= -1 {
		return context.Canceled
	}
	return nil
}

// TestSetUpWhileTheDatabaseStumbles: that the hub could not look whether a code is needed
// does not mean that none is.
func TestSetUpWhileTheDatabaseStumbles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	body := `{"login":"eve","name":"Eve","password":"` + password + `"}`
	failed := false
	for n := range int64(8) {
		ctx := &stumble{Context: t.Context(), shut: make(chan struct{})}
		close(ctx.shut)
		ctx.left.Store(n)
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/v1/setup", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		w.srv.Config.Handler.ServeHTTP(rec, r)
		failed = failed || rec.Code == http.StatusServiceUnavailable
		if rec.Code != http.StatusForbidden && rec.Code != http.StatusServiceUnavailable {
			t.Errorf("%d failures: %d %s", n, rec.Code, rec.Body)
		}
	}
	if needed, err := w.people.NeedsUser(t.Context()); err != nil || !needed || !failed {
		t.Errorf("a first user was made without the code, or nothing failed: %v %v %v", needed, failed, err)
	}
}

func TestLogIn(t *testing.T) {
	eachClock(t, options{}, func(t *testing.T, w *world, c *clock) {
		w.setUp(t, "vera")
		b, r := w.logIn(t, " VERA ", password, "")
		ck := r.cookie(t)
		if b == nil || !ck.HttpOnly || ck.SameSite != http.SameSiteStrictMode || ck.Secure || ck.Path != "/" || ck.Name != "orderhub" || ck.Domain != "" {
			t.Fatalf("%+v %+v", b, ck)
		}
		var v api.SessionView
		b.do(t, http.MethodGet, "/session", nil).into(t, http.StatusOK, &v)
		if v.User != b.user || v.CSRF != b.csrf || len(v.Permissions) != len(orderhub.Permissions) || v.IdleEnds.Sub(w.store.Now()) < 11*time.Hour {
			t.Errorf("%+v", v)
		}
		if strings.Contains(ck.Value, v.CSRF) || strings.Contains(v.CSRF, ck.Value) {
			t.Error("csrf tells the session")
		}
		// What is wrong is not told.
		_, r1 := w.logIn(t, "vera", password+"!", "")
		_, r2 := w.logIn(t, "nobody", password, "")
		w.person(t, "gone", orderhub.RoleViewer)
		if _, err := w.people.ChangeUser(t.Context(), 2, people.UserChange{Disabled: ptr(true)}, func(orderhub.Role) error { return nil }, orderhub.AuditEntry{}); err != nil {
			t.Fatal(err)
		}
		_, r3 := w.logIn(t, "gone", password, "")
		for _, r := range []reply{r1, r2, r3} {
			if r.Status != http.StatusUnauthorized || !bytes.Equal(r.Body, r1.Body) || r.problem(t).Code != "denied" || len(r.Header.Values("Set-Cookie")) != 0 {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		}
		// A new id at every log-in, whatever the browser brought; the old one ends.
		again, r := w.logIn(t, "vera", password, "", "Cookie", b.cookie)
		if again == nil || again.cookie == b.cookie || b.open(t) || !again.open(t) {
			t.Errorf("the old session goes on: %s", r.Body)
		}
		fixed, _ := w.logIn(t, "vera", password, "", "Cookie", "orderhub=chosen-by-somebody-else")
		if strings.Contains(fixed.cookie, "chosen") {
			t.Error("the browser chose the session")
		}
		if w.raw(t, http.MethodGet, "/api/v1/session", nil, "Cookie", "orderhub=chosen-by-somebody-else").Status != http.StatusUnauthorized {
			t.Error("a chosen session is open")
		}
		// Sign out.
		r = again.do(t, http.MethodDelete, "/session", nil)
		if r.Status != http.StatusNoContent || r.cookie(t).MaxAge >= 0 || again.open(t) {
			t.Errorf("%d %v", r.Status, r.Header)
		}
	})
}

func ptr[T any](v T) *T { return &v }

// TestSecureCookie: behind a proxy that speaks https.
func TestSecureCookie(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{server: server.Options{TrustedProxies: prefixes(t, "127.0.0.0/8")}})
	w.setUp(t, "vera")
	b, r := w.logIn(t, "vera", password, "", "X-Forwarded-Proto", "https")
	if c := r.cookie(t); !c.Secure || c.Name != "__Host-orderhub" || r.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%+v", c)
	}
	if b.do(t, http.MethodGet, "/session", nil, "X-Forwarded-Proto", "https").Status != http.StatusOK || b.open(t) {
		t.Error("the cookie of https counts by http, or not by https")
	}
}

func TestThrottling(t *testing.T) {
	eachClock(t, options{server: server.Options{TrustedProxies: prefixes(t, "127.0.0.0/8")}}, func(t *testing.T, w *world, c *clock) {
		w.setUp(t, "vera")
		from := func(login, pass, address string) reply {
			_, r := w.logIn(t, login, pass, "", "X-Forwarded-For", address)
			return r
		}
		wait := 0
		for _, login := range []string{"vera", "nobody"} {
			for i := range 10 {
				if r := from(login, "wrong password", "203.0.113.7"); r.Status != http.StatusUnauthorized {
					t.Fatalf("%s, try %d: %d", login, i, r.Status)
				}
			}
			r := from(login, password, "203.0.113.7") // even the right one
			var err error
			if wait, err = strconv.Atoi(r.Header.Get("Retry-After")); r.Status != http.StatusTooManyRequests || err != nil || wait < 1 || wait > 30 {
				t.Errorf("%s: %d, Retry-After %q", login, r.Status, r.Header.Get("Retry-After"))
			}
		}
		if r := from("vera", password, "203.0.113.99"); r.Status != http.StatusOK {
			t.Errorf("a stranger locks a person out: %d %s", r.Status, r.Body)
		}
		c.pass(time.Duration(wait) * time.Second)
		if r := from("vera", password, "203.0.113.7"); r.Status != http.StatusOK {
			t.Errorf("after the wait: %d %s", r.Status, r.Body)
		}
		// One address, many logins.
		status := 0
		for i := range 31 {
			status = from("guess"+strconv.Itoa(i), "wrong password", "2001:db8::"+strconv.Itoa(i)).Status
		}
		if status != http.StatusTooManyRequests {
			t.Errorf("31 logins of one network: %d", status)
		}
		// Those who know their password are not slowed down.
		for range 40 {
			if r := from("vera", password, "198.51.100.1"); r.Status != http.StatusOK {
				t.Fatalf("a right password counts as an attempt: %d", r.Status)
			}
		}
	})
}

func TestCSRF(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		b := w.setUp(t, "vera")
		body := map[string]any{"login": "x", "name": "X", "role": "viewer"}
		for name, header := range map[string][]string{
			"no header":      {"X-CSRF-Token", ""},
			"another one":    {"X-CSRF-Token", strings.Repeat("A", 43)},
			"another site":   {"Sec-Fetch-Site", "cross-site"},
			"a sister site":  {"Sec-Fetch-Site", "same-site"},
			"another origin": {"Origin", "https://evil.example"},
		} {
			r := b.do(t, http.MethodPost, "/users", body, header...)
			if p := r.problem(t); r.Status != http.StatusForbidden || p.Code != "csrf" {
				t.Errorf("%s: %d %s", name, r.Status, r.Body)
			}
		}
		if r := b.do(t, http.MethodPost, "/users", body, "Origin", w.srv.URL, "Sec-Fetch-Site", "same-origin"); r.Status != http.StatusCreated {
			t.Errorf("the panel itself: %d %s", r.Status, r.Body)
		}
		// Reading needs none; a token needs none.
		b.do(t, http.MethodGet, "/users", nil, "X-CSRF-Token", "").into(t, http.StatusOK, nil)
		body["login"] = "y"
		if r := w.do(t, http.MethodPost, "/users", body, "Cookie", b.cookie); r.Status != http.StatusCreated {
			t.Errorf("a token: %d %s", r.Status, r.Body)
		}
		// Nobody signs a person in as somebody else.
		if _, r := w.logIn(t, "vera", password, "", "Origin", "https://evil.example"); r.Status != http.StatusForbidden {
			t.Errorf("log-in from elsewhere: %d", r.Status)
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	eachClock(t, options{}, func(t *testing.T, w *world, c *clock) {
		first := w.setUp(t, "vera")
		c.pass(11 * time.Hour)
		if !first.used(t) {
			t.Fatal("it ended too early")
		}
		c.pass(11 * time.Hour)
		if !first.used(t) {
			t.Fatal("use does not keep it open")
		}
		c.pass(12*time.Hour + time.Second)
		if first.open(t) {
			t.Fatal("it does not end unused")
		}
		b, _ := w.logIn(t, "vera", password, "")
		for range 62 { // used every half a day less a bit
			c.pass(12*time.Hour - time.Minute)
			if !b.used(t) {
				break
			}
		}
		if b.open(t) {
			t.Error("it lives longer than 30 days")
		}

		// A changed password ends all, and the changer gets a new one.
		b, _ = w.logIn(t, "vera", password, "")
		other, _ := w.logIn(t, "vera", password, "")
		b.do(t, http.MethodPost, "/me/password", map[string]string{"current": "wrong password", "password": "four blue kettles"}).refused(t, http.StatusUnprocessableEntity, "current")
		r := b.do(t, http.MethodPost, "/me/password", map[string]string{"current": password, "password": "four blue kettles"})
		now := w.enter(t, r)
		if b.open(t) || other.open(t) || !now.open(t) {
			t.Error("sessions of the old password go on")
		}
		// One's own list, and sign out everywhere.
		other, _ = w.logIn(t, "vera", "four blue kettles", "")
		var list api.SessionList
		now.do(t, http.MethodGet, "/me/sessions", nil).into(t, http.StatusOK, &list)
		if len(list.Sessions) != 2 {
			t.Fatalf("%+v", list)
		}
		for _, s := range list.Sessions {
			if !s.Current {
				if r := now.do(t, http.MethodDelete, "/me/sessions/"+strconv.FormatInt(s.ID, 10), nil); r.Status != http.StatusNoContent {
					t.Error(r.Status)
				}
			}
		}
		if other.open(t) || !now.open(t) {
			t.Error("the wrong session ended")
		}
		other, _ = w.logIn(t, "vera", "four blue kettles", "")
		if r := now.do(t, http.MethodDelete, "/me/sessions", nil); r.Status != http.StatusNoContent || now.open(t) || other.open(t) {
			t.Errorf("%d: not everywhere", r.Status)
		}
		// By the owner's hand.
		boss, _ := w.logIn(t, "vera", "four blue kettles", "")
		x := w.person(t, "x", orderhub.RoleViewer)
		path := "/users/" + strconv.FormatInt(x.user.ID, 10)
		if r := boss.do(t, http.MethodPost, path+"/password", map[string]string{"password": "five red kettles"}); r.Status != http.StatusNoContent || x.open(t) {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		x, _ = w.logIn(t, "x", "five red kettles", "")
		boss.do(t, http.MethodPatch, path, map[string]any{"disabled": true}).into(t, http.StatusOK, nil)
		if x.open(t) {
			t.Error("a disabled user's session goes on")
		}
		c.pass(24 * time.Hour)
		if err := w.people.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if list, err := w.store.Sessions(t.Context(), 1); err != nil || len(list) != 0 {
			t.Errorf("%v %v", list, err)
		}
	})
}

func TestCodes(t *testing.T) {
	eachClock(t, options{}, func(t *testing.T, w *world, c *clock) {
		b := w.setUp(t, "vera")
		b.do(t, http.MethodPut, "/me/totp", map[string]string{"code": "123456"}).refused(t, http.StatusConflict, "")
		var secret api.TOTPSecret
		b.do(t, http.MethodPost, "/me/totp", nil).refused(t, http.StatusBadRequest, "")
		b.do(t, http.MethodPost, "/me/totp", map[string]string{"current": "not the password"}).refused(t, http.StatusUnprocessableEntity, "current")
		b.do(t, http.MethodPost, "/me/totp", map[string]string{"current": password}).into(t, http.StatusOK, &secret)
		if !strings.HasPrefix(secret.URL, "otpauth://totp/orderhub:vera?") || !strings.Contains(secret.URL, secret.Secret) {
			t.Errorf("%+v", secret)
		}
		code := func() string {
			s, err := totp.GenerateCode(secret.Secret, w.store.Now())
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if again, _ := w.logIn(t, "vera", password, ""); again == nil {
			t.Error("codes are asked for before one was sent")
		}
		b.do(t, http.MethodPut, "/me/totp", map[string]string{"code": "000000x"}).refused(t, http.StatusUnprocessableEntity, "code")
		var rec api.RecoveryCodes
		b.do(t, http.MethodPut, "/me/totp", map[string]string{"code": code()}).into(t, http.StatusOK, &rec)
		if len(rec.Codes) != 10 {
			t.Fatalf("%+v", rec)
		}
		w.hide(secret.Secret)
		for _, r := range rec.Codes {
			w.hide(r)
		}
		refuse := func(what, totp, want string) {
			t.Helper()
			if _, r := w.logIn(t, "vera", password, totp); r.Status != http.StatusUnauthorized || r.problem(t).Code != want {
				t.Errorf("%s: %d %s", what, r.Status, r.Body)
			}
		}
		refuse("none", "", "totp_required")
		refuse("the one that switched codes on", code(), "totp_wrong")
		if _, r := w.logIn(t, "vera", "wrong password", ""); r.problem(t).Code != "denied" {
			t.Errorf("a wrong password tells of codes: %s", r.Body)
		}
		c.pass(time.Minute)
		used := code()
		in, r := w.logIn(t, "vera", password, used)
		if in == nil || !in.user.TOTP {
			t.Fatalf("%s", r.Body)
		}
		refuse("used", used, "totp_wrong")
		refuse("made up", "000000", "totp_wrong")
		if in, _ = w.logIn(t, "vera", password, strings.ToUpper(rec.Codes[3])); in == nil {
			t.Error("a recovery code does not let in")
		}
		refuse("a used recovery code", rec.Codes[3], "totp_wrong")
		b.do(t, http.MethodPost, "/me/totp", map[string]string{"current": password}).refused(t, http.StatusConflict, "")
		// Who sits at a browser that was left open does not know the password.
		b.do(t, http.MethodDelete, "/me/totp", nil).refused(t, http.StatusBadRequest, "")
		b.do(t, http.MethodDelete, "/me/totp", map[string]string{"current": "not the password"}).refused(t, http.StatusUnprocessableEntity, "current")
		refuse("none, after that", "", "totp_required")
		if r := b.do(t, http.MethodDelete, "/me/totp", map[string]string{"current": password}); r.Status != http.StatusNoContent {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		if in, _ = w.logIn(t, "vera", password, ""); in == nil {
			t.Error("codes are asked for still")
		}
		// Nothing of it lies open in the database.
		row, _, err := w.store.UserByLogin(t.Context(), "vera")
		if err != nil || row.TOTPSecret != "" {
			t.Errorf("%v: the secret is kept", err)
		}
	})
}

// TestConfirmations: who sits at a browser that was left open weakens nothing without
// the password, and each try stands in the audit log, once.
func TestConfirmations(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		b := w.setUp(t, "vera")
		for _, try := range []struct {
			operation, method, path string
			body                    map[string]string
		}{
			{"change-own-password", http.MethodPost, "/me/password", map[string]string{"password": "four blue kettles"}},
			{"start-totp", http.MethodPost, "/me/totp", map[string]string{}},
			{"remove-totp", http.MethodDelete, "/me/totp", map[string]string{}},
		} {
			try.body["current"] = "not the password"
			b.do(t, try.method, try.path, try.body).refused(t, http.StatusUnprocessableEntity, "current", "is not your password")
			var page api.AuditLogPage
			eventually(t, "the try in the audit log", func() bool {
				page = api.AuditLogPage{}
				b.do(t, http.MethodGet, "/audit-log?operation="+try.operation, nil).into(t, http.StatusOK, &page)
				return len(page.Entries) > 0
			})
			if e := page.Entries; len(e) != 1 || e[0].Outcome != orderhub.OutcomeDenied || e[0].Status != http.StatusUnprocessableEntity || e[0].Actor.Name != "vera" {
				t.Errorf("%s: want one entry that was denied: %+v", try.operation, e)
			}
		}
		row, _, err := w.store.UserByLogin(t.Context(), "vera")
		if err != nil || row.TOTPSecret != "" {
			t.Errorf("%v: a secret was made without the password", err)
		}
		// Guesses are throttled as at the door.
		var last reply
		for range 10 {
			last = b.do(t, http.MethodPost, "/me/totp", map[string]string{"current": "a guess"})
		}
		if last.Status != http.StatusTooManyRequests || last.Header.Get("Retry-After") == "" {
			t.Errorf("guesses are not throttled: %d", last.Status)
		}
	})
}

func TestTokens(t *testing.T) {
	eachClock(t, options{}, func(t *testing.T, w *world, c *clock) {
		b := w.setUp(t, "vera")
		var made api.TokenView
		b.do(t, http.MethodPost, "/tokens", map[string]any{
			"name": "1C", "scopes": []string{"stock.read", "orders.read", "orders.read"}, "expires_at": w.store.Now().Add(time.Hour),
		}).into(t, http.StatusCreated, &made)
		if made.Token == "" || made.Full || len(made.Scopes) != 2 || made.CreatedBy != "vera" || made.Expired {
			t.Fatalf("%+v", made)
		}
		w.hide(made.Token)
		call := func(path string) int {
			return w.raw(t, http.MethodGet, "/api/v1"+path, nil, "Authorization", "Bearer "+made.Token).Status
		}
		if call("/orders") != http.StatusOK || call("/returns") != http.StatusForbidden || call("/users") != http.StatusForbidden {
			t.Error("scopes do not count")
		}
		c.pass(time.Hour)
		if got := call("/orders"); got != http.StatusUnauthorized {
			t.Errorf("an ended token: %d", got)
		}
		var list api.TokenList
		b.do(t, http.MethodGet, "/tokens", nil).into(t, http.StatusOK, &list)
		if len(list.Tokens) != 2 || !list.Tokens[0].Expired || list.Tokens[0].Token != "" || !list.Tokens[1].Full {
			t.Errorf("%+v", list)
		}
		for name, body := range map[string]map[string]any{
			"scopes":     {"name": "x", "scopes": []string{"everything"}},
			"expires_at": {"name": "x", "scopes": []string{"orders.read"}, "expires_at": "2020-01-01T00:00:00Z"},
			"name":       {"name": " x", "scopes": []string{"orders.read"}},
		} {
			b.do(t, http.MethodPost, "/tokens", body).refused(t, http.StatusUnprocessableEntity, name)
		}
		// What many programs send for no time at all lies in the past; it is not for ever.
		b.do(t, http.MethodPost, "/tokens", map[string]any{"name": "x", "scopes": []string{"orders.read"}, "expires_at": "0001-01-01T00:00:00Z"}).
			refused(t, http.StatusUnprocessableEntity, "expires_at", "past")
		// The command line's token does all, until it is deleted.
		w.do(t, http.MethodGet, "/users", nil).into(t, http.StatusOK, nil)
		if r := b.do(t, http.MethodDelete, "/tokens/"+strconv.FormatInt(list.Tokens[1].ID, 10), nil); r.Status != http.StatusNoContent {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		if r := w.do(t, http.MethodGet, "/users", nil); r.Status != http.StatusUnauthorized {
			t.Errorf("a deleted token: %d", r.Status)
		}
	})
}
