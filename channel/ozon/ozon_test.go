package ozon

import (
	"context"
	"encoding/json"
	"io"
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
)

var testNow = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// server answers like Ozon by path and keeps what was asked.
type server struct {
	mu      sync.Mutex
	replies map[string][]answer
	asked   []asked
}

type answer struct {
	status int
	date   time.Time
	body   string
}

type asked struct {
	path string
	raw  []byte
	body map[string]any
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var body map[string]any
	_ = json.Unmarshal(raw, &body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, asked{r.URL.Path, raw, body})
	list := s.replies[r.URL.Path]
	if len(list) == 0 {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "404 page not found")
		return
	}
	if len(list) > 1 {
		s.replies[r.URL.Path] = list[1:]
	}
	a := list[0]
	if !a.date.IsZero() {
		w.Header().Set("Date", a.date.Format(http.TimeFormat))
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, a.body)
}

func (s *server) paths() []string {
	var out []string
	for _, a := range s.asked {
		out = append(out, a.path)
	}
	return out
}

// setup opens an adapter against a server with these replies.
func setup(t *testing.T, replies map[string][]answer, settings ...string) (*adapter, *server) {
	t.Helper()
	s := &server{replies: replies}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	in := channel.Settings{settingClientID: "77001", settingAPIKey: "secret-key-0001", channel.SettingBaseURL: srv.URL + "/"}
	for i := 0; i < len(settings); i += 2 {
		in[settings[i]] = settings[i+1]
	}
	got, err := openPaged(in, channel.Deps{Now: func() time.Time { return testNow }}, 2)
	if err != nil {
		t.Fatal(err)
	}
	return got.(*adapter), s
}

func ok(bodies ...string) []answer {
	var out []answer
	for _, b := range bodies {
		out = append(out, answer{body: b, date: testNow})
	}
	return out
}

func listAnswer(cursor string, hasNext bool, numbers ...string) string {
	var rows []string
	for _, n := range numbers {
		rows = append(rows, `{"posting_number":"`+n+`","status":"awaiting_packaging","in_process_at":"2026-11-19T10:00:00Z"}`)
	}
	more := "false"
	if hasNext {
		more = "true"
	}
	return `{"cursor":"` + cursor + `","has_next":` + more + `,"postings":[` + strings.Join(rows, ",") + `]}`
}

func ids(items []channel.Item) []string {
	out := []string{}
	for _, it := range items {
		out = append(out, it.ExternalID)
	}
	return out
}

func filterOf(t *testing.T, a asked) map[string]any {
	t.Helper()
	f, ok := a.body["filter"].(map[string]any)
	if !ok {
		t.Fatalf("%s was asked without a filter: %v", a.path, a.body)
	}
	return f
}

// The list and the read of one posting have different shapes and must give the
// same order.
func TestListAndGetAgree(t *testing.T) {
	t.Parallel()
	paths, _ := filepath.Glob("testdata/normalise/fbs_get_v3/*.json")
	compared := 0
	for _, path := range paths {
		name := filepath.Base(path)
		if strings.HasSuffix(name, ".golden.json") || strings.HasPrefix(name, "broken") {
			continue
		}
		list, err := os.ReadFile(filepath.Join("testdata/normalise/fbs_v4", name))
		if err != nil {
			t.Fatal(err)
		}
		get, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			t.Fatal(err)
		}
		want, err := normalise(kindFBS, list)
		if err != nil {
			t.Fatal(err)
		}
		got, err := normalise(kindFBSGet, get)
		if err != nil {
			t.Fatal(err)
		}
		delete(got.Attrs, "phone_pin") // only get has it
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-list +get):\n%s", name, diff)
		}
		compared++
	}
	if compared < 4 {
		t.Errorf("only %d postings were compared", compared)
	}
}

func TestUnfulfilledWindow(t *testing.T) {
	t.Parallel()
	a, s := setup(t, map[string][]answer{pathUnfulfilled: ok(
		listAnswer("c1", true, "1-1", "1-2"),
		`{"result":`+listAnswer("", false, "1-3")+`}`,
	)})
	page, err := a.List(t.Context(), feedUnfulfilled, nil)
	if err != nil || page.Done || !slices.Equal(ids(page.Items), []string{"1-1", "1-2"}) {
		t.Fatalf("first page: %v %v %v", ids(page.Items), page.Done, err)
	}
	page, err = a.List(t.Context(), feedUnfulfilled, page.Next)
	if err != nil || !page.Done || !slices.Equal(ids(page.Items), []string{"1-3"}) {
		t.Fatalf("second page: %v %v %v", ids(page.Items), page.Done, err)
	}
	want := map[string]any{"cutoff_from": "2026-08-22T12:00:00Z", "cutoff_to": "2027-05-19T12:00:00Z"}
	for i, q := range s.asked {
		if diff := cmp.Diff(want, filterOf(t, q)); diff != "" {
			t.Errorf("filter of page %d (-want +got):\n%s", i+1, diff)
		}
	}
	if s.asked[0].body["cursor"] != nil || s.asked[1].body["cursor"] != "c1" {
		t.Errorf("cursors sent: %v, %v", s.asked[0].body["cursor"], s.asked[1].body["cursor"])
	}
}

