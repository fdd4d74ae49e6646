package ozonsim

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

func TestShipIsAsynchronousAndHappensOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	n := w.place(marketsim.OrderSpec{})
	got := ok[shipResponse](w, "/v4/posting/fbs/ship", func() obj {
		b := shipBody(n)
		b["with"] = obj{"additional_data": true}
		return b
	}())
	if len(got.Result) != 1 || got.Result[0] != n || len(got.AdditionalData) != 1 || len(got.AdditionalData[0].Products) != 2 {
		t.Fatalf("got %+v", got)
	}
	// The answer came, the status did not change yet.
	w.words(n, awaitingPackaging, subCreated)
	if a := w.get(n).Actions; !slices.Contains(a, "ship_async_in_process") || slices.Contains(a, "ship") {
		t.Fatalf("actions %v", a)
	}
	w.refuse("/v4/posting/fbs/ship", shipBody(n), 400, 9, "POSTING_ALREADY_SHIPPED")
	w.clock.add(5 * time.Second)
	w.words(n, awaitingDeliver, subTransferring)
	if a := w.get(n).Actions; !slices.Contains(a, "label_download") || slices.Contains(a, "ship") {
		t.Fatalf("actions %v", a)
	}
	w.refuse("/v4/posting/fbs/ship", shipBody(n), 400, 9, "POSTING_ALREADY_SHIPPED")
	o := w.truth(n)
	if diff := cmp.Diff([]string{"ship"}, callNames(o)); diff != "" || o.Headline != orderhub.StatusConfirmed {
		t.Fatalf("%s headline %s", diff, o.Headline)
	}
}

func TestShipRefusals(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	n := w.place(marketsim.OrderSpec{})
	pending := w.place(marketsim.OrderSpec{Pending: true})
	gone := w.place(marketsim.OrderSpec{})
	w.act(gone, marketsim.ActCancel)
	fbo := w.place(marketsim.OrderSpec{Scheme: orderhub.SchemeFBO})
	const path = "/v4/posting/fbs/ship"
	w.refuse(path, shipBody("1-1-1"), 404, 5, "POSTING_NOT_FOUND")
	w.refuse(path, shipBody(fbo), 404, 5, "POSTING_NOT_FOUND")
	w.refuse(path, shipBody(pending), 400, 9, "HAS_INCORRECT_STATUS")
	w.refuse(path, shipBody(gone), 400, 9, "POSTING_ALREADY_CANCELLED")
	w.refuse(path, shipBody(n, goods("MUG-350", 1, "LAMP-7", 1)), 400, 3, "HAS_INCORRECT_PRODUCT_QUANTITY")
	w.refuse(path, shipBody(n, goods("MUG-350", 2, "LAMP-7", 2)), 400, 3, "HAS_INCORRECT_PRODUCT_QUANTITY")
	w.refuse(path, shipBody(n, goods("MUG-350", 1, "LAMP-7", 0)), 400, 3, "HAS_INCORRECT_PRODUCT_QUANTITY")
	w.refuse(path, shipBody(n, goods("MUG-350", 1, "SPOON", 2)), 400, 3, "UNKNOWN_PRODUCT_DEFINED")
	for _, bad := range []any{obj{"posting_number": n}, shipBody(n, goods()), "", "{", `{"packages":{}}`} {
		if r := w.post(path, bad); r.status != http.StatusBadRequest {
			t.Errorf("%v: %d %s", bad, r.status, r.body)
		}
	}
	if calls := w.truth(n).Calls; len(calls) != 0 {
		t.Errorf("a refused call is in the books: %v", calls)
	}
}

func TestShipFailsAndCanBeSentAgain(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(1, marketsim.Faults{FailRows: 1})
	w := setup(t, func(o *Options) { o.Injector = in })
	n := w.place(marketsim.OrderSpec{})
	ok[shipResponse](w, "/v4/posting/fbs/ship", shipBody(n))
	w.clock.add(5 * time.Second)
	w.words(n, awaitingPackaging, subShipFailed)
	if a := w.get(n).Actions; !slices.Contains(a, "ship_async_retry") || !slices.Contains(a, "ship") {
		t.Fatalf("actions %v", a)
	}
	if got := callNames(w.truth(n)); len(got) != 0 {
		t.Fatalf("a failed assembly is in the books: %v", got)
	}
	in.Set(marketsim.Faults{})
	w.ship(n)
	if got := callNames(w.truth(n)); len(got) != 1 {
		t.Fatalf("calls %v", got)
	}
}

