package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/site"
	"github.com/orderhub/orderhub/jobs"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// BenchmarkAccept brings orders from the raw payload to the commit, page by
// page. One operation is one order. `orderhub bench` compares it with a floor.
func BenchmarkAccept(b *testing.B) {
	for _, engine := range storetest.Engines() {
		for _, batch := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/batch=%d", engine, batch), func(b *testing.B) {
				s := storetest.Open(b, storetest.Config(b, engine))
				hub := benchHub(b, s, batch)
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					if n++; n%batch != 0 {
						continue // the page is not full yet
					}
					page := rawOrders(n-batch, batch)
					err := s.InTx(b.Context(), func(tx *store.Tx) error {
						_, err := tx.SaveRaw(b.Context(), "shop", "bench", s.Now(), page)
						return err
					})
					if err != nil {
						b.Fatal(err)
					}
					if err := hub.AcceptPending(b.Context(), "shop"); err != nil {
						b.Fatal(err)
					}
					answerBell(b, s)
				}
			})
		}
	}
}

// BenchmarkSameNews accepts an answer that says nothing new: the most common
// case of a sweep.
func BenchmarkSameNews(b *testing.B) {
	for _, engine := range storetest.Engines() {
		b.Run(engine, func(b *testing.B) {
			s := storetest.Open(b, storetest.Config(b, engine))
			hub := benchHub(b, s, 100)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n++; n%100 != 1 {
					continue
				}
				page := rawOrders(0, 100)
				for i := range page {
					// Other bytes, same meaning: the inbox cannot tell.
					page[i].Body = append(page[i].Body, fmt.Sprintf("%*s", n%97, "")...)
				}
				err := s.InTx(b.Context(), func(tx *store.Tx) error {
					_, err := tx.SaveRaw(b.Context(), "shop", "bench", s.Now(), page)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
				if err := hub.AcceptPending(b.Context(), "shop"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchHub(b *testing.B, s *store.Store, batch int) *pipeline.Hub {
	b.Helper()
	hub, err := pipeline.New(pipeline.Options{Store: s, Channels: []channel.Channel{site.Channel}, Batch: batch})
	if err != nil {
		b.Fatal(err)
	}
	settings := map[string]string{"secret": "whsec_b3JkZXJodWIgYmVuY2ggb3JkZXJodWIgYmVuY2g="}
	if _, err := hub.AddAccount(b.Context(), "shop", orderhub.Channel("site"), "", settings); err != nil {
		b.Fatal(err)
	}
	return hub
}

// answerBell does what a worker would, so that the next batch inserts its
// follow-up job.
func answerBell(b *testing.B, s *store.Store) {
	b.Helper()
	lease, ok, err := s.StartLane(b.Context(), jobs.Lane{Work: jobs.WorkFollow, Account: "shop"}.String(), "bench", time.Minute)
	if err != nil || !ok {
		b.Fatalf("answer the doorbell: %v", err)
	}
	if err := s.ReleaseLease(b.Context(), lease); err != nil {
		b.Fatal(err)
	}
}

func rawOrders(from, n int) []store.Raw {
	out := make([]store.Raw, n)
	for i := range out {
		id := 100_000 + from + i
		out[i] = store.Raw{Kind: site.KindOrder, ExternalID: fmt.Sprint("S-", id), Body: fmt.Appendf(nil,
			`{"id":"S-%d","number":"A-%d","version":1,"created_at":"2026-11-01T09:00:00Z","status":"new","currency":"RUB","total":"1500.00","paid":true,`+
				`"customer":{"name":"Сорокина Вера","phone":"+7900%07d","email":"buyer%d@example.org"},`+
				`"delivery":{"type":"courier","address":"ул. Вымышленная, 1","city":"Тверь","price":"300.00"},`+
				`"lines":[{"id":"1","sku":"ART-%05d","name":"Термокружка","qty":2,"price":"450.00","total":"900.00","vat":"20","barcode":"46%011d"},`+
				`{"id":"2","sku":"ART-%05d","name":"Кружка","qty":1,"price":"300.00","vat":"20","barcode":"46%011d"}]}`,
			id, id, id, id, id%5000, id%5000, id%777, id%777)}
	}
	return out
}
