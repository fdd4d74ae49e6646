package pipeline

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/webhook"
)

var outside = netip.MustParseAddr("203.0.113.9")

// hook sends a message to the hub as the server would.
func (w *world) hook(account, key string, body []byte, from netip.Addr) (channel.Reply, error) {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/hooks/x/y", nil)
	r.Header.Set("Content-Type", "application/json")
	return w.hub.ReceiveWebhook(w.t.Context(), account, key, r, body, from)
}

func (w *world) hookKey(account string) string {
	w.t.Helper()
	a, err := w.store.Account(w.t.Context(), account)
	w.must(err)
	return a.HookKey
}

// message makes the scripted market understand "id body" messages that hint at
// orders 1 and 2 and carry order 3.
func message(fk *fake) {
	fk.onWebhook = func(body []byte) (channel.Webhook, error) {
		if string(body) == "garbage" {
			return channel.Webhook{}, orderhub.Errorf(orderhub.CodeInvalid, "not a message")
		}
		return channel.Webhook{
			DedupeID: string(body[:1]), Hints: []string{"1", "2"}, Items: []channel.Item{itemOf(snap("3", orderhub.StatusNew))},
			Reply: channel.Reply{Status: http.StatusOK, Body: []byte("taken")},
		}, nil
	}
}

// Durable before the answer: what was answered with yes is in the database.
func TestWebhookIsKeptBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		message(w.fake)
		key := w.hookKey(acct)
		reply, err := w.hook(acct, key, []byte("a first"), outside)
		if w.must(err); reply.Status != http.StatusOK || string(reply.Body) != "taken" {
			t.Errorf("reply %+v", reply)
		}
		same(t, "hints", w.hints(), "1", "2")
		if n := len(w.raws(store.RawPending)); n != 1 {
			t.Errorf("%d answers kept, want 1", n)
		}
		lanes, err := w.store.Bells(t.Context())
		w.must(err)
		for _, lane := range []string{"hints:main", "accept:main"} {
			if lanes[lane].Rung == 0 {
				t.Errorf("nobody rang for %s", lane)
			}
		}
		reply, err = w.hook(acct, key, []byte("garbage"), outside)
		if w.must(err); reply.Status != http.StatusBadRequest {
			t.Errorf("garbage: %+v", reply)
		}
	})
}

// The store fails: the sender gets an error and sends again, nothing is kept.
func TestWebhookThatCannotBeKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		message(w.fake)
		key := w.hookKey(acct)
		// The last write of the transaction fails.
		w.sql("CREATE TRIGGER broken BEFORE INSERT ON hints BEGIN SELECT RAISE(ABORT, 'disk'); END",
			"ALTER TABLE hints ADD CONSTRAINT broken CHECK (external_id <> '2')")
		reply, err := w.hook(acct, key, []byte("a first"), outside)
		if w.must(err); reply.Status != http.StatusServiceUnavailable {
			t.Errorf("reply %+v, want one that makes the sender come again", reply)
		}
		if n := len(w.raws("")); n != 0 || len(w.hints()) != 0 {
			t.Errorf("%d answers and hints %v are kept of a message that was refused", n, w.hints())
		}
		w.sql("DROP TRIGGER broken", "ALTER TABLE hints DROP CONSTRAINT broken")
		// The repeat is not taken for a duplicate.
		if reply, err = w.hook(acct, key, []byte("a first"), outside); err != nil || reply.Status != http.StatusOK {
			t.Errorf("the repeat: %+v, %v", reply, err)
		}
		same(t, "hints", w.hints(), "1", "2")

		// The database is away altogether: not "no such account", or the sender
		// would never come again.
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = w.hub.ReceiveWebhook(gone, acct, key, httptest.NewRequest(http.MethodPost, "/", nil), []byte("b"), outside)
		wantCode(t, err, orderhub.CodeUnavailable)
	})
}

// lessons.md 12: the same event comes two and three times.
func TestWebhookTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		message(w.fake)
		w.fake.place(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
		key := w.hookKey(acct)
		status := func(body string) int {
			t.Helper()
			reply, err := w.hook(acct, key, []byte(body), outside)
			w.must(err)
			return reply.Status
		}
		if s := status("a first"); s != http.StatusOK {
			t.Errorf("first: %d", s)
		}
		w.readHints()
		if s := status("a first"); s != http.StatusOK {
			t.Errorf("the same again: %d, want the same yes", s)
		}
		same(t, "hints after the same again", w.hints())
		if s := status("a other"); s != http.StatusConflict {
			t.Errorf("the same id with another body: %d, want 409", s)
		}
		same(t, "hints after a conflict", w.hints())
		if s := status("b first"); s != http.StatusOK {
			t.Errorf("another id: %d", s)
		}
		if n := len(w.raws("")); n != 3 {
			t.Errorf("%d answers, want the three orders once", n)
		}
		// At the same instant.
		var sends []func(context.Context) error
		for range 8 {
			sends = append(sends, func(context.Context) error {
				reply, err := w.hook(acct, key, []byte("c same instant"), outside)
				if err == nil && reply.Status != http.StatusOK {
					err = fmt.Errorf("status %d", reply.Status)
				}
				return err
			})
		}
		w.at(sends...)
		if n := len(w.raws("")); n != 3 {
			t.Errorf("%d answers", n)
		}
		// Ids are remembered for a time, not for ever.
		w.clock.add(48 * time.Hour)
		w.must(w.store.ForgetHooks(t.Context(), w.clock.now()))
		if s := status("a other"); s != http.StatusOK {
			t.Errorf("after the id was forgotten: %d", s)
		}
	})
}

