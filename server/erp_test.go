package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
)

// TestFeedOverHTTP is the life of a reader: it is added, reads, acknowledges, and is
// moved back; what it may not know is masked.
func TestFeedOverHTTP(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		first := w.send(t, "shop", payload("a", 1))
		w.send(t, "shop", payload("b", 1))
		var me api.ConsumerView
		w.do(t, http.MethodPut, "/feed/consumers/erp", map[string]any{"kinds": []string{"received"}}).into(t, http.StatusOK, &me)
		if me.Position != "0" || me.Lag == 0 || me.LagSince == nil || len(me.Kinds) != 1 {
			t.Errorf("%+v", me)
		}
		var page api.FeedPage
		w.do(t, http.MethodGet, "/feed?consumer=erp&limit=1", nil).into(t, http.StatusOK, &page)
		if len(page.Entries) != 1 || page.Entries[0].Order.Number != first.Number || page.Entries[0].Order.Buyer.Phone == "" || !page.More {
			t.Fatalf("%+v", page)
		}
		few := []string{"Authorization", "Bearer " + w.scoped(t, "few", orderhub.OrdersRead)}
		r := w.raw(t, http.MethodGet, "/api/v1/feed?consumer=erp&limit=1", nil, few...)
		if phone := page.Entries[0].Order.Buyer.Phone; r.Status != http.StatusOK || strings.Contains(string(r.Body), phone) {
			t.Errorf("%d: the phone is shown: %s", r.Status, r.Body)
		}
		w.do(t, http.MethodPost, "/feed/consumers/erp/ack", map[string]any{"position": page.Next}).into(t, http.StatusOK, &me)
		if me.Position != page.Next || me.AckedAt == nil || me.ReadAt == nil {
			t.Errorf("%+v", me)
		}
		var rest api.FeedPage
		w.do(t, http.MethodGet, "/feed?consumer=erp&content=link", nil).into(t, http.StatusOK, &rest)
		if len(rest.Entries) != 1 || rest.Entries[0].Order != nil || rest.Entries[0].Link == "" || rest.More {
			t.Errorf("%+v", rest)
		}
		for _, kinds := range []string{"kind=received&kind=status", "kind=received,status"} {
			var both api.FeedPage
			w.do(t, http.MethodGet, "/feed?after=0&"+kinds, nil).into(t, http.StatusOK, &both)
			if len(both.Entries) < 2 {
				t.Errorf("%s: %d entries", kinds, len(both.Entries))
			}
		}
		w.do(t, http.MethodGet, "/feed?kind=nothing", nil).refused(t, http.StatusUnprocessableEntity, "kind")
		w.do(t, http.MethodGet, "/feed?account=nobody", nil).refused(t, http.StatusUnprocessableEntity, "account")
		w.do(t, http.MethodGet, "/feed?after=4711000", nil).refused(t, http.StatusConflict, "after", rest.Next)
		w.do(t, http.MethodPost, "/feed/consumers/erp/ack", map[string]any{"position": "1.00000000"}).refused(t, http.StatusConflict, "position", rest.Next)
		w.do(t, http.MethodGet, "/feed?consumer=nobody", nil).refused(t, http.StatusNotFound, "")
		w.do(t, http.MethodGet, "/feed?after=x", nil).refused(t, http.StatusUnprocessableEntity, "after")
		w.do(t, http.MethodPut, "/feed/consumers/erp", map[string]any{"position": "now", "since": "2026-11-01T00:00:00Z"}).refused(t, http.StatusUnprocessableEntity, "since")
		w.do(t, http.MethodPut, "/feed/consumers/erp", map[string]any{"position": "0"}).into(t, http.StatusOK, &me)
		if me.Position != "0" || len(me.Kinds) != 1 {
			t.Errorf("%+v", me)
		}
		if text := string(w.raw(t, http.MethodGet, "/metrics", nil).Body); !strings.Contains(text, `orderhub_reader_lag_events{consumer="erp"}`) {
			t.Error("the lag is not among the metrics")
		}
		w.do(t, http.MethodDelete, "/feed/consumers/erp", nil).into(t, http.StatusNoContent, nil)
		var list api.ConsumerList
		w.do(t, http.MethodGet, "/feed/consumers", nil).into(t, http.StatusOK, &list)
		if len(list.Consumers) != 0 {
			t.Errorf("%+v", list)
		}
	})
}