// changesFrom runs one whole sweep of one page and gives the lower bound asked.
func changesFrom(t *testing.T, a *adapter, s *server, cursor channel.Cursor) (string, channel.Cursor) {
	t.Helper()
	page, err := a.List(t.Context(), feedChanges, cursor)
	if err != nil || !page.Done {
		t.Fatalf("sweep: done %v, error %v", page.Done, err)
	}
	changed := filterOf(t, s.asked[len(s.asked)-1])["last_changed_status_date"].(map[string]any)
	return changed["from"].(string), page.Next
}

func TestChangesOverlap(t *testing.T) {
	t.Parallel()
	a, s := setup(t, map[string][]answer{pathList: ok(listAnswer("", false))})
	from, next := changesFrom(t, a, s, nil)
	if from != "2026-10-21T12:00:00Z" {
		t.Errorf("the first sweep asks from %s", from)
	}
	a.now = func() time.Time { return testNow.Add(40 * time.Hour) } // the hub was down
	from, _ = changesFrom(t, a, s, next)
	if from != "2026-11-20T09:00:00Z" {
		t.Errorf("the next sweep asks from %s, want the last one less 3 hours", from)
	}
	f := filterOf(t, s.asked[1])
	since, _ := time.Parse(time.RFC3339, f["since"].(string))
	to, _ := time.Parse(time.RFC3339, f["to"].(string))
	if width := to.Sub(since); width > 366*day || width < 300*day {
		t.Errorf("since/to is %s wide", width)
	}
}

// A clock that is ahead of Ozon's must not open a gap.
func TestChangesMarkFollowsOzonsClock(t *testing.T) {
	t.Parallel()
	replies := map[string][]answer{pathList: {{body: listAnswer("", false), date: testNow.Add(-9 * time.Hour)}}}
	a, s := setup(t, replies)
	_, next := changesFrom(t, a, s, nil)
	if from, _ := changesFrom(t, a, s, next); from != "2026-11-20T00:00:00Z" {
		t.Errorf("the next sweep asks from %s, want Ozon's time less 3 hours", from)
	}
}

func TestSweepEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		second string
		mark   time.Time // of the next sweep
	}{
		"no more":          {listAnswer("c2", false, "1-3"), testNow},
		"empty page":       {listAnswer("c2", true), testNow},
		"same cursor":      {listAnswer("c1", true, "1-3"), testNow.Add(-firstChanges)},
		"no cursor at all": {listAnswer("", true, "1-3"), testNow.Add(-firstChanges)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := setup(t, map[string][]answer{pathList: ok(listAnswer("c1", true, "1-1"), tc.second)})
			page, err := a.List(t.Context(), feedChanges, nil)
			if err != nil || page.Done {
				t.Fatalf("first page: done %v, error %v", page.Done, err)
			}
			page, err = a.List(t.Context(), feedChanges, page.Next)
			if err != nil || !page.Done {
				t.Fatalf("second page: done %v, error %v", page.Done, err)
			}
			next, err := a.position(page.Next)
			if err != nil || !next.Mark.Equal(tc.mark) || next.API != "" || !next.Start.IsZero() {
				t.Errorf("next sweep starts at %+v (%v), want mark %s", next, err, tc.mark)
			}
		})
	}
}

