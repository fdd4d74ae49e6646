package yandexsim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

func TestAccount(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Scopes: []string{"INVENTORY_AND_ORDER_PROCESSING", "PRICING"}})
	r := s.ok("POST", "/v2/auth/token", "")
	if got := fmt.Sprint(r.at("result", "apiKey", "authScopes")); got != "[INVENTORY_AND_ORDER_PROCESSING PRICING]" {
		t.Errorf("scopes %s", got)
	}
	if got := len(s.ok("GET", "/v2/campaigns", "").at("campaigns").([]any)); got != 2 {
		t.Errorf("%d campaigns, want FBS and DBS", got)
	}
	s.place(orderhub.SchemeExpress)
	s.place(orderhub.SchemeFBO)
	r = s.ok("GET", "/v2/campaigns", "")
	var types []string
	for i := range r.at("campaigns").([]any) {
		types = append(types, r.at("campaigns", i, "placementType").(string))
	}
	if diff := cmp.Diff([]string{"FBS", "DBS", "FBS", "FBY"}, types); diff != "" {
		t.Errorf("placement types (-want +got):\n%s", diff)
	}
	want := map[string]string{"api_key": s.key, "business_id": fmt.Sprint(BusinessID), "stock_campaign_id": fmt.Sprint(CampaignFBS)}
	if diff := cmp.Diff(want, s.m.Settings()); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestGate(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Scopes: []string{"INVENTORY_AND_ORDER_PROCESSING_READ_ONLY"}})
	id := s.place(orderhub.SchemeFBS)
	status := path(orderhub.SchemeFBS, id, "/status")
	body := `{"order":{"status":"PROCESSING","substatus":"READY_TO_SHIP"}}`

	s.refused("PUT", status, body, 403, "Token does not have any of the scopes to access the API method")
	s.refused("PUT", fmt.Sprintf("/v2/campaigns/%d/offers/stocks", CampaignFBS), `{}`, 403, "Token does not have any of the scopes")
	s.refused("POST", status, body, 405, "Request method 'POST' not supported")
	s.refused("GET", "/campaigns", "", 404, "Resource not found")
	s.refused("GET", "/v2/campaigns/5/orders/1", "", 403, "Access denied")
	s.refused("POST", "/v1/businesses/5/orders", "{}", 403, "Access denied")
	s.refused("GET", "/v2/campaigns/x/orders/1", "", 400, "Type mismatch: x")
	s.refused("POST", listPath, "", 400, "Required request body is missing")
	s.refused("POST", listPath, `{"orderIds":`, 400, "JSON:")
	s.refused("POST", listPath, `{"orderIds":["a"]}`, 400, "Illegal input at 'orderIds")
	s.refused("POST", listPath, `{"notes":"`+strings.Repeat("x", maxBody)+`"}`, 400, "The request is too big")
	if r, err := s.send("POST", listPath, "{}", map[string]string{"Content-Type": "text/plain"}); err != nil || r.status != 415 {
		t.Errorf("content type: %d %v", r.status, err)
	}
	for key, words := range map[string]string{
		"": "Credentials are not specified", "wrong": "Api-Key token is invalid", "Bearer " + s.key: "Api-Key token prefix invalid",
	} {
		s := *s
		s.key = key
		s.refused("GET", "/v2/campaigns", "", 401, words)
	}
	if r := s.truth(id); len(r.Calls) != 0 {
		t.Errorf("refused calls had an effect: %v", r.Calls)
	}
}

