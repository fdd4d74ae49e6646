package pipeline

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

const cisCode = "0104600439931256215Xk=J;dcm%2b7\x1d91EE10\x1d92abcd"

func cisPackage(tracking string, quantity int64, codes ...string) orderhub.Package {
	item := orderhub.PackageItem{Quantity: quantity}
	for _, c := range codes {
		item.Codes = append(item.Codes, orderhub.UnitCode{Kind: orderhub.CodeCIS, Code: c})
	}
	return orderhub.Package{Tracking: tracking, Items: []orderhub.PackageItem{item}}
}

func TestShip(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.take(snap("1", orderhub.StatusConfirmed), snap("2", orderhub.StatusConfirmed))
		one, two := w.order("1").ID, w.order("2").ID
		req := ShipmentRequest{Packages: []orderhub.Package{cisPackage("RA1", 2, cisCode)}, To: orderhub.StatusPacked, Key: "w-1", Actor: orderhub.Actor{Kind: orderhub.ActorAPI, Name: "wms"}}
		first, err := w.hub.Ship(ctx, one, req)
		w.must(err)
		if first.Sent.Tracking == nil || first.Sent.Codes == nil || first.Sent.Codes.State != orderhub.HandedNo || first.Sent.Codes.Why == "" || first.Sent.Status == nil {
			t.Errorf("%+v", first.Sent)
		}
		again, err := w.hub.Ship(ctx, one, req)
		if err != nil || !again.Known || again.ID != first.ID || again.Packages[0].Items[0].Codes[0].Code != cisCode {
			t.Errorf("the same again: %+v, %v", again, err)
		}
		other := req
		other.Packages = []orderhub.Package{cisPackage("RA2", 1)}
		if _, err := w.hub.Ship(ctx, one, other); orderhub.CodeOf(err) != orderhub.CodeConflict {
			t.Errorf("the key with another content: %v", err)
		}
		// The code is on one order only, until that one is cancelled.
		taken := ShipmentRequest{Packages: []orderhub.Package{cisPackage("", 1, cisCode)}}
		if _, err := w.hub.Ship(ctx, two, taken); orderhub.CodeOf(err) != orderhub.CodeInvalid || !strings.Contains(err.Error(), "already") {
			t.Errorf("a code of another order: %v", err)
		}
		if _, err := w.hub.Ship(ctx, one, ShipmentRequest{Packages: []orderhub.Package{cisPackage("", 1, cisCode)}}); err != nil {
			t.Errorf("the order's own code: %v", err)
		}
		w.take(statusOnly("1", orderhub.StatusCancelled))
		if _, err := w.hub.Ship(ctx, two, taken); err != nil {
			t.Errorf("a code of an order that was cancelled: %v", err)
		}
		if _, err := w.hub.Ship(ctx, one, taken); orderhub.CodeOf(err) != orderhub.CodeRefused {
			t.Errorf("a cancelled order: %v", err)
		}
		list, err := w.store.Shipments(ctx, one)
		w.must(err)
		if len(list) != 2 || list[0].Current || !list[1].Current {
			t.Errorf("%+v", list)
		}
		events, err := w.store.Events(ctx, two)
		w.must(err)
		last := events[len(events)-1]
		var data struct{ Shipment, Codes int64 }
		if json.Unmarshal(last.Data, &data) != nil || last.Kind != orderhub.EventShipment || data.Codes != 1 || strings.Contains(string(last.Data), cisCode[:20]) {
			t.Errorf("%+v", last)
		}
	})
}

// TestPapersComeOnce: a paper of a warehouse that is sent twice changes stock once.
func TestPapersComeOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.must(w.hub.SaveProducts(ctx, []orderhub.Product{{SKU: "A", Name: "A"}}))
		paper := func(key string, quantity int64) (store.Document, error) {
			d := store.Document{Kind: orderhub.MoveReceive, Lines: []store.DocumentLine{{SKU: "A", Quantity: quantity}}}
			err := w.hub.PostDocumentOnce(ctx, &d, key)
			return d, err
		}
		first, err := paper("k", 5)
		w.must(err)
		again, err := paper("k", 5)
		if err != nil || again.ID != first.ID || len(again.Lines) != 1 {
			t.Errorf("again: %+v, %v", again, err)
		}
		if _, err := paper("k", 6); orderhub.CodeOf(err) != orderhub.CodeConflict {
			t.Errorf("another content: %v", err)
		}
		_, err = paper("", 1)
		w.must(err)
		book, err := w.store.StockOf(ctx, orderhub.MainWarehouse, []string{"A"})
		if err != nil || book["A"].OnHand != 6 {
			t.Errorf("%+v, %v", book, err)
		}
	})
}
