package wildberries

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
)

type returnSample struct {
	kind, name string
	body       []byte
}

func returnSamples(t *testing.T) []returnSample {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "returns", "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out []returnSample
	for _, p := range paths {
		if strings.HasSuffix(p, ".golden.json") {
			continue
		}
		body, err := os.ReadFile(filepath.Clean(p))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, returnSample{filepath.Base(filepath.Dir(p)), strings.TrimSuffix(filepath.Base(p), ".json"), body})
	}
	if len(out) < 10 {
		t.Fatalf("%d samples of returns", len(out))
	}
	return out
}

func TestNormaliseReturn(t *testing.T) {
	t.Parallel()
	for _, s := range returnSamples(t) {
		t.Run(s.kind+"/"+s.name, func(t *testing.T) {
			t.Parallel()
			snap, err := (&adapter{}).NormaliseReturn(s.kind, s.body)
			if broken := strings.HasPrefix(s.name, "broken"); broken != (err != nil) {
				t.Fatalf("error %v", err)
			}
			var shown any = snap
			if err != nil {
				shown = map[string]string{"error": err.Error()}
			}
			text, err := json.MarshalIndent(shown, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			channeltest.Golden(t, filepath.Join("testdata", "returns", s.kind, s.name+".golden.json"), append(text, '\n'))
		})
	}
	if _, err := (&adapter{}).NormaliseReturn(kindFBSNew, []byte(`{}`)); err == nil {
		t.Error("an order is no return")
	}
}

// TestDamagedReturns: whatever is missing or of another type, a return has its key
// and a state, or the error names the field.
func TestDamagedReturns(t *testing.T) {
	t.Parallel()
	for _, s := range returnSamples(t) {
		var fields map[string]json.RawMessage
		if json.Unmarshal(s.body, &fields) != nil {
			continue
		}
		for name := range fields {
			for _, value := range []string{"", "null", `"zz"`, "-1", "1e400", "{}", `[{"a":1}]`, "true"} {
				damaged := map[string]json.RawMessage{}
				for k, v := range fields {
					damaged[k] = v
				}
				delete(damaged, name)
				if value != "" {
					damaged[name] = json.RawMessage(value)
				}
				body, err := json.Marshal(damaged)
				if err != nil {
					t.Fatal(err)
				}
				snap, err := (&adapter{}).NormaliseReturn(s.kind, body)
				switch {
				case err != nil && !strings.Contains(err.Error(), "field "):
					t.Errorf("%s/%s with %s = %s: %v", s.kind, s.name, name, value, err)
				case err == nil && (snap.ExternalID == "" || snap.State.Rank() == 0 || snap.OrderID+snap.OrderRef == ""):
					t.Errorf("%s/%s with %s = %s: %+v", s.kind, s.name, name, value, snap)
				}
			}
		}
	}
}

func returningAdapter(t *testing.T, url string, settings map[string]string) *adapter {
	t.Helper()
	s := map[string]string{settingToken: testToken(tokenInfo{Type: 3, Mask: allCategories})}
	for k, v := range settings {
		s[k] = v
	}
	return testAdapter(t, url, s)
}

// TestReturnFeedsFail: what is no good answer is no empty list.
func TestReturnFeedsFail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		body   string
		want   orderhub.Class
	}{
		{200, "", orderhub.ClassRetry},
		{200, "<html>", orderhub.ClassRetry},
		{200, "null", orderhub.ClassRetry},
		{200, `"text"`, orderhub.ClassRetry},
		{200, `{"other":1}`, orderhub.ClassRetry},
		{200, `{"claims":[{]`, orderhub.ClassRetry},
		{401, `{"title":"unauthorized","detail":"token scope not allowed"}`, orderhub.ClassAuth},
		{403, `{"title":"forbidden","detail":"no"}`, orderhub.ClassAuth},
		{400, `{"title":"Invalid query params","detail":"missing field"}`, orderhub.ClassRejected},
		{429, gatewayBody, orderhub.ClassRateLimited},
		{500, "", orderhub.ClassRetry},
		{503, "<html>", orderhub.ClassRetry},
	} {
		url := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			w.Write([]byte(tt.body))
		}})
		for feed, category := range map[string]string{feedClaims: categoryReturns, feedGoods: categoryAnalytics} {
			page, err := returningAdapter(t, url, nil).List(t.Context(), feed, nil)
			if orderhub.ClassOf(err) != tt.want || err == nil || len(page.Items) > 0 {
				t.Errorf("%s with %d %s: %v, want %s", feed, tt.status, tt.body, err, tt.want)
			}
			if tt.status == 401 && !strings.Contains(err.Error(), category) {
				t.Errorf("%s: %v does not name the category", feed, err)
			}
		}
	}
	// No data is no failure of the report.
	a := returningAdapter(t, serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }}), nil)
	sweepAll(t, a, feedGoods, nil)
}

