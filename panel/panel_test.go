package panel_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/orderhub/orderhub/panel"
)

func built() fstest.MapFS {
	return fstest.MapFS{
		"index.html":          {Data: []byte(`<meta property="csp-nonce" nonce="__NONCE__"><script type="module" src="/assets/a-1.js" nonce="__NONCE__"></script>`)},
		"assets/a-1.js":       {Data: []byte("script")},
		"assets/a-1.js.br":    {Data: []byte("as brotli")},
		"assets/a-1.js.gz":    {Data: []byte("as gzip")},
		"assets/icon-1.svg":   {Data: []byte("<svg/>")},
		"assets/orphan.js.br": {Data: []byte("of a file that is not there")},
	}
}

func get(t *testing.T, h http.Handler, method, path, encoding string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAssets(t *testing.T) {
	t.Parallel()
	h := panel.New(built(), "v1")
	for _, tc := range []struct{ path, encoding, want, sent string }{
		{"/assets/a-1.js", "", "script", ""},
		{"/assets/a-1.js", "gzip, deflate, br, zstd", "as brotli", "br"},
		{"/assets/a-1.js", "gzip, br;q=0", "as gzip", "gzip"},
		{"/assets/a-1.js", "br;q=0.1", "as brotli", "br"},
		{"/assets/a-1.js", "zstd", "script", ""},
		{"/assets/icon-1.svg", "br", "<svg/>", ""},
	} {
		w := get(t, h, http.MethodGet, tc.path, tc.encoding)
		if w.Code != http.StatusOK || w.Body.String() != tc.want || w.Header().Get("Content-Encoding") != tc.sent {
			t.Errorf("%s, %q: %d %q as %q", tc.path, tc.encoding, w.Code, w.Body, w.Header().Get("Content-Encoding"))
		}
		if c := w.Header().Get("Cache-Control"); !strings.Contains(c, "immutable") || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: Cache-Control %q", tc.path, c)
		}
	}
	if w := get(t, h, http.MethodHead, "/assets/a-1.js", ""); w.Body.Len() != 0 || w.Header().Get("Content-Length") != "6" {
		t.Errorf("HEAD: %q, %s bytes", w.Body, w.Header().Get("Content-Length"))
	}
	if kind := get(t, h, http.MethodGet, "/assets/a-1.js", "").Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/javascript") {
		t.Errorf("a script is sent as %s", kind)
	}
}

// TestPages: every address of the panel is its page, with a nonce of its own, and
// no other address is.
func TestPages(t *testing.T) {
	t.Parallel()
	h := panel.New(built(), "v1")
	nonces := map[string]bool{}
	for _, path := range []string{"/", "/orders", "/orders/100001", "/stock/TEA.1", "/today"} {
		w := get(t, h, http.MethodGet, path, "br")
		policy := w.Header().Get("Content-Security-Policy")
		found := regexp.MustCompile(`'nonce-([\w-]{20,})'`).FindStringSubmatch(policy)
		if w.Code != http.StatusOK || found == nil || strings.Count(w.Body.String(), found[1]) != 2 || strings.Contains(w.Body.String(), "__NONCE__") {
			t.Fatalf("%s: %d %s with %s", path, w.Code, w.Body, policy)
		}
		if nonces[found[1]] {
			t.Errorf("%s: a nonce is used twice", path)
		}
		nonces[found[1]] = true
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || !strings.Contains(policy, "script-src 'self';") {
			t.Errorf("Content-Security-Policy: %s", policy)
		}
		if c := w.Header().Get("Cache-Control"); c != "no-store" {
			t.Errorf("the page may be kept: %s", c)
		}
	}
	for _, path := range []string{"/nothing", "/.env", "/index.html", "/assets/", "/assets/gone.js", "/assets/orphan.js", "/wp-login.php", "/../orders/x/../../etc"} {
		if w := get(t, h, http.MethodGet, path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := get(t, h, http.MethodPost, "/orders", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// TestWithout: a binary without the panel says how to get it.
func TestWithout(t *testing.T) {
	t.Parallel()
	h := panel.New(fstest.MapFS{".keep": {}}, "v1 <b>")
	w := get(t, h, http.MethodGet, "/", "")
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "make web") || !strings.Contains(body, "v1 &lt;b&gt;") {
		t.Errorf("%d %s", w.Code, body)
	}
	if w := get(t, h, http.MethodGet, "/orders", ""); w.Code != http.StatusNotFound {
		t.Errorf("/orders: %d", w.Code)
	}
}

// TestHandler: whatever is built in, the handler answers.
func TestHandler(t *testing.T) {
	t.Parallel()
	if w := get(t, panel.Handler("v1"), http.MethodGet, "/", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "orderhub") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
