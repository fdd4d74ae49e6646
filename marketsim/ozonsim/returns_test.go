package ozonsim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"pgregory.net/rapid"
)

// checkReturns: never more comes back than was handed over, and what was handed
// over and cancelled comes back whole.
func checkReturns(t *rapid.T, m *Market) {
	back := map[string]int64{}
	for _, r := range m.rets {
		back[r.p.number] += r.line.quantity
	}
	m.enter()
	defer m.mu.Unlock()
	for number, p := range m.postings {
		st := p.state()
		n, shipped := back[number], units(st.lines)
		switch {
		case n > shipped, n > 0 && st.handedOver.IsZero():
			t.Fatalf("%s: %d of %d units come back, handed over %s", number, n, shipped, st.handedOver)
		case st.status == cancelled && !st.handedOver.IsZero() && n != shipped:
			t.Fatalf("%s was cancelled on its way and %d of %d units come back", number, n, shipped)
		case p.ask != nil && (!st.cancelAsked || !cancellable(p, st)):
			t.Fatalf("%s is %s and its request to cancel still waits", number, st.status)
		}
	}
}

// toDelivery moves a posting to the buyer's door, and further to the delivery.
func (w *world) toDelivery(number string, delivered bool) {
	w.t.Helper()
	w.ship(number)
	moves := []string{"delivering", "last-mile"}
	if delivered {
		moves = append(moves, "delivered")
	}
	for i := range 4 {
		if w.truth(number).Scheme != rfbs {
			if i < 2 || delivered {
				_, _ = w.m.Progress(number)
			}
			continue
		}
		if i < len(moves) {
			w.post("/v2/fbs/posting/"+moves[i], obj{"posting_number": []string{number}})
			w.clock.add(5 * time.Second)
		} else if delivered {
			_, _ = w.m.Progress(number)
		}
	}
}

func (w *world) returnsOf(number string) []marketsim.TruthReturn {
	w.t.Helper()
	return slices.DeleteFunc(w.m.Returns(), func(r marketsim.TruthReturn) bool { return r.Order != number })
}

func (w *world) progressReturn(id string, want bool) {
	w.t.Helper()
	moved, err := w.m.ProgressReturn(id)
	if err != nil || moved != want {
		w.t.Fatalf("progress return %s: moved %v, %v; want %v", id, moved, err, want)
	}
}

// callReturns calls every method about returns and requests to cancel, in every
// state that a return can have.
func (w *world) callReturns(good func(path string, body any)) {
	w.t.Helper()
	at := w.clock.now().Truncate(time.Second)
	number := w.place(marketsim.OrderSpec{Scheme: rfbs})
	w.act(number, marketsim.ActRequestCancel)
	id := w.m.asks[len(w.m.asks)-1].id
	good("/v2/conditional-cancellation/list", obj{"filters": obj{"posting_number": []string{number}, "state": "ON_APPROVAL"}, "limit": 500, "last_id": 0})
	good("/v2/conditional-cancellation/reject", obj{"cancellation_id": id, "comment": "уже едет"})
	w.act(number, marketsim.ActRequestCancel)
	good("/v2/conditional-cancellation/approve", obj{"cancellation_id": id + 1})
	good("/v2/conditional-cancellation/list", obj{"limit": 500, "with": obj{"counter": true}})

	bought, refused := w.place(marketsim.OrderSpec{Scheme: rfbs}), w.place(marketsim.OrderSpec{})
	w.toDelivery(bought, true)
	w.act(bought, marketsim.ActReturn)
	w.toDelivery(refused, false)
	w.act(refused, marketsim.ActRefuse)
	read := func() {
		good("/v1/returns/list", obj{"filter": obj{"visual_status_change_moment": obj{"time_from": at.AddDate(0, 0, -1), "time_to": at.AddDate(0, 0, 1)}}, "limit": 500, "last_id": 0})
		good("/v2/returns/rfbs/list", obj{"filter": obj{"group_state": []string{"All"}, "created_at": obj{"from": at.AddDate(0, 0, -1), "to": at.AddDate(0, 0, 1)}}, "limit": 100})
		for _, r := range w.returnsOf(bought) {
			good("/v2/returns/rfbs/get", obj{"return_id": num64(r.ID)})
		}
	}
	read()
	for _, action := range []int{1010, 1040} {
		good("/v1/returns/rfbs/action/set", obj{"return_id": num64(w.returnsOf(bought)[0].ID), "id": action})
		for range 3 {
			for _, r := range w.m.Returns() {
				if _, err := w.m.ProgressReturn(r.ID); err != nil {
					w.t.Fatal(err)
				}
			}
			read()
		}
	}
}

