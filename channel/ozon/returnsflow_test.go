package ozon

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/ozonsim"
	"github.com/orderhub/orderhub/marketsim/specs"
)

// flow is an adapter at a simulator behind real HTTP; every call is held against
// Ozon's own document.
type flow struct {
	t *testing.T
	a *adapter
	m *ozonsim.Market
}

func newFlow(t *testing.T, script ...marketsim.Scripted) *flow {
	t.Helper()
	in := marketsim.NewInjector(1, marketsim.Faults{Script: script, Hang: time.Millisecond})
	m := ozonsim.New(ozonsim.Options{Fast: true, NoQuotas: true, Injector: in})
	t.Cleanup(m.Close)
	doc := specs.Load(t, "ozon-seller.json")
	srv := httptest.NewServer(doc.Wrap(m.Handler(), func(v specs.Violation) {
		if v.Part == "request" {
			t.Errorf("%s", v)
		}
	}))
	t.Cleanup(srv.Close)
	settings := channel.Settings(m.Settings())
	settings[channel.SettingBaseURL] = srv.URL
	opened, err := openPaged(settings, channel.Deps{}, 5)
	if err != nil {
		t.Fatal(err)
	}
	a := opened.(*adapter)
	a.returnsPage, a.requestsPage = 2, 2
	return &flow{t, a, m}
}

func (f *flow) place(scheme orderhub.Scheme) string {
	f.t.Helper()
	ids, err := f.m.Place(marketsim.OrderSpec{Scheme: scheme, Lines: []marketsim.SpecLine{
		{SKU: "KETTLE-17", Quantity: 3, PriceMinor: 249000}, {SKU: "0557722", Quantity: 1, PriceMinor: 19000},
	}})
	if err != nil {
		f.t.Fatal(err)
	}
	return ids[0]
}

