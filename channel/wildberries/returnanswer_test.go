package wildberries

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/marketsim"
)

const claimPath = "/api/v1/claim"

// answers lists the seller's answers in the books.
func (s *story) answers() string {
	var out []string
	for _, r := range s.market.Returns() {
		for _, c := range r.Answers {
			out = append(out, c.What)
		}
	}
	return strings.Join(out, " ")
}

// TestLostAnswer: an answer that may have been given is looked for, and given once.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for _, fault := range []marketsim.Fault{marketsim.FaultTimeoutAfter, marketsim.FaultTimeoutBefore, marketsim.FaultServerError} {
		for _, action := range []string{"approve1", "approve2", "autorefund1", "reject3", actionRejectCustom} {
			t.Run(string(fault)+" "+action, func(t *testing.T) {
				t.Parallel()
				s := newStory(t, map[string]string{settingShippingPoint: "507"}, nil)
				id := s.sell(1, 3)[0]
				s.act(marketsim.ActReturn, id)
				s.inject.Set(marketsim.Faults{Script: []marketsim.Scripted{{Method: http.MethodPatch, Path: claimPath, Nth: 1, Fault: fault}}})
				r := s.answer(id, action, "Товар без следов брака", 1)
				if orderhub.ClassOf(r.Err) != orderhub.ClassUncertain || r.Outcome != channel.OutcomeFailed {
					t.Errorf("first attempt: %s, %v", r.Outcome, r.Err)
				}
				want := channel.OutcomeAccepted
				if fault == marketsim.FaultTimeoutAfter {
					want = channel.OutcomeDone
				}
				r = s.answer(id, action, "Товар без следов брака", 2)
				if r.Outcome != want || (want == channel.OutcomeDone && (len(r.Items) != 1 || r.Items[0].Kind != kindClaim)) {
					t.Errorf("second attempt: %+v, want %s", r, want)
				}
				if got := s.answers(); got != action {
					t.Errorf("answers in the books: %q", got)
				}
				s.compare()
			})
		}
	}
}

// TestAnsweredElsewhere: somebody answered in the cabinet between the read and
// the answer.
func TestAnsweredElsewhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		theirs, ours string
		attempt      int
		want         channel.Outcome
	}{
		{"approve2", "approve2", 1, channel.OutcomeDone},
		{"reject1", "reject2", 1, channel.OutcomeDone},
		{"approve2", "reject1", 1, channel.OutcomeFailed},
		{"approve2", "reject1", 2, channel.OutcomeFailed},
		{"reject1", "approve1", 2, channel.OutcomeAccepted}, // may be looked at again
		{"approve1", "autorefund1", 2, channel.OutcomeAccepted},
	} {
		t.Run(tt.theirs+" then "+tt.ours, func(t *testing.T) {
			t.Parallel()
			s := newStory(t, map[string]string{settingShippingPoint: "507"}, nil)
			id := s.sell(1, 3)[0]
			s.act(marketsim.ActReturn, id)
			o := s.known[id]
			old := s.returns()[o.Snapshot.Ref]
			if err := s.a.c.answerClaim(t.Context(), claimAnswer{ID: old.Attrs[attrClaim], Action: tt.theirs}); err != nil {
				t.Fatal(err)
			}
			results, err := s.a.AnswerReturn(t.Context(), []channel.ReturnAnswer{{Key: "k", Order: *o, Return: old, Action: tt.ours, Attempt: tt.attempt}})
			if err != nil || results[0].Outcome != tt.want {
				t.Fatalf("%+v, %v; want %s", results, err, tt.want)
			}
			if tt.want == channel.OutcomeFailed && orderhub.ClassOf(results[0].Err) != orderhub.ClassRejected {
				t.Errorf("%v, want a rejection", results[0].Err)
			}
		})
	}
}

