package ozon

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
)

// Every sample of a return gives its golden; only those named broken… are refused.
func TestNormaliseReturn(t *testing.T) {
	t.Parallel()
	a, _ := setup(t, nil)
	paths, err := filepath.Glob("testdata/returns/*/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(path, ".json")
		if strings.HasSuffix(name, ".golden") {
			continue
		}
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.NormaliseReturn(filepath.Base(filepath.Dir(path)), body)
		again, _ := a.NormaliseReturn(filepath.Base(filepath.Dir(path)), body)
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("%s, twice:\n%s", path, diff)
		}
		if broken := strings.HasPrefix(filepath.Base(name), "broken"); broken != (err != nil) {
			t.Errorf("%s: error %v", path, err)
		}
		var shown any = got
		if err != nil {
			shown = map[string]string{"error": err.Error()}
		}
		text, err := json.MarshalIndent(shown, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		channeltest.Golden(t, name+".golden.json", append(text, '\n'))
	}
	if _, err := a.NormaliseReturn("return_of_nobody", []byte("{}")); err == nil {
		t.Error("an unknown kind is taken")
	}
}

// Whatever comes, a return is named and has a state, or there is an error.
func FuzzNormaliseReturn(f *testing.F) {
	paths, _ := filepath.Glob("testdata/returns/*/*.json")
	for _, path := range paths {
		if body, err := os.ReadFile(path); err == nil && !strings.HasSuffix(path, ".golden.json") {
			f.Add(filepath.Base(filepath.Dir(path)) == kindReturn, body)
		}
	}
	f.Fuzz(func(t *testing.T, goods bool, body []byte) {
		kind := kindRequest
		if goods {
			kind = kindReturn
		}
		got, err := (&adapter{}).NormaliseReturn(kind, body)
		if err == nil && (got.ExternalID == "" || got.State.Rank() == 0 || len(got.Lines) != 1) {
			t.Errorf("%s: %+v", kind, got)
		}
	})
}

// Every documented word has a state, and a decision or money moves no goods.
func TestReturnWords(t *testing.T) {
	t.Parallel()
	if len(visualStates) != 33 {
		t.Errorf("%d words, the document has 33", len(visualStates))
	}
	for word, state := range visualStates {
		if state.Rank() == 0 || state == orderhub.ReturnDecided {
			t.Errorf("%s is %q", word, state)
		}
	}
}

func returnsAnswer(more string, ids ...string) string {
	rows := []string{}
	for _, id := range ids {
		id, schema, _ := strings.Cut(id, ":")
		rows = append(rows, `{"id":"`+id+`","schema":"`+schema+`","product":{"quantity":1}}`)
	}
	return `{"returns":[` + strings.Join(rows, ",") + `],"has_next":` + more + `}`
}

// sweepOf lists a feed to its end.
func sweepOf(t *testing.T, a *adapter, feed string, cursor channel.Cursor) ([]channel.Item, channel.Cursor) {
	t.Helper()
	var out []channel.Item
	for range 100 {
		page, err := a.List(t.Context(), feed, cursor)
		if err != nil {
			t.Fatalf("list %s: %v", feed, err)
		}
		out, cursor = append(out, page.Items...), page.Next
		if page.Done {
			return out, cursor
		}
	}
	t.Fatalf("list %s: no end", feed)
	return nil, nil
}

