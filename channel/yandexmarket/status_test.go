package yandexmarket

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim/specs"
)

func TestStatusWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		word, sub string
		want      orderhub.Status
		drift     int
	}{
		{"UNPAID", "WAITING_USER_INPUT", orderhub.StatusPending, 0},
		{"PENDING", "AWAIT_CONFIRMATION", orderhub.StatusPending, 0},
		{"PROCESSING", "STARTED", orderhub.StatusNew, 0},
		{"PROCESSING", "PACKAGING", orderhub.StatusNew, 0},
		{"PROCESSING", "COURIER_SEARCH", orderhub.StatusNew, 0},
		{"PROCESSING", "READY_TO_SHIP", orderhub.StatusPacked, 0},
		{"PROCESSING", "COURIER_ARRIVED_TO_SENDER", orderhub.StatusPacked, 0},
		{"PROCESSING", "COURIER_RECEIVED", orderhub.StatusShipped, 0},
		{"PROCESSING", "SHIPPED", orderhub.StatusShipped, 0},
		{"DELIVERY", "USER_RECEIVED", orderhub.StatusShipped, 0},
		{"PICKUP", "PICKUP_SERVICE_RECEIVED", orderhub.StatusReadyForPickup, 0},
		{"DELIVERED", "DELIVERY_SERVICE_DELIVERED", orderhub.StatusDelivered, 0},
		{"CANCELLED", "SHOP_FAILED", orderhub.StatusCancelled, 0},
		{"PARTIALLY_RETURNED", "", orderhub.StatusPartiallyReturned, 0},
		{"RETURNED", "", orderhub.StatusReturned, 0},
		{"UNKNOWN", "UNKNOWN", orderhub.StatusUnknown, 0},
		{"PROCESSING", "PHOTOGRAPHED", orderhub.StatusNew, 1},
		{"DELIVERY", "BY_DRONE", orderhub.StatusShipped, 1},
		{"ARCHIVED", "STARTED", orderhub.StatusUnknown, 1},
		{"", "", orderhub.StatusUnknown, 1},
	} {
		var s orderhub.Snapshot
		n := &notes{}
		setStatus(&s, scalar(c.word), scalar(c.sub), false, n)
		if s.Status != c.want || len(n.drift) != c.drift || s.Native != c.word || s.NativeSub != c.sub {
			t.Errorf("%s/%s: %s with drift %v, want %s with %d", c.word, c.sub, s.Status, n.drift, c.want, c.drift)
		}
	}
}

func TestWhoCancelled(t *testing.T) {
	t.Parallel()
	for sub, want := range map[string]orderhub.Cancellation{
		"USER_CHANGED_MIND":            {By: orderhub.CancelByBuyer},
		"USER_REFUSED_QUALITY":         {By: orderhub.CancelByBuyer, AfterHandOver: true},
		"PICKUP_EXPIRED":               {By: orderhub.CancelByBuyer, AfterHandOver: true},
		"SHOP_FAILED":                  {By: orderhub.CancelBySeller},
		"DELIVERY_SERVICE_UNDELIVERED": {By: orderhub.CancelByCarrier, AfterHandOver: true},
		"TECHNICAL_ERROR":              {By: orderhub.CancelByChannel},
		"SOMETHING_NEW":                {},
	} {
		var s orderhub.Snapshot
		setStatus(&s, wordCancelled, scalar(sub), true, &notes{})
		want.ReasonCode = sub
		if s.Cancellation == nil || *s.Cancellation != want || s.CancelRequest != nil {
			t.Errorf("%s: %+v, want %+v and no cancel request", sub, s.Cancellation, want)
		}
	}
}