// TestEndpointsOverHTTP adds an endpoint, lets it be told by the running hub, and does
// all that people do about one.
func TestEndpointsOverHTTP(t *testing.T) {
	each(t, options{private: "127.0.0.0/8"}, func(t *testing.T, w *world) {
		w.shop(t)
		got := make(chan string, 100)
		receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got <- string(body)
			_, _ = rw.Write([]byte("thank you"))
		}))
		defer receiver.Close()
		var e api.EndpointView
		w.do(t, http.MethodPost, "/endpoints", map[string]any{"name": "WMS", "url": receiver.URL}).into(t, http.StatusCreated, &e)
		w.hide(e.Secret)
		if !strings.HasPrefix(e.Secret, "whsec_") || e.State != orderhub.EndpointActive || e.CreatedBy != "tester" {
			t.Errorf("%+v", e)
		}
		address := fmt.Sprintf("/endpoints/%d", e.ID)
		var tested api.EndpointTestView
		w.do(t, http.MethodPost, address+"/test", nil).into(t, http.StatusOK, &tested)
		if !tested.OK || tested.Excerpt != "thank you" || !strings.Contains(<-got, `"ping"`) {
			t.Errorf("%+v", tested)
		}
		if err := w.hub.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.hub.Stop(context.WithoutCancel(t.Context())) }()
		sent := w.send(t, "shop", payload("a", 1))
		select {
		case body := <-got:
			if !strings.Contains(body, `"order.received"`) || strings.Contains(body, "phone") {
				t.Errorf("%s", body)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("it was not told")
		}
		var page api.DeliveryPage
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			w.do(t, http.MethodGet, address+"/deliveries?state=delivered&number="+number(sent.Number), nil).into(t, http.StatusOK, &page)
			if len(page.Deliveries) > 0 {
				break
			}
		}
		if len(page.Deliveries) == 0 || page.Deliveries[0].Status != 200 || page.Deliveries[0].Excerpt != "thank you" {
			t.Fatalf("%+v", page)
		}
		var detail api.DeliveryDetail
		w.do(t, http.MethodGet, fmt.Sprintf("%s/deliveries/%d", address, page.Deliveries[0].ID), nil).into(t, http.StatusOK, &detail)
		if detail.ID != page.Deliveries[0].ID || detail.Message == nil || detail.Message.Type != "order."+string(detail.Kind) || detail.Message.Data.Order.Number != sent.Number ||
			detail.Message.Data.Order.Buyer.Name != "" {
			t.Errorf("%+v %+v", detail, detail.Message)
		}
		w.do(t, http.MethodGet, address+"/deliveries/4711", nil).refused(t, http.StatusNotFound, "")
		w.do(t, http.MethodPost, address+"/redeliver", map[string]any{}).refused(t, http.StatusUnprocessableEntity, "delivery")
		var again api.Redelivered
		w.do(t, http.MethodPost, address+"/redeliver", map[string]any{"delivery": page.Deliveries[0].ID}).into(t, http.StatusOK, &again)
		if again.Deliveries != 1 {
			t.Errorf("%+v", again)
		}
		w.do(t, http.MethodPost, address+"/redeliver", map[string]any{"dead": true}).into(t, http.StatusOK, &again)
		w.do(t, http.MethodPost, address+"/redeliver", map[string]any{"since": "2020-01-01T00:00:00Z"}).into(t, http.StatusOK, &again)
		if again.Deliveries == 0 {
			t.Errorf("%+v", again)
		}
		var fresh api.EndpointView
		w.do(t, http.MethodPost, address+"/secret", map[string]any{"overlap_hours": 2}).into(t, http.StatusOK, &fresh)
		w.hide(fresh.Secret)
		if fresh.Secret == e.Secret || fresh.OldSecrets != 1 {
			t.Errorf("%+v", fresh)
		}
		var paused api.EndpointView
		w.do(t, http.MethodPatch, address, map[string]any{"state": "paused"}).into(t, http.StatusOK, &paused)
		if paused.State != orderhub.EndpointPaused || paused.Secret != "" {
			t.Errorf("%+v", paused)
		}
		w.do(t, http.MethodPost, "/endpoints", map[string]any{"name": "x", "url": "http://10.0.0.1/x"}).refused(t, http.StatusUnprocessableEntity, "url")
		few := []string{"Authorization", "Bearer " + w.scoped(t, "few", orderhub.AccountsManage)}
		if r := w.raw(t, http.MethodPatch, "/api/v1"+address, map[string]any{"personal": true}, few...); r.Status != http.StatusForbidden {
			t.Errorf("the buyer's data for somebody who may not: %d %s", r.Status, r.Body)
		}
		w.do(t, http.MethodDelete, address, nil).into(t, http.StatusNoContent, nil)
		w.do(t, http.MethodGet, address, nil).refused(t, http.StatusNotFound, "")
	})
}