// The first sweep covers half a year in windows of a month that touch, the next
// one begins before the end of the last.
func TestReturnsWindows(t *testing.T) {
	t.Parallel()
	a, s := setup(t, map[string][]answer{pathReturns: ok(
		returnsAnswer("true", "7:Fbs", "9:FBO"), returnsAnswer("false", "12:FBS"), returnsAnswer("false"))})
	got, next := sweepOf(t, a, feedReturns, nil)
	if diff := cmp.Diff([]string{"7", "12"}, ids(got)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	type window struct{ from, to time.Time }
	windowOf := func(i int) window {
		t.Helper()
		f, _ := filterOf(t, s.asked[i])["visual_status_change_moment"].(map[string]any)
		from, err1 := time.Parse(time.RFC3339, f["time_from"].(string))
		to, err2 := time.Parse(time.RFC3339, f["time_to"].(string))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		return window{from, to}
	}
	if windowOf(0) != windowOf(1) || s.asked[1].body["last_id"] != 9.0 {
		t.Errorf("the second page asks for %v behind %v", windowOf(1), s.asked[1].body["last_id"])
	}
	last := windowOf(1)
	if want := testNow.Add(-firstReturns); !last.from.Equal(want) {
		t.Errorf("begins at %s, want %s", last.from, want)
	}
	for i := 2; i < len(s.asked); i++ {
		w := windowOf(i)
		if !w.from.Equal(last.to) || w.to.Sub(w.from) > returnsPiece || s.asked[i].body["last_id"] != 0.0 {
			t.Errorf("window %d is %v behind %v", i, w, last)
		}
		last = w
	}
	if !last.to.After(testNow) {
		t.Errorf("ends at %s", last.to)
	}
	before := len(s.asked)
	sweepOf(t, a, feedReturns, next)
	if w := windowOf(before); len(s.asked) != before+1 || !w.from.Equal(testNow.Add(-changesOverlap)) {
		t.Errorf("the next sweep asks %d times, from %s", len(s.asked)-before, w.from)
	}
}

// A list that never moves on ends the sweep, and its window is read again.
func TestReturnsStuckPage(t *testing.T) {
	t.Parallel()
	a, s := setup(t, map[string][]answer{pathReturns: ok(returnsAnswer("true", "7:Fbs"))})
	_, next := sweepOf(t, a, feedReturns, position{Mark: testNow.Add(-time.Hour)}.cursor())
	var pos position
	if err := json.Unmarshal(next, &pos); err != nil || !pos.Mark.Equal(testNow.Add(-time.Hour)) || len(s.asked) != 2 {
		t.Errorf("mark %s after %d calls, error %v", pos.Mark, len(s.asked), err)
	}
}

func requestsAnswer(rows ...string) string {
	out := []string{}
	for _, row := range rows {
		id, rest, _ := strings.Cut(row, ":")
		group, made, _ := strings.Cut(rest, "@")
		out = append(out, `{"return_id":`+id+`,"created_at":"`+made+`","state":{"group_state":"`+group+`"},"product":{"offer_id":"A"}}`)
	}
	return `{"returns":[` + strings.Join(out, ",") + `]}`
}

const details = `{"returns":{"available_actions":[{"id":1010,"name":"Check"}],"state":{"state":"ON_APPROVAL"}}}`

// Details are read of what may want an answer; of what is settled and old only
// in a deep sweep. One unreadable request goes without, and holds up nothing.
func TestRequestDetails(t *testing.T) {
	t.Parallel()
	rows := requestsAnswer("5:New@2026-08-20T00:00:00Z", "6:Approved@2026-09-20T00:00:00Z", "7:Rejected@2026-11-19T00:00:00Z")
	shallow := position{Deep: testNow.Add(-time.Hour)}.cursor()
	for name, tc := range map[string]struct {
		cursor  channel.Cursor
		get     []answer
		detail  []bool
		refused orderhub.Class
	}{
		"deep":               {nil, ok(details), []bool{true, true, true}, ""},
		"shallow":            {shallow, ok(details), []bool{true, false, true}, ""},
		"one is unknown":     {nil, append([]answer{{status: 404, body: `{"code":5,"message":"return is not found"}`}}, ok(details)...), []bool{false, true, true}, ""},
		"one fails":          {nil, append([]answer{{status: 500, body: `{}`}}, ok(details)...), []bool{false, true, true}, ""},
		"all fail":           {nil, []answer{{status: 500, body: `{}`}}, nil, orderhub.ClassRetry},
		"the key is refused": {nil, []answer{{status: 403, body: `{"code":7,"message":"no"}`}}, nil, orderhub.ClassAuth},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := setup(t, map[string][]answer{pathRequests: ok(rows), pathRequest: tc.get})
			page, err := a.List(t.Context(), feedRequests, tc.cursor)
			if tc.refused != "" {
				if err == nil || orderhub.ClassOf(err) != tc.refused {
					t.Errorf("error %v, want class %s", err, tc.refused)
				}
				return
			}
			if err != nil || !page.Done || len(page.Items) != 3 {
				t.Fatalf("%d items, done %v, error %v", len(page.Items), page.Done, err)
			}
			for i, it := range page.Items {
				got, err := a.NormaliseReturn(it.Kind, it.Body)
				if err != nil || got.ExternalID != it.ExternalID || (got.Actions != nil) != tc.detail[i] {
					t.Errorf("request %s: actions %v, error %v", it.ExternalID, got.Actions, err)
				}
			}
		})
	}
}

