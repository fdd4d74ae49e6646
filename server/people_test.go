package server_test

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/people"
	"github.com/orderhub/orderhub/store"
)

func prefixes(t *testing.T, list ...string) []netip.Prefix {
	t.Helper()
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func TestUsers(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		b := w.setUp(t, "vera")
		var u api.UserView
		b.do(t, http.MethodPost, "/users", map[string]any{"login": "Oleg", "name": "Олег", "role": "manager", "language": "ru", "password": "six white kettles"}).into(t, http.StatusCreated, &u)
		if u.Login != "oleg" || u.Role != orderhub.RoleManager || !u.Password || u.Disabled || u.CreatedAt.IsZero() {
			t.Errorf("%+v", u)
		}
		for field, body := range map[string]map[string]any{
			"login":    {"login": "a b", "name": "X", "role": "viewer"},
			"name":     {"login": "ab", "name": "", "role": "viewer"},
			"role":     {"login": "ab", "name": "X", "role": "king"},
			"password": {"login": "ab", "name": "X", "role": "viewer", "password": "aaaaaaaaaaaaaaa"},
		} {
			b.do(t, http.MethodPost, "/users", body).refused(t, http.StatusUnprocessableEntity, field)
		}
		b.do(t, http.MethodPost, "/users", map[string]any{"login": "OLEG", "name": "X", "role": "viewer"}).refused(t, http.StatusConflict, "login")
		path := "/users/" + strconv.FormatInt(u.ID, 10)
		oleg, _ := w.logIn(t, "oleg", "six white kettles", "")
		oleg.do(t, http.MethodGet, "/users", nil).refused(t, http.StatusForbidden, "", "users.manage")
		// A role counts at the next call.
		b.do(t, http.MethodPatch, path, map[string]any{"role": "owner", "name": "Олег Иванович"}).into(t, http.StatusOK, &u)
		var list api.UserList
		oleg.do(t, http.MethodGet, "/users", nil).into(t, http.StatusOK, &list)
		if len(list.Users) != 2 || list.Users[1].Name != "Олег Иванович" || len(list.Roles) != 5 {
			t.Errorf("%+v", list)
		}
		// Two owners demote each other at once: one stays.
		var all sync.WaitGroup
		status := make([]int, 2)
		for i, by := range []*browser{b, oleg} {
			all.Go(func() {
				status[i] = by.do(t, http.MethodPatch, "/users/"+strconv.Itoa(2-i), map[string]any{"role": "viewer"}).Status
			})
		}
		all.Wait()
		slices.Sort(status)
		if status[0] != http.StatusOK || (status[1] != http.StatusConflict && status[1] != http.StatusForbidden) {
			t.Errorf("%v", status)
		}
		users, err := w.store.Users(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		owners := 0
		for _, u := range users {
			if u.Role == orderhub.RoleOwner {
				owners++
			}
		}
		if owners != 1 {
			t.Errorf("%d owners", owners)
		}
	})
}

func TestLastOwnerStays(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		b := w.setUp(t, "vera")
		for _, body := range []map[string]any{{"role": "manager"}, {"disabled": true}} {
			b.do(t, http.MethodPatch, "/users/1", body).refused(t, http.StatusConflict, "", "last owner")
		}
		w.person(t, "off", orderhub.RoleOwner)
		b.do(t, http.MethodPatch, "/users/2", map[string]any{"disabled": true}).into(t, http.StatusOK, nil)
		b.do(t, http.MethodPatch, "/users/1", map[string]any{"disabled": true}).refused(t, http.StatusConflict, "", "last owner")
		if !b.open(t) {
			t.Error("a refused change ended the session")
		}
	})
}

