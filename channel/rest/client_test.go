package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

const secret = "s3cr3t-key+with/odd=signs"

// setup serves h and makes a client for it.
func setup(t *testing.T, h http.HandlerFunc, opts rest.Options) (*rest.Client, string) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	opts.Name = "demo"
	opts.Secrets = []string{secret}
	if opts.HTTP == nil {
		opts.HTTP = srv.Client()
	}
	return rest.New(opts), srv.URL
}

func border(t *testing.T, err error) *orderhub.BorderError {
	t.Helper()
	var be *orderhub.BorderError
	if !errors.As(err, &be) {
		t.Fatalf("want a *orderhub.BorderError, got %T: %v", err, err)
	}
	return be
}

func TestDoSendsTheCall(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	c, base := setup(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("X-Left", "7")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte("hello"))
	}, rest.Options{Header: http.Header{"Api-Key": {secret}, "X-Both": {"client"}}})
	resp, err := c.Do(t.Context(), rest.Call{
		Method: http.MethodPost, URL: rest.Join(base+"/", "/v1/orders?lang=ru"), Query: url.Values{"limit": {"10"}, "after": {"a b"}},
		Body: map[string]any{"name": "<b> & co", "id": json.Number("12345678901234567890")}, Header: http.Header{"x-both": {"call"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Status != http.StatusCreated || string(resp.Body) != "hello" || resp.Header.Get("X-Left") != "7" {
		t.Errorf("response %+v", resp)
	}
	if want := "/v1/orders?lang=ru&after=a+b&limit=10"; got.RequestURI != want {
		t.Errorf("request to %s, want %s", got.RequestURI, want)
	}
	if want := `{"id":12345678901234567890,"name":"<b> & co"}`; string(body) != want {
		t.Errorf("body %s, want %s", body, want)
	}
	for k, want := range map[string]string{"Api-Key": secret, "X-Both": "call", "Accept": "application/json", "Content-Type": "application/json"} {
		if got.Header.Get(k) != want {
			t.Errorf("header %s: %q, want %q", k, got.Header.Get(k), want)
		}
	}
}

func TestDoSendsBytesAsTheyAre(t *testing.T) {
	t.Parallel()
	var body []byte
	var contentType string
	c, base := setup(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		contentType = r.Header.Get("Content-Type")
	}, rest.Options{})
	signed := []byte("{ \"spaces\" : \"kept\" }\n")
	if _, err := c.Do(t.Context(), rest.Call{Method: http.MethodPost, URL: base, Body: signed, Header: http.Header{"Content-Type": {"text/plain"}}}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(body, signed) || contentType != "text/plain" {
		t.Errorf("sent %q as %s", body, contentType)
	}
	if _, err := c.Do(t.Context(), rest.Call{Method: http.MethodGet, URL: base}); err != nil || contentType != "" {
		t.Errorf("a call without a body: %v, content type %q", err, contentType)
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status      int
		read, write orderhub.Class
	}{
		{301, orderhub.ClassRejected, orderhub.ClassRejected},
		{400, orderhub.ClassRejected, orderhub.ClassRejected},
		{401, orderhub.ClassAuth, orderhub.ClassAuth},
		{402, orderhub.ClassAuth, orderhub.ClassAuth},
		{403, orderhub.ClassAuth, orderhub.ClassAuth},
		{404, orderhub.ClassRejected, orderhub.ClassRejected},
		{408, orderhub.ClassRetry, orderhub.ClassUncertain},
		{409, orderhub.ClassRejected, orderhub.ClassRejected},
		{420, orderhub.ClassRateLimited, orderhub.ClassRateLimited},
		{429, orderhub.ClassRateLimited, orderhub.ClassRateLimited},
		{499, orderhub.ClassRetry, orderhub.ClassUncertain},
		{500, orderhub.ClassRetry, orderhub.ClassUncertain},
		{502, orderhub.ClassRetry, orderhub.ClassUncertain},
		{503, orderhub.ClassRetry, orderhub.ClassRetry},
		{504, orderhub.ClassRetry, orderhub.ClassUncertain},
	} {
		c, base := setup(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(tc.status) }, rest.Options{})
		for _, write := range []bool{false, true} {
			want := tc.read
			if write {
				want = tc.write
			}
			_, err := c.Do(t.Context(), rest.Call{Method: http.MethodPost, URL: base + "/x?key=" + url.QueryEscape(secret), Write: write})
			be := border(t, err)
			if be.Class != want || be.HTTPStatus != tc.status || be.Sentence == "" {
				t.Errorf("HTTP %d, write %v: %+v, want class %s", tc.status, write, be, want)
			}
			if be.Op != "demo: POST /x" {
				t.Errorf("op %q", be.Op)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	var explain func(*http.Response, []byte, *orderhub.BorderError) *orderhub.BorderError
	c, base := setup(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"code":"E1","message":"key ` + secret + ` of a@b.ru, +7 912 345-67-89"}`))
	}, rest.Options{Explain: func(r *http.Response, b []byte, e *orderhub.BorderError) *orderhub.BorderError {
		return explain(r, b, e)
	}})
	do := func() *orderhub.BorderError {
		_, err := c.Do(t.Context(), rest.Call{Method: http.MethodPut, URL: base + "/x"})
		return border(t, err)
	}
	clean := func(be *orderhub.BorderError) {
		t.Helper()
		for _, word := range []string{secret, "a@b.ru", "912"} {
			if strings.Contains(be.Error()+be.Code, word) {
				t.Errorf("the error holds %q: %v", word, be)
			}
		}
	}

	explain = func(_ *http.Response, body []byte, e *orderhub.BorderError) *orderhub.BorderError {
		e.Code, e.Sentence = "E1", string(body)
		return e
	}
	be := do()
	clean(be)
	if be.Code != "E1" || be.Class != orderhub.ClassRejected || !strings.Contains(be.Sentence, "key ***") {
		t.Errorf("changed in place: %+v", be)
	}

	explain = func(_ *http.Response, body []byte, _ *orderhub.BorderError) *orderhub.BorderError {
		return orderhub.NewBorderError(orderhub.ClassRetry, "mine", "", errors.New(string(body)))
	}
	be = do()
	clean(be)
	if be.Class != orderhub.ClassRetry || be.HTTPStatus != http.StatusConflict || be.Op != "demo: PUT /x" || be.Sentence == "" {
		t.Errorf("a new error: %+v", be)
	}

	explain = func(*http.Response, []byte, *orderhub.BorderError) *orderhub.BorderError { return nil }
	if be = do(); be.Class != orderhub.ClassRejected || be.Sentence != "Conflict" {
		t.Errorf("nil: %+v", be)
	}
}

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		h    http.HandlerFunc
	}{
		{"cut before the answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"cut within the body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"orders":`))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}},
		{"no answer in time", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"larger than the cap", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 2000)) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, base := setup(t, tc.h, rest.Options{MaxBody: 1000})
			for _, write := range []bool{false, true} {
				want := orderhub.ClassRetry
				if write {
					want = orderhub.ClassUncertain
				}
				ctx := t.Context()
				if strings.HasPrefix(tc.name, "no answer") {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
					defer cancel()
				}
				_, err := c.Do(ctx, rest.Call{Method: http.MethodPost, URL: base + "/x?key=" + url.QueryEscape(secret), Write: write})
				be := border(t, err)
				if be.Class != want {
					t.Errorf("write %v: %v has class %s, want %s", write, be, be.Class, want)
				}
				if strings.Contains(be.Error(), "key=") || strings.Contains(be.Error(), "x?") {
					t.Errorf("the error quotes the query: %v", be)
				}
				if strings.HasPrefix(tc.name, "no answer") && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v is no context.DeadlineExceeded", err)
				}
			}
		})
	}
}