// snapshot reads one posting as the hub would.
func (f *flow) snapshot(number string) orderhub.Snapshot {
	f.t.Helper()
	items, err := f.a.ReadOrders(f.t.Context(), []channel.Ref{{ExternalID: number}})
	if err != nil || len(items) != 1 {
		f.t.Fatalf("read %s: %d items, %v", number, len(items), err)
	}
	s, err := f.a.Normalise(items[0].Kind, items[0].Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *flow) push(number string, to orderhub.Status) channel.Push {
	s := f.snapshot(number)
	return channel.Push{Key: "effect-1", Order: orderhub.Order{ID: 12, Snapshot: s, Headline: s.Status}, To: to, Attempt: 2}
}

// step asks for a step; what came of it is read.
func (f *flow) step(number string, to orderhub.Status) {
	f.t.Helper()
	if _, err := f.a.PushStatus(f.t.Context(), []channel.Push{f.push(number, to)}); err != nil {
		f.t.Fatal(err)
	}
}

// bring takes a posting to a headline.
func (f *flow) bring(number string, to orderhub.Status) {
	f.t.Helper()
	scheme := f.snapshot(number).Scheme
	for range 400 {
		s := f.snapshot(number)
		if s.Status.Rank() >= to.Rank() {
			return
		}
		switch {
		case s.Status == orderhub.StatusNew && scheme != orderhub.SchemeFBO:
			f.step(number, orderhub.StatusConfirmed)
		case scheme != orderhub.SchemeRFBS:
			if s.Status != orderhub.StatusNew || scheme == orderhub.SchemeFBO {
				_, _ = f.m.Progress(number)
			}
		case s.Status == orderhub.StatusConfirmed:
			f.step(number, orderhub.StatusShipped)
		case s.NativeSub == subConditionallyDelivered:
			_, _ = f.m.Progress(number)
		default:
			f.step(number, orderhub.StatusDelivered)
		}
		time.Sleep(2 * time.Millisecond) // the simulator's steps are asynchronous
	}
	f.t.Fatalf("%s does not become %s", number, to)
}

func (f *flow) act(number string, act marketsim.BuyerAct) {
	f.t.Helper()
	if err := f.m.Act(number, act); err != nil {
		f.t.Fatal(err)
	}
}

// returns reads both feeds and lays the halves of each return together.
func (f *flow) returns() map[string]orderhub.ReturnSnapshot {
	f.t.Helper()
	out := map[string]orderhub.ReturnSnapshot{}
	for _, feed := range []string{feedRequests, feedReturns} {
		items, _ := sweepOf(f.t, f.a, feed, nil)
		for _, it := range items {
			s, err := f.a.NormaliseReturn(it.Kind, it.Body)
			if err != nil || s.ExternalID != it.ExternalID || !channel.IsReturn(it.Kind) {
				f.t.Fatalf("%s %s: id %q, %v", it.Kind, it.ExternalID, s.ExternalID, err)
			}
			if len(s.Drift) > 0 {
				f.t.Errorf("%s %s: drift %v", it.Kind, it.ExternalID, s.Drift)
			}
			if request, ok := out[s.ExternalID]; ok && request.Part != s.Part {
				if request.Kind == orderhub.ReturnDefect {
					s.Kind = request.Kind
				}
				s.Actions = request.Actions
			}
			out[s.ExternalID] = s
		}
	}
	return out
}

// compare holds what the feeds tell against the market's books.
func (f *flow) compare(when string) map[string]orderhub.ReturnSnapshot {
	f.t.Helper()
	got := f.returns()
	truth := f.m.Returns()
	if len(truth) != len(got) {
		f.t.Errorf("%s: %d returns, the books have %d", when, len(got), len(truth))
	}
	for _, want := range truth {
		s := got[want.ID]
		units := map[string]int64{}
		for _, l := range s.Lines {
			if !s.NoGoods {
				units[l.SKU] += l.Quantity
			}
		}
		if s.OrderID != want.Order || s.Kind != want.Kind || s.State != want.State || !maps.Equal(units, want.Units) {
			f.t.Errorf("%s: return %s of %s is %s %s %v (%s), the books say %s %s %v", when, want.ID, s.OrderID,
				s.Kind, s.State, units, s.Native, want.Kind, want.State, want.Units)
		}
		if s.State == orderhub.ReturnAtPickup && (s.PickUpBy.IsZero() || s.Barcode == "" || s.Place == "") {
			f.t.Errorf("%s: return %s lies at a point: by %s, barcode %q, place %q", when, want.ID, s.PickUpBy, s.Barcode, s.Place)
		}
	}
	return got
}

// Every return of the simulator comes through the feeds, at every step of its
// way as the books have it, and is answered where it can be.
func TestReturnsFollowTheBooks(t *testing.T) {
	t.Parallel()
	f := newFlow(t)
	refused, part, back := f.place(orderhub.SchemeFBS), f.place(orderhub.SchemeFBS), f.place(orderhub.SchemeFBS)
	seller, door, fbo := f.place(orderhub.SchemeRFBS), f.place(orderhub.SchemeRFBS), f.place(orderhub.SchemeFBO)
	second := f.place(orderhub.SchemeRFBS)
	for number, to := range map[string]orderhub.Status{
		refused: orderhub.StatusReadyForPickup, part: orderhub.StatusReadyForPickup, back: orderhub.StatusDelivered,
		seller: orderhub.StatusDelivered, second: orderhub.StatusDelivered, door: orderhub.StatusShipped, fbo: orderhub.StatusReadyForPickup,
	} {
		f.bring(number, to)
	}
	f.compare("nothing comes back")
	f.act(refused, marketsim.ActRefuse)
	f.act(door, marketsim.ActRefuse)
	f.act(fbo, marketsim.ActRefuse)
	f.act(back, marketsim.ActReturn)
	f.act(seller, marketsim.ActReturn)
	f.act(second, marketsim.ActReturn)
	if err := f.m.RefuseSome(part, "KETTLE-17", 2); err != nil {
		t.Fatal(err)
	}
	codes := []string{"1010", actionCompensate, actionReject, "1010", actionRejectLater, "1040"}
	for round := range 6 {
		got := f.compare(fmt.Sprintf("round %d", round))
		asked := 0
		for _, truth := range f.m.Returns() {
			r := got[truth.ID]
			if len(r.Actions) > 0 {
				f.answer(r, codes[(asked+round)%len(codes)])
				asked++
			}
			if _, err := f.m.ProgressReturn(truth.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := f.snapshot(back); s.Status != orderhub.StatusDelivered {
		t.Errorf("a posting whose goods came back is %s", s.Status)
	}
}

// answer gives the wanted answer if it is offered, else the first one.
func (f *flow) answer(r orderhub.ReturnSnapshot, want string) {
	f.t.Helper()
	act := r.Actions[0]
	for _, a := range r.Actions {
		if a.Code == want {
			act = a
		}
	}
	ans := channel.ReturnAnswer{Key: "effect-9", Return: r, Action: act.Code, Attempt: 1}
	if act.NeedsComment {
		ans.Comment, ans.Reason = "Товар был в употреблении", act.Reasons[0].Code
	}
	if act.NeedsAmount {
		ans.Amount = orderhub.Money{Minor: 12345, Currency: "RUB"}
	}
	got, err := f.a.AnswerReturn(f.t.Context(), []channel.ReturnAnswer{ans})
	if err != nil || got[0].Outcome != channel.OutcomeAccepted {
		f.t.Errorf("answer %s to %s: %+v, %v", act.Code, r.ExternalID, got, err)
	}
}

// An answer whose confirmation was lost is uncertain, is seen at the next
// attempt, and is in the books once.
func TestLostAnswersAreGivenOnce(t *testing.T) {
	t.Parallel()
	lost := func(path string) marketsim.Scripted {
		return marketsim.Scripted{Method: "POST", Path: path, Nth: 1, Fault: marketsim.FaultTimeoutAfter}
	}
	f := newFlow(t, lost(pathReturnAction), lost(pathCancelApprove), lost(pathCancelReject), lost(pathProductCancel))
	twice := func(what string, do func(attempt int) ([]channel.PushResult, error)) {
		t.Helper()
		first, err := do(1)
		if err != nil || first[0].Outcome != channel.OutcomeFailed || orderhub.ClassOf(first[0].Err) != orderhub.ClassUncertain {
			t.Errorf("%s: a lost answer is %+v, %v", what, first, err)
		}
		second, err := do(2)
		if err != nil || second[0].Outcome != channel.OutcomeDone {
			t.Errorf("%s: the next attempt is %+v, %v", what, second, err)
		}
	}
	bought := f.place(orderhub.SchemeRFBS)
	f.bring(bought, orderhub.StatusDelivered)
	f.act(bought, marketsim.ActReturn)
	truth := f.m.Returns()[0]
	r := f.returns()[truth.ID]
	twice("return", func(attempt int) ([]channel.PushResult, error) {
		return f.a.AnswerReturn(t.Context(), []channel.ReturnAnswer{{Key: "e", Return: r, Action: "1010", Attempt: attempt}})
	})
	if truth = f.m.Returns()[0]; len(truth.Answers) != 1 {
		t.Errorf("answers in the books: %v", truth.Answers)
	}
	for _, answer := range []string{answerAccept, answerDecline} {
		number := f.place(orderhub.SchemeRFBS)
		f.act(number, marketsim.ActRequestCancel)
		p := f.push(number, "")
		p.Reason, p.Params = "уже едет", map[string]string{paramAnswer: answer}
		twice(answer, func(attempt int) ([]channel.PushResult, error) {
			p.Attempt = attempt
			return f.a.AnswerCancel(t.Context(), []channel.Push{p})
		})
		// The other answer comes too late.
		p.Params = map[string]string{paramAnswer: map[string]string{answerAccept: answerDecline, answerDecline: answerAccept}[answer]}
		got, err := f.a.AnswerCancel(t.Context(), []channel.Push{p})
		if err != nil || orderhub.ClassOf(got[0].Err) != orderhub.ClassRejected {
			t.Errorf("the other answer than %s: %+v, %v", answer, got, err)
		}
		if s := f.snapshot(number); (s.Status == orderhub.StatusCancelled) != (answer == answerAccept) || s.CancelRequest != nil {
			t.Errorf("after %s the posting is %s, request %v", answer, s.Status, s.CancelRequest)
		}
	}
	number := f.place(orderhub.SchemeFBS)
	c := channel.LineCancel{Push: f.push(number, ""), Units: map[int]int64{0: 2}}
	c.Reason = "352"
	twice("lines", func(attempt int) ([]channel.PushResult, error) {
		c.Attempt = attempt
		return f.a.CancelLines(t.Context(), []channel.LineCancel{c})
	})
	if s := f.snapshot(number); s.Units() != 2 {
		t.Errorf("%d units are left, want 2", s.Units())
	}
}

// A request to cancel is in every answer about its posting, with its deadline,
// and gone with the next one after it was answered.
func TestCancelRequestsComeWithTheirPosting(t *testing.T) {
	t.Parallel()
	f := newFlow(t)
	asked, quiet, fbs := f.place(orderhub.SchemeRFBS), f.place(orderhub.SchemeRFBS), f.place(orderhub.SchemeFBS)
	f.act(asked, marketsim.ActRequestCancel)
	read := func() map[string][]orderhub.Snapshot {
		t.Helper()
		out := map[string][]orderhub.Snapshot{asked: {f.snapshot(asked)}, quiet: {f.snapshot(quiet)}, fbs: {f.snapshot(fbs)}}
		for _, feed := range []string{feedUnfulfilled, feedChanges} {
			items, _ := sweepOf(t, f.a, feed, nil)
			for _, it := range items {
				s, err := f.a.Normalise(it.Kind, it.Body)
				if err != nil {
					t.Fatal(err)
				}
				out[s.ExternalID] = append(out[s.ExternalID], s)
			}
		}
		return out
	}
	check := func(number string, wants bool) {
		t.Helper()
		list := read()[number]
		for i, s := range list {
			has := s.CancelRequest != nil && s.CancelRequest.ID != "" && s.CancelRequest.AnswerBy.After(time.Now())
			if has != wants || wants != (len(s.Holds) == 1 && s.Holds[0] == orderhub.HoldCancelRequest) {
				t.Errorf("answer %d about %s: request %+v, holds %v, want one: %v", i, number, s.CancelRequest, s.Holds, wants)
			}
		}
		if len(list) != 3 {
			t.Errorf("%d answers about %s", len(list), number)
		}
	}
	check(asked, true)
	check(quiet, false)
	check(fbs, false)
	p := f.push(asked, "")
	p.Attempt, p.Comment, p.Params = 1, "Заказ уже едет", map[string]string{paramAnswer: answerDecline}
	if got, err := f.a.AnswerCancel(t.Context(), []channel.Push{p}); err != nil || got[0].Outcome != channel.OutcomeAccepted {
		t.Errorf("decline: %+v, %v", got, err)
	}
	check(asked, false)
}

const askedPostings = `{"has_next":false,"postings":[
	{"posting_number":"1-1-1","status":"delivering","tpl_integration_type":"non_integrated","in_process_at":"2026-11-19T10:00:00Z"},
	{"posting_number":"2-1-1","status":"awaiting_packaging","tpl_integration_type":"ozon","in_process_at":"2026-11-19T10:00:00Z"}]}`

// Requests to cancel cannot stop the orders for good, and orders do not pass
// without their requests when these are only late.
func TestCancelRequestsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer answer
		class  orderhub.Class // "" = the orders go on
	}{
		"no right":     {answer{status: 403, body: `{"code":7,"message":"Api-Key is missing a required role for a method"}`}, ""},
		"switched off": {answer{status: 400, body: `{"code":9,"message":"obsolete method cannot be used"}`}, ""},
		"down":         {answer{status: 500, body: `{"code":13,"message":"Internal error"}`}, orderhub.ClassRetry},
		"busy":         {answer{status: 429, body: `{"code":8,"message":"too many"}`}, orderhub.ClassRateLimited},
		"garbage":      {answer{body: `{"zz":1}`}, orderhub.ClassRetry},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := setup(t, map[string][]answer{pathUnfulfilled: ok(askedPostings), pathCancelAsked: {tc.answer}})
			page, err := a.List(t.Context(), feedUnfulfilled, nil)
			if tc.class == "" && (err != nil || len(page.Items) != 2) {
				t.Errorf("%d items, error %v", len(page.Items), err)
			}
			if tc.class != "" && (err == nil || orderhub.ClassOf(err) != tc.class) {
				t.Errorf("error %v, want class %s", err, tc.class)
			}
			want := map[string]any{"posting_number": []any{"1-1-1"}, "state": cancelWaits}
			if diff := cmp.Diff(want, s.asked[1].body["filters"]); diff != "" {
				t.Errorf("filters (-want +got):\n%s", diff)
			}
		})
	}
}

