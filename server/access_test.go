package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// accessFile is the table of who may call what.
var accessFile = filepath.Join("testdata", "access.txt")

// TestWhoMayCallWhat calls every route of the document as everybody: each role,
// programs with all and with few rights, and a stranger. The question mark is an
// error that only those get who were let in.
func TestWhoMayCallWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	callers := w.callers(t)
	var got bytes.Buffer
	fmt.Fprintf(&got, "# Who may call what: + yes, - no (403), ? not known (401). Written by the test.\n%-56s", "")
	for _, c := range callers {
		fmt.Fprintf(&got, " %-10s", c.name)
	}
	operations := w.operations()
	for _, o := range operations {
		fmt.Fprintf(&got, "\n%-56s", o.method+" "+strings.TrimPrefix(o.path, "/api/v1"))
		for _, c := range callers {
			r := w.raw(t, o.method, o.address+"?surely-not-known=1", o.body("{}"), c.headers...)
			mark := "+"
			switch {
			case r.Status == http.StatusForbidden && r.problem(t).Code == "denied":
				mark = "-"
			case r.Status == http.StatusUnauthorized:
				mark = "?"
			case r.Status != http.StatusUnprocessableEntity || r.problem(t).Field != "surely-not-known":
				t.Fatalf("%s as %s: %d %s", o, c.name, r.Status, r.Body)
			}
			fmt.Fprintf(&got, " %-10s", mark)
		}
	}
	text := []byte(trimLines(got.String()))
	if *update {
		if err := os.WriteFile(accessFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(accessFile)
	if err != nil || !bytes.Equal(want, text) {
		t.Errorf("%s is not what the hub does (%v): run go test ./server -run TestWhoMayCallWhat -update and look at the difference\n%s", accessFile, err, text)
	}
	if len(operations) < 90 {
		t.Errorf("only %d operations", len(operations))
	}
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

type knownCaller struct {
	name    string
	headers []string
}

func (w *world) callers(t *testing.T) []knownCaller {
	t.Helper()
	w.owner = w.setUp(t, "owner")
	out := []knownCaller{{"owner", w.owner.headers()}}
	for _, r := range orderhub.Roles[1:] {
		out = append(out, knownCaller{string(r), w.person(t, string(r), r).headers()})
	}
	out = append(out, knownCaller{"cli-token", w.auth()})
	for name, scopes := range map[string][]orderhub.Permission{
		"t:orders": {orderhub.OrdersRead}, "t:intake": {orderhub.OrdersIntake, orderhub.StockRead}, "t:users": {orderhub.UsersManage},
	} {
		out = append(out, knownCaller{name, []string{"Authorization", "Bearer " + w.scoped(t, name, scopes...)}})
	}
	slices.SortFunc(out[len(out)-3:], func(a, b knownCaller) int { return strings.Compare(a.name, b.name) })
	return append(out, knownCaller{"stranger", nil})
}

// scoped makes a token that may do little.
func (w *world) scoped(t *testing.T, name string, scopes ...orderhub.Permission) string {
	t.Helper()
	text := store.NewTokenText()
	if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.AddToken(t.Context(), orderhub.APIToken{Name: name, Scopes: scopes}, text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return text
}

// TestInsideOfOperations: where the answer, not the route, depends on who asks.
func TestInsideOfOperations(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		a := w.shop(t)
		owner := w.setUp(t, "owner")
		keeper := w.person(t, "keeper", orderhub.RoleWarehouse)
		if r := owner.do(t, http.MethodGet, "/accounts/shop", nil); !bytes.Contains(r.Body, []byte(a.HookKey)) {
			t.Errorf("the owner does not see the webhook: %s", r.Body)
		}
		owner.do(t, http.MethodGet, "/accounts/shop", nil) // a second time, not written again
		if r := keeper.do(t, http.MethodGet, "/accounts/shop", nil); r.Status != http.StatusOK || bytes.Contains(r.Body, []byte(a.HookKey)) {
			t.Errorf("%d: the webhook is a secret: %s", r.Status, r.Body)
		}
		keeper.do(t, http.MethodPost, "/imports?kind=products&wait=5", "sku,name\nA,B\n", "Content-Type", "text/csv").refused(t, http.StatusForbidden, "", "products.manage")
		if r := keeper.do(t, http.MethodPost, "/imports?kind=counts&dry_run=true&wait=5", "sku,quantity\nA,1\n", "Content-Type", "text/csv"); r.Status >= 300 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		eventually(t, "the secret in the audit log", func() bool {
			list, err := w.store.ListAudit(t.Context(), store.AuditFilter{Operation: "get-account", Limit: 10})
			return err == nil && len(list) == 1 && list[0].Actor.Name == "owner"
		})
		// Nobody makes somebody more powerful than oneself.
		token := "Bearer " + w.scoped(t, "hr", orderhub.UsersManage, orderhub.TokensManage, orderhub.OrdersRead, orderhub.StockRead, orderhub.ReturnsRead, orderhub.AccountsRead)
		hr := func(method, path string, body any) reply {
			return w.raw(t, method, "/api/v1"+path, body, "Authorization", token)
		}
		for _, role := range []string{"owner", "manager", "warehouse"} {
			hr(http.MethodPost, "/users", map[string]string{"login": "x", "name": "X", "role": role}).refused(t, http.StatusForbidden, "", "permission")
		}
		if r := hr(http.MethodPost, "/users", map[string]string{"login": "x", "name": "X", "role": "viewer"}); r.Status != http.StatusCreated {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		hr(http.MethodPatch, "/users/1", map[string]any{"name": "Other"}).refused(t, http.StatusForbidden, "")
		hr(http.MethodPatch, "/users/3", map[string]any{"role": "owner"}).refused(t, http.StatusForbidden, "")
		hr(http.MethodPost, "/users/1/password", map[string]any{"password": "another long password"}).refused(t, http.StatusForbidden, "")
		hr(http.MethodPost, "/tokens", map[string]any{"name": "x", "scopes": []string{"personal_data"}}).refused(t, http.StatusForbidden, "", "personal_data")
		// A program is nobody.
		w.do(t, http.MethodPost, "/me/totp", map[string]string{"current": ""}).refused(t, http.StatusForbidden, "", "token")
		if _, err := w.people.User(t.Context(), "x"); err != nil {
			t.Error(err)
		}
	})
}
