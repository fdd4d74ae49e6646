package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/ozon"
	"github.com/orderhub/orderhub/channel/wildberries"
	"github.com/orderhub/orderhub/channel/yandexmarket"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/ozonsim"
	"github.com/orderhub/orderhub/marketsim/wbsim"
	"github.com/orderhub/orderhub/marketsim/yandexsim"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// story is a running hub, connected by real HTTP to the simulator of one
// marketplace.
type story struct {
	t      *testing.T
	market marketsim.Market
	url    string
	store  *store.Store
	hub    *pipeline.Hub
}

const seller = "seller"

func tell(t *testing.T, ch channel.Channel, market func() marketsim.Market, f func(t *testing.T, s *story)) {
	t.Helper()
	for _, engine := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := &story{t: t, market: market(), store: storetest.Open(t, storetest.Config(t, engine))}
			t.Cleanup(s.market.Close)
			srv := httptest.NewServer(s.market.Handler())
			t.Cleanup(srv.Close)
			s.url = srv.URL
			var err error
			if s.hub, err = pipeline.New(pipeline.Options{
				Store: s.store, Channels: []channel.Channel{ch}, Scale: 0.005, QuotaScale: 100, Tick: 50 * time.Millisecond,
			}); err != nil {
				t.Fatal(err)
			}
			settings := map[string]string{"base_url": s.url}
			for k, v := range s.market.Settings() {
				settings[k] = v
			}
			if _, err := s.hub.AddAccount(t.Context(), seller, ch.Descriptor.Name, "", settings); err != nil {
				t.Fatal(err)
			}
			if err := s.hub.Start(context.Background()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
				defer cancel()
				if err := s.hub.Stop(ctx); err != nil {
					t.Errorf("stop: %v", err)
				}
			})
			f(t, s)
		})
	}
}

func ozonMarket() marketsim.Market {
	return ozonsim.New(ozonsim.Options{Fast: true, Seed: 5, QuotaScale: 100})
}

func (s *story) place(spec marketsim.OrderSpec) string {
	s.t.Helper()
	ids, err := s.market.Place(spec)
	if err != nil {
		s.t.Fatal(err)
	}
	return ids[0]
}

