package yandexmarket

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
)

func returnSamples(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join("testdata", "returns", "*.json"))
	if err != nil || len(all) == 0 {
		t.Fatalf("samples: %d, %v", len(all), err)
	}
	return slices.DeleteFunc(all, func(p string) bool { return strings.HasSuffix(p, ".golden.json") })
}

func TestNormaliseReturn(t *testing.T) {
	t.Parallel()
	for _, path := range returnSamples(t) {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(filepath.Clean(path))
			if err != nil {
				t.Fatal(err)
			}
			s, err := (&adapter{}).NormaliseReturn(kindReturn, body)
			if broken := strings.HasPrefix(name, "broken"); broken != (err != nil) {
				t.Fatalf("error %v", err)
			}
			var show any = s
			if err != nil {
				show = map[string]string{"error": err.Error()}
			}
			text, err := json.MarshalIndent(show, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			channeltest.Golden(t, strings.TrimSuffix(path, ".json")+".golden.json", append(text, '\n'))
		})
	}
	if _, err := (&adapter{}).NormaliseReturn("return_v9", []byte(`{}`)); err == nil {
		t.Error("a kind that is not known was understood")
	}
}

// Whatever the body: no panic, a state, and times in UTC.
func FuzzNormaliseReturn(f *testing.F) {
	for _, path := range returnSamples(f) {
		body, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := normaliseReturn(kindReturn, body)
		if err != nil {
			return
		}
		if s.State.Rank() == 0 || s.ExternalID == "" || s.OrderID == "" {
			t.Errorf("state %q, id %q, order %q", s.State, s.ExternalID, s.OrderID)
		}
		for _, l := range s.Lines {
			if l.Quantity < 0 {
				t.Errorf("%d units", l.Quantity)
			}
		}
		for _, at := range []time.Time{s.OpenedAt, s.ChangedAt, s.PickUpBy, s.AnswerBy} {
			if at.Location() != time.UTC {
				t.Errorf("time %s is not in UTC", at)
			}
		}
	})
}

const twoShops = `{"id":22000001,"business":{"id":1700101},"placementType":"FBS","apiAvailability":"AVAILABLE"},
	{"id":22000009,"business":{"id":1700101},"placementType":"DBS","apiAvailability":"MANUALLY_DISABLED"},
	{"id":33000001,"business":{"id":42},"placementType":"DBS","apiAvailability":"AVAILABLE"},
	{"id":22000002,"business":{"id":1700101},"placementType":"DBS"}`

// returnServer answers the calls of the feed and writes them down.
type returnServer struct {
	mu        sync.Mutex
	calls     []string
	shops     string
	returns   func(shop, token string) (body string, status int)
	decisions func() (body string, status int)
}