func num64(id string) (n int64) {
	_, _ = fmt.Sscan(id, &n)
	return n
}

// Where goods come back, by which type, and where they are after each step.
func TestReturnsOnTheirWay(t *testing.T) {
	t.Parallel()
	const wait, way, point, got = orderhub.ReturnAnnounced, orderhub.ReturnOnTheWay, orderhub.ReturnAtPickup, orderhub.ReturnReceived
	for name, tc := range map[string]struct {
		scheme    orderhub.Scheme
		delivered bool
		act       func(w *world, number string)
		kind      orderhub.ReturnKind
		states    []orderhub.ReturnState
	}{
		"FBS refused":    {orderhub.SchemeFBS, false, func(w *world, n string) { w.act(n, marketsim.ActRefuse) }, orderhub.ReturnRefused, []orderhub.ReturnState{wait, way, point, got}},
		"FBS sent back":  {orderhub.SchemeFBS, true, func(w *world, n string) { w.act(n, marketsim.ActReturn) }, orderhub.ReturnCustomer, []orderhub.ReturnState{wait, way, point, got}},
		"rFBS refused":   {rfbs, false, func(w *world, n string) { w.act(n, marketsim.ActRefuse) }, orderhub.ReturnRefused, []orderhub.ReturnState{way, got}},
		"a part refused": {orderhub.SchemeFBS, false, func(w *world, n string) { check(w.t, w.m.RefuseSome(n, "LAMP-7", 1)) }, orderhub.ReturnRefused, []orderhub.ReturnState{wait, way, point, got}},
		"rFBS waits":     {rfbs, true, func(w *world, n string) { w.act(n, marketsim.ActReturn) }, "", []orderhub.ReturnState{wait}},
		"cancelled on way": {rfbs, false, func(w *world, n string) {
			ok[boolResponse](w, "/v2/posting/fbs/cancel", obj{"posting_number": n, "cancel_reason_id": 352})
		}, orderhub.ReturnRefused, []orderhub.ReturnState{way, got}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, nil)
			number := w.place(marketsim.OrderSpec{Scheme: tc.scheme})
			w.toDelivery(number, tc.delivered)
			tc.act(w, number)
			for i, want := range tc.states {
				for _, r := range w.returnsOf(number) {
					if r.State != want || (tc.kind != "" && r.Kind != tc.kind) {
						t.Errorf("step %d: %s %s, want %s %s", i, r.Kind, r.State, tc.kind, want)
					}
					w.progressReturn(r.ID, i < len(tc.states)-1)
				}
			}
			if len(w.returnsOf(number)) == 0 {
				t.Error("nothing comes back")
			}
		})
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What the seller answers to a request, and what becomes of it.
func TestRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	const set = "/v1/returns/rfbs/action/set"
	w := setup(t, nil)
	request := func() string {
		t.Helper()
		number := w.place(marketsim.OrderSpec{Scheme: rfbs})
		w.toDelivery(number, true)
		w.act(number, marketsim.ActReturn)
		return w.returnsOf(number)[0].ID // the mug
	}
	state := func(id string, want orderhub.ReturnState, refund int64) {
		t.Helper()
		for _, r := range w.m.Returns() {
			if r.ID == id && (r.State != want || r.RefundMinor != refund) {
				t.Errorf("return %s is %s, %d paid, want %s, %d", id, r.State, r.RefundMinor, want, refund)
			}
		}
	}
	checked := request()
	w.refuse(set, obj{"return_id": num64(checked), "id": 1040}, 400, 9, "action is not available for the return")
	ok[nothing](w, set, obj{"return_id": num64(checked), "id": 1010})
	w.refuse(set, obj{"return_id": num64(checked), "id": 1010}, 400, 9, "action is not available for the return")
	w.progressReturn(checked, true)
	w.progressReturn(checked, true)
	state(checked, orderhub.ReturnReceived, 0)
	ok[nothing](w, set, obj{"return_id": num64(checked), "id": 1040})
	state(checked, orderhub.ReturnReceived, 49000)

	part := request()
	ok[nothing](w, set, obj{"return_id": num64(part), "id": 1020, "compensation_amount": 100.5})
	w.progressReturn(part, true)
	state(part, orderhub.ReturnClosed, 10050)

	no := request()
	w.refuse(set, obj{"return_id": num64(no), "id": -1, "comment": "б/у"}, 400, 3, "Request validation error: comment and rejection_reason_id are required")
	ok[nothing](w, set, obj{"return_id": num64(no), "id": -1, "comment": "б/у", "rejection_reason_id": rejectReasonID})
	state(no, orderhub.ReturnAnnounced, 0)
	w.progressReturn(no, true)
	state(no, orderhub.ReturnClosed, 0)
	for _, r := range w.m.Returns() {
		if want := map[string]int{checked: 2, part: 1, no: 1}[r.ID]; len(r.Answers) != want {
			t.Errorf("return %s: %d answers in the books, want %d", r.ID, len(r.Answers), want)
		}
		if r.ID == part && len(r.Units) > 0 {
			t.Errorf("the buyer keeps the goods and the books say %v", r.Units)
		}
	}
}