// TestOwnersAndThemselves: their right to help others does not stand in for the present
// password where it is about oneself.
func TestOwnersAndThemselves(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		b := w.setUp(t, "vera")
		b.do(t, http.MethodPost, "/users/1/password", map[string]any{"password": "four blue kettles"}).refused(t, http.StatusConflict, "", "your own page")
		b.do(t, http.MethodPatch, "/users/1", map[string]any{"reset_totp": true}).refused(t, http.StatusConflict, "", "your own page")
		if in, _ := w.logIn(t, "vera", password, ""); in == nil || !b.open(t) {
			t.Error("the password was changed without the present one")
		}
		b.do(t, http.MethodPatch, "/users/1", map[string]any{"name": "Вера Вторая"}).into(t, http.StatusOK, nil)
		w.person(t, "x", orderhub.RoleOwner)
		if r := b.do(t, http.MethodPost, "/users/2/password", map[string]any{"password": "four blue kettles"}); r.Status != http.StatusNoContent {
			t.Errorf("somebody else's: %d %s", r.Status, r.Body)
		}
	})
}

func TestPreferences(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		b, other := w.setUp(t, "vera"), w.person(t, "x", orderhub.RoleViewer)
		if r := b.do(t, http.MethodGet, "/me/preferences/orders.views", nil); r.Status != http.StatusNoContent || len(r.Body) != 0 {
			t.Errorf("nothing kept: %d %s", r.Status, r.Body)
		}
		for _, v := range []string{`{"columns":["number","status"],"n":1.50}`, `[1,2]`, `"text"`, `null`, `true`} {
			if r := b.do(t, http.MethodPut, "/me/preferences/orders.views", v); r.Status != http.StatusNoContent {
				t.Fatalf("%s: %d %s", v, r.Status, r.Body)
			}
			if r := b.do(t, http.MethodGet, "/me/preferences/orders.views", nil); r.Status != http.StatusOK || strings.TrimSpace(string(r.Body)) != v {
				t.Errorf("%s: %d %s", v, r.Status, r.Body)
			}
		}
		if r := other.do(t, http.MethodGet, "/me/preferences/orders.views", nil); r.Status != http.StatusNoContent || len(r.Body) != 0 {
			t.Errorf("nothing kept: %d %s", r.Status, r.Body)
		}
		for _, key := range []string{"A", "a%20b", strings.Repeat("x", 65)} {
			b.do(t, http.MethodPut, "/me/preferences/"+key, "1").refused(t, http.StatusUnprocessableEntity, "key")
		}
		b.do(t, http.MethodPut, "/me/preferences/big", `"`+strings.Repeat("x", 64<<10)+`"`).refused(t, http.StatusRequestEntityTooLarge, "", "64 KiB")
		for i := range store.PreferenceLimit - 1 {
			if err := w.store.SetPreference(t.Context(), 1, "k"+strconv.Itoa(i), "1"); err != nil {
				t.Fatal(i, err)
			}
		}
		b.do(t, http.MethodPut, "/me/preferences/one.more", "1").refused(t, http.StatusRequestEntityTooLarge, "")
		if r := b.do(t, http.MethodPut, "/me/preferences/k0", "2"); r.Status != http.StatusNoContent {
			t.Errorf("a known key: %d", r.Status)
		}
	})
}

