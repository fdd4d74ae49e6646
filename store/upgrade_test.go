package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// TestReturnsGetTheirHistory: what was written before returns had a history of their
// own is found under them, nothing is lost or numbered anew, and one of the two
// numbers must be there from now on.
func TestReturnsGetTheirHistory(t *testing.T) {
	t.Parallel()
	for _, engine := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s, err := store.Open(ctx, storetest.Config(t, engine))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(s.MigrateTo(ctx, 10))
			newAccount(t, s, "a")
			o := sample("a", "P-1", time.Now())
			insert(t, s, o)
			r := sampleReturn("a", "R1", o.ID)
			must(saveReturns(t, s, r))
			event := func(kind, data string) {
				must(s.Exec(ctx, "INSERT INTO events (order_id, at, kind, actor_kind, actor, from_status, to_status, why, inbox_id, data) VALUES (?, 1, ?, 'hub', '', '', '', 'because', 0, ?)", o.ID, kind, data))
			}
			effect := func(kind, params string) {
				must(s.Exec(ctx, `INSERT INTO effects (order_id, account_id, kind, to_status, reason, comment, params, actor_kind, actor, state, attempts,
					checks, next_at, class, error, created_at, sent_at, accepted_at, finished_at)
					VALUES (?, 'a', ?, '', '', 'sorry', ?, 'user', 'olga', 'rejected', 1, 0, 0, '', '', 1, 0, 0, 0)`, o.ID, kind, params))
			}
			event("received", "")
			event("return", `{"return":"R1","state":"announced"}`)
			event("return", `{"return":"R2","state":"announced"}`) // as somebody else wrote it
			effect("status", "")
			effect("answer_return", fmt.Sprintf(`{"return":"%d","action":"grant"}`, r.ID))
			told := fmt.Sprintf("return-%d-R1", o.ID)
			for _, cause := range []string{told, "event-1"} {
				must(s.Exec(ctx, "INSERT INTO notify_causes (rule_id, recipient_id, kind, cause, at, due_at, facts, message_id) VALUES (1, 1, 'email', ?, 1, 1, '{}', 0)", cause))
			}
			must(s.Migrate(ctx))

			events, err := s.Events(ctx, o.ID)
			must(err)
			var of []int64
			for i, e := range events {
				if e.ID != int64(i+1) || e.Why != "because" {
					t.Errorf("event %+v", e)
				}
				of = append(of, e.ReturnID)
			}
			if fmt.Sprint(of) != fmt.Sprint([]int64{0, r.ID, 0}) {
				t.Errorf("events are of the returns %v", of)
			}
			effects, err := s.EffectsOfReturn(ctx, r.ID)
			must(err)
			if len(effects) != 1 || effects[0].ID != 2 || effects[0].OrderID != o.ID || effects[0].Comment != "sorry" {
				t.Errorf("answers %+v", effects)
			}
			must(s.Exec(ctx, "INSERT INTO notify_causes (rule_id, recipient_id, kind, cause, at, due_at, facts, message_id) VALUES (1, 1, 'email', ?, 1, 1, '{}', 0)", told))
			if err := s.Exec(ctx, "INSERT INTO notify_causes (rule_id, recipient_id, kind, cause, at, due_at, facts, message_id) VALUES (1, 1, 'email', ?, 1, 1, '{}', 0)", fmt.Sprintf("return-%d", r.ID)); !store.IsConflict(err) {
				t.Errorf("a return that was told would be told again: %v", err)
			}
			add := func(e orderhub.Event) error {
				return s.InTx(ctx, func(tx *store.Tx) error { return tx.AddEvents(ctx, []orderhub.Event{e}) })
			}
			must(add(orderhub.Event{ReturnID: r.ID, At: time.Now(), Kind: orderhub.EventReturn}))
			if err := add(orderhub.Event{At: time.Now(), Kind: orderhub.EventReturn}); err == nil {
				t.Error("an event of nothing was written")
			}
			if own, err := s.EventsOfReturn(ctx, r.ID); err != nil || len(own) != 2 || own[1].ID != 4 || own[1].OrderID != 0 {
				t.Errorf("history %+v, %v", own, err)
			}
		})
	}
}
