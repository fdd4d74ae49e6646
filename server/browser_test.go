package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/people"
)

// password is that of everybody in these tests.
const password = "three green kettles"

// browser is where a person is signed in.
type browser struct {
	w      *world
	cookie string
	csrf   string
	user   api.OwnView
}

// setUp makes the first user without going over the set-up code.
func (w *world) setUp(t *testing.T, login string) *browser {
	t.Helper()
	in, err := w.people.SetUp(t.Context(), people.NewUser{Login: login, Name: "Вера Первая", Password: password}, people.Visitor{}, orderhub.AuditEntry{Operation: "set-up"})
	if err != nil {
		t.Fatal(err)
	}
	w.hide(in.Secret)
	return &browser{w: w, cookie: "orderhub=" + in.Secret, csrf: people.CSRF(in.Secret)}
}

// person makes a user of a role and signs them in.
func (w *world) person(t *testing.T, login string, role orderhub.Role) *browser {
	t.Helper()
	if _, err := w.people.AddUser(t.Context(), people.NewUser{Login: login, Name: "Кто-то", Role: role, Password: password}, orderhub.AuditEntry{}); err != nil {
		t.Fatal(err)
	}
	b, r := w.logIn(t, login, password, "")
	if r.Status != http.StatusOK {
		t.Fatalf("%d: %s", r.Status, r.Body)
	}
	return b
}

// logIn tries to sign in over HTTP; the browser is nil when that fails.
func (w *world) logIn(t *testing.T, login, password, totp string, header ...string) (*browser, reply) {
	t.Helper()
	body := map[string]string{"login": login, "password": password}
	if totp != "" {
		body["totp"] = totp
	}
	r := w.raw(t, http.MethodPost, "/api/v1/session", body, header...)
	if r.Status != http.StatusOK {
		return nil, r
	}
	return w.enter(t, r), r
}

// enter takes a new session out of an answer.
func (w *world) enter(t *testing.T, r reply) *browser {
	t.Helper()
	c := r.cookie(t)
	var v api.SessionView
	r.into(t, r.Status, &v)
	w.hide(c.Value)
	return &browser{w: w, cookie: c.Name + "=" + c.Value, csrf: v.CSRF, user: v.User}
}

// cookie is the one that an answer sets.
func (r reply) cookie(t *testing.T) *http.Cookie {
	t.Helper()
	list := (&http.Response{Header: r.Header}).Cookies()
	if len(list) != 1 {
		t.Fatalf("%d cookies: %v", len(list), r.Header.Values("Set-Cookie"))
	}
	return list[0]
}

func (b *browser) headers() []string { return []string{"Cookie", b.cookie, "X-CSRF-Token", b.csrf} }

// do calls the API as the panel does.
func (b *browser) do(t *testing.T, method, path string, body any, header ...string) reply {
	t.Helper()
	return b.w.raw(t, method, "/api/v1"+path, body, append(b.headers(), header...)...)
}

// open tells whether the session goes on.
func (b *browser) open(t *testing.T) bool {
	t.Helper()
	return b.do(t, http.MethodGet, "/session", nil).Status == http.StatusOK
}

// used uses the session and waits until that is written; false: it has ended.
func (b *browser) used(t *testing.T) bool {
	t.Helper()
	if !b.open(t) {
		return false
	}
	_, secret, _ := strings.Cut(b.cookie, "=")
	eventually(t, "the last use of the session", func() bool {
		s, _, ok, err := b.w.store.FindSession(t.Context(), secret)
		return err == nil && ok && b.w.store.Now().Sub(s.SeenAt) < time.Minute
	})
	return true
}
