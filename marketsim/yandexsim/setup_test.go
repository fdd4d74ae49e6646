package yandexsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/specs"
)

// start is the clock of tests that have one.
var start = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// clock is a hand-moved one.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: start} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// shop is a market behind a server, as a seller sees it.
type shop struct {
	t   *testing.T
	m   *Market
	url string
	// key is sent with each call.
	key string
}

// open starts a market. Every answer is checked against the official document
// where it is there, and every request that is not meant to be wrong.
func open(t *testing.T, opts Options) *shop {
	t.Helper()
	opts.Fast = true
	m := New(opts)
	t.Cleanup(m.Close)
	s := &shop{t: t, m: m, key: m.opts.APIKey}
	handler := m.Handler()
	if doc := document(t); doc != nil {
		handler = doc.Wrap(handler, func(v specs.Violation) {
			if v.Part == "response" {
				t.Errorf("not as the document says: %s", v)
			}
		})
		strict := doc.Wrap(m.Handler(), func(v specs.Violation) { t.Errorf("not as the document says: %s", v) })
		handler = byHeader(handler, strict)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

const strictHeader = "X-Test-Strict"

func byHeader(loose, strict http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(strictHeader) != "" {
			strict.ServeHTTP(w, r)
			return
		}
		loose.ServeHTTP(w, r)
	})
}

// document loads the official document; without it the tests check less, and
// TestDocumentsAreHere says so.
func document(t *testing.T) *specs.Doc {
	var doc *specs.Doc
	ok := make(chan struct{})
	go func() {
		defer close(ok)
		doc = specs.Load(quiet{t}, "yandex-market/partner-api.bundled.json")
	}()
	<-ok
	return doc
}

// quiet turns the skip of a missing document into an end of the goroutine.
type quiet struct{ *testing.T }

func (quiet) Skip(...any) { runtime.Goexit() }

func TestDocumentsAreHere(t *testing.T) {
	t.Parallel()
	specs.Load(t, "yandex-market/partner-api.bundled.json")
	specs.Load(t, "yandex-market/notification-api.bundled.json")
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

// message is the text of the first error.
func (r reply) message() string {
	list, _ := r.body["errors"].([]any)
	if len(list) == 0 {
		return ""
	}
	first, _ := list[0].(map[string]any)
	text, _ := first["message"].(string)
	return text
}

// at walks into the body: "result", "boxes", 0, "boxId".
func (r reply) at(path ...any) any {
	var v any = r.body
	for _, p := range path {
		switch k := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			l, _ := v.([]any)
			if k >= len(l) {
				return nil
			}
			v = l[k]
		}
	}
	return v
}

func (s *shop) send(method, path, body string, header map[string]string) (reply, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Api-Key", s.key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{status: resp.StatusCode, header: resp.Header, raw: string(raw), body: map[string]any{}}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return r, dec.Decode(&r.body)
}

// call makes a request that follows the document.
func (s *shop) call(method, path, body string) reply {
	s.t.Helper()
	r, err := s.send(method, path, body, map[string]string{strictHeader: "1"})
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

// ok is a call that must succeed.
func (s *shop) ok(method, path, body string) reply {
	s.t.Helper()
	r := s.call(method, path, body)
	if r.status != 200 {
		s.t.Fatalf("%s %s: %d %s", method, path, r.status, r.raw)
	}
	return r
}

// refused is a call that must fail with a status and words; it need not follow
// the document.
func (s *shop) refused(method, path, body string, status int, words string) reply {
	s.t.Helper()
	r, err := s.send(method, path, body, nil)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	if r.status != status || !strings.Contains(r.message(), words) {
		s.t.Errorf("%s %s %s: got %d %q, want %d %q", method, path, body, r.status, r.raw, status, words)
	}
	if r.body["status"] != "ERROR" {
		s.t.Errorf("%s %s: no error wrapper in %s", method, path, r.raw)
	}
	return r
}

// place makes an order and gives its id.
func (s *shop) place(scheme orderhub.Scheme, lines ...marketsim.SpecLine) string {
	s.t.Helper()
	if len(lines) == 0 {
		lines = []marketsim.SpecLine{{SKU: "SKU-1", Quantity: 2, PriceMinor: 149_050}, {SKU: "0557722", Quantity: 1, PriceMinor: 99_900}}
	}
	ids, err := s.m.Place(marketsim.OrderSpec{Scheme: scheme, Lines: lines})
	if err != nil || len(ids) != 1 {
		s.t.Fatalf("place: %v %v", ids, err)
	}
	return ids[0]
}

// path of an order in the shop of a scheme.
func path(scheme orderhub.Scheme, id string, rest string) string {
	c, err := shopFor(scheme)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("/v2/campaigns/%d/orders/%s%s", c.id, id, rest)
}

var listPath = fmt.Sprintf("/v1/businesses/%d/orders", BusinessID)

func (s *shop) setStatus(scheme orderhub.Scheme, id, status, sub string) reply {
	s.t.Helper()
	body := fmt.Sprintf(`{"order":{"status":%q}}`, status)
	if sub != "" {
		body = fmt.Sprintf(`{"order":{"status":%q,"substatus":%q}}`, status, sub)
	}
	return s.ok("PUT", path(scheme, id, "/status"), body)
}

// truth is one order in the books.
func (s *shop) truth(id string) marketsim.TruthOrder {
	s.t.Helper()
	for _, o := range s.m.Truth() {
		if o.ID == id {
			return o
		}
	}
	s.t.Fatalf("no order %s in the books", id)
	return marketsim.TruthOrder{}
}

func (s *shop) act(id string, act marketsim.BuyerAct) {
	s.t.Helper()
	if err := s.m.Act(id, act); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) progress(id string, steps int) {
	s.t.Helper()
	for range steps {
		if moved, err := s.m.Progress(id); err != nil || !moved {
			s.t.Fatalf("progress %s: %v %v", id, moved, err)
		}
	}
}

// ids lists the order ids of all pages.
func (s *shop) ids(body string, limit int) []string {
	s.t.Helper()
	var out []string
	token := ""
	for {
		r := s.ok("POST", listPath+"?limit="+strconv.Itoa(limit)+token, body)
		for i := range r.at("orders").([]any) {
			out = append(out, fmt.Sprint(r.at("orders", i, "orderId")))
		}
		next, _ := r.at("paging", "nextPageToken").(string)
		if next == "" {
			return out
		}
		token = "&pageToken=" + next
	}
}