func TestRequestsPages(t *testing.T) {
	t.Parallel()
	a, s := setup(t, map[string][]answer{pathRequest: ok(details), pathRequests: ok(
		requestsAnswer("5:New@", "6:New@"), `{"returns":{"return_id":7,"state":{"group_state":"New"},"product":{}}}`)})
	a.requestsPage = 2
	got, _ := sweepOf(t, a, feedRequests, nil)
	if diff := cmp.Diff([]string{"5", "6", "7"}, ids(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if first, second := s.asked[0].body, s.asked[3].body; first["last_id"] != nil || second["last_id"] != 6.0 {
		t.Errorf("pages behind %v, %v", first["last_id"], second["last_id"])
	}
}

// On a further attempt an action that is gone was taken, also when a replica
// that lags still offers it at first.
func TestAnswerReturnLooksFirst(t *testing.T) {
	t.Parallel()
	const gone = `{"returns":{"available_actions":[],"product":{},"posting_number":"1-1-1"}}`
	const offered = `{"returns":{"available_actions":[{"id":1010}],"product":{}}}`
	no := []answer{{status: 400, body: `{"code":9,"message":"action is not available for the return"}`}}
	for name, tc := range map[string]struct {
		get, set []answer
		outcome  channel.Outcome
		class    orderhub.Class
		calls    []string
	}{
		"gone":            {ok(gone), nil, channel.OutcomeDone, "", []string{pathRequest}},
		"offered":         {ok(offered), ok(""), channel.OutcomeAccepted, "", []string{pathRequest, pathReturnAction}},
		"a lagging read":  {ok(offered, gone), no, channel.OutcomeDone, "", []string{pathRequest, pathReturnAction, pathRequest}},
		"refused":         {ok(offered), no, channel.OutcomeFailed, orderhub.ClassRejected, []string{pathRequest, pathReturnAction, pathRequest}},
		"a page answers":  {ok(offered), ok("<html>"), channel.OutcomeFailed, orderhub.ClassUncertain, []string{pathRequest, pathReturnAction}},
		"the read fails":  {[]answer{{status: 500, body: "{}"}}, nil, channel.OutcomeFailed, orderhub.ClassRetry, []string{pathRequest}},
		"actions missing": {ok(`{"returns":{"product":{}}}`), nil, channel.OutcomeFailed, orderhub.ClassRetry, []string{pathRequest}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := setup(t, map[string][]answer{pathRequest: tc.get, pathReturnAction: tc.set})
			ans := channel.ReturnAnswer{Key: "e", Action: "1010", Attempt: 2, Return: orderhub.ReturnSnapshot{ExternalID: "77"}}
			got, err := a.AnswerReturn(t.Context(), []channel.ReturnAnswer{ans})
			if err != nil || got[0].Outcome != tc.outcome || (tc.class != "" && orderhub.ClassOf(got[0].Err) != tc.class) {
				t.Errorf("%+v, error %v", got[0], err)
			}
			if diff := cmp.Diff(tc.calls, s.paths()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// What is not a list of returns is no empty page.
func TestReturnsGarbage(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"zz":1}`, `null`, ``, `<html>`, `"x"`} {
		for feed, path := range map[string]string{feedReturns: pathReturns, feedRequests: pathRequests} {
			a, _ := setup(t, map[string][]answer{path: ok(body)})
			if _, err := a.List(t.Context(), feed, nil); err == nil || orderhub.ClassOf(err) != orderhub.ClassRetry {
				t.Errorf("%s takes %q: %v", feed, body, err)
			}
		}
	}
}
