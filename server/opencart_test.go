package server_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/webhook"
)

// TestOpenCartExample: the message and the signature that the page tells people to
// send are taken by the intake as they stand there.
func TestOpenCartExample(t *testing.T) {
	page, err := os.ReadFile("../docs/channels/opencart.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```json\n(.*?)```").FindSubmatch(page)
	if found == nil {
		t.Fatal("the page has no example")
	}
	body := found[1]
	each(t, options{}, func(t *testing.T, w *world) {
		a := w.shop(t)
		hook := "/hooks/shop/" + a.HookKey
		for range 2 { // the second is a repeat after a lost answer
			if r := w.raw(t, http.MethodPost, hook, body, signed(t, hookSecret, "oc-1042-1795176005123", body)...); r.Status != http.StatusAccepted {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
		}
		if err := w.hub.AcceptPending(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		var card api.OrderCard
		w.do(t, http.MethodGet, "/accounts/shop/orders/1042", nil).into(t, http.StatusOK, &card)
		if card.Status != orderhub.StatusNew || len(card.Lines) != 1 || card.Lines[0].SKU != "0557722" || card.Lines[0].Quantity != 2 ||
			card.Total == nil || *card.Total != orderhub.Roubles(980) {
			got, _ := json.Marshal(card)
			t.Errorf("the hub made of it: %s", got)
		}
	})
}

func TestOpenCartSignature(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/channels/opencart.md")
	if err != nil {
		t.Fatal(err)
	}
	key, err := webhook.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	if err := webhook.Sign(h, key, "oc-1042-1", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)); err != nil {
		t.Fatal(err)
	}
	if want := h.Get(webhook.HeaderSignature); !strings.Contains(string(page), "    "+want+"\n") {
		t.Errorf("the page does not have the signature %s", want)
	}
}
