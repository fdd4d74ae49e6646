package store_test

import (
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// TestSettledEventsWaitForLateWriters: a transaction takes an id, a second one a
// higher id and commits first. A reader that went on to the second's id would
// never see the first's event.
func TestSettledEventsWaitForLateWriters(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.Config(t, "postgres"))
	ctx := t.Context()
	if _, err := s.CreateAccount(ctx, orderhub.Account{ID: "a", Channel: "site"}); err != nil {
		t.Fatal(err)
	}
	o := &orderhub.Order{AccountID: "a", Channel: "site", Snapshot: orderhub.Snapshot{ExternalID: "1"}, Headline: orderhub.StatusNew}
	if err := s.InTx(ctx, func(tx *store.Tx) error { return tx.InsertOrders(ctx, []store.Change{{Order: o, Content: true}}) }); err != nil {
		t.Fatal(err)
	}
	event := []orderhub.Event{{OrderID: o.ID, At: s.Now(), Kind: orderhub.EventChanged}}
	written, commit, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- s.InTx(ctx, func(tx *store.Tx) error {
			err := tx.AddEvents(ctx, event)
			close(written)
			<-commit
			return err
		})
	}()
	<-written
	if err := s.InTx(ctx, func(tx *store.Tx) error { return tx.AddEvents(ctx, event) }); err != nil {
		t.Fatal(err)
	}
	if id, ok, err := s.SettledEvents(ctx); err != nil || ok {
		t.Errorf("while one is writing: %d, %v, %v", id, ok, err)
	}
	time.AfterFunc(200*time.Millisecond, func() { close(commit) })
	id, ok, err := s.SettledEvents(ctx)
	events, err2 := s.EventsAfter(ctx, 0, 10)
	if err != nil || err2 != nil || !ok || len(events) != 2 || events[1].ID != id {
		t.Errorf("after its commit: %d, %v, %v, %v; %d events", id, ok, err, err2, len(events))
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