// TestShipmentsOverHTTP: a shipment is kept, checked and listed, and comes once.
func TestShipmentsOverHTTP(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		o := w.send(t, "shop", payload("a", 1))
		address := "/orders/" + number(o.Number) + "/shipments"
		shipment := map[string]any{"to": "confirmed", "packages": []map[string]any{{"tracking": "RA123", "items": []map[string]any{
			{"line": 0, "quantity": 1, "codes": []map[string]any{{"kind": "cis", "code": "0104600439931256215Xk=J;dcm%2b7"}}},
		}}}}
		var made, again api.ShipmentView
		w.do(t, http.MethodPost, address, shipment, "Idempotency-Key", "1").into(t, http.StatusCreated, &made)
		w.do(t, http.MethodPost, address, shipment, "Idempotency-Key", "1").into(t, http.StatusCreated, &again)
		if made.ID != again.ID || !again.Known || made.Sent.Codes.State != orderhub.HandedNo || made.Sent.Status.State != orderhub.HandedOn {
			t.Errorf("%+v %+v\n%+v", made, made.Sent.Status, again)
		}
		shipment["packages"] = []map[string]any{{"items": []map[string]any{{"line": 7, "quantity": 1}}}}
		w.do(t, http.MethodPost, address, shipment).refused(t, http.StatusUnprocessableEntity, "line")
		w.do(t, http.MethodPost, address, shipment, "Idempotency-Key", "1").refused(t, http.StatusConflict, "")
		var list api.ShipmentList
		w.do(t, http.MethodGet, address, nil).into(t, http.StatusOK, &list)
		if len(list.Shipments) != 1 || list.Shipments[0].Packages[0].Tracking != "RA123" {
			t.Errorf("%+v", list)
		}
	})
}

// TestFileExchangesOverHTTP: an exchange is added, works in the running hub, and shows
// no secret.
func TestFileExchangesOverHTTP(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		var x api.FileExchangeView
		w.do(t, http.MethodPost, "/file-exchanges", map[string]any{"name": "WMS", "kind": "folder", "folder": "wms", "orders": "csv"}).into(t, http.StatusCreated, &x)
		if x.Every != 15 || x.State != orderhub.FilesActive {
			t.Errorf("%+v", x)
		}
		w.send(t, "shop", payload("a", 1))
		if err := w.hub.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.hub.Stop(context.WithoutCancel(t.Context())) }()
		address := fmt.Sprintf("/file-exchanges/%d", x.ID)
		var page api.ExchangedFilePage
		for end := time.Now().Add(10 * time.Second); len(page.Files) == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			w.do(t, http.MethodGet, address+"/files", nil).into(t, http.StatusOK, &page)
		}
		if len(page.Files) != 1 || !page.Files[0].Out || page.Files[0].Rows != 1 {
			t.Errorf("%+v", page)
		}
		w.do(t, http.MethodPatch, address, map[string]any{"every_minutes": 30, "state": "paused"}).into(t, http.StatusOK, &x)
		if x.Every != 30 || x.State != orderhub.FilesPaused || x.Folder != "wms" {
			t.Errorf("%+v", x)
		}
		w.do(t, http.MethodPost, "/file-exchanges", map[string]any{"name": "x", "kind": "folder", "folder": "../x"}).refused(t, http.StatusUnprocessableEntity, "folder")
		w.do(t, http.MethodPost, "/file-exchanges", map[string]any{"name": "x", "kind": "sftp", "address": "files.example.com", "user": "erp", "password": "p"}).
			refused(t, http.StatusUnprocessableEntity, "host_key")
		w.do(t, http.MethodDelete, address, nil).into(t, http.StatusNoContent, nil)
	})
}
