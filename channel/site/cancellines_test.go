package site

import (
	"net/http/httptest"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/shopsim"
)

// TestShopTakesUnitsOut: the shop gets what is out and what is left, and a repeat
// takes out nothing more.
func TestShopTakesUnitsOut(t *testing.T) {
	t.Parallel()
	shop := shopsim.New(shopsim.Options{Fast: true, Seed: 4, Mode: shopsim.ModeWebhook})
	defer shop.Close()
	server := httptest.NewServer(shop.Handler())
	defer server.Close()
	settings := channel.Settings(shop.Settings())
	settings[settingDeliveryURL] = server.URL
	ad, err := open(settings, channel.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := shop.Place(marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: "A", Quantity: 3, PriceMinor: 100}, {SKU: "B", Quantity: 1, PriceMinor: 100}}})
	if err != nil {
		t.Fatal(err)
	}
	order := orderhub.Order{ID: 7, Snapshot: orderhub.Snapshot{ExternalID: ids[0], Scheme: orderhub.SchemeSite, Lines: []orderhub.Line{
		{ID: "1", SKU: "A", ListingKey: "A", Quantity: 3}, {ID: "2", SKU: "B", ListingKey: "B", Quantity: 1},
	}}}
	cut, err := orderhub.NewLineCut(&order.Snapshot, []orderhub.LineUnits{{Line: 0, Units: 2}, {Line: 1, Units: 1}})
	if err != nil {
		t.Fatal(err)
	}
	order.Snapshot.Cut(cut.Units()) // the ledger is further: the message says the same
	for attempt := range 2 {
		p := channel.Push{Key: "effect-3", Order: order, Params: map[string]string{"cut": cut.Encode(), "at": "2026-11-23T10:00:00Z"}, Attempt: attempt + 1}
		got, err := ad.(channel.LineCanceller).CancelLines(t.Context(), []channel.LineCancel{{Push: p}})
		if err != nil || got[0].Outcome != channel.OutcomeDone {
			t.Fatalf("attempt %d: %+v, %v", attempt+1, got, err)
		}
		if o := shop.Truth()[0]; o.Units != 1 || o.TotalMinor != 100 || len(o.Calls) != 1 {
			t.Errorf("attempt %d: %d units over %d, %d calls", attempt+1, o.Units, o.TotalMinor, len(o.Calls))
		}
	}
	got, err := ad.(channel.LineCanceller).CancelLines(t.Context(), []channel.LineCancel{{Push: channel.Push{Key: "effect-4", Order: order}}})
	if err != nil || orderhub.ClassOf(got[0].Err) != orderhub.ClassRejected {
		t.Errorf("a wish that cannot be read: %+v, %v", got, err)
	}
}
