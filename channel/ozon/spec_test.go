package ozon

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/ozonsim"
	"github.com/orderhub/orderhub/marketsim/specs"
)

// Every call that the adapter makes is valid by Ozon's own document, so that
// adapter and simulator cannot agree on a mistake.
func TestCallsFollowTheDocument(t *testing.T) {
	t.Parallel()
	doc := specs.Load(t, "ozon-seller.json")
	market := ozonsim.New(ozonsim.Options{Fast: true})
	t.Cleanup(market.Close)
	calls := map[string]bool{}
	srv := httptest.NewServer(doc.Wrap(market.Handler(), func(v specs.Violation) {
		// These two take no parameters and the document gives them no body; Ozon's
		// gateway wants {} with every call all the same.
		empty := v.Path == pathRoles || v.Path == pathSellerInfo
		// The document requires a field that it does not have.
		phantom := v.Path == pathStocks && strings.Contains(v.Message, `"quant_size" is missing`)
		if v.Part == "request" && !empty && !phantom {
			t.Errorf("%s", v)
		}
	}))
	t.Cleanup(srv.Close)
	settings := channel.Settings(market.Settings())
	settings[channel.SettingBaseURL] = srv.URL
	opened, err := openPaged(settings, channel.Deps{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	a := opened.(*adapter)
	number := map[orderhub.Scheme]string{}
	for _, scheme := range []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeRFBS, orderhub.SchemeFBO} {
		placed, err := market.Place(marketsim.OrderSpec{Scheme: scheme, Lines: []marketsim.SpecLine{{SKU: "KETTLE-17", Quantity: 2, PriceMinor: 249000}}})
		if err != nil {
			t.Fatal(err)
		}
		number[scheme] = placed[0]
	}
	for _, feed := range descriptor.Feeds {
		var cursor channel.Cursor
		for done := false; !done; {
			page, err := a.List(t.Context(), feed.Name, cursor)
			if err != nil {
				t.Fatalf("list %s: %v", feed.Name, err)
			}
			cursor, done = page.Next, page.Done
		}
	}
	if _, err := a.ListRange(t.Context(), time.Now().Add(-time.Hour), time.Now(), nil); err != nil {
		t.Error(err)
	}
	if _, err := a.Check(t.Context()); err != nil {
		t.Error(err)
	}
	listings := everyListing(t, a)
	for range 2 { // the second time Ozon has a figure to show
		if r, err := a.PushStock(t.Context(), []channel.StockFigure{figure(listings[0], 7)}); err != nil || r[0].Outcome == "" {
			t.Errorf("stock: %+v, %v", r, err)
		}
		if _, err := a.ReadStock(t.Context(), listings); err != nil {
			t.Error(err)
		}
	}
	to := func(scheme orderhub.Scheme, status orderhub.Status) channel.Push {
		// Attempt 2: the adapter reads the posting first and acts on what it finds.
		p := push(order(number[scheme], scheme, orderhub.StatusNew), status)
		p.Attempt, p.Reason, p.Params = 2, "352", map[string]string{paramTracking: "KR-1"}
		return p
	}
	for _, p := range []channel.Push{
		to(orderhub.SchemeRFBS, orderhub.StatusConfirmed), to(orderhub.SchemeRFBS, orderhub.StatusShipped),
		to(orderhub.SchemeRFBS, orderhub.StatusDelivered), to(orderhub.SchemeFBS, orderhub.StatusCancelled),
	} {
		r := untilTaken(t, a, p)
		calls[string(p.To)] = r.Outcome == channel.OutcomeAccepted
	}
	for step, taken := range calls {
		if !taken {
			t.Errorf("the simulator did not take the step to %s", step)
		}
	}
	if r, err := a.PushTracking(t.Context(), []channel.Push{to(orderhub.SchemeRFBS, "")}); err != nil || r[0].Outcome == "" {
		t.Errorf("tracking: %+v, %v", r, err)
	}
}

// untilTaken pushes until the asynchronous step before it is done there.
func untilTaken(t *testing.T, a *adapter, p channel.Push) channel.PushResult {
	t.Helper()
	var last channel.PushResult
	for range 200 {
		got, err := a.PushStatus(t.Context(), []channel.Push{p})
		if err != nil {
			t.Fatal(err)
		}
		if last = got[0]; last.Outcome == channel.OutcomeAccepted {
			return last
		}
		time.Sleep(5 * time.Millisecond) // the simulator's assembly is asynchronous
	}
	t.Errorf("push to %s: %+v", p.To, last)
	return last
}
