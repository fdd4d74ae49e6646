package site

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// What is kept of the calls to a shop tells for which message each was made, and
// nothing of the address behind the host: shops put passwords there, and a server
// that fails may echo them.
func TestKeptCalls(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, "no handler for %s, tried %s with %s", r.URL, r.URL.Path, r.URL.Query().Get("token"))
	})
	settings := toShop(s)
	settings[settingDeliveryURL] = s.URL + "/hub/4f1c?token=lets-the-hub-in"
	ctx, recorder := channel.WithRecorder(t.Context())
	var pushes []channel.Push
	for i := range 2 {
		pushes = append(pushes, channel.Push{
			Key: fmt.Sprint("effect-", i), To: orderhub.StatusConfirmed, Order: orderhub.Order{Snapshot: orderhub.Snapshot{ExternalID: fmt.Sprint("S-", i)}},
		})
	}
	if _, err := setup(t, settings).PushStatus(ctx, pushes); err != nil {
		t.Fatal(err)
	}
	wire := recorder.Take()
	if len(wire) != 2 {
		t.Fatalf("%d calls, want 2", len(wire))
	}
	for i, e := range wire {
		if len(e.Keys) != 1 || e.Keys[0] != pushes[i].Key || !bytes.Contains(e.Request, []byte(pushes[i].Order.Snapshot.ExternalID)) {
			t.Errorf("call %d is for %v: %s", i, e.Keys, e.Request)
		}
		for _, secret := range []string{"4f1c", "lets-the-hub-in"} {
			if all := e.Path + e.Failure + string(e.Reply); strings.Contains(all, secret) {
				t.Errorf("call %d: %q is kept: %s", i, secret, all)
			}
		}
	}
}
