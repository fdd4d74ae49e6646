package pipeline

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/site"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/webhook"
)

const (
	shopAcct   = "shop"
	shopSecret = "whsec_b3JkZXJodWIgcGlwZWxpbmUgdGVzdHMgb25seSEh"
)

// shop is the shop's end of the site channel: a real server that takes the
// hub's messages.
type shop struct {
	mu    sync.Mutex
	got   []delivery
	reply func(d delivery) int // nil = 200
}

// delivery is one message of the hub.
type delivery struct{ Key, ID, Status, Previous, Body string }

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var msg struct {
		Data struct{ ID, Status, Previous string }
	}
	_ = json.Unmarshal(body, &msg)
	d := delivery{r.Header.Get(webhook.HeaderID), msg.Data.ID, msg.Data.Status, msg.Data.Previous, string(body)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, d)
	if s.reply != nil {
		w.WriteHeader(s.reply(d))
	}
}

func (s *shop) deliveries() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// shopWorld is a world with an account of a site beside the scripted market.
type shopWorld struct {
	*world
	shop *shop
}

func eachShop(t *testing.T, f func(t *testing.T, w *shopWorld)) {
	t.Helper()
	each(t, func(t *testing.T, w *world) {
		sw := &shopWorld{world: w, shop: &shop{}}
		srv := httptest.NewServer(sw.shop)
		t.Cleanup(srv.Close)
		sw.addShop(shopAcct, srv.URL)
		f(t, sw)
	}, func(_ *fake, opts *Options) { opts.Channels = []channel.Channel{site.Channel} })
}

func (w *shopWorld) addShop(id, url string) {
	w.t.Helper()
	_, err := w.hub.AddAccount(w.t.Context(), id, "site", "", map[string]string{
		"secret": shopSecret, "delivery_url": url, "allow_private_targets": "yes",
	})
	w.must(err)
}

// shopOrder writes an order as a shop would.
func shopOrder(id string, version int, status string) json.RawMessage {
	return fmt.Appendf(nil, `{"id":%q,"number":%q,"version":%d,"created_at":"2026-11-01T09:00:00Z","status":%q,"currency":"RUB","paid":true,`+
		`"lines":[{"sku":"ART-1","name":"Кружка","qty":2,"price":"450.00"}]}`, id, id, version, status)
}

func (w *shopWorld) submit(body json.RawMessage) Submitted {
	w.t.Helper()
	res, err := w.hub.Submit(w.t.Context(), shopAcct, site.KindOrder, body)
	w.must(err)
	return res
}

func (w *shopWorld) askShop(number int64, to orderhub.Status) {
	w.t.Helper()
	_, err := w.hub.Advance(w.t.Context(), number, orderhub.Request{To: to, Actor: manager, Reason: "r"})
	w.must(err)
}

// deliver works the shop's push lane over the next d.
func (w *shopWorld) deliver(id string, d time.Duration) {
	w.t.Helper()
	a, err := w.hub.account(w.t.Context(), id)
	w.must(err)
	for step := time.Second; d > 0; d -= step {
		w.must(w.hub.drainEffects(w.t.Context(), a, store.Lease{}))
		w.clock.add(step)
	}
}