// TestAnswersRefusedWithoutCall: what Wildberries would refuse for sure.
func TestAnswersRefusedWithoutCall(t *testing.T) {
	t.Parallel()
	a := returningAdapter(t, serve(t, map[string]http.HandlerFunc{"/": func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s", r.Method, r.URL.Path)
	}}), nil)
	ret := orderhub.ReturnSnapshot{
		Attrs:   map[string]string{attrClaim: "c"},
		Actions: []orderhub.ReturnAction{{Code: "approve1"}, {Code: actionRejectCustom}, {Code: actionApproveShop}},
	}
	for word, answer := range map[string]channel.ReturnAnswer{
		"no claim":     {Return: orderhub.ReturnSnapshot{Actions: ret.Actions}, Action: "approve1", Attempt: 1},
		"does not":     {Return: ret, Action: "approve2", Attempt: 1},
		"not 0":        {Return: ret, Action: actionRejectCustom, Attempt: 1},
		"not 9":        {Return: ret, Action: actionRejectCustom, Comment: " девять зн ", Attempt: 1},
		"not 5":        {Return: ret, Action: actionApproveShop, Comment: "звони", Attempt: 2},
		"not 1001":     {Return: ret, Action: actionRejectCustom, Comment: strings.Repeat("я", 1001), Attempt: 2},
		"the answer  ": {Return: ret, Action: "<script>", Attempt: 1},
	} {
		results, err := a.AnswerReturn(t.Context(), []channel.ReturnAnswer{answer})
		if err != nil || orderhub.ClassOf(results[0].Err) != orderhub.ClassRejected || !strings.Contains(results[0].Err.Error(), word) {
			t.Errorf("%q: %+v, %v", word, results, err)
		}
	}
	readOnly := returningAdapter(t, "http://127.0.0.1:1", map[string]string{settingToken: testToken(tokenInfo{Type: 3, Mask: allCategories | 1<<bitReadOnly})})
	if _, err := readOnly.AnswerReturn(t.Context(), []channel.ReturnAnswer{{}}); orderhub.ClassOf(err) != orderhub.ClassAuth {
		t.Errorf("read-only: %v", err)
	}
}

// TestAnswerBodies: what is sent, and what stops the answers behind.
func TestAnswerBodies(t *testing.T) {
	t.Parallel()
	var bodies []string
	status := http.StatusOK
	a := returningAdapter(t, serve(t, map[string]http.HandlerFunc{"PATCH " + claimPath: func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		w.WriteHeader(status)
	}}), nil)
	answer := func(action, comment string) channel.ReturnAnswer {
		return channel.ReturnAnswer{
			Return: orderhub.ReturnSnapshot{Attrs: map[string]string{attrClaim: "c"}, Actions: []orderhub.ReturnAction{{Code: action}}},
			Action: action, Comment: comment, Attempt: 1,
		}
	}
	results, err := a.AnswerReturn(t.Context(), []channel.ReturnAnswer{
		answer("approve1", "ненужный комментарий"), answer(actionRejectCustom, " Товар <без> следов "), answer(actionApproveShop, ""),
	})
	if err != nil || results[0].Note == "" || results[1].Note != "" {
		t.Errorf("%+v, %v", results, err)
	}
	want := `{"id":"c","action":"approve1"} {"id":"c","action":"rejectcustom","comment":"Товар <без> следов"} {"id":"c","action":"approvecc1"}`
	if got := strings.Join(bodies, " "); got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	for code, left := range map[int]channel.Outcome{
		http.StatusForbidden: channel.OutcomeUnsent, http.StatusTooManyRequests: channel.OutcomeUnsent, http.StatusBadGateway: channel.OutcomeFailed,
	} {
		status, bodies = code, nil
		results, err := a.AnswerReturn(t.Context(), []channel.ReturnAnswer{answer("approve1", ""), answer("approve1", "")})
		if err != nil || results[0].Outcome != channel.OutcomeFailed || results[1].Outcome != left {
			t.Errorf("HTTP %d: %+v, %v", code, results, err)
		}
	}
}