func (s *returnServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	call := r.Method + " " + r.URL.Path
	if q.Has("fromDate") {
		call += " " + q.Get("fromDate") + " " + q.Get("toDate") + " " + q.Get("pageToken")
	}
	s.calls = append(s.calls, strings.TrimSpace(call))
	body, status := `{"campaigns":[`+s.shops+`],"paging":{}}`, http.StatusOK
	switch {
	case strings.HasSuffix(r.URL.Path, "/returns"):
		body, status = s.returns(strings.Split(r.URL.Path, "/")[3], q.Get("pageToken"))
	case strings.HasSuffix(r.URL.Path, "/decisions"):
		body, status = s.decisions()
	}
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

func openReturns(t *testing.T, s *returnServer, now time.Time, settings map[string]string) *adapter {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	in := channel.Settings{settingKey: "ACMA:test:1", settingBusiness: "1700101", channel.SettingBaseURL: srv.URL}
	maps.Copy(in, settings)
	ad, err := Channel.Open(in, channel.Deps{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return ad.(*adapter)
}

func returnsReply(next string, rows ...string) (string, int) {
	return fmt.Sprintf(`{"status":"OK","result":{"returns":[%s],"paging":{"nextPageToken":%q}}}`, strings.Join(rows, ","), next), http.StatusOK
}

func refusedReply(status int, message string) (string, int) {
	return fmt.Sprintf(`{"status":"ERROR","errors":[{"code":"X","message":%q}]}`, message), status
}

func TestReturnsFeedAsksShopByShop(t *testing.T) {
	t.Parallel()
	s := &returnServer{shops: twoShops, returns: func(string, string) (string, int) { return returnsReply("") }}
	a := openReturns(t, s, noon, nil)
	page, err := a.List(t.Context(), feedReturns, nil)
	if err != nil || !page.Done || len(page.Items) != 0 {
		t.Fatalf("%+v, %v; want one page that is done", page, err)
	}
	one, two := "GET /v2/campaigns/22000001/returns ", "GET /v2/campaigns/22000002/returns "
	want := []string{
		"GET /v2/campaigns",
		one + "2026-08-21 2026-09-22", one + "2026-09-20 2026-10-22", one + "2026-10-20 2026-11-21",
		two + "2026-08-21 2026-09-22", two + "2026-09-20 2026-10-22", two + "2026-10-20 2026-11-21",
	}
	if diff := cmp.Diff(want, s.calls); diff != "" {
		t.Errorf("first sweep (-want +got):\n%s", diff)
	}
	// Two days later one shop of the settings is left, and a new one has opened.
	s.calls, s.shops = nil, twoShops+`,{"id":22000003,"business":{"id":1700101}}`
	b := openReturns(t, s, noon.AddDate(0, 0, 2), map[string]string{settingCampaigns: "22000002,22000003"})
	if _, err := b.List(t.Context(), feedReturns, page.Next); err != nil {
		t.Fatal(err)
	}
	three := "GET /v2/campaigns/22000003/returns "
	want = []string{
		"GET /v2/campaigns", two + "2026-11-19 2026-11-23",
		three + "2026-08-23 2026-09-24", three + "2026-09-22 2026-10-24", three + "2026-10-22 2026-11-23",
	}
	if diff := cmp.Diff(want, s.calls); diff != "" {
		t.Errorf("next sweep (-want +got):\n%s", diff)
	}
}

func TestReturnsFeedPages(t *testing.T) {
	t.Parallel()
	row := func(id int) string { return fmt.Sprintf(`{"id":%d,"orderId":1,"returnType":"RETURN","items":[]}`, id) }
	s := &returnServer{shops: `{"id":22000001,"business":{"id":1700101}}`}
	fresh := true
	s.returns = func(_, token string) (string, int) {
		switch token {
		case "":
			return returnsReply("t2", row(1), `"junk"`)
		case "t2":
			if fresh {
				return returnsReply("t3", row(2))
			}
			return refusedReply(http.StatusBadRequest, "Bad page token")
		}
		return returnsReply("t3", row(3)) // repeats itself
	}
	a := openReturns(t, s, noon, nil)
	first, err := a.List(t.Context(), feedReturns, nil)
	if err != nil || first.Done || !slices.Equal(ids(first.Items), []string{"1", ""}) {
		t.Fatalf("first page: %v, done %v, %v", ids(first.Items), first.Done, err)
	}
	second, err := a.List(t.Context(), feedReturns, first.Next)
	if err != nil || !slices.Equal(ids(second.Items), []string{"2"}) {
		t.Fatalf("second page: %v, %v", ids(second.Items), err)
	}
	if _, err := a.List(t.Context(), feedReturns, second.Next); orderhub.ClassOf(err) != orderhub.ClassRetry || err == nil {
		t.Errorf("a token that repeats itself: %v", err)
	}
	fresh = false
	again, err := a.List(t.Context(), feedReturns, first.Next)
	if err != nil || !slices.Equal(ids(again.Items), []string{"1", ""}) {
		t.Errorf("an aged token: %v, %v", ids(again.Items), err)
	}
	s.returns = func(string, string) (string, int) { return `{"status":"OK","result":{}}`, 200 }
	if _, err := a.List(t.Context(), feedReturns, nil); orderhub.ClassOf(err) != orderhub.ClassRetry || err == nil {
		t.Errorf("an answer without a list: %v", err)
	}
	s.returns = func(string, string) (string, int) { return refusedReply(http.StatusForbidden, "Access denied") }
	if _, err := a.List(t.Context(), feedReturns, channel.Cursor("junk")); orderhub.ClassOf(err) != orderhub.ClassAuth {
		t.Errorf("no right: %v", err)
	}
}

func TestDecisionsComeWithTheReturn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		status     int
		class      orderhub.Class
		told       bool
		asked      int
	}{
		{"told", `{"status":"OK","result":{"availableDecisions":[{"decisionType":"REFUND_MONEY"}]}}`, 200, "", true, 2},
		{"refused", `{"status":"ERROR","errors":[]}`, 404, "", false, 2},
		{"not well", `{"status":"ERROR","errors":[]}`, 500, "", false, 1},
		{"no right", `{"status":"ERROR","errors":[]}`, 403, orderhub.ClassAuth, false, 1},
		{"too often", `{"status":"ERROR","errors":[]}`, 420, orderhub.ClassRateLimited, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			row := func(id int, status string) string {
				return fmt.Sprintf(`{"id":%d,"orderId":1,"returnType":"RETURN","refundStatus":%q,"items":[]}`, id, status)
			}
			s := &returnServer{shops: `{"id":22000001,"business":{"id":1700101},"placementType":"FBS"}`}
			s.decisions = func() (string, int) { return c.body, c.status }
			s.returns = func(string, string) (string, int) {
				return returnsReply("", row(1, "REFUNDED"), row(2, "WAITING_FOR_DECISION"), row(3, "PREMODERATION_DECISION_WAITING"))
			}
			a := openReturns(t, s, noon, nil)
			page, err := a.List(t.Context(), feedReturns, nil)
			if (err != nil) != (c.class != "") || (err != nil && orderhub.ClassOf(err) != c.class) {
				t.Fatalf("error %v, want class %q", err, c.class)
			}
			asked := len(slices.DeleteFunc(s.calls, func(call string) bool { return !strings.HasSuffix(call, "/decisions") }))
			if asked != c.asked {
				t.Errorf("asked %d times for decisions, want %d", asked, c.asked)
			}
			if c.class != "" {
				return
			}
			for i, want := range []bool{true, c.told, c.told} {
				r, err := a.NormaliseReturn(page.Items[i].Kind, page.Items[i].Body)
				if err != nil || (r.Actions != nil) != want || r.Attrs[attrPlacement] != "FBS" {
					t.Errorf("return %d: actions %v, attrs %v, %v", i+1, r.Actions, r.Attrs, err)
				}
			}
		})
	}
}

func TestReturnNotificationsAskForTheReturns(t *testing.T) {
	t.Parallel()
	a := openReturns(t, &returnServer{}, noon, map[string]string{settingCampaigns: "22000001"})
	for kind, want := range map[string][]string{
		"ORDER_RETURN_CREATED 22000001":        {feedReturns},
		"ORDER_RETURN_STATUS_UPDATED 22000001": {feedReturns},
		"ORDER_RETURN_CREATED 22000002":        nil,
		"ORDER_STATUS_UPDATED 22000001":        nil,
	} {
		event, shop, _ := strings.Cut(kind, " ")
		body := notification(event, "orderId", 712000101, "returnId", 51, "campaignId", json.Number(shop))
		r := httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(body))
		hook, err := a.ParseWebhook(r, []byte(body), netip.Addr{})
		if err != nil || !slices.Equal(hook.Sweep, want) {
			t.Errorf("%s: sweep %v, %v; want %v", kind, hook.Sweep, err, want)
		}
	}
}