// documentEnums reads the lists of words from the official document.
func documentEnums(t *testing.T) map[string][]string {
	t.Helper()
	specs.Load(t, document) // skips the test where the documents are missing
	dir := os.Getenv("ORDERHUB_SPECS")
	for up := ".."; dir == "" && len(up) < 40; up = filepath.Join("..", up) {
		if _, err := os.Stat(filepath.Join(up, "shared", "specs", document)); err == nil {
			dir = filepath.Join(up, "shared", "specs")
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, document))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Enum []any `json:"enum"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for name, schema := range doc.Components.Schemas {
		for _, w := range schema.Enum {
			out[name] = append(out[name], fmt.Sprint(w))
		}
	}
	return out
}

// Every word of the official document is known here, and no group names a word
// twice or one that the document has not.
func TestWordsOfTheDocument(t *testing.T) {
	t.Parallel()
	enums := documentEnums(t)
	for schema, known := range map[string]func(string) bool{
		"OrderStatusType":           func(w string) bool { _, ok := statuses.Lookup("", w, ""); return ok },
		"OrderSubstatusType":        func(w string) bool { return knownSubstatuses[w] },
		"OrderVatType":              func(w string) bool { _, ok := vatWords[w]; return ok },
		"SellingProgramType":        func(w string) bool { _, ok := programs[w]; return ok },
		"OrderDeliveryPartnerType":  func(w string) bool { return partnerWords[w] },
		"OrderDeliveryType":         func(w string) bool { return deliveryWords[w] },
		"OrderDeliveryDispatchType": func(w string) bool { return dispatchWords[w] },
		"OrderSourcePlatformType":   func(w string) bool { return platformWords[w] },
		"OrderBuyerType":            func(w string) bool { return buyerWords[w] },
	} {
		enum := enums[schema]
		if len(enum) == 0 {
			t.Errorf("the document has no list of words %s", schema)
		}
		for _, w := range enum {
			if !known(w) {
				t.Errorf("%s %s of the document is not known", schema, w)
			}
		}
		if schema != "OrderSubstatusType" {
			continue
		}
		for w := range knownSubstatuses {
			if !slices.Contains(enum, w) {
				t.Errorf("substatus %s is not in the document", w)
			}
		}
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	decide := func(scheme orderhub.Scheme, at, to orderhub.Status) (orderhub.Plan, error) {
		o := order(scheme, fbsShop, 712000101, at)
		return orderhub.Decide(&o, orderhub.Request{To: to, Reason: "SHOP_FAILED"}, statuses)
	}
	for _, c := range []struct {
		scheme   orderhub.Scheme
		from, to orderhub.Status
		local    int
		push     bool
	}{
		{orderhub.SchemeFBS, orderhub.StatusNew, orderhub.StatusConfirmed, 1, false},
		{orderhub.SchemeFBS, orderhub.StatusNew, orderhub.StatusPacked, 1, true},
		{orderhub.SchemeExpress, orderhub.StatusConfirmed, orderhub.StatusPacked, 0, true},
		{orderhub.SchemeFBS, orderhub.StatusPacked, orderhub.StatusCancelled, 0, true},
		{orderhub.SchemeDBS, orderhub.StatusNew, orderhub.StatusShipped, 1, true},
		{orderhub.SchemeDBS, orderhub.StatusConfirmed, orderhub.StatusPacked, 1, false},
		{orderhub.SchemeDBS, orderhub.StatusShipped, orderhub.StatusReadyForPickup, 0, true},
		{orderhub.SchemeDBS, orderhub.StatusReadyForPickup, orderhub.StatusDelivered, 0, true},
		{orderhub.SchemeDBS, orderhub.StatusShipped, orderhub.StatusCancelled, 0, true},
	} {
		plan, err := decide(c.scheme, c.from, c.to)
		if err != nil || len(plan.Local) != c.local || (plan.Push != nil) != c.push {
			t.Errorf("%s %s → %s: %+v, %v", c.scheme, c.from, c.to, plan, err)
		}
	}
	for _, c := range []struct {
		scheme   orderhub.Scheme
		from, to orderhub.Status
	}{
		{orderhub.SchemeFBS, orderhub.StatusPacked, orderhub.StatusShipped},
		{orderhub.SchemeFBS, orderhub.StatusShipped, orderhub.StatusCancelled},
		{orderhub.SchemeExpress, orderhub.StatusShipped, orderhub.StatusDelivered},
		{orderhub.SchemeFBS, orderhub.StatusPending, orderhub.StatusCancelled},
		{orderhub.SchemeDBS, orderhub.StatusDelivered, orderhub.StatusCancelled},
		{orderhub.SchemeFBO, orderhub.StatusNew, orderhub.StatusConfirmed},
		{orderhub.SchemeLaaS, orderhub.StatusNew, orderhub.StatusCancelled},
	} {
		if plan, err := decide(c.scheme, c.from, c.to); orderhub.CodeOf(err) != orderhub.CodeRefused {
			t.Errorf("%s %s → %s: %+v, %v; want a refusal", c.scheme, c.from, c.to, plan, err)
		}
	}
}

func TestScalar(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]scalar{
		`"a"`: "a", `12`: "12", `1.50`: "1.50", `true`: "true", `null`: "", `{"a":1}`: "", `[1]`: "", `"a\u0000b"`: "ab",
	} {
		var got scalar
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]string{"1.25E7": "12500000", "5E-1": "0.5", "12.5": "12.5", "1e999999999": "1e999999999", "eE": "eE"} {
		if got := plainDecimal(in); got != want {
			t.Errorf("plainDecimal(%s) = %s, want %s", in, got, want)
		}
	}
}