func TestAuditLog(t *testing.T) {
	eachClock(t, options{}, func(t *testing.T, w *world, c *clock) {
		w.shop(t)
		w.hide(password)
		w.setUp(t, "vera")
		b, _ := w.logIn(t, "vera", password, "")
		w.logIn(t, "vera", "wrong password", "")
		w.logIn(t, "my password by mistake", "x", "")
		w.person(t, "x", orderhub.RoleViewer).do(t, http.MethodPost, "/accounts/shop/check", nil)
		o := w.send(t, "shop", payload("A-1", 1)) // intake: in the timeline, not here
		b.do(t, http.MethodPost, "/orders/"+strconv.FormatInt(o.Number, 10)+"/transitions", map[string]any{"to": "confirmed"}).into(t, http.StatusOK, nil)
		b.do(t, http.MethodPost, "/users", map[string]any{"login": "x", "name": "X", "role": "viewer"})
		b.do(t, http.MethodGet, "/product-export?format=csv", nil)
		b.do(t, http.MethodGet, "/orders", nil) // reading is not written down
		var page api.AuditLogPage
		eventually(t, "the audit log", func() bool {
			page = api.AuditLogPage{}
			b.do(t, http.MethodGet, "/audit-log?limit=200", nil).into(t, http.StatusOK, &page)
			return len(page.Entries) >= 10
		})
		slices.SortStableFunc(page.Entries, func(x, y api.AuditLogEntry) int { return y.At.Compare(x.At) }) // those that wait may overtake
		var got []string
		for _, e := range page.Entries {
			if e.At.IsZero() || e.Address == "" && e.Operation != "set-up" && e.Operation != "" {
				t.Errorf("%+v", e)
			}
			got = append(got, strings.Join([]string{string(e.Actor.Kind), e.Actor.Name, e.Operation, string(e.Permission), e.Target, string(e.Outcome)}, " "))
		}
		number := strconv.FormatInt(o.Number, 10)
		want := []string{
			"user vera export-products stock.read /product-export done",
			"user vera add-user users.manage /users refused",
			"user vera advance-order orders.work /orders/" + number + "/transitions done",
			"user x check-account accounts.manage /accounts/shop/check denied",
			"user x log-in  user:2 done",
			"    user:2 done", // made without the API
			"user  log-in   denied",
			"user  log-in  user:1 denied",
			"user vera log-in  user:1 done",
			"user vera set-up  user:1 done",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		// Filters and pages.
		for query, n := range map[string]int{"actor=vera": 5, "operation=log-in": 4, "outcome=denied": 3, "permission=orders.work": 1, "from=2030-01-01T00:00:00Z": 0} {
			var part api.AuditLogPage
			b.do(t, http.MethodGet, "/audit-log?"+query, nil).into(t, http.StatusOK, &part)
			if len(part.Entries) != n {
				t.Errorf("%s: %d entries, want %d", query, len(part.Entries), n)
			}
		}
		seen, before := 0, ""
		for {
			var part api.AuditLogPage
			b.do(t, http.MethodGet, "/audit-log?limit=3"+before, nil).into(t, http.StatusOK, &part)
			seen += len(part.Entries)
			if part.Before == 0 {
				break
			}
			before = "&before=" + strconv.FormatInt(part.Before, 10)
		}
		if seen != len(want) {
			t.Errorf("%d entries in pages", seen)
		}
		// The timeline names the person.
		events, err := w.store.Events(t.Context(), o.Number)
		if err != nil || !slices.ContainsFunc(events, func(e orderhub.Event) bool {
			return e.Actor == (orderhub.Actor{Kind: orderhub.ActorUser, Name: "vera"})
		}) {
			t.Errorf("%v %+v", err, events)
		}
		c.pass(people.KeepAudit + time.Hour)
		if err := w.people.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if list, err := w.store.ListAudit(t.Context(), store.AuditFilter{Limit: 10}); err != nil || len(list) != 0 {
			t.Errorf("%v: %d entries are kept too long", err, len(list))
		}
	})
}

// Whoever may see orders learns to whom they can be given; nobody's second factor,
// and nobody who has left.
func TestColleagues(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		b := w.setUp(t, "vera")
		for _, login := range []string{"oleg", "anna"} {
			b.do(t, http.MethodPost, "/users", map[string]any{"login": login, "name": "N " + login, "role": "viewer", "password": "six white kettles"}).into(t, http.StatusCreated, nil)
		}
		b.do(t, http.MethodPatch, "/users/2", map[string]any{"disabled": true}).into(t, http.StatusOK, nil)
		anna, _ := w.logIn(t, "anna", "six white kettles", "")
		var list api.ColleagueList
		anna.do(t, http.MethodGet, "/colleagues", nil).into(t, http.StatusOK, &list)
		if len(list.Colleagues) != 2 || list.Colleagues[0].Login != "vera" || list.Colleagues[1] != (api.Colleague{Login: "anna", Name: "N anna", Role: orderhub.RoleViewer}) {
			t.Errorf("%+v", list)
		}
	})
}