func TestShipInPackagesKeepsUnits(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	n := w.place(marketsim.OrderSpec{})
	whole := w.truth(n)
	got := ok[shipResponse](w, "/v4/posting/fbs/ship", shipBody(n, goods("MUG-350", 1, "LAMP-7", 1), goods("LAMP-7", 1)))
	if len(got.Result) != 2 || got.Result[0] != n {
		t.Fatalf("got %v", got.Result)
	}
	child := got.Result[1]
	if r := w.post("/v3/posting/fbs/get", obj{"posting_number": child}); r.status != http.StatusNotFound {
		t.Fatalf("the second posting is there before the assembly: %s", r.body)
	}
	w.clock.add(5 * time.Second)
	a, b := w.get(n), w.get(child)
	if b.Parent != n || b.Status != awaitingDeliver || a.Related == nil || !slices.Contains(a.Related.Numbers, child) {
		t.Fatalf("parent %q status %q related %v", b.Parent, b.Status, a.Related)
	}
	if a.OrderNumber != b.OrderNumber || a.OrderID != b.OrderID {
		t.Fatal("the order changed")
	}
	ta, tb := w.truth(n), w.truth(child)
	if ta.Units+tb.Units != whole.Units || ta.TotalMinor+tb.TotalMinor != whole.TotalMinor || ta.Units != 2 {
		t.Fatalf("units %d+%d of %d, value %d+%d of %d", ta.Units, tb.Units, whole.Units, ta.TotalMinor, tb.TotalMinor, whole.TotalMinor)
	}
	if ta.Group != tb.Group || len(ta.Calls) != 1 || len(tb.Calls) != 1 {
		t.Fatalf("group %s %s calls %v %v", ta.Group, tb.Group, ta.Calls, tb.Calls)
	}
}

func TestShipPackageLeavesTheRest(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	n := w.place(marketsim.OrderSpec{})
	got := ok[textResponse](w, "/v4/posting/fbs/ship/package", obj{"posting_number": n, "products": goods("LAMP-7", 2)})
	w.words(got.Result, awaitingPackaging, subCreated)
	w.clock.add(5 * time.Second)
	w.words(got.Result, awaitingDeliver, subTransferring)
	w.words(n, awaitingPackaging, subCreated)
	if a, b := w.truth(n), w.truth(got.Result); a.Units != 1 || b.Units != 2 {
		t.Fatalf("units %d and %d", a.Units, b.Units)
	}
	// The rest at once is the source itself.
	rest := ok[textResponse](w, "/v4/posting/fbs/ship/package", obj{"posting_number": n, "products": goods("MUG-350", 1)})
	w.clock.add(5 * time.Second)
	if rest.Result != n {
		t.Fatalf("got %s", rest.Result)
	}
	w.words(n, awaitingDeliver, subTransferring)
	if diff := cmp.Diff([]string{"split", "ship"}, callNames(w.truth(n))); diff != "" {
		t.Fatal(diff)
	}
	w.refuse("/v4/posting/fbs/ship/package", obj{"posting_number": n, "products": goods("MUG-350", 1)}, 400, 9, "POSTING_ALREADY_SHIPPED")
}

func TestSplitKeepsUnitsCountedOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	n := w.place(marketsim.OrderSpec{})
	body := obj{"posting_number": n, "postings": []obj{{"products": goods("MUG-350", 1)}, {"products": goods("LAMP-7", 1)}, {"products": goods("LAMP-7", 1)}}}
	got := ok[splitResponse](w, "/v1/posting/fbs/split", body)
	if got.Parent.Number != n || len(got.Postings) != 3 {
		t.Fatalf("got %+v", got)
	}
	w.words(n, splitAway, subCanceled)
	var units int64
	for _, o := range w.m.Truth() {
		if o.Native != splitAway {
			units += o.Units
		}
	}
	if units != 3 {
		t.Fatalf("%d units after the split, want 3", units)
	}
	for _, c := range got.Postings {
		if p := w.get(c.Number); p.Parent != n || p.Status != awaitingPackaging {
			t.Fatalf("child %+v", p)
		}
	}
	w.refuse("/v1/posting/fbs/split", body, 400, 9, "POSTING_ALREADY_CANCELLED")
	w.refuse("/v4/posting/fbs/ship", shipBody(n), 400, 9, "POSTING_ALREADY_CANCELLED")
	w.refuse("/v2/posting/fbs/cancel", obj{"posting_number": n, "cancel_reason_id": 352}, 400, 9, "POSTING_ALREADY_CANCELLED")
	w.refuse("/v1/posting/fbs/split", obj{"posting_number": got.Postings[0].Number, "postings": []obj{{"products": goods("MUG-350", 1)}}},
		400, 3, "Request validation error: value must contain at least 2 item(s)")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	const path = "/v2/posting/fbs/cancel"
	n := w.place(marketsim.OrderSpec{})
	w.refuse(path, obj{"posting_number": "1-1-1", "cancel_reason_id": 352}, 404, 5, "POSTING_NOT_FOUND")
	w.refuse(path, obj{"posting_number": n, "cancel_reason_id": 401}, 400, 3, "HAS_INCORRECT_CANCEL_REASON")
	w.refuse(path, obj{"posting_number": n, "cancel_reason_id": 402}, 400, 3,
		"Request validation error: cancel_reason_message is required for cancel_reason_id 402")
	if !ok[boolResponse](w, path, obj{"posting_number": n, "cancel_reason_id": "352"}).Result {
		t.Fatal("not true")
	}
	got := w.get(n)
	if got.Status != cancelled || got.Cancellation.Type != "seller" || got.Cancellation.ReasonID != 352 || got.Cancellation.AfterShip {
		t.Fatalf("got %+v", got.Cancellation)
	}
	w.refuse(path, obj{"posting_number": n, "cancel_reason_id": 352}, 400, 9, "POSTING_ALREADY_CANCELLED")
	if diff := cmp.Diff([]string{"cancel"}, callNames(w.truth(n))); diff != "" {
		t.Fatal(diff)
	}

	// A cancellation overtakes an assembly on its way.
	n = w.place(marketsim.OrderSpec{})
	ok[shipResponse](w, "/v4/posting/fbs/ship", shipBody(n))
	ok[boolResponse](w, path, obj{"posting_number": n, "cancel_reason_id": 400})
	w.clock.add(5 * time.Second)
	w.words(n, cancelled, subCanceled)

	// After the assembly it counts as after ship; what is on its way cannot be cancelled.
	n = w.place(marketsim.OrderSpec{})
	w.ship(n)
	w.progress(n, true)
	w.refuse(path, obj{"posting_number": n, "cancel_reason_id": 352}, 400, 9, "HAS_INCORRECT_STATUS")
	n = w.place(marketsim.OrderSpec{})
	w.ship(n)
	ok[boolResponse](w, path, obj{"posting_number": n, "cancel_reason_id": 352})
	if got := w.get(n); !got.Cancellation.AfterShip || got.DeliveringDate != nil {
		t.Fatalf("got %+v", got.Cancellation)
	}
}

func TestCancelProducts(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	const path = "/v2/posting/fbs/product/cancel"
	n := w.place(marketsim.OrderSpec{})
	body := func(sku string, q int) obj {
		return obj{"posting_number": n, "cancel_reason_id": 352, "cancel_reason_message": "нет", "items": []obj{{"sku": SKU(sku), "quantity": q}}}
	}
	w.refuse(path, body("LAMP-7", 3), 400, 3, "HAS_INCORRECT_PRODUCT_QUANTITY")
	w.refuse(path, body("SPOON", 1), 400, 3, "UNKNOWN_PRODUCT_DEFINED")
	if got := ok[textResponse](w, path, body("LAMP-7", 1)); got.Result != n {
		t.Fatalf("got %q", got.Result)
	}
	ok[textResponse](w, path, body("LAMP-7", 1)) // a repeat cancels more
	if p := w.get(n); len(p.Products) != 1 || p.Products[0].OfferID != "MUG-350" {
		t.Fatalf("left %+v", p.Products)
	}
	ok[textResponse](w, path, body("MUG-350", 1))
	w.words(n, cancelled, subCanceled)
	if diff := cmp.Diff([]string{"product_cancel", "product_cancel", "product_cancel"}, callNames(w.truth(n))); diff != "" {
		t.Fatal(diff)
	}
	n = w.place(marketsim.OrderSpec{})
	w.ship(n)
	w.refuse(path, body("LAMP-7", 1), 400, 9, "HAS_INCORRECT_STATUS")
}

func TestCancelReasons(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	n := w.place(marketsim.OrderSpec{})
	got := ok[reasonsResponse](w, "/v1/posting/fbs/cancel-reason", obj{"related_posting_numbers": []string{n}})
	if len(got.Result) != 1 || len(got.Result[0].Reasons) != 3 {
		t.Fatalf("got %+v", got)
	}
	all := ok[reasonListResponse](w, "/v2/posting/fbs/cancel-reason/list", "{}")
	if len(all.Result) != len(cancelReasons) {
		t.Fatalf("got %+v", all)
	}
	w.refuse("/v1/posting/fbs/cancel-reason", obj{"related_posting_numbers": []string{"x"}}, 404, 5, "POSTING_NOT_FOUND")
}