func lineCancel(reason, comment string, units map[int]int64) channel.LineCancel {
	p := push(order("41200577-0031-1", orderhub.SchemeFBS, orderhub.StatusNew, "product_cancel"), "")
	p.Reason, p.Comment = reason, comment
	return channel.LineCancel{Push: p, Units: units}
}

func TestCancelLinesRefusesBeforeTheCall(t *testing.T) {
	t.Parallel()
	for words, c := range map[string]channel.LineCancel{
		"one of Ozon's reasons": lineCancel("soon", "", map[int]int64{0: 1}),
		"needs a comment":       lineCancel("402", " ", map[int]int64{0: 1}),
		"wants a comment":       lineCancel("999", "", map[int]int64{0: 1}),
		"not in the order":      lineCancel("352", "", map[int]int64{0: 3}),
		"nothing to cancel":     lineCancel("352", "", nil),
		"cancel the order":      lineCancel("352", "", map[int]int64{0: 2, 1: 1}),
	} {
		a, s := setup(t, nil)
		got, err := a.CancelLines(t.Context(), []channel.LineCancel{c})
		if err != nil || len(s.asked) > 0 || orderhub.ClassOf(got[0].Err) != orderhub.ClassRejected || !strings.Contains(got[0].Err.Error(), words) {
			t.Errorf("want %q: %+v, error %v, %d calls", words, got[0], err, len(s.asked))
		}
	}
}

