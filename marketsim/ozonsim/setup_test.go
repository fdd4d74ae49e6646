package ozonsim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
)

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// world is a market on a set clock behind a real server.
type world struct {
	t     testing.TB
	m     *Market
	clock *clock
	url   string
}

func setup(t testing.TB, change func(*Options)) *world {
	t.Helper()
	return setupWrapped(t, change, func(h http.Handler) http.Handler { return h })
}

func setupWrapped(t testing.TB, change func(*Options), wrap func(http.Handler) http.Handler) *world {
	t.Helper()
	c := newClock()
	opts := Options{Now: c.now, Seed: 7, NoQuotas: true}
	if change != nil {
		change(&opts)
	}
	m := New(opts)
	t.Cleanup(m.Close)
	srv := httptest.NewServer(wrap(m.Handler()))
	t.Cleanup(srv.Close)
	return &world{t: t, m: m, clock: c, url: srv.URL}
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

// post makes one call with the right credentials; body is sent as it is when it
// is a string.
func (w *world) post(path string, body any) reply {
	w.t.Helper()
	s := w.m.Settings()
	return w.postAs(path, s["client_id"], s["api_key"], body)
}

func (w *world) postAs(path, client, key string, body any) reply {
	w.t.Helper()
	raw, isText := body.(string)
	if !isText {
		b, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		raw = string(b)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+path, bytes.NewReader([]byte(raw)))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if client != "" {
		req.Header.Set("Client-Id", client)
	}
	if key != "" {
		req.Header.Set("Api-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatalf("POST %s: %v", path, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, got}
}

// ok makes a call that must succeed and reads the answer as T.
func ok[T any](w *world, path string, body any) T {
	w.t.Helper()
	r := w.post(path, body)
	var out T
	if r.status != http.StatusOK {
		w.t.Fatalf("POST %s: %d %s", path, r.status, r.body)
	}
	if err := json.Unmarshal(r.body, &out); err != nil {
		w.t.Fatalf("POST %s: %v in %s", path, err, r.body)
	}
	return out
}

// refuse makes a call that must be refused with these words.
func (w *world) refuse(path string, body any, status, code int, message string) {
	w.t.Helper()
	r := w.post(path, body)
	var got rpcStatus
	if err := json.Unmarshal(r.body, &got); err != nil {
		w.t.Fatalf("POST %s: %v in %s", path, err, r.body)
	}
	if r.status != status || got.Code != code || got.Message != message || got.Details == nil {
		w.t.Fatalf("POST %s: got %d %s, want %d code %d %q", path, r.status, r.body, status, code, message)
	}
}

// place makes an order of a mug and two lamps unless lines are given.
func (w *world) place(spec marketsim.OrderSpec) string {
	w.t.Helper()
	if spec.Lines == nil {
		spec.Lines = []marketsim.SpecLine{{SKU: "MUG-350", Quantity: 1, PriceMinor: 49000}, {SKU: "LAMP-7", Quantity: 2, PriceMinor: 129990}}
	}
	ids, err := w.m.Place(spec)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(ids) != 1 {
		w.t.Fatalf("got %d postings, want 1", len(ids))
	}
	return ids[0]
}

func (w *world) get(number string) postingGet {
	w.t.Helper()
	return ok[getResponse](w, "/v3/posting/fbs/get", map[string]any{
		"posting_number": number, "with": map[string]any{"related_postings": true, "financial_data": true},
	}).Result
}

// words checks status and substatus as the seller reads them.
func (w *world) words(number, status, sub string) {
	w.t.Helper()
	if got := w.get(number); got.Status != status || got.Substatus != sub {
		w.t.Fatalf("%s is %s (%s), want %s (%s)", number, got.Status, got.Substatus, status, sub)
	}
}

func (w *world) truth(number string) marketsim.TruthOrder {
	w.t.Helper()
	for _, o := range w.m.Truth() {
		if o.ID == number {
			return o
		}
	}
	w.t.Fatalf("no %s in the books", number)
	return marketsim.TruthOrder{}
}

func (w *world) act(number string, act marketsim.BuyerAct) {
	w.t.Helper()
	if err := w.m.Act(number, act); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) progress(number string, want bool) {
	w.t.Helper()
	moved, err := w.m.Progress(number)
	if err != nil || moved != want {
		w.t.Fatalf("progress %s: moved %v, %v; want %v", number, moved, err, want)
	}
}

type obj = map[string]any

func goods(pairs ...any) []obj {
	out := []obj{}
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, obj{"product_id": SKU(pairs[i].(string)), "quantity": pairs[i+1]})
	}
	return out
}

// shipBody ships the usual order, in one package unless packages are given.
func shipBody(number string, packages ...[]obj) obj {
	if packages == nil {
		packages = [][]obj{goods("MUG-350", 1, "LAMP-7", 2)}
	}
	list := []obj{}
	for _, p := range packages {
		list = append(list, obj{"products": p})
	}
	return obj{"posting_number": number, "packages": list}
}

// ship assembles the usual order and waits for the end of it.
func (w *world) ship(number string) {
	w.t.Helper()
	ok[shipResponse](w, "/v4/posting/fbs/ship", shipBody(number))
	w.clock.add(5 * time.Second)
	w.words(number, awaitingDeliver, subTransferring)
}

func callNames(o marketsim.TruthOrder) []string {
	out := []string{}
	for _, c := range o.Calls {
		out = append(out, c.What)
	}
	return out
}

const rfbs = orderhub.SchemeRFBS
