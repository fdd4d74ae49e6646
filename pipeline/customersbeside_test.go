package pipeline

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// poisoned is an answer about a return that nobody can read.
func poisoned(id, order string) channel.Item {
	return channel.Item{Kind: channel.ReturnKind, ExternalID: id, Body: json.RawMessage(`{"state": 7, "posting": {"order_id": "` + order + `"}, "comment": "` + markComment + ` ` + markName + `"}`)}
}

// failedReading keeps a reading that failed, with an answer that names an order.
func (w *world) failedReading(order string) {
	w.t.Helper()
	w.must(w.store.InTx(w.t.Context(), func(tx *store.Tx) error {
		return tx.SaveCalls(w.t.Context(), []store.Call{{
			AccountID: acct, Purpose: "orders", At: w.clock.now(), Method: "GET", Path: "/orders", Status: 500, Failure: "status 500",
			Reply: []byte(`{"orders":[{"id":"` + order + `","buyer":"` + markName + `"}]`),
		}}, nil)
	}))
}

// TestEraseWhatHangsOnNothing: readings that failed and answers about returns that
// nobody could read forget the buyer too, and those of others stay as they are.
func TestEraseWhatHangsOnNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(marked("77-1", orderhub.StatusDelivered), bought("77-10", "Анна", "+79007654321", ""))
		w.failedReading("77-1")
		w.failedReading("77-10")
		w.save(poisoned("R-1", "77-1"), poisoned("R-2", "77-10"), poisoned("R-3", "77-1"))
		w.accept()
		same(t, "set aside", []int{len(w.raws(store.RawQuarantined))}, 3)
		for _, r := range w.raws(store.RawQuarantined) {
			if r.ExternalID == "R-3" {
				w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
					_, err := tx.DropRaw(t.Context(), r.ID)
					return err
				}))
			}
		}
		_, err := w.hub.EraseCustomer(t.Context(), w.buyer("77-1"), "", false, manager)
		w.must(err)
		left := func() []string {
			var out []string
			for _, r := range slices.Concat(w.raws(store.RawQuarantined), w.raws(store.RawDropped), w.raws(store.RawErased)) {
				if channel.IsReturn(r.Kind) && len(r.Body) > 0 {
					out = append(out, r.ExternalID)
				}
			}
			return out
		}
		same(t, "still set aside", left(), "R-2")
		calls, err := w.store.ListCalls(t.Context(), store.CallFilter{Limit: 10})
		w.must(err)
		if len(calls) != 2 || len(calls[0].Reply) == 0 || len(calls[1].Reply) != 0 || calls[1].Failure == "" {
			t.Errorf("calls: %q, %q", calls[0].Reply, calls[1].Reply)
		}
		// The channel tells it again: the same is known, another is erased as it comes.
		if ids := w.save(poisoned("R-1", "77-1")); len(ids) != 0 {
			t.Errorf("kept again: %v", ids)
		}
		w.save(poisoned("R-4", "77-1"), poisoned("R-5", "77-10"))
		w.accept()
		same(t, "still set aside", left(), "R-2", "R-5")
	})
}

// TestFailedReadingsAreForgotten: after a month, and never a call that was to change
// something.
func TestFailedReadingsAreForgotten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(snap("1", orderhub.StatusNew))
		w.failedReading("1")
		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.SaveCalls(t.Context(), []store.Call{{AccountID: acct, Purpose: "push", At: w.clock.now()}, {AccountID: acct, Purpose: "check", At: w.clock.now()}}, []int64{1})
		}))
		w.clock.add(keepReadings - time.Hour)
		w.failedReading("1")
		w.clock.add(2 * time.Hour)
		w.must(w.store.ForgetReadings(t.Context(), acct, w.clock.now().Add(-keepReadings), 10))
		calls, err := w.store.ListCalls(t.Context(), store.CallFilter{Limit: 10})
		w.must(err)
		if len(calls) != 2 || calls[0].Purpose != "orders" || calls[1].Purpose != "push" {
			t.Errorf("kept: %+v", calls)
		}
		calls, err = w.store.ListCalls(t.Context(), store.CallFilter{EffectID: 1, Limit: 10})
		if err != nil || len(calls) != 1 {
			t.Errorf("of the effect: %+v, %v", calls, err)
		}
	})
}
