package yandexmarket

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/yandexsim"
)

func waitingReturn(t *testing.T, a *adapter, m *yandexsim.Market) orderhub.ReturnSnapshot {
	t.Helper()
	id := place(t, m, orderhub.SchemeDBS)
	deliver(t, a, m, id, true)
	if err := m.Act(id, marketsim.ActReturn); err != nil {
		t.Fatal(err)
	}
	all, _, _ := sweepAll(t, a, nil)
	for _, r := range all {
		if r.OrderID == id && len(r.Actions) > 0 {
			return r
		}
	}
	t.Fatalf("no return waits: %v", all)
	return orderhub.ReturnSnapshot{}
}

func TestAnswerThatArrivedBefore(t *testing.T) {
	t.Parallel()
	a, m := market(t, yandexsim.Options{Seed: 3})
	r := waitingReturn(t, a, m)
	ans := channel.ReturnAnswer{Key: "e", Return: r, Action: "REFUND_MONEY", Attempt: 1}
	give := func(ans channel.ReturnAnswer) channel.PushResult {
		t.Helper()
		results, err := a.AnswerReturn(t.Context(), []channel.ReturnAnswer{ans})
		if err != nil {
			t.Fatal(err)
		}
		return results[0]
	}
	ans.Attempt = 2 // the first one did not arrive
	if got := give(ans); got.Outcome != channel.OutcomeAccepted {
		t.Errorf("second attempt: %+v", got)
	}
	for attempt := 1; attempt <= 2; attempt++ {
		ans.Attempt = attempt
		got := give(ans)
		if got.Outcome != channel.OutcomeDone || len(got.Items) != 1 || got.Note == "" {
			t.Fatalf("answered before, attempt %d: %+v", attempt, got)
		}
		seen, err := a.NormaliseReturn(got.Items[0].Kind, got.Items[0].Body)
		if err != nil || seen.ExternalID != r.ExternalID || seen.Native != "CREATED" || len(seen.Actions) != 0 || seen.Attrs[attrCampaign] != r.Attrs[attrCampaign] {
			t.Errorf("the item says %+v, %v", seen, err)
		}
	}
	ans.Action = "REPLACE"
	if got := give(ans); orderhub.ClassOf(got.Err) != orderhub.ClassRejected || len(got.Items) != 1 {
		t.Errorf("another answer: %+v", got)
	}
	if truth := m.Returns()[0]; len(truth.Answers) != 1 || truth.Answers[0].What != "REFUND_MONEY" {
		t.Errorf("in the books: %+v", truth.Answers)
	}
}