// A sweep left in the middle begins again at its window, without Ozon's cursor.
func TestOldCursorStartsOver(t *testing.T) {
	t.Parallel()
	a, s := setup(t, map[string][]answer{pathList: ok(listAnswer("c1", true, "1-1"), listAnswer("", false, "1-2"))})
	page, err := a.List(t.Context(), feedChanges, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.now = func() time.Time { return testNow.Add(5 * day) }
	page, err = a.List(t.Context(), feedChanges, page.Next)
	if err != nil || !page.Done {
		t.Fatalf("done %v, error %v", page.Done, err)
	}
	if s.asked[1].body["cursor"] != nil {
		t.Errorf("the old cursor was sent: %v", s.asked[1].body["cursor"])
	}
	if diff := cmp.Diff(filterOf(t, s.asked[0]), filterOf(t, s.asked[1])); diff != "" {
		t.Errorf("the window changed (-first +second):\n%s", diff)
	}
	if next, _ := a.position(page.Next); !next.Mark.Equal(testNow) {
		t.Errorf("mark %s, want the start of the sweep: what changed since is in the next one", next.Mark)
	}
}

func TestFBODepth(t *testing.T) {
	t.Parallel()
	a, s := setup(t, map[string][]answer{pathFBOList: ok(listAnswer("", false))})
	var cursor channel.Cursor
	for i, want := range []struct {
		after time.Duration
		since string
	}{
		{0, "2026-09-21T12:00:00Z"},
		{10 * time.Minute, "2026-11-17T12:10:00Z"},
		{7 * time.Hour, "2026-09-21T19:00:00Z"},
		{7*time.Hour + 100*day, "2026-11-19T12:00:00Z"}, // down for long: from the last mark, a day earlier
	} {
		a.now = func() time.Time { return testNow.Add(want.after) }
		page, err := a.List(t.Context(), feedFBO, cursor)
		if err != nil || !page.Done {
			t.Fatalf("sweep %d: done %v, error %v", i, page.Done, err)
		}
		cursor = page.Next
		if got := filterOf(t, s.asked[i])["since"]; got != want.since {
			t.Errorf("sweep %d: since %v, want %s", i, got, want.since)
		}
	}
	off, s := setup(t, nil, settingFBO, "no")
	if page, err := off.List(t.Context(), feedFBO, nil); err != nil || !page.Done || len(s.asked) > 0 {
		t.Errorf("FBO switched off: done %v, error %v, %d calls", page.Done, err, len(s.asked))
	}
}

func TestListRangeWalksDays(t *testing.T) {
	t.Parallel()
	row := func(n, at string) string {
		return `{"postings":[{"posting_number":"` + n + `","in_process_at":"` + at + `"}],"has_next":false,"cursor":""}`
	}
	a, s := setup(t, map[string][]answer{
		pathList:    ok(row("1-1", "2026-11-17T00:00:00Z"), row("1-2", "2026-11-18T12:00:00Z")),
		pathFBOList: ok(row("2-1", "2026-11-16T23:59:59Z")),
	})
	from := time.Date(2026, 11, 17, 0, 0, 0, 0, time.UTC)
	var got []string
	var cursor channel.Cursor
	for i := 0; ; i++ {
		page, err := a.ListRange(t.Context(), from, from.Add(36*time.Hour), cursor)
		if err != nil || i > 5 {
			t.Fatalf("page %d: %v", i, err)
		}
		got = append(got, ids(page.Items)...)
		if page.Done {
			break
		}
		cursor = page.Next
	}
	// 1-2 is at the end, which does not belong to the range, 2-1 before it.
	if !slices.Equal(got, []string{"1-1"}) || !slices.Equal(s.paths(), []string{pathList, pathList, pathFBOList}) {
		t.Errorf("got %v by %v", got, s.paths())
	}
}

func TestReadOrders(t *testing.T) {
	t.Parallel()
	posting := `{"result":{"posting_number":"1-1","status":"delivering"}}`
	unknown := answer{status: 404, body: `{"code":5,"message":"POSTING_NOT_FOUND","details":[]}`}
	inWords := answer{status: 404, body: `{"code":5,"message":"Posting was not found","details":[]}`}
	fboList := ok(listAnswer("", false, "1-1"))
	for name, tc := range map[string]struct {
		ref     channel.Ref
		replies map[string][]answer
		want    []string
		class   orderhub.Class
	}{
		"found":          {channel.Ref{ExternalID: "1-1"}, map[string][]answer{pathGet: ok(posting)}, []string{"1-1"}, ""},
		"unknown":        {channel.Ref{ExternalID: "1-1", Scheme: "fbs"}, map[string][]answer{pathGet: {unknown}}, nil, ""},
		"bare, FBO":      {channel.Ref{ExternalID: "1-1"}, map[string][]answer{pathGet: {inWords}, pathFBOList: fboList}, []string{"1-1"}, ""},
		"FBO":            {channel.Ref{ExternalID: "1-1", Scheme: "fbo"}, map[string][]answer{pathFBOList: fboList}, []string{"1-1"}, ""},
		"no FBO right":   {channel.Ref{ExternalID: "1-1"}, map[string][]answer{pathGet: {unknown}, pathFBOList: {{status: 403, body: `{"code":7,"message":"no"}`}}}, nil, ""},
		"not a number":   {channel.Ref{ExternalID: `1-1" , "x`}, nil, nil, ""},
		"wrong key":      {channel.Ref{ExternalID: "1-1"}, map[string][]answer{pathGet: {{status: 404, body: `{"code":5,"message":"Invalid Api-Key, please check the key and try again"}`}}}, nil, orderhub.ClassAuth},
		"no such method": {channel.Ref{ExternalID: "1-1"}, map[string][]answer{pathGet: {{status: 404, body: `{"code":5,"message":"Not Found"}`}}}, nil, orderhub.ClassRejected},
		"proxy page":     {channel.Ref{ExternalID: "1-1"}, nil, nil, orderhub.ClassRejected},
		"empty result":   {channel.Ref{ExternalID: "1-1"}, map[string][]answer{pathGet: ok(`{"result":null}`)}, nil, orderhub.ClassRetry},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := setup(t, tc.replies)
			got, err := a.ReadOrders(t.Context(), []channel.Ref{tc.ref})
			if tc.class != "" {
				if err == nil || orderhub.ClassOf(err) != tc.class {
					t.Fatalf("want class %s, got %v", tc.class, err)
				}
				return
			}
			if err != nil || !slices.Equal(ids(got), append([]string{}, tc.want...)) {
				t.Errorf("got %v, error %v; want %v", ids(got), err, tc.want)
			}
		})
	}
}