// An answer of exactly the cap passes.
func TestMaxBody(t *testing.T) {
	t.Parallel()
	c, base := setup(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 1000)) }, rest.Options{MaxBody: 1000})
	resp, err := c.Do(t.Context(), rest.Call{Method: http.MethodGet, URL: base})
	if err != nil || len(resp.Body) != 1000 {
		t.Errorf("%d bytes, %v", len(resp.Body), err)
	}
}

// A refusal stays a refusal when its body is broken or endless.
func TestStatusCountsWithoutBody(t *testing.T) {
	t.Parallel()
	c, base := setup(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cut" {
			w.Header().Set("Content-Length", "100")
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write(bytes.Repeat([]byte("x"), 50))
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/cut" {
			panic(http.ErrAbortHandler)
		}
	}, rest.Options{MaxBody: 10})
	for _, path := range []string{"/cut", "/large"} {
		_, err := c.Do(t.Context(), rest.Call{Method: http.MethodPost, URL: base + path, Write: true})
		if be := border(t, err); be.Class != orderhub.ClassAuth || be.HTTPStatus != http.StatusUnauthorized {
			t.Errorf("%s: %+v", path, be)
		}
	}
}

// What never left may be repeated, even a write.
func TestNeverSent(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + ln.Addr().String()
	ln.Close()
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake is the point
	tls.StartTLS()
	t.Cleanup(tls.Close)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name, url, sentence string
		ctx                 context.Context
	}{
		{"refused", closed, "no connection", t.Context()},
		{"no such host", "http://no-such-host.invalid", "the host was not found", t.Context()},
		{"foreign certificate", tls.URL, "the certificate of the host is not trusted", t.Context()},
		{"cancelled before", closed, "stopped before the call", ended},
	} {
		c := rest.New(rest.Options{Name: "demo"})
		_, err := c.Do(tc.ctx, rest.Call{Method: http.MethodPost, URL: tc.url + "/x", Write: true})
		be := border(t, err)
		// A machine without a resolver may say "no connection" in place of "not found".
		if be.Class != orderhub.ClassRetry || (be.Sentence != tc.sentence && tc.name != "no such host") {
			t.Errorf("%s: class %s, %v", tc.name, be.Class, be)
		}
	}
}