// TestReturnsCost: the tenfold price of a 4XX is stated for the Marketplace only.
func TestReturnsCost(t *testing.T) {
	t.Parallel()
	url := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }})
	for feed, group := range map[string]string{feedClaims: groupClaims, feedGoods: groupReturns} {
		quotas := &ledger{left: map[string]int{group: 10}}
		ad, err := Channel.Open(channel.Settings{channel.SettingBaseURL: url, settingToken: "t"}, channel.Deps{Quotas: quotas})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = ad.(*adapter).List(t.Context(), feed, nil)
		if got := quotas.Left()[group]; got != 9 {
			t.Errorf("%s: %d calls left, want 9", feed, got)
		}
	}
}

// TestReturnsWithoutCategory: a token that cannot read returns is told so without
// a call, and the switch turns the feeds off.
func TestReturnsWithoutCategory(t *testing.T) {
	t.Parallel()
	url := serve(t, map[string]http.HandlerFunc{
		"GET /ping":              func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"Status":"OK"}`)) },
		"GET /api/v3/warehouses": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`[]`)) },
		"/api/":                  func(_ http.ResponseWriter, r *http.Request) { t.Errorf("call %s", r.URL.Path) },
	})
	token := testToken(tokenInfo{Type: 1, Mask: 1<<bitMarketplace | 1<<bitContent})
	a := testAdapter(t, url, map[string]string{settingToken: token})
	off := testAdapter(t, url, map[string]string{settingToken: token, settingReturns: "off"})
	for feed, category := range map[string]string{feedClaims: categoryReturns, feedGoods: categoryAnalytics} {
		if _, err := a.List(t.Context(), feed, nil); orderhub.ClassOf(err) != orderhub.ClassAuth || !strings.Contains(err.Error(), category) {
			t.Errorf("%s: %v", feed, err)
		}
		if page, err := off.List(t.Context(), feed, nil); err != nil || !page.Done {
			t.Errorf("%s, switched off: %+v, %v", feed, page, err)
		}
	}
	if _, err := a.AnswerReturn(t.Context(), []channel.ReturnAnswer{{}}); orderhub.ClassOf(err) != orderhub.ClassAuth {
		t.Errorf("answer: %v", err)
	}
	lacks := func(a *adapter) int {
		res, err := a.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(strings.Join(res.Warnings, "\n"), "lacks the category")
	}
	if got := lacks(a); got != 2 {
		t.Errorf("%d warnings, want 2", got)
	}
	if got := lacks(off); got != 0 {
		t.Errorf("%d warnings although returns are off", got)
	}
}

// TestClaimPages: both lists are read to the end, pages overlap, and a cursor that
// lay for long starts over.
func TestClaimPages(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	total := map[string]int{"true": 25, "false": 11}
	a := returningAdapter(t, serve(t, map[string]http.HandlerFunc{"GET /api/v1/claims": func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		var offset, limit int
		_, _ = fmt.Sscan(q.Get("offset"), &offset)
		_, _ = fmt.Sscan(q.Get("limit"), &limit)
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, q.Get("is_archive")+" "+q.Get("offset"))
		n := total[q.Get("is_archive")]
		var rows []string
		for i := offset; i < min(n, offset+limit); i++ {
			rows = append(rows, fmt.Sprintf(`{"srid":"%s-%d"}`, q.Get("is_archive"), i))
		}
		fmt.Fprintf(w, `{"claims":[%s],"total":%d}`, strings.Join(rows, ","), n)
	}}), nil)
	a.c.claimPage = 10
	seen := map[string]bool{}
	var cursors []channel.Cursor
	var cursor channel.Cursor
	for done := false; !done; {
		cursors = append(cursors, cursor)
		page, err := a.List(t.Context(), feedClaims, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			seen[it.ExternalID] = true
		}
		cursor, done = page.Next, page.Done
	}
	if want := []string{"true 0", "true 9", "true 18", "false 0", "false 9"}; !slices.Equal(asked, want) || len(seen) != 36 {
		t.Errorf("asked %q, want %q; %d claims", asked, want, len(seen))
	}
	if len(cursor) != 0 {
		t.Errorf("the next sweep begins at %s", cursor)
	}
	// The same cursor resumes at its place, later it starts over.
	for later, want := range map[time.Duration]string{29 * time.Minute: "true 18", time.Hour: "true 0"} {
		asked = nil
		a.now = func() time.Time { return testNow.Add(later) }
		if _, err := a.List(t.Context(), feedClaims, cursors[2]); err != nil || !slices.Equal(asked, []string{want}) {
			t.Errorf("after %s: asked %q, %v; want %s", later, asked, err, want)
		}
	}
	for _, odd := range []string{"page=3", `{"offset":-1}`, `{"part":"x"}`, "null"} {
		asked = nil
		if _, err := a.List(t.Context(), feedClaims, channel.Cursor(odd)); err != nil || !slices.Equal(asked, []string{"true 0"}) {
			t.Errorf("cursor %s: asked %q, %v", odd, asked, err)
		}
	}
}

// TestNewestClaimCounts: one item per order of a page; what has no key goes alone.
func TestNewestClaimCounts(t *testing.T) {
	t.Parallel()
	var raws []json.RawMessage
	for _, body := range []string{
		`{"id":"a","srid":"1","dt":"2026-11-20T10:00:00.5"}`, `{"id":"b","srid":"2","dt":"2026-11-20T10:00:00"}`,
		`{"id":"c","srid":"1","dt":"2026-11-20T10:00:00"}`, `{"id":"d","srid":"2","dt":"2026-11-21T10:00:00"}`, `{"id":"e"}`, `"claim"`,
	} {
		raws = append(raws, json.RawMessage(body))
	}
	var got []string
	for _, it := range claimItems(raws) {
		var w wireClaim
		_ = json.Unmarshal(it.Body, &w)
		got = append(got, it.ExternalID+w.ID)
	}
	if want := []string{"1a", "2d", "e", ""}; !slices.Equal(got, want) {
		t.Errorf("items %q, want %q", got, want)
	}
}

// TestGoodsWindows: both lists are asked for 93 days by Moscow's calendar, without
// a gap and at most 31 days at once.
func TestGoodsWindows(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	a := returningAdapter(t, serve(t, map[string]http.HandlerFunc{"GET /api/analytics/v1/item-returns": func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, strings.Join([]string{q.Get("status"), q.Get("dateFrom"), q.Get("dateTo"), q.Get("offset")}, " "))
		w.Write([]byte(`{"count":0,"report":[]}`))
	}}), nil)
	a.now = func() time.Time { return time.Date(2026, 11, 22, 21, 30, 0, 0, time.UTC) }
	sweepAll(t, a, feedGoods, nil)
	want := []string{
		"active 2026-08-23 2026-09-22 0", "active 2026-09-23 2026-10-23 0", "active 2026-10-24 2026-11-23 0",
		"archive 2026-08-23 2026-09-22 0", "archive 2026-09-23 2026-10-23 0", "archive 2026-10-24 2026-11-23 0",
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

// returns reads both feeds of a story and keeps the last state of each half.
func (s *story) returns() map[string]orderhub.ReturnSnapshot {
	s.t.Helper()
	out := map[string]orderhub.ReturnSnapshot{}
	for _, feed := range []string{feedClaims, feedGoods} {
		var cursor channel.Cursor
		for done := false; !done; {
			page, err := s.a.List(s.t.Context(), feed, cursor)
			if err != nil {
				s.t.Fatalf("list %s: %v", feed, err)
			}
			for _, it := range page.Items {
				snap, err := s.a.NormaliseReturn(it.Kind, it.Body)
				if err != nil || snap.ExternalID != it.ExternalID || len(snap.Drift) > 0 || !channel.IsReturn(it.Kind) {
					s.t.Fatalf("%s: %+v, %v", it.Body, snap, err)
				}
				old := out[it.ExternalID]
				if snap.Part == old.Part && snap.ChangedAt.Before(old.ChangedAt) {
					continue // an older claim about the same order
				}
				if snap.Part == partGoods { // what the claim told stays
					snap.Refund, snap.NoGoods, snap.Attrs, snap.Actions = old.Refund, old.NoGoods, old.Attrs, old.Actions
				}
				out[it.ExternalID] = snap
			}
			cursor, done = page.Next, page.Done
		}
	}
	return out
}

// compare holds what the feeds say against the books.
func (s *story) compare() map[string]orderhub.ReturnSnapshot {
	s.t.Helper()
	got := s.returns()
	truth := s.market.Returns()
	if len(got) != len(truth) {
		s.t.Errorf("%d returns, %d in the books", len(got), len(truth))
	}
	for _, want := range truth {
		snap := got[want.ID]
		order := s.known[want.Order]
		keeps := snap.NoGoods || snap.Native == claimRejected
		if snap.State != want.State || snap.Kind != want.Kind || snap.Refund.Minor != want.RefundMinor || keeps != (len(want.Units) == 0) {
			s.t.Errorf("return of %s: %+v; the books say %+v", want.Order, snap, want)
		}
		if snap.OrderID != want.Order && (order == nil || snap.OrderRef != order.Snapshot.Ref) {
			s.t.Errorf("return of %s names %q, %q", want.Order, snap.OrderID, snap.OrderRef)
		}
		if snap.Part == partClaim && snap.OpenedAt.Before(want.OpenedAt.Truncate(time.Microsecond)) {
			s.t.Errorf("opened at %s, the books say %s", snap.OpenedAt, want.OpenedAt)
		}
	}
	return got
}

// sell brings n orders to their buyers.
func (s *story) sell(n int64, steps int) []string {
	s.t.Helper()
	ids := s.place(orderhub.SchemeFBS, "MUG", n)
	s.sync()
	s.want("accept", s.push(orderhub.StatusConfirmed, nil, ids...), channel.OutcomeAccepted)
	s.want("hand over", s.push(orderhub.StatusShipped, nil, ids...), channel.OutcomeAccepted)
	for _, id := range ids {
		for range steps {
			if _, err := s.market.Progress(id); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	return ids
}

func (s *story) act(act marketsim.BuyerAct, ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		if err := s.market.Act(id, act); err != nil {
			s.t.Fatal(err)
		}
	}
}

// answer answers the claim about an order.
func (s *story) answer(order, action, comment string, attempt int) channel.PushResult {
	s.t.Helper()
	o := s.known[order]
	results, err := s.a.AnswerReturn(s.t.Context(), []channel.ReturnAnswer{{
		Key: "effect-" + order, Order: *o, Return: s.returns()[o.Snapshot.Ref], Action: action, Comment: comment, Attempt: attempt,
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	return results[0]
}

// TestStoryReturns: every fate of a claim and of refused goods, step by step.
func TestStoryReturns(t *testing.T) {
	t.Parallel()
	s := newStory(t, map[string]string{settingShippingPoint: "507"}, nil)
	s.a.c.page, s.a.c.claimPage = 3, 3
	refused := s.sell(2, 2)
	s.act(marketsim.ActRefuse, refused...)
	ids := s.sell(8, 3)
	s.act(marketsim.ActReturn, ids...)
	for _, snap := range s.compare() {
		if snap.Part == partClaim && (len(snap.Actions) != 7 || snap.Attrs[attrClaim] == "") {
			t.Errorf("claim %+v", snap)
		}
	}
	for i, action := range []string{"approve1", "approve2", "autorefund1", "reject1", actionRejectCustom} {
		if r := s.answer(ids[i], action, "Товар без следов брака", 1); r.Outcome != channel.OutcomeAccepted {
			t.Errorf("%s: %s, %v", action, r.Outcome, r.Err)
		}
	}
	s.compare()
	// A rejected claim is granted after all; another buyer complains again.
	if r := s.answer(ids[3], "approve1", "", 1); r.Outcome != channel.OutcomeAccepted {
		t.Errorf("granted after all: %v", r.Err)
	}
	s.act(marketsim.ActReturn, ids[4])
	deadlines := 0
	for moved := true; moved; {
		for _, snap := range s.compare() {
			if !snap.PickUpBy.IsZero() {
				deadlines++
			}
		}
		moved = false
		for _, r := range s.market.Returns() {
			more, err := s.market.ProgressReturn(r.ID)
			if err != nil {
				t.Fatal(err)
			}
			moved = moved || more
		}
	}
	if deadlines == 0 {
		t.Error("no return told how long the goods are kept")
	}
	s.statusIs(orderhub.StatusDelivered, ids...)
	s.statusIs(orderhub.StatusCancelled, refused...)
}