func TestArbitration(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	a, b := w.place(marketsim.OrderSpec{}), w.place(marketsim.OrderSpec{})
	w.ship(a)
	w.refuse("/v2/posting/fbs/arbitration", obj{"posting_number": []string{a, b}}, 400, 9, "HAS_INCORRECT_STATUS")
	w.words(a, awaitingDeliver, subTransferring)
	ok[boolResponse](w, "/v2/posting/fbs/arbitration", obj{"posting_number": []string{a, a}})
	w.words(a, arbitration, subArbitration)
	w.progress(a, false)
	ok[boolResponse](w, "/v2/posting/fbs/awaiting-delivery", obj{"posting_number": []string{a}})
	w.words(a, awaitingDeliver, subTransferring)
	if diff := cmp.Diff([]string{"ship", "arbitration", "awaiting_delivery"}, callNames(w.truth(a))); diff != "" {
		t.Fatal(diff)
	}
	many := make([]string, 101)
	w.refuse("/v2/posting/fbs/awaiting-delivery", obj{"posting_number": many}, 400, 3,
		"Request validation error: posting_number: value must contain 1 to 100 item(s)")
}

func TestRFBSIsMovedByTheSeller(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	n, fbs := w.place(marketsim.OrderSpec{Scheme: rfbs, Comment: "позвонить"}), w.place(marketsim.OrderSpec{})
	w.ship(n)
	w.ship(fbs)
	w.progress(n, false)
	p := w.get(n)
	if p.TPL != "non_integrated" || !slices.Contains(p.Actions, "non_int_delivering") || p.Customer.Address.Comment != "позвонить" {
		t.Fatalf("got %+v", p)
	}
	if w.get(fbs).Customer != nil {
		t.Fatal("an FBS seller is told of the buyer")
	}
	move := func(path string, want ...string) {
		t.Helper()
		got := ok[moveResponse](w, path, obj{"posting_number": []string{n, fbs, "1-1-1"}})
		for i, word := range append(want, "HAS_INCORRECT_TPL_INTEGRATION_TYPE", "POSTING_NOT_FOUND") {
			if got.Result[i].Error != word || got.Result[i].Result != (word == "") {
				t.Fatalf("%s row %d: %+v, want %q", path, i, got.Result[i], word)
			}
		}
	}
	move("/v2/fbs/posting/last-mile", "TRANSITION_IS_NOT_POSSIBLE")
	move("/v2/fbs/posting/delivering", "")
	w.words(n, awaitingDeliver, subTransferring) // not yet
	move("/v2/fbs/posting/delivering", "TRANSITION_IS_NOT_POSSIBLE")
	w.clock.add(2 * time.Second)
	w.words(n, delivering, subOnWay)
	move("/v2/fbs/posting/last-mile", "")
	w.clock.add(2 * time.Second)
	w.words(n, delivering, subCourier)
	move("/v2/fbs/posting/delivered", "")
	w.clock.add(2 * time.Second)
	w.words(n, delivering, subConditionally)
	w.refuse("/v2/posting/fbs/cancel", obj{"posting_number": n, "cancel_reason_id": 352}, 400, 9, "HAS_INCORRECT_STATUS")
	w.progress(n, true)
	w.words(n, delivered, subDelivered)
	if diff := cmp.Diff([]string{"ship", "delivering", "last_mile", "delivered"}, callNames(w.truth(n))); diff != "" {
		t.Fatal(diff)
	}
}

func TestTracking(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	const path = "/v2/fbs/posting/tracking-number/set"
	n, fbs := w.place(marketsim.OrderSpec{Scheme: rfbs}), w.place(marketsim.OrderSpec{})
	rows := func(numbers ...string) obj {
		list := []obj{}
		for _, x := range numbers {
			list = append(list, obj{"posting_number": x, "tracking_number": "RA12"})
		}
		return obj{"tracking_numbers": list}
	}
	got := ok[moveResponse](w, path, rows(n, fbs, "1-1-1"))
	for i, word := range []string{"HAS_INCORRECT_STATUS", "HAS_INCORRECT_TPL_INTEGRATION_TYPE", "POSTING_NOT_FOUND"} {
		if got.Result[i].Error != word {
			t.Fatalf("row %d: %+v", i, got.Result[i])
		}
	}
	w.ship(n)
	for range 2 { // the repeat is no second effect
		if got := ok[moveResponse](w, path, rows(n)); !got.Result[0].Result {
			t.Fatalf("got %+v", got)
		}
	}
	if p := w.get(n); p.Tracking != "RA12" {
		t.Fatalf("tracking %q", p.Tracking)
	}
	if diff := cmp.Diff([]string{"ship", "tracking"}, callNames(w.truth(n))); diff != "" {
		t.Fatal(diff)
	}
	w.refuse(path, rows(make([]string, 21)...), 400, 3, "Request validation error: tracking_numbers: value must contain 1 to 20 item(s)")
}
