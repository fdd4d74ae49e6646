package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// keep writes raw answers into the inbox as a channel's feed would.
func (w *world) keep(t *testing.T, account, kind string, bodies ...string) []int64 {
	t.Helper()
	var out []int64
	err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
		for i, b := range bodies {
			saved, err := tx.SaveRaw(t.Context(), account, "test", w.store.Now(), []store.Raw{{Kind: kind, ExternalID: fmt.Sprintf("X-%d", i), Body: []byte(b)}})
			if err != nil {
				return err
			}
			out = append(out, saved...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestInbox(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		good, err := json.Marshal(payload("X-0", 1))
		if err != nil {
			t.Fatal(err)
		}
		raws := w.keep(t, "shop", "site_order", string(good), `{"id":"X-1","status":"new","big":12345678901234567890,"html":"<b>"}`, "not \x00 JSON \xff", "")
		path := func(i int, tail string) string { return fmt.Sprintf("/inbox/%d%s", raws[i], tail) }
		var page api.RawPage
		w.do(t, http.MethodGet, "/inbox?state=pending", nil).into(t, http.StatusOK, &page)
		if len(page.Raw) != 4 || page.Before != 0 || page.Raw[0].ID != raws[3] {
			t.Errorf("pending: %+v", page)
		}
		w.do(t, http.MethodPost, path(0, "/retry"), nil).refused(t, http.StatusConflict, "", "pending")
		w.do(t, http.MethodPost, path(0, "/drop"), nil).refused(t, http.StatusConflict, "", "quarantine")
		if err := w.hub.AcceptPending(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}

		var card api.RawCard
		w.do(t, http.MethodGet, path(0, ""), nil).into(t, http.StatusOK, &card)
		if card.State != "done" || card.Verdict != "same" || card.DoneAt == nil || card.Source != "test" || card.Bytes != len(good) {
			t.Errorf("accepted: %+v", card.RawRow)
		}
		var whole struct{ Payload json.RawMessage }
		r := w.do(t, http.MethodGet, path(1, ""), nil)
		r.into(t, http.StatusOK, &card)
		r.into(t, http.StatusOK, &whole)
		if card.State != "quarantined" || !strings.Contains(card.Error, "lines") || !strings.Contains(card.Why, "lines") {
			t.Errorf("quarantined: %+v", card)
		}
		if !strings.Contains(string(whole.Payload), "12345678901234567890") || !strings.Contains(string(whole.Payload), "<b>") {
			t.Errorf("the payload is not as it came: %s", whole.Payload)
		}
		w.do(t, http.MethodGet, path(2, ""), nil).into(t, http.StatusOK, &card)
		if text, ok := card.Payload.(string); !ok || !strings.HasPrefix(text, "not \x00 JSON") {
			t.Errorf("what is no JSON is a text: %#v", card.Payload)
		}
		w.do(t, http.MethodGet, path(3, ""), nil).into(t, http.StatusOK, &card)
		if text, ok := card.Payload.(string); !ok || text != "" {
			t.Errorf("nothing: %#v", card.Payload)
		}
		w.inboxLists(t)
		w.inboxStates(t, path)
	})
}

func (w *world) inboxLists(t *testing.T) {
	t.Helper()
	var page api.RawPage
	get := func(query string) reply { return w.do(t, http.MethodGet, "/inbox?"+query, nil) }
	for query, want := range map[string]int{
		"": 4, "account=shop": 4, "state=quarantined": 3, "state=done": 1, "state=dropped": 0, "external_id=X-1": 1, "external_id=X": 0, "limit=4": 4,
	} {
		page = api.RawPage{}
		get(query).into(t, http.StatusOK, &page)
		if len(page.Raw) != want {
			t.Errorf("%s: %d", query, len(page.Raw))
		}
	}
	seen, before := map[int64]bool{}, ""
	for {
		page = api.RawPage{}
		get("limit=3"+before).into(t, http.StatusOK, &page)
		for _, r := range page.Raw {
			if seen[r.ID] {
				t.Errorf("raw %d comes twice", r.ID)
			}
			seen[r.ID] = true
		}
		if page.Before == 0 {
			break
		}
		before = fmt.Sprintf("&before=%d", page.Before)
	}
	if len(seen) != 4 {
		t.Errorf("%d of 4 on the pages", len(seen))
	}
	for query, field := range map[string]string{
		"account=nobody": "account", "state=new": "state", "limit=0": "limit", "limit=201": "limit", "limit=x": "limit", "before=0": "before",
		"before=-5": "before", "before=x": "before", "external=1": "external", "state=done&state=pending": "state",
	} {
		get(query).refused(t, http.StatusUnprocessableEntity, field)
	}
}

func (w *world) inboxStates(t *testing.T, path func(int, string) string) {
	t.Helper()
	var n api.Requeued
	w.do(t, http.MethodPost, path(1, "/retry"), nil).into(t, http.StatusOK, &n)
	if n.Requeued != 1 {
		t.Errorf("retry: %+v", n)
	}
	if err := w.hub.AcceptPending(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	w.do(t, http.MethodPost, path(2, "/drop"), nil).into(t, http.StatusNoContent, nil)
	w.do(t, http.MethodPost, path(2, "/drop"), nil).refused(t, http.StatusConflict, "", "quarantine")
	// What a person dropped is not brought back by a sweep over the quarantine.
	w.do(t, http.MethodPost, "/accounts/shop/quarantine/retry", nil).into(t, http.StatusOK, &n)
	if n.Requeued != 2 {
		t.Errorf("retry of the quarantine: %+v", n)
	}
	if err := w.hub.AcceptPending(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	var view api.AccountView
	w.do(t, http.MethodGet, "/accounts/shop", nil).into(t, http.StatusOK, &view)
	if view.Quarantine != 2 || view.Pending != 0 || !strings.Contains(view.Problem, "quarantine") {
		t.Errorf("the account: %+v", view)
	}
	w.do(t, http.MethodPost, path(2, "/retry"), nil).into(t, http.StatusOK, &n) // by hand it comes back
	for _, tail := range []string{"", "/retry", "/drop"} {
		method := http.MethodPost
		if tail == "" {
			method = http.MethodGet
		}
		w.do(t, method, "/inbox/999999"+tail, nil).refused(t, http.StatusNotFound, "", "999999")
	}
	w.do(t, http.MethodPost, "/accounts/nobody/quarantine/retry", nil).refused(t, http.StatusNotFound, "", "nobody")
}

// stubborn is a channel that refuses every push for good.
type stubborn struct{}

func (stubborn) Normalise(_ string, body []byte) (orderhub.Snapshot, error) {
	var s struct{ ID string }
	if err := json.Unmarshal(body, &s); err != nil {
		return orderhub.Snapshot{}, errors.New("stubborn: no order")
	}
	return orderhub.Snapshot{ExternalID: s.ID, Scheme: "fbs", Status: orderhub.StatusNew, Native: "new", Lines: []orderhub.Line{{SKU: "a", Quantity: 1}}}, nil
}

func (stubborn) PushStatus(_ context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	out := make([]channel.PushResult, len(pushes))
	for i := range out {
		out[i] = channel.PushResult{Outcome: channel.OutcomeFailed, Err: orderhub.NewBorderError(orderhub.ClassRejected, "stubborn: push", "we do not want to", nil)}
	}
	return out, nil
}

func (stubborn) Check(context.Context) (channel.CheckResult, error) {
	return channel.CheckResult{Name: "Stubborn & sons", Can: []string{"nothing"}, Warnings: []string{"the key expires"}}, nil
}

func TestEffects(t *testing.T) {
	ch := channel.Channel{
		Descriptor: channel.Descriptor{Name: "stubborn", Title: "Stubborn", Statuses: orderhub.StatusTable{
			Native: []orderhub.NativeStatus{{Word: "new", Sub: "*", Status: orderhub.StatusNew}},
			Steps:  []orderhub.Step{{To: orderhub.StatusConfirmed, Kind: orderhub.StepPush}},
		}},
		Open: func(channel.Settings, channel.Deps) (channel.Adapter, error) { return stubborn{}, nil },
	}
	each(t, options{channels: []channel.Channel{ch}}, func(t *testing.T, w *world) {
		w.addAccount(t, "s", "stubborn", nil)
		w.keep(t, "s", "order", `{"ID":"E-1"}`)
		if err := w.hub.AcceptPending(t.Context(), "s"); err != nil {
			t.Fatal(err)
		}
		var card api.OrderCard
		w.do(t, http.MethodGet, "/accounts/s/orders/E-1", nil).into(t, http.StatusOK, &card)
		var out api.Outcome
		w.do(t, http.MethodPost, fmt.Sprintf("/orders/%d/transitions", card.Number), map[string]any{"to": "confirmed"}).into(t, http.StatusOK, &out)
		effect := fmt.Sprintf("/effects/%d/retry", out.Effects[0].ID)
		w.do(t, http.MethodPost, effect, nil).refused(t, http.StatusConflict, "", "under way")
		w.do(t, http.MethodPost, "/effects/999999/retry", nil).refused(t, http.StatusNotFound, "", "999999")
		if err := w.hub.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		rejected := func() *orderhub.Effect {
			var page api.EffectPage
			eventually(t, "the effect is rejected", func() bool {
				page = api.EffectPage{}
				w.do(t, http.MethodGet, "/effects?account=s&state=rejected", nil).into(t, http.StatusOK, &page)
				return len(page.Effects) == 1
			})
			return page.Effects[0]
		}
		e := rejected()
		if e.Error != "we do not want to" || e.Class != orderhub.ClassRejected || e.OrderID != card.Number || e.Actor.Name != "tester" {
			t.Errorf("%+v", e)
		}
		var again orderhub.Effect
		w.do(t, http.MethodPost, effect, nil).into(t, http.StatusOK, &again)
		if again.ID != e.ID || !again.State.IsOpen() {
			t.Errorf("retried: %+v", again)
		}
		rejected()
		for query, want := range map[string]int{"": 1, "state=confirmed": 0, "limit=1": 1, fmt.Sprintf("before=%d", e.ID): 0, fmt.Sprintf("before=%d", e.ID+1): 1} {
			var page api.EffectPage
			w.do(t, http.MethodGet, "/effects?"+query, nil).into(t, http.StatusOK, &page)
			if len(page.Effects) != want || page.Effects == nil {
				t.Errorf("%s: %+v", query, page)
			}
		}
		for query, field := range map[string]string{
			"account=nobody": "account", "state=open": "state", "limit=0": "limit", "limit=201": "limit", "before=0": "before", "number=1": "number",
		} {
			w.do(t, http.MethodGet, "/effects?"+query, nil).refused(t, http.StatusUnprocessableEntity, field)
		}
		for query, field := range map[string]string{"account=nobody": "account", "limit=0": "limit", "limit=401": "limit", "day=1": "day"} {
			w.do(t, http.MethodGet, "/audits?"+query, nil).refused(t, http.StatusUnprocessableEntity, field)
		}
		var check api.CheckView
		w.do(t, http.MethodPost, "/accounts/s/check", nil).into(t, http.StatusOK, &check)
		if !check.OK || check.Name != "Stubborn & sons" || len(check.Can) != 1 || len(check.Warnings) != 1 {
			t.Errorf("%+v", check)
		}
		stop, cancel := context.WithCancel(context.Background())
		defer cancel()
		if err := w.hub.Stop(stop); err != nil {
			t.Error(err)
		}
	})
}