func (s *story) find(id string) *orderhub.Order {
	s.t.Helper()
	list, err := s.store.OrdersByExternal(s.t.Context(), seller, []string{id})
	if err != nil {
		s.t.Fatal(err)
	}
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func (s *story) eventually(what string, ok func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// arrived waits for an order and gives it.
func (s *story) arrived(id string) *orderhub.Order {
	s.t.Helper()
	s.eventually("order "+id+" arrives", func() bool { o := s.find(id); return o != nil && len(o.Snapshot.Lines) > 0 })
	return s.find(id)
}

// agrees reports whether the ledger says what the market's books say.
func (s *story) agrees() bool {
	for _, t := range s.market.Truth() {
		if o := s.find(t.ID); o == nil || o.Snapshot.Status != t.Headline {
			return false
		}
	}
	return true
}

// units counts the goods of all orders once.
func (s *story) units() int64 {
	s.t.Helper()
	orders, _, err := s.store.ListOrders(s.t.Context(), store.OrderFilter{Accounts: []string{seller}, Limit: 500})
	if err != nil {
		s.t.Fatal(err)
	}
	var n int64
	for _, o := range orders {
		if o.CountsGoods() {
			n += o.Snapshot.Units()
		}
	}
	return n
}

var basket = marketsim.OrderSpec{Lines: []marketsim.SpecLine{
	{SKU: "MUG-1", Quantity: 3, PriceMinor: 49000}, {SKU: "CUP-2", Quantity: 2, PriceMinor: 12500},
}}

// One posting is shipped in two packages: Ozon makes two of it. The goods are
// there once, whatever the order in which the hub hears of it.
func TestShippingInTwoPackagesCountsGoodsOnce(t *testing.T) {
	t.Parallel()
	tell(t, ozon.Channel, ozonMarket, func(t *testing.T, s *story) {
		id := s.place(basket)
		o := s.arrived(id)
		packages, err := json.Marshal([][]map[string]any{
			{{"sku": o.Snapshot.Lines[0].ListingKey, "quantity": 2}},
			{{"sku": o.Snapshot.Lines[0].ListingKey, "quantity": 1}, {"sku": o.Snapshot.Lines[1].ListingKey, "quantity": 2}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.hub.Advance(t.Context(), o.ID, orderhub.Request{
			To: orderhub.StatusConfirmed, Actor: orderhub.Actor{Kind: orderhub.ActorUser, Name: "olga"}, Params: map[string]string{"packages": string(packages)},
		}); err != nil {
			t.Fatal(err)
		}
		s.eventually("the books agree on two postings", func() bool { return len(s.market.Truth()) == 2 && s.agrees() })
		s.eventually("the goods are counted once", func() bool { return s.units() == 5 })
		s.eventually("nothing is owed", func() bool { return s.settled(o.ID) })
		for _, c := range s.market.Truth() {
			for _, e := range effectsOf(t, s, s.find(c.ID).ID) {
				if e.State != orderhub.EffectConfirmed {
					t.Errorf("effect on %s: %s %s", c.ID, e.State, e.Error)
				}
			}
		}
	})
}

func effectsOf(t *testing.T, s *story, order int64) []*orderhub.Effect {
	t.Helper()
	list, err := s.store.Effects(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (s *story) settled(order int64) bool {
	for _, e := range effectsOf(s.t, s, order) {
		if e.State.IsOpen() {
			return false
		}
	}
	return true
}

// The seller splits a posting in the cabinet: the source ends, its goods moved to
// the new postings.
func TestSplitInTheCabinetCountsGoodsOnce(t *testing.T) {
	t.Parallel()
	tell(t, ozon.Channel, ozonMarket, func(t *testing.T, s *story) {
		id := s.place(basket)
		other := s.place(basket)
		o := s.arrived(id)
		sku := func(i int) json.Number { return json.Number(o.Snapshot.Lines[i].ListingKey) }
		s.call("/v1/posting/fbs/split", map[string]any{"posting_number": id, "postings": []any{
			map[string]any{"products": []any{map[string]any{"product_id": sku(0), "quantity": 3}}},
			map[string]any{"products": []any{map[string]any{"product_id": sku(1), "quantity": 2}}},
		}})
		s.eventually("the books agree on all postings", func() bool { return len(s.market.Truth()) == 4 && s.agrees() })
		s.eventually("the goods are counted once", func() bool { return s.units() == 10 })
		if source := s.find(id); source.CountsGoods() || source.Headline != orderhub.StatusCancelled {
			t.Errorf("the source: %s, %+v", source.Headline, source.Snapshot.Cancellation)
		}
		if !s.find(other).CountsGoods() {
			t.Error("the goods of the other posting are not counted")
		}
	})
}

// call uses the seller API as the cabinet would.
func (s *story) call(path string, body any) {
	s.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, bytes.NewReader(raw))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Client-Id", s.market.Settings()["client_id"])
	req.Header.Set("Api-Key", s.market.Settings()["api_key"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %d %s", path, resp.StatusCode, answer)
	}
}

// Every marketplace: orders come in, and then sweeps, refreshes and repulls go on
// over orders that do not change. Nothing is written any more: answers of
// different kinds about one order must not take turns changing it.
func TestQuietMarketLeavesTheLedgerAlone(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]struct {
		channel channel.Channel
		market  func() marketsim.Market
		schemes []orderhub.Scheme
	}{
		"ozon": {ozon.Channel, ozonMarket, []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeRFBS, orderhub.SchemeFBO}},
		"wildberries": {wildberries.Channel, func() marketsim.Market {
			return wbsim.New(wbsim.Options{Fast: true, Seed: 5, QuotaScale: 100})
		}, []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS}},
		"yandex": {yandexmarket.Channel, func() marketsim.Market {
			return yandexsim.New(yandexsim.Options{Fast: true, Seed: 5, Limits: yandexsim.Limits{Scale: 100}})
		}, []orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tell(t, m.channel, m.market, func(t *testing.T, s *story) {
				var ids []string
				for _, scheme := range m.schemes {
					for range 2 {
						spec := basket
						spec.Lines = spec.Lines[:1]
						spec.Scheme = scheme
						placed, err := s.market.Place(spec)
						if err != nil {
							t.Fatal(err)
						}
						ids = append(ids, placed...)
					}
				}
				for _, id := range ids {
					s.arrived(id)
				}
				s.eventually("the books agree", s.agrees)
				s.rounds(2) // each kind of answer has been seen
				before := s.versions(ids)
				s.rounds(2)
				for id, v := range s.versions(ids) {
					if v != before[id] {
						events, err := s.store.Events(t.Context(), s.find(id).ID)
						if err != nil {
							t.Fatal(err)
						}
						last := events[len(events)-1]
						t.Errorf("order %s went from version %d to %d though nothing happened: %s %s", id, before[id], v, last.Kind, last.Why)
					}
				}
			})
		})
	}
}

func (s *story) versions(ids []string) map[string]int64 {
	out := map[string]int64{}
	for _, id := range ids {
		out[id] = s.find(id).Version
	}
	return out
}

// rounds reads everything again n times: each order by itself, and all feeds.
func (s *story) rounds(n int) {
	s.t.Helper()
	for range n {
		var ids []string
		for _, o := range s.market.Truth() {
			ids = append(ids, o.ID)
		}
		if _, err := s.hub.RepullIDs(s.t.Context(), seller, ids); err != nil {
			s.t.Fatal(fmt.Errorf("repull: %w", err))
		}
		began := time.Now()
		s.eventually("all feeds are swept", func() bool {
			feeds, err := s.store.Feeds(s.t.Context(), seller)
			if err != nil {
				s.t.Fatal(err)
			}
			for _, f := range feeds {
				if f.ConfirmedAt.Before(began) && f.NextAt.Before(began.Add(3*time.Second)) {
					return false
				}
			}
			raws, err := s.store.PendingRaw(s.t.Context(), seller, 0, 1)
			return err == nil && len(raws) == 0
		})
	}
}