// A host may echo what it got; what is kept of a call has no key in it, and no end
// of a body that is too long.
func TestKeptCallsHaveNoKeys(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", channel.KeptBytes-8) + secret
	client, url := setup(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, r.Header.Get("Api-Key")+" is wrong\n"+long)
	}, rest.Options{Header: http.Header{"Api-Key": {secret}}})
	ctx, recorder := channel.WithRecorder(t.Context())
	_, _ = client.Do(channel.For(ctx, "effect-7"), rest.Call{
		Method: http.MethodPost, URL: url + "/a/s3cr3t-key+with/odd=signs/b", Body: []byte("with " + secret + " in it" + long),
	})
	wire := recorder.Take()
	if len(wire) != 1 || len(wire[0].Keys) != 1 || wire[0].Keys[0] != "effect-7" {
		t.Fatalf("got %+v", wire)
	}
	e := wire[0]
	if e.Path != "/a/***/b" {
		t.Errorf("path %q", e.Path)
	}
	for what, body := range map[string][]byte{"request": e.Request, "reply": e.Reply} {
		if bytes.Contains(body, []byte("s3cr3t")) || !bytes.Contains(body, []byte("***")) || len(body) != channel.KeptBytes {
			t.Errorf("%s of %d bytes, with the key: %v", what, len(body), bytes.Contains(body, []byte("s3cr3t")))
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var paths []string
	c, base := setup(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		paths = append(paths, r.URL.Path)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}, rest.Options{})
	_, err := c.Do(t.Context(), rest.Call{Method: http.MethodGet, URL: base + "/x"})
	if be := border(t, err); be.HTTPStatus != http.StatusFound || len(paths) != 1 {
		t.Errorf("%v, asked %v", be, paths)
	}
}

func TestDoJSON(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, body, report string }{
		{"good", `{"id":"1","more":{}}`, ""},
		{"empty", " \n", "empty body"},
		{"null", "null", "null"},
		{"html", "<html>Ivan</html>", "broken JSON at byte 1"},
		{"truncated", `{"id":"Ivan`, "broken JSON"},
		{"two values", `{} {}`, "broken JSON"},
		{"wrong type", `{"n":"Ivan"}`, "field n: want int64"},
		{"wrong type inside", `{"list":[{"id":{"Ivan":1}}]}`, "field list.id: want rest.Text"},
		{"no number", `{"dec":"Ivan"}`, "a value is not in the documented form"},
		{"no time", `{"at":"Ivan"}`, "RFC 3339"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, base := setup(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(tc.body)) }, rest.Options{})
			for _, write := range []bool{false, true} {
				var into struct {
					ID   rest.Text   `json:"id"`
					N    int64       `json:"n"`
					Dec  json.Number `json:"dec"`
					At   time.Time   `json:"at"`
					List []struct {
						ID rest.Text `json:"id"`
					} `json:"list"`
				}
				resp, err := c.DoJSON(t.Context(), rest.Call{Method: http.MethodPost, URL: base, Write: write}, &into)
				if tc.report == "" {
					if err != nil || into.ID != "1" || string(resp.Body) != tc.body {
						t.Errorf("%v, %+v", err, into)
					}
					continue
				}
				be := border(t, err)
				want := orderhub.ClassRetry
				if write {
					want = orderhub.ClassUncertain
				}
				if be.Class != want || !strings.Contains(be.Error(), tc.report) || strings.Contains(be.Error(), "Ivan") {
					t.Errorf("class %s: %v, want %s: %s", be.Class, be, want, tc.report)
				}
			}
		})
	}
}

