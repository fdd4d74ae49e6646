package pipeline

import (
	"context"
	"fmt"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/site"
)

// A marketplace order that only delivers an order of the shop's own site waits
// until that order is here: else its goods would be counted nowhere, or be sent
// without anybody having sold them.

func deliveryOf(id, group string) orderhub.Snapshot {
	return with(snap(id, orderhub.StatusNew), func(s *orderhub.Snapshot) { s.SiteOrderID, s.GroupKey = group, group })
}

func deliveredBy(id, provider string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"version":1,"status":"new","currency":"RUB","delivery":{"provider_order":%q},`+
		`"lines":[{"sku":"ART-1","qty":2,"price":"450.00"}]}`, id, provider)
}

func (w *shopWorld) follow(accounts ...string) {
	w.t.Helper()
	for _, id := range accounts {
		a, err := w.hub.account(w.t.Context(), id)
		w.must(err)
		w.must(w.hub.follow(w.t.Context(), a))
	}
}

func TestDeliveryIsMatchedToTheOrderOfTheSite(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		held := func(id string) bool { return w.order(id).HasHold(orderhub.HoldConflict) }
		t.Run("the delivery comes first", func(t *testing.T) {
			w.take(deliveryOf("d-1", "77-1"))
			w.follow(acct)
			if !held("d-1") {
				t.Error("not held")
			}
			_, err := w.ask("d-1", orderhub.StatusConfirmed)
			wantCode(t, err, orderhub.CodeRefused, "conflict")
			w.submit(deliveredBy("S-0", "77-0")) // another one
			w.follow(shopAcct)
			if !held("d-1") {
				t.Error("matched to somebody else's order")
			}
			w.submit(deliveredBy("S-1", "77-1"))
			w.follow(shopAcct)
			if held("d-1") {
				t.Error("still held")
			}
			if n := w.count("d-1", orderhub.EventHold); n != 2 {
				t.Errorf("%d hold events, want set and lifted", n)
			}
		})
		t.Run("the order of the site comes first", func(t *testing.T) {
			w.submit(deliveredBy("S-2", "77-2"))
			w.follow(shopAcct)
			w.take(deliveryOf("d-2", "77-2"))
			w.follow(acct)
			if held("d-2") || w.count("d-2", orderhub.EventHold) != 0 {
				t.Error("held although its order is here")
			}
		})
		t.Run("the key comes later", func(t *testing.T) {
			w.take(statusOnly("d-3", orderhub.StatusNew))
			w.take(deliveryOf("d-3", "77-3"))
			w.follow(acct)
			if !held("d-3") {
				t.Error("not held")
			}
		})
		t.Run("its goods are counted at the site", func(t *testing.T) {
			site, err := w.store.OrdersByExternal(t.Context(), shopAcct, []string{"S-1"})
			w.must(err)
			if w.order("d-1").CountsGoods() || !site[0].CountsGoods() {
				t.Error("want the goods counted once, at the site's order")
			}
		})
		t.Run("an order of its own is left alone", func(t *testing.T) {
			w.take(snap("own", orderhub.StatusNew))
			w.follow(acct)
			if held("own") {
				t.Error("held")
			}
		})
	})
}

// Both come at the same moment, to two processes: no hold is left behind.
func TestDeliveryAndOrderAtTheSameTime(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, w *shopWorld) {
		for i := range 15 {
			group := fmt.Sprint("77-", i)
			w.save(itemOf(deliveryOf(group, group)))
			work := func(account string) func(context.Context) error {
				return func(ctx context.Context) error {
					a, err := w.hub.account(ctx, account)
					if err != nil {
						return err
					}
					if account == acct {
						err = w.hub.AcceptPending(ctx, acct)
					} else {
						_, err = w.hub.Submit(ctx, shopAcct, site.KindOrder, deliveredBy("S-"+group, group))
					}
					if err != nil {
						return err
					}
					return w.hub.follow(ctx, a)
				}
			}
			w.at(work(acct), work(shopAcct))
			if o := w.order(group); o.HasHold(orderhub.HoldConflict) {
				t.Fatalf("delivery %s is held although its order is here", group)
			}
		}
	})
}