// TestOrder checks both shapes of one order.
func TestOrder(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, Options{Now: c.now, Seed: 3})
	ids, err := s.m.Place(marketsim.OrderSpec{
		Scheme: orderhub.SchemeDBS, Comment: "позвонить заранее",
		Lines: []marketsim.SpecLine{{SKU: " 0557722 ", Quantity: 3, PriceMinor: 149_050}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := s.ok("POST", listPath, `{"orderIds":[`+ids[0]+`]}`)
	o := r.at("orders", 0)
	for field, want := range map[string]any{
		"status": "PROCESSING", "substatus": "STARTED", "programType": "DBS", "notes": "позвонить заранее",
		"creationDate": "2026-11-20T12:00:00+03:00", "updateDate": "2026-11-20T12:00:00+03:00",
		"fake": false, "cancelRequested": false, "orderId": json.Number(ids[0]), "campaignId": json.Number(fmt.Sprint(CampaignDBS)),
	} {
		if got := o.(map[string]any)[field]; got != want {
			t.Errorf("%s = %v, want %v", field, got, want)
		}
	}
	if got := r.at("orders", 0, "items", 0, "offerId"); got != "0557722" {
		t.Errorf("offerId %v", got)
	}
	// Payment and points together are the value of the goods.
	sum := int64(0)
	for _, field := range []string{"payment", "cashback"} {
		v, ok := r.at("orders", 0, "items", 0, "prices", field, "value").(json.Number)
		if !ok {
			continue
		}
		m, err := orderhub.ParseMoney(v.String(), "RUR")
		if err != nil {
			t.Fatal(err)
		}
		sum += m.Minor
	}
	if want := s.truth(ids[0]).TotalMinor; sum != want || want != 3*149_050 {
		t.Errorf("goods %d, want %d", sum, want)
	}
	if got := r.at("orders", 0, "prices", "payment", "currencyId"); got != "RUR" {
		t.Errorf("currency %v", got)
	}
	r = s.ok("GET", path(orderhub.SchemeDBS, ids[0], ""), "")
	if got := r.at("order", "creationDate"); got != "20-11-2026 12:00:00" {
		t.Errorf("legacy creation date %v", got)
	}
	if got := r.at("order", "buyer", "lastName"); got == nil {
		t.Error("no buyer in the legacy shape of a DBS order")
	}
	s.refused("GET", path(orderhub.SchemeFBS, ids[0], ""), "", 404, "Order not found: partnerId = 1800301, orderId = "+ids[0])

	s.act(ids[0], marketsim.ActCancel)
	c.pass(31 * day)
	s.refused("GET", path(orderhub.SchemeDBS, ids[0], ""), "", 404, "Order not found: partnerId")
	if got := s.ids(`{"orderIds":[`+ids[0]+`]}`, 50); len(got) != 1 {
		t.Errorf("a closed order is gone from the newer call too: %v", got)
	}
}

func TestBuyerTrackExternalID(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	dbs, fbs := s.place(orderhub.SchemeDBS), s.place(orderhub.SchemeFBS)
	on := func(rest string) string { return path(orderhub.SchemeDBS, dbs, rest) }

	if r := s.ok("GET", on("/buyer"), ""); r.at("result", "phone") == nil || r.at("result", "type") != "PERSON" {
		t.Errorf("buyer %s", r.raw)
	}
	s.refused("GET", path(orderhub.SchemeFBS, fbs, "/buyer"), "", 400, "Campaign type is not allowed")

	s.ok("POST", on("/external-id"), `{"externalOrderId":"SO-1001"}`)
	s.refused("POST", on("/external-id"), `{"externalOrderId":"SO-1001"}`, 400, "Cannot do operation, external ID already set for order (partnerId = 1800302, orderId = "+dbs+", externalId = SO-1001)")
	s.refused("POST", on("/external-id"), `{}`, 400, "externalOrderId must not be empty")
	if got := s.ids(`{"externalOrderIds":["SO-1001"]}`, 50); len(got) != 1 || got[0] != dbs {
		t.Errorf("by external id: %v", got)
	}
	s.setStatus(orderhub.SchemeFBS, fbs, "PROCESSING", "READY_TO_SHIP")
	s.refused("POST", path(orderhub.SchemeFBS, fbs, "/external-id"), `{"externalOrderId":"X"}`, 400, "Cannot do operation for order with status PROCESSING, and substatus READY_TO_SHIP")

	track := `{"trackCode":"T-1","deliveryServiceId":99}`
	s.ok("POST", on("/delivery/track"), track)
	s.ok("POST", on("/delivery/track"), track) // known already: no effect
	if r := s.ok("POST", listPath, `{"orderIds":[`+dbs+`]}`); r.at("orders", 0, "delivery", "tracks", 0, "trackCode") != "T-1" || r.at("orders", 0, "delivery", "tracks", 1) != nil {
		t.Errorf("tracks %v", r.at("orders", 0, "delivery", "tracks"))
	}
	s.refused("POST", on("/delivery/track"), `{"deliveryServiceId":99}`, 400, "trackCode must not be empty")
	s.refused("POST", on("/delivery/track"), `{"trackCode":"T"}`, 400, "deliveryServiceId must not be null")
	s.refused("POST", path(orderhub.SchemeFBS, fbs, "/delivery/track"), track, 400, "Campaign type is not allowed")
	s.refused("POST", path(orderhub.SchemeFBS, dbs, "/delivery/track"), track, 404, "has no order id "+dbs)

	s.setStatus(orderhub.SchemeDBS, dbs, "DELIVERY", "")
	s.setStatus(orderhub.SchemeDBS, dbs, "DELIVERED", "")
	s.refused("POST", on("/delivery/track"), track, 400, "Action is not allowed for order "+dbs)
	s.refused("GET", on("/buyer"), "", 400, "Order is not in shop-processing status (actual: DELIVERED).")

	var what []string
	for _, c := range s.truth(dbs).Calls {
		what = append(what, c.What+" "+string(c.To))
	}
	if diff := cmp.Diff([]string{"external_id ", "tracking ", "status shipped", "status delivered"}, what); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestCancellationRequest(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, Options{Now: c.now})
	waiting := func() []string { return s.ids(`{"waitingForCancellationApprove":true}`, 50) }
	accept := func(id string) string { return path(orderhub.SchemeDBS, id, "/cancellation/accept") }
	var ids []string
	for range 3 {
		id := s.place(orderhub.SchemeDBS)
		if err := s.m.Act(id, marketsim.ActRequestCancel); err == nil {
			t.Error("a request to cancel while processing must be an error: the buyer just cancels")
		}
		s.setStatus(orderhub.SchemeDBS, id, "DELIVERY", "DELIVERY_SERVICE_RECEIVED")
		s.refused("PUT", accept(id), `{"accepted":true}`, 400, "Action is not allowed for order "+id)
		s.act(id, marketsim.ActRequestCancel)
		if err := s.m.Act(id, marketsim.ActRequestCancel); err == nil {
			t.Error("a second request while one is open must be an error")
		}
		ids = append(ids, id)
	}
	if diff := cmp.Diff(ids, waiting()); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
	s.refused("PUT", accept(ids[0]), `{}`, 400, "accepted must not be null")
	s.refused("PUT", accept(ids[0]), `{"accepted":false}`, 400, "reason must not be null")
	s.refused("PUT", accept(ids[0]), `{"accepted":false,"reason":"MOOD"}`, 400, "Illegal input at 'reason'")
	fbs := s.place(orderhub.SchemeFBS)
	s.refused("PUT", path(orderhub.SchemeFBS, fbs, "/cancellation/accept"), `{"accepted":true}`, 400, "Campaign type is not allowed")

	s.ok("PUT", accept(ids[0]), `{"accepted":true}`)
	s.ok("PUT", accept(ids[1]), `{"accepted":false,"reason":"ORDER_DELIVERED"}`)
	s.refused("PUT", accept(ids[1]), `{"accepted":true}`, 400, "Action is not allowed")
	c.pass(48*time.Hour - time.Second)
	if diff := cmp.Diff(ids[2:], waiting()); diff != "" {
		t.Errorf("waiting after answers (-want +got):\n%s", diff)
	}
	c.pass(time.Second)
	if got := waiting(); len(got) != 0 {
		t.Errorf("waiting after 48 hours: %v", got)
	}
	var got []string
	for _, id := range ids {
		o := s.truth(id)
		got = append(got, o.Native+" "+o.Sub)
	}
	want := []string{"CANCELLED USER_CHANGED_MIND", "DELIVERY DELIVERY_SERVICE_RECEIVED", "CANCELLED USER_CHANGED_MIND"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("in the end (-want +got):\n%s", diff)
	}
}