func TestSubmittedOrders(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		first := w.submit(shopOrder("S-1", 2, "new"))
		if !first.Created || first.Verdict != orderhub.NewsApplied || first.Order.Headline != orderhub.StatusNew {
			t.Fatalf("first: %+v", first)
		}
		t.Run("the same again is a no-op", func(t *testing.T) {
			again := w.submit(shopOrder("S-1", 2, "new"))
			if again.Created || again.Order.Version != first.Order.Version || again.Order.ID != first.Order.ID {
				t.Errorf("got %+v", again)
			}
			// In other bytes.
			again = w.submit(append(shopOrder("S-1", 2, "new"), ' '))
			if again.Created || again.Order.Version != first.Order.Version {
				t.Errorf("in other bytes: %+v", again)
			}
		})
		t.Run("a lower version is stale", func(t *testing.T) {
			res := w.submit(shopOrder("S-1", 1, "unpaid"))
			if res.Verdict != orderhub.NewsRefused || res.Order.Headline != orderhub.StatusNew || res.Order.Snapshot.Native != "new" {
				t.Errorf("got %+v", res)
			}
		})
		t.Run("the same version with other content is a conflict", func(t *testing.T) {
			_, err := w.hub.Submit(t.Context(), shopAcct, site.KindOrder, shopOrder("S-1", 2, "shipped"))
			wantCode(t, err, orderhub.CodeConflict, "version 2")
		})
		t.Run("a higher version is a change", func(t *testing.T) {
			if res := w.submit(shopOrder("S-1", 3, "confirmed")); res.Order.Headline != orderhub.StatusConfirmed {
				t.Errorf("got %+v", res)
			}
			_, err := w.hub.Submit(t.Context(), shopAcct, site.KindOrder, shopOrder("S-1", 3, "shipped"))
			wantCode(t, err, orderhub.CodeConflict, "version 3")
		})
		t.Run("no version is not a change of an order that has one", func(t *testing.T) {
			bare := func(id, status string) json.RawMessage { return shopOrder(id, 0, status) }
			_, err := w.hub.Submit(t.Context(), shopAcct, site.KindOrder, bare("S-1", "shipped"))
			wantCode(t, err, orderhub.CodeInvalid, "version", "S-1", "3")
			// The same by webhook, which is taken first and understood later.
			a, err := w.hub.account(t.Context(), shopAcct)
			w.must(err)
			item := channel.Item{Kind: site.KindOrder, ExternalID: "S-1", Body: bare("S-1", "shipped")}
			w.must(w.hub.keepWebhook(t.Context(), a, channel.Webhook{Items: []channel.Item{item}}, item.Body))
			w.must(w.hub.AcceptPending(t.Context(), shopAcct))
			list, err := w.store.OrdersByExternal(t.Context(), shopAcct, []string{"S-1"})
			w.must(err)
			if s := list[0].Snapshot; s.Native != "confirmed" || s.Revision != 3 {
				t.Errorf("the order is %s at version %d", s.Native, s.Revision)
			}
			aside, err := w.store.ListRaw(t.Context(), store.RawFilter{AccountID: shopAcct, State: store.RawQuarantined, Limit: 9})
			if w.must(err); len(aside) != 1 || !strings.Contains(aside[0].Error, "version") {
				t.Errorf("quarantine: %+v", aside)
			}
			// A shop that does not count may go on without.
			w.submit(bare("S-0", "new"))
			if res := w.submit(bare("S-0", "confirmed")); res.Order.Headline != orderhub.StatusConfirmed {
				t.Errorf("without versions: %+v", res)
			}
		})
		t.Run("what cannot be understood is refused with the field and not kept", func(t *testing.T) {
			for body, field := range map[string]string{
				`{"id":"S-9","status":"new","lines":[{"sku":"A","qty":-1}]}`: "qty",
				`{"status":"new","lines":[]}`:                                "id",
				`{"id":"S-9"`:                                                "",
				`[]`:                                                         "", `null`: "", ``: "",
			} {
				_, err := w.hub.Submit(t.Context(), shopAcct, site.KindOrder, json.RawMessage(body))
				wantCode(t, err, orderhub.CodeInvalid, field)
			}
			raws, err := w.store.ListRaw(t.Context(), store.RawFilter{AccountID: shopAcct, ExternalID: "S-9", Limit: 5})
			if w.must(err); len(raws) != 0 {
				t.Errorf("kept %d refused bodies", len(raws))
			}
		})
		t.Run("only active accounts of a site take orders", func(t *testing.T) {
			_, err := w.hub.Submit(t.Context(), acct, site.KindOrder, shopOrder("S-1", 1, "new"))
			wantCode(t, err, orderhub.CodeUnsupported, acct)
			_, err = w.hub.Submit(t.Context(), "nobody", site.KindOrder, shopOrder("S-1", 1, "new"))
			wantCode(t, err, orderhub.CodeNotFound)
			w.must(w.hub.SetAccountState(t.Context(), shopAcct, orderhub.AccountPaused))
			_, err = w.hub.Submit(t.Context(), shopAcct, site.KindOrder, shopOrder("S-1", 9, "new"))
			wantCode(t, err, orderhub.CodeUnavailable, "paused")
		})
	})
}

// The shop's webhook wrote the order to the inbox and the accept lane has not
// come to it; the shop sends the same by API.
func TestSubmitOfWhatWaitsInTheInbox(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		a, err := w.hub.account(t.Context(), shopAcct)
		w.must(err)
		body := shopOrder("S-1", 1, "new")
		w.must(w.hub.keepWebhook(t.Context(), a, channel.Webhook{Items: []channel.Item{{Kind: site.KindOrder, ExternalID: "S-1", Body: body}}}, body))
		if res := w.submit(body); res.Order == nil || res.Order.Headline != orderhub.StatusNew {
			t.Errorf("got %+v", res)
		}
	})
}

