package ozon

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

func getAnswer(status, sub string, actions ...string) []answer {
	b, _ := json.Marshal(append([]string{}, actions...))
	return ok(`{"result":{"posting_number":"55500111-0007-1","status":"` + status + `","substatus":"` + sub +
		`","tpl_integration_type":"non_integrated","available_actions":` + string(b) +
		`,"products":[{"offer_id":"KETTLE-17","sku":1550012345,"quantity":1,"price":"10.0000","currency_code":"RUB"}]}}`)
}

func row(result, word string) []answer {
	return ok(`{"result":[{"posting_number":"55500111-0007-1","result":` + result + `,"error":"` + word + `"}]}`)
}

// On a further attempt, or with a stale picture, the posting is read before
// anything is done to it.
func TestLooksBeforeItActs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		to      orderhub.Status
		attempt int
		actions []string // in the ledger
		replies map[string][]answer
		outcome channel.Outcome
		class   orderhub.Class
		paths   []string
	}{
		"done meanwhile": {orderhub.StatusConfirmed, 2, []string{"ship"},
			map[string][]answer{pathGet: getAnswer("awaiting_deliver", "posting_registered")},
			channel.OutcomeDone, "", []string{pathGet}},
		"further on the way": {orderhub.StatusShipped, 2, []string{"non_int_delivering"},
			map[string][]answer{pathGet: getAnswer("delivered", "posting_received")},
			channel.OutcomeDone, "", []string{pathGet}},
		"cancelled meanwhile": {orderhub.StatusConfirmed, 2, []string{"ship"},
			map[string][]answer{pathGet: getAnswer("cancelled", "posting_canceled")},
			channel.OutcomeFailed, orderhub.ClassRejected, []string{pathGet}},
		"being assembled": {orderhub.StatusConfirmed, 2, []string{"ship"},
			map[string][]answer{pathGet: getAnswer("awaiting_packaging", "posting_created", "cancel", "ship_async_in_process")},
			channel.OutcomeAccepted, "", []string{pathGet}},
		"assembly failed, again": {orderhub.StatusConfirmed, 2, []string{"ship"},
			map[string][]answer{pathGet: getAnswer("awaiting_packaging", "ship_failed", "ship_async_retry"), pathShip: ok(`{"result":["55500111-0007-1"]}`)},
			channel.OutcomeAccepted, "", []string{pathGet, pathShip}},
		"not offered": {orderhub.StatusConfirmed, 1, []string{"cancel"},
			map[string][]answer{pathGet: getAnswer("awaiting_packaging", "posting_created", "ship_with_additional_info")},
			channel.OutcomeFailed, orderhub.ClassRejected, []string{pathGet}},
		"stale picture": {orderhub.StatusShipped, 1, []string{"cancel"},
			map[string][]answer{pathGet: getAnswer("awaiting_deliver", "posting_registered", "non_int_delivering"), pathDelivering: row("true", "")},
			channel.OutcomeAccepted, "", []string{pathGet, pathDelivering}},
		"integrated carrier": {orderhub.StatusDelivered, 1, []string{"set_track_number"},
			map[string][]answer{pathGet: getAnswer("delivering", "posting_on_way_to_city", "set_track_number")},
			channel.OutcomeFailed, orderhub.ClassRejected, []string{pathGet}},
		"unknown posting": {orderhub.StatusConfirmed, 2, []string{"ship"},
			map[string][]answer{pathGet: {{status: 404, body: `{"code":5,"message":"POSTING_NOT_FOUND"}`}}},
			channel.OutcomeFailed, orderhub.ClassRetry, []string{pathGet}},
		"the move before is on its way": {orderhub.StatusShipped, 2, []string{"non_int_delivering"},
			map[string][]answer{pathGet: getAnswer("awaiting_deliver", "posting_registered", "cancel")},
			channel.OutcomeFailed, orderhub.ClassRetry, []string{pathGet}},
		"and is refused for good": {orderhub.StatusShipped, settleAttempts + 1, []string{"non_int_delivering"},
			map[string][]answer{pathGet: getAnswer("awaiting_deliver", "posting_registered", "non_int_delivering"), pathDelivering: row("false", wordTransition)},
			channel.OutcomeFailed, orderhub.ClassRejected, []string{pathGet, pathDelivering}},
		"read fails": {orderhub.StatusConfirmed, 2, []string{"ship"},
			map[string][]answer{pathGet: {{status: 500, body: `{"code":13,"message":"Internal error"}`}}},
			channel.OutcomeFailed, orderhub.ClassRetry, []string{pathGet}},
		"conditionally delivered": {orderhub.StatusDelivered, 2, []string{"non_int_delivered"},
			map[string][]answer{pathGet: getAnswer("delivering", "posting_conditionally_delivered")},
			channel.OutcomeAccepted, "", []string{pathGet}},
		"last mile was reported before": {orderhub.StatusDelivered, 2, []string{"non_int_last_mile"},
			map[string][]answer{pathGet: getAnswer("delivering", "posting_on_way_to_city", "non_int_last_mile"),
				pathLastMile: row("false", wordTransition), pathDelivered: row("true", "")},
			channel.OutcomeAccepted, "", []string{pathGet, pathLastMile, pathDelivered}},
		"a row fails for now": {orderhub.StatusShipped, 1, []string{"non_int_delivering"},
			map[string][]answer{pathDelivering: row("false", "Internal error")},
			channel.OutcomeFailed, orderhub.ClassRetry, []string{pathDelivering}},
		"the row is missing": {orderhub.StatusShipped, 1, []string{"non_int_delivering"},
			map[string][]answer{pathDelivering: ok(`{"result":[]}`)},
			channel.OutcomeFailed, orderhub.ClassUncertain, []string{pathDelivering}},
		"no call for it": {orderhub.StatusPacked, 1, nil, nil, channel.OutcomeFailed, orderhub.ClassRejected, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := setup(t, tc.replies)
			p := push(order("55500111-0007-1", orderhub.SchemeRFBS, orderhub.StatusNew, tc.actions...), tc.to)
			p.Attempt = tc.attempt
			got, err := a.PushStatus(t.Context(), []channel.Push{p})
			if err != nil {
				t.Fatal(err)
			}
			r := got[0]
			if r.Outcome != tc.outcome || (tc.class != "" && orderhub.ClassOf(r.Err) != tc.class) {
				t.Errorf("outcome %s (%v), want %s %s", r.Outcome, r.Err, tc.outcome, tc.class)
			}
			if !slices.Equal(s.paths(), tc.paths) {
				t.Errorf("calls %v, want %v", s.paths(), tc.paths)
			}
		})
	}
}

