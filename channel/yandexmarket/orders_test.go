package yandexmarket

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

var noon = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC) // 12:00 in Moscow

// asked is one request that a test server got.
type asked struct {
	Path  string
	Token string
	Body  orderFilter
}

type server struct {
	mu    sync.Mutex
	asked []asked
}

func (s *server) requests() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// setup opens an adapter against answer, which gets each request decoded.
func setup(t *testing.T, now time.Time, settings map[string]string, answer func(w http.ResponseWriter, a asked)) (*adapter, *server) {
	t.Helper()
	s := &server{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := asked{Path: r.Method + " " + r.URL.Path, Token: r.URL.Query().Get("pageToken")}
		_ = json.NewDecoder(r.Body).Decode(&a.Body)
		s.mu.Lock()
		s.asked = append(s.asked, a)
		s.mu.Unlock()
		answer(w, a)
	}))
	t.Cleanup(srv.Close)
	in := channel.Settings{settingKey: "ACMA:test:1", settingBusiness: "1700101", channel.SettingBaseURL: srv.URL}
	for k, v := range settings {
		in[k] = v
	}
	ad, err := Channel.Open(in, channel.Deps{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return ad.(*adapter), s
}

// reply writes a page of orders; created is in the ISO form of the Market.
func reply(w http.ResponseWriter, next string, orders ...string) {
	fmt.Fprintf(w, `{"orders":[%s],"paging":{"nextPageToken":%q}}`, strings.Join(orders, ","), next)
}

func orderJSON(id int64, created string) string {
	return fmt.Sprintf(`{"orderId":%d,"campaignId":1,"creationDate":%q,"fake":false,"status":"PROCESSING","substatus":"STARTED","items":[],"delivery":{}}`, id, created)
}

func ids(items []channel.Item) []string {
	var out []string
	for _, it := range items {
		out = append(out, it.ExternalID)
	}
	return out
}

func TestSweepAsksForChangesAndForCreationDays(t *testing.T) {
	t.Parallel()
	a, s := setup(t, noon, nil, func(w http.ResponseWriter, _ asked) { reply(w, "") })
	page, err := a.List(t.Context(), feedOrders, nil)
	if err != nil || !page.Done || len(page.Items) != 0 {
		t.Fatalf("an empty market: %+v, %v; want one page that is done", page, err)
	}
	var got []datesFilter
	for _, r := range s.requests() {
		got = append(got, *r.Body.Dates)
	}
	want := []datesFilter{
		{"2026-10-22", "2026-11-21", "2026-10-21T12:01:00+03:00", "2026-11-20T12:01:00+03:00"},
		{"2026-09-22", "2026-10-22", "2026-10-21T12:01:00+03:00", "2026-11-20T12:01:00+03:00"},
		{"2026-08-23", "2026-09-22", "2026-10-21T12:01:00+03:00", "2026-11-20T12:01:00+03:00"},
		{"2026-07-24", "2026-08-23", "2026-10-21T12:01:00+03:00", "2026-11-20T12:01:00+03:00"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	// The next sweep starts an hour before the end of this one.
	if _, err := a.List(t.Context(), feedOrders, page.Next); err != nil {
		t.Fatal(err)
	}
	if from := s.requests()[4].Body.Dates.UpdateDateFrom; from != "2026-11-20T11:01:00+03:00" {
		t.Errorf("the next sweep starts at %s", from)
	}
}

func TestSweepAfterALongPause(t *testing.T) {
	t.Parallel()
	a, s := setup(t, noon, nil, func(w http.ResponseWriter, _ asked) { reply(w, "") })
	cursor, err := position{Scope: a.scope(), From: noon.AddDate(0, 0, -70)}.cursor()
	if err != nil {
		t.Fatal(err)
	}
	if page, err := a.List(t.Context(), feedOrders, cursor); err != nil || !page.Done {
		t.Fatalf("done %v, %v", page.Done, err)
	}
	var end time.Time
	for i, r := range s.requests() {
		from, err1 := time.Parse(time.RFC3339, r.Body.Dates.UpdateDateFrom)
		to, err2 := time.Parse(time.RFC3339, r.Body.Dates.UpdateDateTo)
		if err1 != nil || err2 != nil || to.Sub(from) > maxRange || to.Sub(from) <= 0 {
			t.Fatalf("request %d asks for %s to %s", i, r.Body.Dates.UpdateDateFrom, r.Body.Dates.UpdateDateTo)
		}
		if i > 0 && from.After(end) {
			t.Errorf("a gap between %s and %s", end, from)
		}
		end = to
	}
	if n := len(s.requests()); n != 3*creationDepth {
		t.Errorf("%d requests, want three ranges of updates", n)
	}
	if end.Before(noon) {
		t.Errorf("the sweep ends at %s", end)
	}
}

func TestCursorOfOtherSettingsStartsAnew(t *testing.T) {
	t.Parallel()
	answer := func(w http.ResponseWriter, _ asked) { reply(w, "") }
	a, _ := setup(t, noon, nil, answer)
	page, err := a.List(t.Context(), feedOrders, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, s := setup(t, noon, map[string]string{settingCampaigns: "22, 11,22", settingIncludeTest: "yes"}, answer)
	if _, err := b.List(t.Context(), feedOrders, page.Next); err != nil {
		t.Fatal(err)
	}
	first := s.requests()[0].Body
	if !slices.Equal(first.CampaignIDs, []int64{11, 22}) || first.Dates.UpdateDateFrom != "2026-10-21T12:01:00+03:00" {
		t.Errorf("first request %+v %+v: want both campaigns and the whole 30 days", first, *first.Dates)
	}
	if n := len(s.requests()); n != 2*creationDepth || !s.requests()[n-1].Body.Fake {
		t.Errorf("%d requests: want the test orders asked for after the others", n)
	}
	for _, cursor := range []string{"", "junk", `{"slice":-1}`, `{"scope":"x","slice":99}`} {
		if _, err := a.List(t.Context(), feedOrders, channel.Cursor(cursor)); err != nil {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
	if _, err := a.List(t.Context(), "claims", nil); orderhub.CodeOf(err) != orderhub.CodeInvalid {
		t.Errorf("an unknown feed: %v", err)
	}
}

func TestAgedPageTokenStartsTheSliceAgain(t *testing.T) {
	t.Parallel()
	a, _ := setup(t, noon, nil, func(w http.ResponseWriter, r asked) {
		if r.Token != "" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"status":"ERROR","errors":[{"code":"BAD_REQUEST","message":"Bad page token"}]}`)
			return
		}
		reply(w, "t2", orderJSON(1, "2026-11-20T10:00:00+03:00"))
	})
	page, err := a.List(t.Context(), feedOrders, nil)
	if err != nil || page.Done {
		t.Fatalf("first page: done %v, %v", page.Done, err)
	}
	page, err = a.List(t.Context(), feedOrders, page.Next)
	if err != nil || !slices.Equal(ids(page.Items), []string{"1"}) {
		t.Errorf("after the token aged: %v, %v", ids(page.Items), err)
	}
}

func TestTokenThatRepeatsIsAnError(t *testing.T) {
	t.Parallel()
	a, _ := setup(t, noon, nil, func(w http.ResponseWriter, _ asked) { reply(w, "same") })
	if _, err := a.List(t.Context(), feedOrders, nil); orderhub.ClassOf(err) != orderhub.ClassRetry || err == nil {
		t.Errorf("want an error of class retry, got %v", err)
	}
}

func TestItemsWithoutAKeyAreKept(t *testing.T) {
	t.Parallel()
	a, _ := setup(t, noon, nil, func(w http.ResponseWriter, _ asked) {
		reply(w, "", orderJSON(5, "2026-11-20T10:00:00+03:00"), `"junk"`, `{"orderId":"x"}`, `{"orderId":7,"fake":true}`, `{"orderId":"8"}`)
	})
	page, err := a.List(t.Context(), feedOrders, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(page.Items); !slices.Equal(got, []string{"5", "", "", "8"}) {
		t.Errorf("items %q: want the broken ones kept without an id and the test order left out", got)
	}
}

func TestListRangeIsExact(t *testing.T) {
	t.Parallel()
	a, s := setup(t, noon, nil, func(w http.ResponseWriter, _ asked) {
		reply(w, "", orderJSON(1, "2026-11-10T12:59:59+03:00"), orderJSON(2, "2026-11-10T13:00:00+03:00"),
			orderJSON(3, "2026-11-11T00:30:00+03:00"), orderJSON(4, "2026-11-11T01:00:00+03:00"), orderJSON(5, "soon"))
	})
	from := time.Date(2026, 11, 10, 10, 0, 0, 0, time.UTC)
	page, err := a.ListRange(t.Context(), from, from.Add(12*time.Hour), nil)
	if err != nil || !page.Done {
		t.Fatalf("done %v, %v", page.Done, err)
	}
	if got := ids(page.Items); !slices.Equal(got, []string{"2", "3", "5"}) {
		t.Errorf("orders %v: want those within the range, and the one without a readable date", got)
	}
	want := []datesFilter{{CreationDateFrom: "2026-11-10", CreationDateTo: "2026-11-12"}}
	if diff := cmp.Diff(want, []datesFilter{*s.requests()[0].Body.Dates}); diff != "" {
		t.Errorf("days asked for (-want +got):\n%s", diff)
	}
	if got := a.creationSlices(from, from.AddDate(0, 0, 65)); len(got) != 3 || got[2].Dates.CreationDateTo != "2027-01-15" {
		t.Errorf("65 days in %d slices", len(got))
	}
	if page, err := a.ListRange(t.Context(), from, from, nil); err != nil || !page.Done || len(page.Items) > 0 {
		t.Errorf("an empty range: %+v, %v", page, err)
	}
}

func TestOldOrdersAreReadWithTheirDay(t *testing.T) {
	t.Parallel()
	// A market that applies its default of 30 days to ids as well.
	a, s := setup(t, noon, nil, func(w http.ResponseWriter, r asked) {
		var out []string
		for _, id := range r.Body.OrderIDs {
			if (id < 10) == (r.Body.Dates == nil) && id != 12 {
				out = append(out, orderJSON(id, "2026-09-01T00:00:00+03:00"))
			}
		}
		reply(w, "", out...)
	})
	old := func(id, created string) channel.Ref {
		return channel.Ref{ExternalID: id, Attrs: map[string]string{attrCreated: created}}
	}
	items, err := a.ReadOrders(t.Context(), []channel.Ref{
		{ExternalID: "1"}, old("10", "2026-09-20T21:30:00Z"), old("11", "2026-08-30T00:00:00Z"), old("12", "2026-06-01T00:00:00Z"), {ExternalID: "no number"},
		old("13", "2026-11-19T00:00:00Z"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(items); !slices.Equal(got, []string{"1", "10", "11"}) {
		t.Errorf("orders %v", got)
	}
	var got []string
	for _, r := range s.requests() {
		if r.Body.Dates != nil {
			got = append(got, fmt.Sprintf("%v %s %s", r.Body.OrderIDs, r.Body.Dates.CreationDateFrom, r.Body.Dates.CreationDateTo))
		}
	}
	want := []string{"[12] 2026-06-01 2026-07-01", "[10 11] 2026-08-30 2026-09-29"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("second looks (-want +got):\n%s", diff)
	}
}