// A stranger learns nothing: an unknown account, a wrong key, a removed account
// and a channel without messages answer alike.
func TestWebhookOfAStranger(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		message(w.fake)
		key := w.hookKey(acct)
		var first error
		for _, try := range []struct{ account, key string }{
			{"nobody", key}, {acct, ""}, {acct, key[:len(key)-1]}, {acct, key + "0"}, {"", ""}, {"nobody\x00", key}, {"MAIN", key},
		} {
			reply, err := w.hook(try.account, try.key, []byte("a"), outside)
			wantCode(t, err, orderhub.CodeNotFound)
			if first == nil {
				first = err
			}
			if err == nil || err.Error() != first.Error() || reply.Status != 0 {
				t.Errorf("%+v: %v, want %v", try, err, first)
			}
		}
		w.must(w.hub.SetAccountState(t.Context(), acct, orderhub.AccountRemoved))
		_, err := w.hook(acct, key, []byte("a"), outside)
		wantCode(t, err, orderhub.CodeNotFound)
		if len(w.raws("")) != 0 {
			t.Error("something was kept")
		}
	})
}

// A paused account keeps what is sent to it and works it when it goes on.
func TestWebhookOfAPausedAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		message(w.fake)
		key := w.hookKey(acct)
		w.must(w.hub.SetAccountState(t.Context(), acct, orderhub.AccountPaused))
		if reply, err := w.hook(acct, key, []byte("a"), outside); err != nil || reply.Status != http.StatusOK {
			t.Fatalf("reply %+v, %v", reply, err)
		}
		same(t, "hints", w.hints(), "1", "2")
		w.must(w.hub.SetAccountState(t.Context(), acct, orderhub.AccountActive))
		w.accept()
		w.order("3")
	})
}

func TestWebhookSenders(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		message(w.fake)
		key := w.hookKey(acct)
		taken := func(from string) bool {
			t.Helper()
			_, err := w.hook(acct, key, []byte("a"), netip.MustParseAddr(from))
			if err != nil {
				wantCode(t, err, orderhub.CodeDenied)
			}
			return err == nil
		}
		for from, want := range map[string]bool{
			"195.34.20.1": true, "::ffff:195.34.20.1": true, "195.34.21.1": false, "203.0.113.9": false, "2001:db8::1": true,
			"127.0.0.1": true, "::1": true, "::ffff:127.0.0.1": true, "10.0.0.1": false,
		} {
			if got := taken(from); got != want {
				t.Errorf("from %s: taken %v, want %v", from, got, want)
			}
		}
		// The operator's own list replaces the channel's.
		a, err := w.store.Account(t.Context(), acct)
		w.must(err)
		a.Settings[channel.SettingWebhookIPs] = "10.0.0.0/8, 192.0.2.7"
		w.must(w.store.UpdateAccount(t.Context(), a))
		for from, want := range map[string]bool{"10.1.2.3": true, "192.0.2.7": true, "192.0.2.8": false, "195.34.20.1": false, "127.0.0.1": true} {
			if got := taken(from); got != want {
				t.Errorf("own list, from %s: taken %v, want %v", from, got, want)
			}
		}
	}, func(fk *fake, _ *Options) { fk.desc.WebhookIPs = []string{"195.34.20.0/24", "2001:db8::/32"} })
}

// The real site adapter: signed, verified over the very bytes, kept, accepted.
func TestSignedWebhookOfASite(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		key, err := webhook.ParseSecret(shopSecret)
		w.must(err)
		send := func(id string, body []byte, sign webhook.Key) int {
			t.Helper()
			r := httptest.NewRequest(http.MethodPost, "/hooks/shop/x", nil)
			r.Header.Set("Content-Type", "application/json")
			w.must(webhook.Sign(r.Header, sign, id, w.clock.now(), body))
			reply, err := w.hub.ReceiveWebhook(t.Context(), shopAcct, w.hookKey(shopAcct), r, body, outside)
			w.must(err)
			return reply.Status
		}
		event := func(typ string, order []byte) []byte {
			return fmt.Appendf(nil, `{"type":%q,"timestamp":"2026-11-01T09:00:00Z","data":%s}`, typ, order)
		}
		other, err := webhook.ParseSecret(webhook.NewSecret())
		w.must(err)
		if s := send("m-0", event("order.created", shopOrder("S-0", 1, "new")), other); s != http.StatusUnauthorized {
			t.Errorf("a foreign signature: %d", s)
		}
		for i, m := range []struct {
			typ    string
			order  []byte
			status int
		}{
			// Out of order on purpose: the cancel comes before its order.
			{"order.cancelled", []byte(`{"id":"S-1","version":3}`), http.StatusAccepted},
			{"order.updated", shopOrder("S-1", 2, "confirmed"), http.StatusAccepted},
			{"order.created", shopOrder("S-1", 1, "new"), http.StatusAccepted},
			{"order.created", []byte(`{"id":"S-2","status":"new","lines":"none"}`), http.StatusAccepted}, // authentic, so taken
		} {
			if s := send(fmt.Sprint("m-", i+1), event(m.typ, m.order), key); s != m.status {
				t.Errorf("%s: %d, want %d", m.typ, s, m.status)
			}
		}
		w.must(w.hub.AcceptPending(t.Context(), shopAcct))
		list, err := w.store.OrdersByExternal(t.Context(), shopAcct, []string{"S-0", "S-1", "S-2"})
		w.must(err)
		if len(list) != 1 || list[0].Headline != orderhub.StatusCancelled || len(list[0].Snapshot.Lines) != 1 {
			t.Errorf("ledger: %+v", list)
		}
		aside, err := w.store.ListRaw(t.Context(), store.RawFilter{AccountID: shopAcct, State: store.RawQuarantined, Limit: 9})
		if w.must(err); len(aside) != 1 || aside[0].ExternalID != "S-2" {
			t.Errorf("quarantine: %+v", aside)
		}
	})
}
