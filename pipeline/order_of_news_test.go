package pipeline

import (
	"fmt"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/site"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"

	"github.com/orderhub/orderhub/channel"
)

// TestAVersionBeatsOurClock: two webhooks at once may be read in one order and
// saved in the other; the version decides, not the moment of reading.
func TestAVersionBeatsOurClock(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h, err := New(Options{Store: s, Channels: []channel.Channel{site.Channel}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.AddAccount(t.Context(), "shop", "site", "", nil); err != nil {
			t.Fatal(err)
		}
		save := func(readAt time.Time, version int, status string) {
			body := fmt.Sprintf(`{"id":"1","version":%d,"status":%q,"currency":"RUB","created_at":"2026-11-02T08:00:00Z","lines":[{"sku":"A","qty":"1","price":"10.00"}]}`, version, status)
			if err := s.InTx(t.Context(), func(tx *store.Tx) error {
				_, err := tx.SaveRaw(t.Context(), "shop", "webhook", readAt, []store.Raw{{Kind: site.KindOrder, ExternalID: "1", Body: []byte(body)}})
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		now := s.Now()
		save(now, 1, "processing")
		save(now.Add(-time.Millisecond), 2, "cancelled")
		if err := h.AcceptPending(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		list, err := s.OrdersByExternal(t.Context(), "shop", []string{"1"})
		if err != nil || len(list) != 1 {
			t.Fatalf("got %d orders, %v", len(list), err)
		}
		if list[0].Headline != orderhub.StatusCancelled {
			t.Errorf("the order is %s, want cancelled", list[0].Headline)
		}
	})
}
