package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// compressFrom is the smallest answer worth the work, in bytes.
const compressFrom = 1400

// compressed are the kinds of answers that become smaller. Streams of events are not
// among them: a browser would wait for a full block.
var compressed = []string{"application/json", "application/openapi+json", "application/problem+json", "text/csv"}

// compress lets answers of the API travel as gzip. Who can make a browser ask the hub
// and see how long the answers are might guess a secret that stands in them next to
// what they made it ask (BREACH). The session's cookie is SameSite=Strict, so another
// site's question comes without it; besides, answers that hold secrets go as they are,
// and the length of the others varies by some bytes.
func compress(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(compressFrom), gzhttp.ContentTypes(compressed), gzhttp.EnableZstd(false), gzhttp.RandomJitter(32, 0, false))
	if err != nil {
		panic("the settings of compression: " + err.Error()) // they are constants
	}
	zipped := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if compressible(r.URL.Path) {
			zipped.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// secretive are the parts of the API whose answers hold secrets: of sessions and
// codes, tokens, keys of webhooks and of exchanges.
var secretive = []string{"session", "setup", "me", "tokens", "users", "accounts", "onec", "oidc", "stream"}

func compressible(path string) bool {
	rest, ok := strings.CutPrefix(path, "/api/")
	if !ok {
		return false
	}
	part, _, _ := strings.Cut(strings.TrimPrefix(rest, "v1/"), "/")
	return !slices.Contains(secretive, part)
}