func TestAnswersThatAreNotSent(t *testing.T) {
	t.Parallel()
	body := `{"campaignId":22000002,"return":{"id":5,"orderId":6,"returnType":"RETURN","refundStatus":"WAITING_FOR_DECISION","items":[{"shopSku":"A","count":1,"decisions":[{"returnItemId":7}]}]},
		"availableDecisions":[{"decisionType":"REFUND_MONEY"},{"decisionType":"REPAIR"},{"decisionType":"PARTIAL_MONEY_REFUND"},{"decisionType":"DECLINE_REFUND","decisionReasonTypes":["DEVICE_ACTIVATED"]}]}`
	a, s := setup(t, noon, nil, func(w http.ResponseWriter, _ asked) { w.WriteHeader(http.StatusTeapot) })
	r, err := a.NormaliseReturn(kindReturn, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	bare := r
	bare.Attrs = map[string]string{attrCampaign: "22000002"}
	lost := r
	lost.Attrs = nil
	over := r
	over.Actions = []orderhub.ReturnAction{}
	answers := map[string]channel.ReturnAnswer{
		"not offered":                 {Return: r, Action: "REPLACE"},
		"takes no decision":           {Return: over, Action: "REFUND_MONEY"},
		"needs a comment":             {Return: r, Action: "REPAIR", Comment: " "},
		"needs an amount":             {Return: r, Action: "PARTIAL_MONEY_REFUND"},
		"offered: DEVICE_ACTIVATED":   {Return: r, Action: "DECLINE_REFUND", Comment: "x", Reason: "MECHANICAL_DAMAGE"},
		"its positions are not known": {Return: bare, Action: "REFUND_MONEY"},
		"its campaign is not known":   {Return: lost, Action: "REFUND_MONEY"},
		"order id":                    {Return: orderhub.ReturnSnapshot{ExternalID: "5"}},
		"return id":                   {},
	}
	for words, ans := range answers {
		results, err := a.AnswerReturn(t.Context(), []channel.ReturnAnswer{ans})
		if err != nil || orderhub.ClassOf(results[0].Err) != orderhub.ClassRejected || !strings.Contains(results[0].Err.Error(), words) {
			t.Errorf("%s: %+v, %v", words, results, err)
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestPartialRefundIsSharedOut(t *testing.T) {
	t.Parallel()
	rub := func(n int64) orderhub.Money { return orderhub.Money{Minor: n, Currency: "RUB"} }
	line := func(id int, value int64) orderhub.ReturnLine {
		return orderhub.ReturnLine{ID: strconv.Itoa(id), Quantity: 2, Price: rub(value / 2)}
	}
	for _, c := range []struct {
		amount int64
		lines  []orderhub.ReturnLine
		want   string
	}{
		{10_050, []orderhub.ReturnLine{line(1, 500)}, "100.50"},
		{10_001, []orderhub.ReturnLine{line(1, 20_000), line(2, 40_000), line(3, 2)}, "33.33 66.67 0.01"},
		{10_000, []orderhub.ReturnLine{line(1, 20_000), {ID: "2", Quantity: 1}, line(3, 1)}, "33.33 33.33 33.34"},
		{1 << 50, []orderhub.ReturnLine{line(1, 1<<60), line(2, 1<<60)}, "5629499534213.12 5629499534213.12"},
		{2, []orderhub.ReturnLine{line(1, 2), line(2, 2), line(3, 2)}, "cannot be shared out"},
		{0, []orderhub.ReturnLine{line(1, 2)}, "needs an amount"},
	} {
		var want []int64
		for _, l := range c.lines {
			id, _ := strconv.ParseInt(l.ID, 10, 64)
			want = append(want, id)
		}
		got, err := compensations(channel.ReturnAnswer{Action: decisionPartial, Amount: rub(c.amount), Return: orderhub.ReturnSnapshot{Lines: c.lines}}, want)
		var parts []string
		for _, p := range got {
			parts = append(parts, p.Value.String())
			if p.CurrencyID != "RUR" {
				t.Errorf("currency %s", p.CurrencyID)
			}
		}
		if text := strings.Join(parts, " "); text != c.want && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%d among %v: %s, %v; want %s", c.amount, c.lines, text, err, c.want)
		}
	}
}

// A lost answer to a write is uncertain, and the write is not repeated.
func TestLostAnswersAreUncertain(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]orderhub.Class{
		0: orderhub.ClassUncertain, 500: orderhub.ClassUncertain, 420: orderhub.ClassRateLimited, 403: orderhub.ClassAuth,
	} {
		a, s := setup(t, noon, nil, func(w http.ResponseWriter, _ asked) {
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(status)
			fmt.Fprint(w, `{"status":"ERROR","errors":[]}`)
		})
		r, err := a.NormaliseReturn(kindReturn, []byte(`{"campaignId":22000002,"return":{"id":5,"orderId":6,"returnType":"RETURN","refundStatus":"WAITING_FOR_DECISION",
			"items":[{"shopSku":"A","count":1,"decisions":[{"returnItemId":7}]}]},"availableDecisions":[{"decisionType":"REFUND_MONEY"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.AnswerReturn(t.Context(), []channel.ReturnAnswer{{Return: r, Action: "REFUND_MONEY", Attempt: 1}}); orderhub.ClassOf(err) != want {
			t.Errorf("answer, %d: %v", status, err)
		}
		for _, scheme := range []orderhub.Scheme{orderhub.SchemeDBS, orderhub.SchemeFBS} {
			o := order(scheme, dbsShop, 712000103, orderhub.StatusNew)
			if _, err := a.CancelLines(t.Context(), []channel.LineCancel{{Push: push(o, "", ""), Units: map[int]int64{0: 1}}}); orderhub.ClassOf(err) != want {
				t.Errorf("lines of %s, %d: %v", scheme, status, err)
			}
		}
		var got []string
		for _, r := range s.requests() {
			got = append(got, r.Path)
		}
		calls := []string{
			"POST /v2/campaigns/22000002/orders/6/returns/5/decision/submit",
			"PUT /v2/campaigns/22000002/orders/712000103/items", "PUT /v2/campaigns/22000002/orders/712000103/boxes",
		}
		if diff := cmp.Diff(calls, got); diff != "" {
			t.Errorf("%d (-want +got):\n%s", status, diff)
		}
	}
}
