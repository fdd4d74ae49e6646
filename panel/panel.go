// Package panel serves the control panel, built from the folder web and embedded
// into the binary. It knows files and headers, and nothing of the hub: what
// somebody may see is the API's business.
package panel

import (
	"crypto/rand"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// dist is what `make web` builds; a fresh clone has only .keep in it.
//
//go:embed all:dist
var dist embed.FS

// nonceMark is what the build writes where the nonce of an answer belongs.
const nonceMark = "__NONCE__"

// Handler serves the panel of this binary: its page below every address that is
// a page, its files below /assets/. A binary that was built without the panel
// says so on one page.
func Handler(version string) http.Handler {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(fmt.Sprintf("the folder of the panel: %v", err)) // the name is a constant
	}
	return New(built, version)
}

// New serves the panel of a folder as the build leaves it.
func New(built fs.FS, version string) http.Handler {
	index, err := fs.ReadFile(built, "index.html")
	if err != nil {
		return without(version)
	}
	p := &app{index: strings.Split(string(index), nonceMark), files: map[string]*file{}}
	if err := p.read(built); err != nil {
		panic(fmt.Sprintf("the files of the panel: %v", err)) // they are part of the binary
	}
	return p
}

// app is a built panel.
type app struct {
	// index is index.html, cut where the nonce comes in.
	index []string
	files map[string]*file
}

// file is one asset in all the ways in which it can be sent.
type file struct {
	kind         string
	raw, br, zip []byte
}

func (p *app) read(built fs.FS) error {
	names, err := fs.Glob(built, "assets/*")
	if err != nil {
		return err
	}
	for _, name := range names {
		b, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		base, encoding := name, ""
		if ext := path.Ext(name); ext == ".br" || ext == ".gz" {
			base, encoding = strings.TrimSuffix(name, ext), ext
		}
		f := p.files[base]
		if f == nil {
			f = &file{kind: kind(base)}
			p.files[base] = f
		}
		switch encoding {
		case ".br":
			f.br = b
		case ".gz":
			f.zip = b
		default:
			f.raw = b
		}
	}
	return nil
}

// kind is a file's media type. Not left to the machine's tables: with nosniff a
// script of another type does not run.
func kind(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json":
		return "application/json"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// ServeHTTP implements http.Handler.
func (p *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !reads(w, r) {
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if f := p.files[name]; f != nil && f.raw != nil {
		f.serve(w, r)
		return
	}
	// A page's address has no dot in its last part but in an id; a missing file is
	// missing, and no page.
	if strings.HasPrefix(name, "assets/") || !isPage(name) {
		missing(w)
		return
	}
	nonce := newNonce()
	secure(w, "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-"+nonce+"'; img-src 'self' data:; font-src 'self'; "+
		"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	send(w, r, "text/html; charset=utf-8", []byte(strings.Join(p.index, nonce)))
}

// pages are the first parts of the panel's addresses. Any other address is no
// page of it: whoever looks for holes gets a plain 404.
var pages = map[string]bool{
	"": true, "today": true, "orders": true, "returns": true, "stock": true, "products": true, "listings": true, "accounts": true, "audits": true,
	"troubles": true, "notify": true, "users": true, "tokens": true, "audit-log": true, "settings": true, "customers": true, "rules": true, "onec": true, "integrations": true, "me": true,
	"setup": true, "login": true,
}

func isPage(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return pages[first]
}

// serve sends an asset in the best way that the reader understands. Its name
// changes with its content, so it may be kept for ever.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Content-Security-Policy", "default-src 'none'")
	body := f.raw
	switch {
	case f.br != nil && accepts(r, "br"):
		h.Set("Content-Encoding", "br")
		body = f.br
	case f.zip != nil && accepts(r, "gzip"):
		h.Set("Content-Encoding", "gzip")
		body = f.zip
	}
	send(w, r, f.kind, body)
}

// accepts tells whether Accept-Encoding names an encoding and does not refuse it.
func accepts(r *http.Request, encoding string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		if !ok {
			return true
		}
		weight, err := strconv.ParseFloat(q, 64)
		return err == nil && weight > 0
	}
	return false
}

// reads refuses what is no reading.
func reads(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "this address takes GET and HEAD", http.StatusMethodNotAllowed)
	return false
}

func missing(w http.ResponseWriter) {
	http.Error(w, "there is nothing at this address", http.StatusNotFound)
}

// secure sets the headers of a page. It is never kept: it names the files of one
// build, and its nonce is good once.
func secure(w http.ResponseWriter, policy string) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(self), microphone=(), geolocation=(), payment=(), usb=()")
}

func send(w http.ResponseWriter, r *http.Request, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func newNonce() string {
	var b [18]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

var withoutPage = template.Must(template.New("without").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>orderhub</title><meta name="viewport" content="width=device-width, initial-scale=1">
<style nonce="{{.Nonce}}">
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem; }
code { padding: .1em .3em; border-radius: 3px; background: color-mix(in srgb, currentColor 10%, transparent); }
li { margin: .3rem 0; }
</style></head><body>
<h1>orderhub {{.Version}}</h1>
<p>This hub is running. Its control panel was not built into this binary: run <code>make web</code> in the source (it needs Node.js 20 or
later) and build the binary again.</p>
<p lang="ru">Хаб работает. Панель управления не встроена в эту сборку: выполните <code>make web</code> в исходном коде (нужен Node.js 20 или
новее) и соберите программу снова.</p>
<ul>
<li><a href="/api/openapi.json">/api/openapi.json</a>: the document of the REST API</li>
<li><code>/api/v1/orders</code>: the orders; send <code>Authorization: Bearer &lt;token&gt;</code> with the token that the hub printed at its first start</li>
<li><a href="/metrics">/metrics</a>, <a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a>: for machines that watch this one</li>
</ul></body></html>
`))

// without tells a newcomer where they are when there is no panel.
func without(version string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !reads(w, r) {
			return
		}
		if r.URL.Path != "/" {
			missing(w)
			return
		}
		nonce := newNonce()
		var page strings.Builder
		if err := withoutPage.Execute(&page, map[string]string{"Version": version, "Nonce": nonce}); err != nil {
			http.Error(w, "the page cannot be written", http.StatusInternalServerError)
			return
		}
		secure(w, "default-src 'none'; style-src 'nonce-"+nonce+"'; base-uri 'none'; frame-ancestors 'none'")
		send(w, r, "text/html; charset=utf-8", []byte(page.String()))
	})
}