func TestErrorWords(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer answer
		class  orderhub.Class
		words  string
	}{
		"obsolete":   {answer{status: 400, body: `{"code":9,"message":"obsolete method cannot be used"}`}, orderhub.ClassRejected, "switched this method off"},
		"circle":     {answer{status: 500, body: `{"code":2,"message":"Circle is open"}`}, orderhub.ClassRetry, "circle is open"},
		"rate":       {answer{status: 400, body: `{"code":8,"message":"slow down"}`}, orderhub.ClassRateLimited, "slow down"},
		"not signed": {answer{status: 403, body: `{"code":7,"message":"Offer not signed"}`}, orderhub.ClassAuth, "Offer not signed"},
		"validation": {answer{status: 400, body: `{"code":3,"message":"Request validation error: invalid Limit"}`}, orderhub.ClassRejected, "invalid Limit"},
		"buyer":      {answer{status: 400, body: `{"code":3,"message":"Покупатель Пётр Лосев не найден"}`}, orderhub.ClassRejected, "Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := setup(t, map[string][]answer{pathUnfulfilled: {tc.answer}})
			_, err := a.List(t.Context(), feedUnfulfilled, nil)
			if err == nil || orderhub.ClassOf(err) != tc.class || !strings.Contains(err.Error(), tc.words) || strings.Contains(err.Error(), "Лосев") {
				t.Errorf("want class %s and %q, got %s: %v", tc.class, tc.words, orderhub.ClassOf(err), err)
			}
		})
	}
}

func TestWebhookSenders(t *testing.T) {
	t.Parallel()
	ping := []byte(`{"message_type":"TYPE_PING","time":"2026-11-20T11:59:59Z"}`)
	base := channel.Settings{settingClientID: "77001", settingAPIKey: "secret-key-0001"}
	for name, tc := range map[string]struct {
		key, value, remote string
		want               bool
	}{
		"Ozon":                          {"", "", "185.73.195.7", true},
		"Ozon as mapped IPv6":           {"", "", "::ffff:195.34.21.9", true},
		"this machine":                  {"", "", "127.0.0.1", false},
		"this machine, simulator":       {channel.SettingBaseURL, "http://localhost:1", "127.0.0.1", true},
		"foreign, simulator":            {channel.SettingBaseURL, "http://localhost:1", "203.0.113.9", false},
		"proxy of the operator":         {settingWebhookIPs, "203.0.113.9, 10.0.0.0/8", "203.0.113.9", true},
		"Ozon beside an operator's own": {settingWebhookIPs, "10.0.0.0/8", "195.34.21.9", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := maps.Clone(base)
			if tc.key != "" {
				in[tc.key] = tc.value
			}
			got, err := Channel.Open(in, channel.Deps{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = got.(channel.WebhookParser).ParseWebhook(nil, ping, netip.MustParseAddr(tc.remote))
			if (err == nil) != tc.want {
				t.Errorf("from %s: %v, want taken: %v", tc.remote, err, tc.want)
			}
		})
	}
	_, err := Channel.Open(channel.Settings{settingClientID: "77001", settingAPIKey: "secret-key-0001", settingWebhookIPs: "ozon.ru"}, channel.Deps{})
	if orderhub.CodeOf(err) != orderhub.CodeInvalid {
		t.Errorf("a host name as a network: %v", err)
	}
}

func TestHTTPStatusOfErrorReply(t *testing.T) {
	t.Parallel()
	a, _ := setup(t, nil)
	for want, err := range map[int]error{
		400: orderhub.Errorf(orderhub.CodeInvalid, "x"), 403: orderhub.Errorf(orderhub.CodeDenied, "x"),
		413: orderhub.Errorf(orderhub.CodeTooLarge, "x"), 404: orderhub.Errorf(orderhub.CodeNotFound, "x"),
		503: orderhub.Errorf(orderhub.CodeUnavailable, "x"), 500: context.DeadlineExceeded,
	} {
		if got := a.ErrorReply(err); got.Status != want || !json.Valid(got.Body) {
			t.Errorf("%v: status %d, want %d", err, got.Status, want)
		}
	}
}
