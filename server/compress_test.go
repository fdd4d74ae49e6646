package server_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/orderhub/orderhub/store/storetest"
)

// zipped asks for an address as a browser does and gives the answer unpacked.
func (w *world) zipped(t *testing.T, method, path, body string) (res *http.Response, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip, br, zstd")
	req.Header.Set("Authorization", "Bearer "+w.token)
	req.Header.Set("Content-Type", "application/json")
	if res, err = w.srv.Client().Do(req); err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var from io.Reader = res.Body
	if res.Header.Get("Content-Encoding") == "gzip" {
		if from, err = gzip.NewReader(res.Body); err != nil {
			t.Fatal(err)
		}
	}
	b, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// TestAnswersAreCompressed: long answers of the API are, those that hold secrets and
// the stream are not, and nothing of the API is kept by anybody.
func TestAnswersAreCompressed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t, storetest.Config(t, "sqlite")), options{})
	for _, c := range []struct {
		method, path, body string
		zipped             bool
	}{
		{"GET", "/api/v1/channels", "", true},
		{"GET", "/api/openapi.json", "", true},
		{"GET", "/api/v1/orders", "", false}, // short
		{"GET", "/api/v1/accounts", "", false},
		{"POST", "/api/v1/tokens", `{"name":"` + strings.Repeat("n", 90) + `","scopes":["orders.read"]}`, false},
		{"GET", "/api/v1/setup", "", false},
		{"GET", "/healthz", "", false},
	} {
		res, text := w.zipped(t, c.method, c.path, c.body)
		if res.StatusCode > 299 {
			t.Fatalf("%s: %d %s", c.path, res.StatusCode, text)
		}
		if got := res.Header.Get("Content-Encoding"); (got == "gzip") != c.zipped || (got != "" && got != "gzip") {
			t.Errorf("%s came as %q (%d bytes)", c.path, got, len(text))
		}
		if c.zipped && (!strings.Contains(res.Header.Get("Vary"), "Accept-Encoding") || !json.Valid([]byte(text))) {
			t.Errorf("%s: %v %.80s", c.path, res.Header, text)
		}
		if res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %q", c.path, res.Header.Get("Cache-Control"))
		}
	}
	if plain, _ := w.zipped(t, "GET", "/api/v1/nothing?q="+strings.Repeat("x", 1500), ""); plain.StatusCode != http.StatusNotFound {
		t.Errorf("got %d", plain.StatusCode)
	}
}