// quotaSpy counts what a client does to its quotas.
type quotaSpy struct {
	*rest.Buckets
	waits, charged int
	paused         time.Duration
}

func (q *quotaSpy) Wait(ctx context.Context, group string, n int) error {
	q.waits += n
	return q.Buckets.Wait(ctx, group, n)
}
func (q *quotaSpy) Charge(_ string, n int)          { q.charged += n }
func (q *quotaSpy) Pause(_ string, d time.Duration) { q.paused = d }

func TestQuotaAccounts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, retryAfter string
		status           int
		want             time.Duration
		class            orderhub.Class
	}{
		{"seconds", "7", 429, 7 * time.Second, orderhub.ClassRateLimited},
		{"420 and a fraction", "0.5", 420, 500 * time.Millisecond, orderhub.ClassRateLimited},
		{"nothing told", "", 429, time.Second, orderhub.ClassRateLimited},
		{"rubbish", "soon", 429, time.Second, orderhub.ClassRateLimited},
		{"negative", "-5", 429, time.Second, orderhub.ClassRateLimited},
		{"not a number", "NaN", 429, time.Second, orderhub.ClassRateLimited},
		{"too long", "99999999999999999999", 429, time.Hour, orderhub.ClassRateLimited},
		{"a date in the past", "Mon, 02 Jan 2006 15:04:05 GMT", 429, time.Second, orderhub.ClassRateLimited},
		{"another failure", "7", 500, 0, orderhub.ClassRetry},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			spy := &quotaSpy{Buckets: rest.NewBuckets(nil)}
			c, base := setup(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", tc.retryAfter)
				w.WriteHeader(tc.status)
			}, rest.Options{Quotas: spy, Charge: func(r *http.Response) int { return r.StatusCode / 100 }})
			_, err := c.Do(t.Context(), rest.Call{Method: http.MethodGet, URL: base, Group: "g", Cost: 3})
			be := border(t, err)
			if be.Class != tc.class || spy.paused != tc.want || spy.waits != 3 || spy.charged != tc.status/100 {
				t.Errorf("class %s, paused %s, waited for %d, charged %d", be.Class, spy.paused, spy.waits, spy.charged)
			}
			if tc.class == orderhub.ClassRateLimited && be.RetryAfter != tc.want {
				t.Errorf("RetryAfter %s, want %s", be.RetryAfter, tc.want)
			}
		})
	}
}

// A date in Retry-After is a span from now, an hour at most.
func TestRetryAfterDate(t *testing.T) {
	t.Parallel()
	spy := &quotaSpy{Buckets: rest.NewBuckets(nil)}
	c, base := setup(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(3*time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	}, rest.Options{Quotas: spy})
	_, err := c.Do(t.Context(), rest.Call{Method: http.MethodGet, URL: base})
	if be := border(t, err); be.RetryAfter != time.Hour || spy.paused != time.Hour {
		t.Errorf("RetryAfter %s, paused %s", be.RetryAfter, spy.paused)
	}
}

// The cap on parallel calls holds, and every place is given back, also by
// failed calls.
func TestParallelCap(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	running, most := 0, 0
	quotas := rest.NewBuckets([]channel.Limit{{Group: "g", Calls: 1000, Period: time.Second, Parallel: 2}})
	c, base := setup(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		w.WriteHeader(http.StatusBadRequest)
		mu.Lock()
		running--
		mu.Unlock()
	}, rest.Options{Quotas: quotas})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := c.Do(t.Context(), rest.Call{Method: http.MethodGet, URL: base, Group: "g"})
			if orderhub.ClassOf(err) != orderhub.ClassRejected {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	if most > 2 {
		t.Errorf("%d calls at once, the cap is 2", most)
	}
}