// On a further attempt the posting is read, and the call repeated only while
// Ozon still shows all that the ledger has.
func TestCancelLinesLooksFirst(t *testing.T) {
	t.Parallel()
	posting := func(status string, kettles, filters int, actions string) []answer {
		return ok(fmt.Sprintf(`{"result":{"posting_number":"41200577-0031-1","status":%q,"tpl_integration_type":"ozon","available_actions":[%s],"products":[
			{"offer_id":"KETTLE-17","sku":1550012345,"quantity":%d},{"offer_id":"0557722","sku":1550067890,"quantity":%d}]}}`, status, actions, kettles, filters))
	}
	const may = `"product_cancel"`
	for name, tc := range map[string]struct {
		get     []answer
		outcome channel.Outcome
		class   orderhub.Class
		calls   int
	}{
		"still there":    {posting("awaiting_packaging", 2, 1, may), channel.OutcomeAccepted, "", 2},
		"taken out":      {posting("awaiting_packaging", 1, 1, may), channel.OutcomeDone, "", 1},
		"something else": {posting("awaiting_packaging", 2, 0, may), channel.OutcomeFailed, orderhub.ClassRejected, 1},
		"assembled":      {posting("awaiting_deliver", 2, 1, `"cancel"`), channel.OutcomeFailed, orderhub.ClassRejected, 1},
		"cancelled":      {posting("cancelled", 2, 1, ""), channel.OutcomeFailed, orderhub.ClassRejected, 1},
		"unknown":        {[]answer{{status: 404, body: `{"code":5,"message":"POSTING_NOT_FOUND"}`}}, channel.OutcomeFailed, orderhub.ClassRetry, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := setup(t, map[string][]answer{pathGet: tc.get, pathProductCancel: ok(`{"result":""}`)})
			c := lineCancel("352", "", map[int]int64{0: 1})
			c.Attempt = 2
			got, err := a.CancelLines(t.Context(), []channel.LineCancel{c})
			if err != nil || got[0].Outcome != tc.outcome || (tc.class != "" && orderhub.ClassOf(got[0].Err) != tc.class) || len(s.asked) != tc.calls {
				t.Errorf("%+v, error %v, calls %v", got[0], err, s.paths())
			}
			if tc.calls == 2 && !strings.Contains(string(s.asked[1].raw), `"items":[{"sku":1550012345,"quantity":1}]`) {
				t.Errorf("asked %s", s.asked[1].raw)
			}
		})
	}
}

