package channeltest

import (
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/orderhub/orderhub"
)

// Fuzz feeds Normalise: no panic, the same answer twice, and a snapshot always
// of a named order with a status of ours. Call it from FuzzNormalise.
func Fuzz(f *testing.F, s Suite) {
	f.Helper()
	ad := s.canned(f, http.NotFoundHandler()).open()
	var kinds []string
	for _, sm := range s.samples(f) {
		if !slices.Contains(kinds, sm.kind) {
			kinds = append(kinds, sm.kind)
		}
		f.Add(uint8(slices.Index(kinds, sm.kind)), sm.body)
	}
	if len(kinds) == 0 {
		f.Fatalf("no samples in %s/normalise", s.fixtures())
	}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		name := kinds[int(kind)%len(kinds)]
		first, err := ad.Normalise(name, slices.Clone(body))
		second, err2 := ad.Normalise(name, slices.Clone(body))
		if (err == nil) != (err2 == nil) || !reflect.DeepEqual(first, second) {
			t.Fatalf("the same bytes give two answers: %v, %v", err, err2)
		}
		if err != nil {
			return
		}
		if _, err := orderhub.ParseStatus(string(first.Status)); err != nil || first.ExternalID == "" {
			t.Fatalf("id %q, status %q and no error", first.ExternalID, first.Status)
		}
	})
}
