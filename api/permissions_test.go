package api

import (
	"net/http"
	"slices"
	"testing"

	"github.com/orderhub/orderhub"
)

// TestNeedsAreKnown: every operation names permissions that exist, and each
// permission is asked for somewhere or waits for its pages.
func TestNeedsAreKnown(t *testing.T) {
	t.Parallel()
	used := map[orderhub.Permission]bool{orderhub.CustomersRead: true} // its operations are not there yet
	for id, n := range needs {
		needOf(id)
		for _, p := range n.all {
			used[p] = true
			if !slices.Contains(orderhub.Permissions, p) {
				t.Errorf("%s needs %q, which does not exist", id, p)
			}
		}
		if (n.open || n.person) && len(n.all) > 0 {
			t.Errorf("%s is for anybody and asks for permissions", id)
		}
	}
	for _, p := range orderhub.Permissions {
		if !used[p] {
			t.Errorf("nothing asks for %s", p)
		}
	}
}

func TestOperationWithoutNeedDoesNotStart(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("it starts")
		}
	}()
	op("surely-not-known", http.MethodGet, "/x", "X", "X")
}