// A read posting is shipped with the goods that it has now.
func TestShipsWhatOzonHasNow(t *testing.T) {
	t.Parallel()
	a, s := setup(t, map[string][]answer{
		pathGet:  getAnswer("awaiting_packaging", "posting_created", "ship"),
		pathShip: ok(`{"result":["55500111-0007-1"]}`),
	})
	p := push(order("55500111-0007-1", orderhub.SchemeRFBS, orderhub.StatusNew, "ship"), orderhub.StatusConfirmed)
	p.Attempt = 2
	if _, err := a.PushStatus(t.Context(), []channel.Push{p}); err != nil {
		t.Fatal(err)
	}
	want := []any{map[string]any{"products": []any{map[string]any{"product_id": 1550012345.0, "quantity": 1.0}}}}
	if diff := cmp.Diff(want, s.asked[1].body["packages"]); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}

func TestSplitIsReread(t *testing.T) {
	t.Parallel()
	a, _ := setup(t, map[string][]answer{pathShip: ok(`{"result":["41200577-0031-1","41200577-0031-2"]}`)})
	got, err := a.PushStatus(t.Context(), []channel.Push{push(order("41200577-0031-1", orderhub.SchemeFBS, orderhub.StatusNew), orderhub.StatusConfirmed)})
	if err != nil || !slices.Equal(got[0].Reread, []string{"41200577-0031-2"}) {
		t.Errorf("reread %v, error %v", got[0].Reread, err)
	}
}

func TestCancelNeedsAReason(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ reason, comment, words string }{
		"none":       {"", "", "one of Ozon's reasons"},
		"text":       {"too late", "", "one of Ozon's reasons"},
		"no comment": {"402", " ", "needs a comment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := setup(t, nil)
			p := push(order("41200577-0031-1", orderhub.SchemeFBS, orderhub.StatusNew), orderhub.StatusCancelled)
			p.Reason, p.Comment = tc.reason, tc.comment
			got, err := a.PushStatus(t.Context(), []channel.Push{p})
			if err != nil || len(s.asked) > 0 || orderhub.ClassOf(got[0].Err) != orderhub.ClassRejected || !strings.Contains(got[0].Err.Error(), tc.words) {
				t.Errorf("result %+v, error %v, %d calls", got[0], err, len(s.asked))
			}
		})
	}
}

func TestPackages(t *testing.T) {
	t.Parallel()
	lines := []orderhub.Line{
		{SKU: "KETTLE-17", ListingKey: "11", Quantity: 2},
		{SKU: "0557722", ListingKey: "22", Quantity: 1},
		{SKU: "KETTLE-17", ListingKey: "11", Quantity: 1},
		{SKU: "22", ListingKey: "33", Quantity: 1},
		{SKU: "GONE", ListingKey: "44", Quantity: 0},
	}
	pack := func(goods ...any) shipPackage {
		var p shipPackage
		for i := 0; i < len(goods); i += 2 {
			p.add(goods[i].(string), int64(goods[i+1].(int)))
		}
		return p
	}
	for name, tc := range map[string]struct {
		param string
		want  []shipPackage
		err   string
	}{
		"one package":    {"", []shipPackage{pack("11", 3, "22", 1, "33", 1)}, ""},
		"two":            {`[[{"sku":"KETTLE-17","quantity":2}],[{"sku":11,"quantity":1},{"sku":"0557722","quantity":1},{"sku":"33","quantity":"1"}]]`, []shipPackage{pack("11", 2), pack("11", 1, "22", 1, "33", 1)}, ""},
		"too few":        {`[[{"sku":"11","quantity":3}]]`, nil, "more or less"},
		"too many":       {`[[{"sku":"11","quantity":4},{"sku":"0557722","quantity":1},{"sku":"33","quantity":1}]]`, nil, "more or less"},
		"ambiguous":      {`[[{"sku":"22","quantity":1}]]`, nil, "is the SKU of one line and the article of another"},
		"unknown":        {`[[{"sku":"99","quantity":1}]]`, nil, "not in the posting"},
		"no quantity":    {`[[{"sku":"11","quantity":0}]]`, nil, "not a count"},
		"empty package":  {`[[]]`, nil, "is empty"},
		"no package":     {`[]`, nil, "more or less"},
		"not even a set": {`{"sku":"11"}`, nil, "want a list of packages"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := packagesOf(lines, tc.param)
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				t.Fatalf("error %v, want %q", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := packagesOf([]orderhub.Line{{SKU: "A", Quantity: 1}}, ""); err == nil {
		t.Error("a line without an Ozon SKU must not be shipped")
	}
	if _, err := packagesOf(nil, ""); err == nil {
		t.Error("a posting without goods must not be shipped")
	}
}
