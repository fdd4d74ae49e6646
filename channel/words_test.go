package channel_test

import (
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

func TestStatusWords(t *testing.T) {
	t.Parallel()
	w, err := channel.ParseStatusWords(" В сборке = confirmed ;\nDN=shipped; Уехал=shipped ")
	if err != nil || w.Word(orderhub.StatusShipped) != "DN" || w.Word(orderhub.StatusPacked) != "" {
		t.Fatal(w, err)
	}
	if s, ok := w.Status("в СБОРКЕ"); !ok || s != orderhub.StatusConfirmed {
		t.Fatal(s, ok)
	}
	for _, bad := range []string{"Собран", "Собран=ready", "=packed", "А=new;а=packed", "Собран=unknown", "S1=confirmed, S2=packed"} {
		if channel.CheckStatusWords(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