func TestAnswerReturnRefusesBeforeTheCall(t *testing.T) {
	t.Parallel()
	r := orderhub.ReturnSnapshot{ExternalID: "77", Lines: []orderhub.ReturnLine{{Price: orderhub.Roubles(10)}}, Actions: []orderhub.ReturnAction{
		{Code: "-1", NeedsComment: true, Reasons: []orderhub.ReturnReason{{Code: "51"}}}, {Code: "1020", NeedsAmount: true},
	}}
	for words, ans := range map[string]channel.ReturnAnswer{
		"does not offer":    {Action: "1010"},
		"numbers":           {Action: "approve"},
		"needs a comment":   {Action: "-1", Reason: "51"},
		"Ozon's reasons":    {Action: "-1", Comment: "no", Reason: "52"},
		"above zero":        {Action: "1020"},
		"must be in RUB":    {Action: "1020", Amount: orderhub.Money{Minor: 5, Currency: "KZT"}},
		"cannot be read be": {Action: "1020", Attempt: 2, Amount: orderhub.Roubles(1)},
	} {
		a, s := setup(t, map[string][]answer{pathRequest: ok(`{"returns":{"available_actions":[{"id":1020}]}}`)})
		ans.Return = r
		got, err := a.AnswerReturn(t.Context(), []channel.ReturnAnswer{ans})
		if err != nil || len(s.asked) > ans.Attempt/2 || got[0].Err == nil || !strings.Contains(got[0].Err.Error(), words) {
			t.Errorf("want %q: %+v, error %v, calls %v", words, got[0], err, s.paths())
		}
	}
}