// A request to cancel waits, is answered once, and ends with its posting.
func TestRequestsToCancel(t *testing.T) {
	t.Parallel()
	const base = "/v2/conditional-cancellation/"
	w := setup(t, nil)
	asked := func() (string, int64) {
		t.Helper()
		number := w.place(marketsim.OrderSpec{Scheme: rfbs})
		w.act(number, marketsim.ActRequestCancel)
		got := ok[asksResponse](w, base+"list", obj{"filters": obj{"posting_number": []string{number}, "state": askWaits}, "limit": 10})
		if len(got.Result) != 1 || !got.Result[0].AutoAt.After(w.clock.now()) {
			t.Fatalf("%+v", got)
		}
		return number, got.Result[0].ID
	}
	yes, id := asked()
	ok[nothing](w, base+"approve", obj{"cancellation_id": id})
	w.words(yes, cancelled, subCanceled)
	w.refuse(base+"reject", obj{"cancellation_id": id, "comment": "нет"}, 400, 9, errAskEnded.message)

	no, id := asked()
	w.refuse(base+"reject", obj{"cancellation_id": id}, 400, 3, "Request validation error: comment is required")
	ok[nothing](w, base+"reject", obj{"cancellation_id": id, "comment": "уже едет"})
	w.progress(no, false)
	w.act(no, marketsim.ActRequestCancel) // the buyer asks again
	w.progress(no, true)                  // and silence grants it
	w.words(no, cancelled, subCanceled)

	late, id := asked()
	w.toDelivery(late, true)
	w.refuse(base+"approve", obj{"cancellation_id": id}, 400, 9, errAskEnded.message)
	w.words(late, delivered, subDelivered)
	got := ok[asksResponse](w, base+"list", obj{"limit": 500})
	words := []string{}
	for _, r := range got.Result {
		words = append(words, r.State.State)
	}
	if !slices.Equal(words, []string{askApproved, askRejected, askApproved, askRejected}) {
		t.Errorf("requests end as %v", words)
	}
}

// The pages of returns, their filters, and what a replica shows that lags.
func TestReturnsAreListed(t *testing.T) {
	t.Parallel()
	const path = "/v1/returns/list"
	w := setup(t, nil)
	for range 3 {
		number := w.place(marketsim.OrderSpec{})
		w.toDelivery(number, false)
		w.act(number, marketsim.ActRefuse)
	}
	fbo := w.place(marketsim.OrderSpec{Scheme: orderhub.SchemeFBO})
	for range 4 {
		_, _ = w.m.Progress(fbo)
	}
	w.act(fbo, marketsim.ActRefuse)
	var seen []int64
	for last := int64(0); ; last = seen[len(seen)-1] {
		got := ok[returnsResponse](w, path, obj{"limit": 3, "last_id": last})
		for _, r := range got.Returns {
			seen = append(seen, r.ID)
		}
		if !got.HasNext {
			break
		}
	}
	if len(seen) != 8 || !slices.IsSorted(seen) || len(w.m.Returns()) != 6 {
		t.Errorf("listed %v, %d of them the seller's", seen, len(w.m.Returns()))
	}
	if got := ok[returnsResponse](w, path, obj{"limit": 500, "filter": obj{"return_schema": "FBO"}}); len(got.Returns) != 2 {
		t.Errorf("%d returns of FBO", len(got.Returns))
	}
	w.clock.add(time.Hour)
	w.progressReturn(w.m.Returns()[0].ID, true)
	now := w.clock.now()
	changed := obj{"visual_status_change_moment": obj{"time_from": now.Add(-time.Minute), "time_to": now}}
	if got := ok[returnsResponse](w, path, obj{"limit": 500, "filter": changed}); len(got.Returns) != 1 || got.Returns[0].Visual.Status.Word != visMoving {
		t.Errorf("changed: %+v", got.Returns)
	}
	changed["logistic_return_date"] = changed["visual_status_change_moment"]
	w.refuse(path, obj{"limit": 500, "filter": changed}, 400, 3, "Request validation error: only one of the filters by date is allowed")
	w.refuse(path, obj{"limit": 501}, 400, 3, "Request validation error: invalid Limit: value must be inside range [1, 500]")
}
