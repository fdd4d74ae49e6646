package bitrix

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/marketsim/bitrixsim"
)

// canned opens the channel on a shop that answers by the method's name. The answer to
// a batch is the fault of order 2; the others are there.
func canned(t *testing.T, answers map[string]string) *adapter {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		body := answers[strings.TrimSuffix(name, ".json")]
		if name == "batch.json" {
			body = batchOf(t, r, answers["batch"])
		}
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(body, `{"error`) {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	a, err := open(channel.Settings{
		settingWebhook: "https://shop.example/rest/1/k3y0fth3hub99x/", settingEventToken: bitrixsim.EventToken, settingProperties: defaultProperties,
		channel.SettingBaseURL: srv.URL,
	}, channel.Deps{HTTP: srv.Client(), Quotas: rest.NewBuckets(nil)})
	if err != nil {
		t.Fatal(err)
	}
	return a.(*adapter)
}

func batchOf(t *testing.T, r *http.Request, fault string) string {
	var in struct{ Cmd map[string]string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		t.Error(err)
	}
	results, faults := map[string]any{}, map[string]any{}
	for key, cmd := range in.Cmd {
		if strings.HasSuffix(cmd, "id=2") || strings.Contains(r.URL.Path, "/all/") {
			faults[key] = json.RawMessage(fault)
		} else {
			results[key] = json.RawMessage(`{"order":{"id":1,"statusId":"N","currency":"RUB"}}`)
		}
	}
	out, err := json.Marshal(map[string]any{"result": map[string]any{"result": results, "result_error": faults}})
	if err != nil {
		t.Error(err)
	}
	return string(out)
}

const twoRows = `{"result":{"orders":[{"id":"1","dateUpdate":"2026-11-20T10:00:00+03:00"},{"id":"2","dateUpdate":"2026-11-20T10:00:01+03:00"}]}}`

// TestAnOrderThatCannotBeShownIsNotLost: what the shop lists and will not show must not
// be passed over: the cursor would never come back to it.
func TestAnOrderThatCannotBeShownIsNotLost(t *testing.T) {
	t.Parallel()
	batch := func(fault string) map[string]string {
		return map[string]string{"sale.order.list": twoRows, "batch": fault}
	}
	a := canned(t, batch(`{"error":0,"error_description":"Call to a member function on null"}`))
	page, err := a.List(t.Context(), feedOrders, nil)
	if err != nil || len(page.Items) != 2 || page.Items[1].ExternalID != "2" {
		t.Fatalf("%d items, %v", len(page.Items), err)
	}
	if _, err := a.Normalise(page.Items[1].Kind, page.Items[1].Body); err == nil || !strings.Contains(err.Error(), "member function") {
		t.Errorf("it passes for an order, or nobody reads why: %v", err)
	}
	// To a question for one order it is no answer: it is asked again.
	items, err := a.ReadOrders(t.Context(), []channel.Ref{{ExternalID: "1"}, {ExternalID: "2"}})
	if err != nil || len(items) != 1 {
		t.Errorf("%d items, %v", len(items), err)
	}
	// Deleted between list and get: that is no trouble.
	for _, code := range []string{"200540400001", "201240400001"} {
		a = canned(t, batch(`{"error":`+code+`,"error_description":"order is not exists"}`))
		if page, err := a.List(t.Context(), feedOrders, nil); err != nil || len(page.Items) != 1 {
			t.Errorf("%s: %d items, %v", code, len(page.Items), err)
		}
	}
	// Without the right to read nothing is learned, and the sweep stays where it is.
	a = canned(t, batch(`{"error":200040300010,"error_description":"Access Denied"}`))
	if _, err := a.List(t.Context(), feedOrders, nil); orderhub.ClassOf(err) != orderhub.ClassAuth {
		t.Errorf("one order: %v", err)
	}
	a = canned(t, map[string]string{"sale.order.list": `{"error":200040300010,"error_description":"Access Denied"}`, "scope": `{"result":["sale","catalog"]}`})
	if _, err := a.List(t.Context(), feedOrders, nil); orderhub.ClassOf(err) != orderhub.ClassAuth {
		t.Errorf("the list: %v", err)
	}
	if _, err := a.Check(t.Context()); orderhub.ClassOf(err) != orderhub.ClassAuth || !strings.Contains(err.Error(), "administrator") {
		t.Errorf("check: %v", err)
	}
}

// TestAnOrderThatTheShopBreaksOn: a failure that lasts on one order holds nobody up. It
// is shown as unreadable, asked for by each sweep, and read when the shop shows it.
func TestAnOrderThatTheShopBreaksOn(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]string{
		"breaks": `{"error":"ERROR_CORE","error_description":"mysql went away"}`, "refuses": `{"error":0,"error_description":"a plugin says no"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := map[string]string{"sale.order.list": twoRows, "batch": fault}
			a := canned(t, answers)
			page, err := a.List(t.Context(), feedOrders, nil)
			if err != nil || len(page.Items) != 2 || !page.Done {
				t.Fatalf("%d items, %v", len(page.Items), err)
			}
			if _, err := a.Normalise(page.Items[1].Kind, page.Items[1].Body); err == nil || !strings.Contains(err.Error(), "does not show it") {
				t.Errorf("it passes for an order, or nobody reads why: %v", err)
			}
			// It never changes again.
			answers["sale.order.list"] = `{"result":{"orders":[]}}`
			for range 2 {
				page, err = a.List(t.Context(), feedOrders, page.Next)
				if err != nil || len(page.Items) != 1 || page.Items[0].ExternalID != "2" {
					t.Fatalf("it is not asked for again: %d items, %v", len(page.Items), err)
				}
			}
			answers["batch"] = `{"error":200540400001,"error_description":"order is not exists"}` // deleted
			if page, err = a.List(t.Context(), feedOrders, page.Next); err != nil || len(page.Items) != 0 || strings.Contains(string(page.Next), "owed") {
				t.Errorf("still owed: %s, %v", page.Next, err)
			}
		})
	}
	// A shop that shows nothing at all is away.
	a := canned(t, map[string]string{"sale.order.list": twoRows, "batch": `{"error":"ERROR_CORE","error_description":"mysql went away"}`})
	a.base += "/all"
	if _, err := a.List(t.Context(), feedOrders, nil); err == nil || orderhub.ClassOf(err) != orderhub.ClassRetry {
		t.Errorf("a shop that is away: %v", err)
	}
}

// TestWhatLinesCost: by weight, by prices finer than a kopeck, and without the tax.
func TestWhatLinesCost(t *testing.T) {
	t.Parallel()
	a := canned(t, nil)
	for _, tc := range []struct{ name, line, price, want string }{
		{"by weight", `{"id":1,"productId":5,"price":"100","quantity":"1.5"}`, "150", "100.00 × 2 = 150.00"},
		{"a price in thirds", `{"id":1,"productId":5,"price":"33.333333","quantity":"3"}`, "100", "33.33 × 3 = 100.00"},
		{"tax on top", `{"id":1,"productId":5,"price":"100","quantity":"2","vatRate":"0.2000","vatIncluded":"N"}`, "240", "120.00 × 2 = 240.00"},
		{"tax inside", `{"id":1,"productId":5,"price":"100","quantity":"2","vatRate":"0.2000","vatIncluded":"Y"}`, "200", "100.00 × 2 = 200.00"},
		{"a screw", `{"id":1,"productId":5,"price":"0.004","quantity":"1000"}`, "4", " × 1000 = 4.00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			body, err := json.Marshal(map[string]any{"id": 1, "statusId": "N", "currency": "RUB", "price": tc.price, "basketItems": []json.RawMessage{json.RawMessage(tc.line)}})
			if err != nil {
				t.Fatal(err)
			}
			s, err := a.Normalise(kindOrder, body)
			if err != nil {
				t.Fatal(err)
			}
			l, unit := s.Lines[0], ""
			if !s.Lines[0].UnitPrice.IsZero() {
				unit = l.UnitPrice.Decimal()
			}
			if got := unit + " × " + strconv.FormatInt(l.Quantity, 10) + " = " + l.Total.Decimal(); got != tc.want || s.Total != l.Total {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			for _, d := range s.Discrepancies {
				if strings.HasPrefix(d, "price:") {
					t.Error(d)
				}
			}
		})
	}
}

// TestGuestsAreNotOneBuyer: a Bitrix shop places all orders without registration under
// one user of its own, which must not make one buyer of them.
func TestGuestsAreNotOneBuyer(t *testing.T) {
	t.Parallel()
	a := canned(t, nil)
	a.guest = "17"
	for user, want := range map[string]string{"17": "", "18": "18", "0": ""} {
		s, err := a.Normalise(kindOrder, []byte(`{"id":1,"statusId":"N","currency":"RUB","userId":`+user+`}`))
		if err != nil || s.Customer.ID != want {
			t.Errorf("user %s: %q, %v", user, s.Customer.ID, err)
		}
	}
}

// TestStockShown: a part of a unit cannot be sold whole, and what is not told is unknown.
func TestStockShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2.0000": "2 true", "2.9": "2 true", "-3": "0 true", "0": "0 true", "5000000": "5000000 true", "": "0 false", "x": "0 false", "1e9": "0 false", "1/3": "0 false",
		"99999999999999999999999": "0 false",
	} {
		n, ok := shown(text)
		if got := strconv.FormatInt(n, 10) + " " + strconv.FormatBool(ok); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
