package pipeline

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// TestAttemptsThatSayNothing: what the hub broke off when it stopped is no fault of the
// receiver, and what an address took that the endpoint no longer has is not delivered.
func TestAttemptsThatSayNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		r := newReceiver(w)
		e := w.endpoint(r, orderhub.Endpoint{})
		halt := func() {}
		hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
			_, _ = io.ReadAll(req.Body)
			halt()
			<-req.Context().Done()
		}))
		t.Cleanup(hangs.Close)
		w.move(e.ID, hangs.URL)
		w.take(snap("1", orderhub.StatusNew))
		w.must(w.hub.fanOut(t.Context(), store.Lease{}))
		for _, failing := range []time.Time{{}, w.clock.now().Add(-time.Hour)} {
			ctx, stop := context.WithCancel(t.Context())
			halt = stop
			w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
				e, err := tx.LockEndpoint(t.Context(), e.ID)
				w.must(err)
				e.FailingSince = failing
				return tx.SaveEndpoint(t.Context(), &e)
			}))
			_ = w.hub.deliverTo(ctx, e.ID, store.Lease{})
			if now := w.endpointNow(e.ID); now.Failures != 0 || !now.FailingSince.Equal(failing) {
				t.Errorf("after a stop of the hub: %+v, want failing since %v", now, failing)
			}
		}

		old := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			w.move(e.ID, r.srv.URL) // and takes it
		}))
		t.Cleanup(old.Close)
		w.move(e.ID, old.URL)
		w.deliver()
		if got := r.got()["1"]; len(got) != 1 {
			t.Errorf("the new address was told %v", got)
		}
	}, localhost)
}

func (w *world) move(id int64, url string) {
	w.t.Helper()
	_, err := w.hub.ChangeEndpoint(context.Background(), id, func(e *orderhub.Endpoint) { e.URL = url })
	w.must(err)
}
