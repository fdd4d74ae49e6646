package ozon

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	methods := func(list []string) string {
		b, _ := json.Marshal(list)
		return string(b)
	}
	all := (&adapter{watchFBO: true, warehouse: "1020009000123"}).missing(nil)
	name := ok(`{"company":{"name":"Лавка чая","currency":"RUB"}}`)
	for title, tc := range map[string]struct {
		roles   string
		company []answer
		want    channel.CheckResult
	}{
		"good": {`{"expires_at":"2027-02-01T00:00:00Z","roles":[{"name":"Admin","methods":` + methods(all) + `}]}`, name,
			channel.CheckResult{Name: "Лавка чая (RUB)", Expires: time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC), Can: []string{"Admin"}}},
		"ends soon, reads only": {`{"expires_at":"2026-11-26T13:00:00Z","roles":[{"name":"Read","methods":` + methods(all[:len(all)-2]) + `}]}`, nil,
			channel.CheckResult{Expires: time.Date(2026, 11, 26, 13, 0, 0, 0, time.UTC), Can: []string{"Read"}, Warnings: []string{
				"the API key expires in 6 days, on 2026-11-26; make a new one in Ozon Seller",
				"the key may not call /v2/fbs/posting/tracking-number/set, /v3/posting/fbo/list: give it a role that allows them"}}},
		"expired": {`{"expires_at":"2026-11-19T00:00:00Z","roles":[]}`, name,
			channel.CheckResult{Name: "Лавка чая (RUB)", Expires: time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC), Warnings: []string{
				"the API key expired on 2026-11-19; make a new one in Ozon Seller"}}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			a, _ := setup(t, map[string][]answer{pathRoles: ok(tc.roles), pathSellerInfo: tc.company}, settingWarehouse, "1020009000123")
			got, err := a.Check(t.Context())
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestCheckOfTheWarehouse(t *testing.T) {
	t.Parallel()
	list := ok(`{"warehouses":[{"warehouse_id":1020009000123,"name":"Тверь","status":"created","is_rfbs":false},
		{"warehouse_id":"1020009000456","name":"Свой курьер","status":"disabled","is_rfbs":true}],"has_next":false}`)
	const choices = "; the account has 1020009000123 (Тверь), 1020009000456 (Свой курьер, rFBS)"
	for name, tc := range map[string]struct {
		id   string
		list []answer
		want string
	}{
		"good":                {"1020009000123", list, ""},
		"empty":               {"", list, "no stock is published: the setting warehouse_id is empty" + choices},
		"empty, no list":      {"", nil, "no stock is published: the setting warehouse_id is empty"},
		"another":             {"15", list, "the setting warehouse_id is 15, which is none of the account's warehouses" + choices},
		"closed":              {"1020009000456", list, "the warehouse 1020009000456 (Свой курьер) is disabled at Ozon: nothing is sold from it"},
		"no list":             {"15", nil, ""},
		"maybe on a new page": {"15", ok(`{"warehouses":[{"warehouse_id":5,"name":"A"}],"has_next":true}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := setup(t, map[string][]answer{pathRoles: ok(`{"expires_at":"2027-02-01T00:00:00Z","roles":[]}`), pathWarehouses: tc.list}, settingWarehouse, tc.id)
			got, err := a.Check(t.Context())
			if err != nil || strings.Join(got.Warnings, "\n") != tc.want {
				t.Errorf("error %v, warnings %q, want %q", err, got.Warnings, tc.want)
			}
		})
	}
	for _, bad := range []string{"x", "0", "-5", "1 2"} {
		_, err := Channel.Open(channel.Settings{settingClientID: "77001", settingAPIKey: "secret-key-0001", settingWarehouse: bad}, channel.Deps{})
		if orderhub.CodeOf(err) != orderhub.CodeInvalid || !strings.Contains(err.Error(), settingWarehouse) {
			t.Errorf("warehouse_id %q: %v", bad, err)
		}
	}
}