// The messages of an order leave in the order of its steps, each with a key of
// its own that stays the same at repeats.
func TestDeliveriesKeepTheirOrderAndKey(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		o := w.submit(shopOrder("S-1", 1, "new")).Order
		down := 3
		w.shop.reply = func(delivery) int {
			if down--; down >= 0 {
				return http.StatusInternalServerError
			}
			return http.StatusOK
		}
		for _, to := range []orderhub.Status{orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped} {
			w.askShop(o.ID, to)
		}
		if now, err := w.store.Order(t.Context(), o.ID); err != nil || now.Headline != orderhub.StatusShipped || now.Requested != "" {
			t.Errorf("the hub decides at once: %+v, %v", now, err)
		}
		w.deliver(shopAcct, 2*time.Minute)
		var statuses []string
		bodies := map[string]string{}
		for _, d := range w.shop.deliveries() {
			if n := len(statuses); n == 0 || statuses[n-1] != d.Status {
				statuses = append(statuses, d.Status)
			}
			if before, seen := bodies[d.Key]; seen && before != d.Body {
				t.Errorf("message %s changed between repeats:\n%s\n%s", d.Key, before, d.Body)
			}
			bodies[d.Key] = d.Body
		}
		same(t, "statuses in order of arrival", statuses, "confirmed", "packed", "shipped")
		if len(bodies) != 3 || len(w.shop.deliveries()) != 6 {
			t.Errorf("%d keys in %d messages, want 3 in 6", len(bodies), len(w.shop.deliveries()))
		}
		effects, err := w.store.Effects(t.Context(), o.ID)
		w.must(err)
		for _, e := range effects {
			if e.State != orderhub.EffectConfirmed {
				t.Errorf("%s: %s %s", e.To, e.State, e.Error)
			}
		}
	})
}

// A shop that is down keeps its own messages and nobody else's, and gets them
// when it is up again.
func TestDeadShopBlocksNobody(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		dead := httptest.NewServer(http.NotFoundHandler())
		dead.Close() // nobody listens there any more
		w.addShop("dead", dead.URL)
		alive := w.submit(shopOrder("S-1", 1, "new")).Order
		res, err := w.hub.Submit(t.Context(), "dead", site.KindOrder, shopOrder("D-1", 1, "new"))
		w.must(err)
		w.askShop(res.Order.ID, orderhub.StatusConfirmed)
		w.askShop(alive.ID, orderhub.StatusConfirmed)
		w.deliver("dead", 30*time.Second)
		w.deliver(shopAcct, 2*time.Second)
		if got := w.shop.deliveries(); len(got) != 1 || got[0].ID != "S-1" {
			t.Errorf("the living shop got %+v", got)
		}
		effects, err := w.store.Effects(t.Context(), res.Order.ID)
		w.must(err)
		if e := effects[0]; e.State != orderhub.EffectIntent || e.Attempts < 2 || e.Attempts >= maxAttempts || e.Error == "" {
			t.Errorf("after half a minute of silence: %+v", e)
		}
		// After days a person must look; the message is kept and can be sent again.
		for range maxDeliveries {
			w.deliver("dead", time.Second)
			w.clock.add(75 * time.Minute)
		}
		effects, err = w.store.Effects(t.Context(), res.Order.ID)
		w.must(err)
		if e := effects[0]; e.State != orderhub.EffectUncertain || e.Attempts != maxDeliveries {
			t.Fatalf("after days of silence: %+v", e)
		}
		w.useShop("dead")
		_, err = w.hub.RetryEffect(t.Context(), effects[0].ID, manager)
		w.must(err)
		w.deliver("dead", 5*time.Second)
		got := w.shop.deliveries()
		if d := got[len(got)-1]; d.ID != "D-1" || d.Key != effects[0].Key() {
			t.Errorf("after the retry: %+v", got)
		}
	})
}

// useShop moves an account to the address of the living shop.
func (w *shopWorld) useShop(id string) {
	w.t.Helper()
	living, err := w.store.Account(w.t.Context(), shopAcct)
	w.must(err)
	a, err := w.store.Account(w.t.Context(), id)
	w.must(err)
	a.Settings = living.Settings
	w.must(w.store.UpdateAccount(w.t.Context(), a))
}

// openlinker#1916: the shop's own older word does not undo what the hub decided.
func TestShopsOldWordDoesNotUndoTheHub(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		o := w.submit(shopOrder("S-1", 1, "new")).Order
		w.askShop(o.ID, orderhub.StatusConfirmed)
		w.askShop(o.ID, orderhub.StatusCancelled)
		if res := w.submit(shopOrder("S-1", 2, "confirmed")); res.Order.Headline != orderhub.StatusCancelled {
			t.Errorf("the shop revived the order: %s", res.Order.Headline)
		}
		w.deliver(shopAcct, 3*time.Second)
		got := w.shop.deliveries()
		if len(got) != 2 || got[0].Status != "confirmed" || got[1].Status != "cancelled" {
			t.Errorf("the shop was told %+v", got)
		}
	})
}
