package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

func newAccount(t *testing.T, s *store.Store, id string) orderhub.Account {
	t.Helper()
	a, err := s.CreateAccount(t.Context(), orderhub.Account{ID: id, Channel: "ozon", Name: "Main", Settings: map[string]string{"key": "very-secret"}})
	if err != nil {
		t.Fatalf("create account: %v", err)
	}
	return a
}

func sample(account, id string, placed time.Time) *orderhub.Order {
	return &orderhub.Order{
		AccountID: account, Channel: "ozon", Headline: orderhub.StatusNew, RawID: 7, ReadAt: placed.Add(time.Minute),
		Snapshot: orderhub.Snapshot{
			ExternalID: id, ExternalNumber: "N-" + id, GroupKey: "G-" + id, Scheme: orderhub.SchemeFBS, Status: orderhub.StatusNew,
			Native: "awaiting_packaging", PlacedAt: placed, Total: orderhub.Roubles(980),
			Customer: orderhub.Customer{Name: "Алёна Ёлкина", Phone: "+7 (900) 123-45-67", Email: "alena@example.org"},
			Lines: []orderhub.Line{
				{SKU: "0557722", ListingKey: "1550012345", Name: "Кружка", Quantity: 2, UnitPrice: orderhub.Roubles(490), Total: orderhub.Roubles(980), Barcodes: []string{"2040000000017", "4600000000019"}},
				{SKU: "O'Reilly; DROP TABLE orders;--", Name: "<script>alert(1)</script>", Quantity: 1},
			},
			Attrs: map[string]string{"warehouse": "1"}, Actions: []string{}, Requires: []string{"sgtin"},
		},
	}
}

func insert(t *testing.T, s *store.Store, orders ...*orderhub.Order) {
	t.Helper()
	var changes []store.Change
	for _, o := range orders {
		changes = append(changes, store.Change{Order: o, Content: true})
	}
	if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.InsertOrders(t.Context(), changes) }); err != nil {
		t.Fatalf("insert orders: %v", err)
	}
}

func TestOrderRoundTrip(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newAccount(t, s, "ozon-main")
		placed := time.Date(2026, 11, 2, 8, 14, 9, 0, time.UTC)
		want := sample("ozon-main", "41200577-0031-1", placed)
		insert(t, s, want)
		if want.ID <= 100000 {
			t.Errorf("order number %d: want more than 100000", want.ID)
		}
		got, err := s.Order(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		ignore := cmp.FilterPath(func(p cmp.Path) bool { n := p.Last().String(); return n == ".CreatedAt" || n == ".UpdatedAt" }, cmp.Ignore())
		if d := cmp.Diff(want, got, ignore); d != "" {
			t.Errorf("order differs after a round trip (-want +got):\n%s", d)
		}
	})
}

func TestUpdateKeepsHubColumnsAndCountsVersions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newAccount(t, s, "a")
		insert(t, s, sample("a", "x-1", time.Now().UTC()), sample("a", "x-2", time.Now().UTC()))
		err := s.InTx(t.Context(), func(tx *store.Tx) error {
			m, err := tx.LockOrders(t.Context(), "a", []string{"x-1", "x-2", "nope"})
			if err != nil {
				return err
			}
			if len(m) != 2 {
				t.Errorf("locked %d orders, want 2", len(m))
			}
			o := m["x-1"]
			o.Headline, o.HubHolds = orderhub.StatusConfirmed, []orderhub.Hold{orderhub.HoldManual, orderhub.HoldShort}
			o.Requested = orderhub.StatusShipped
			o.Snapshot.Lines = o.Snapshot.Lines[:1]
			return tx.UpdateOrders(t.Context(), []store.Change{{Order: o, Content: true}})
		})
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.OrdersByExternal(t.Context(), "a", []string{"x-1"})
		if err != nil || len(list) != 1 {
			t.Fatalf("read back: %v, %d orders", err, len(list))
		}
		o := list[0]
		if o.Version != 2 || o.Headline != orderhub.StatusConfirmed || o.Requested != orderhub.StatusShipped || len(o.HubHolds) != 2 || len(o.Snapshot.Lines) != 1 {
			t.Errorf("got %+v", o)
		}
		held, _, err := s.ListOrders(t.Context(), store.OrderFilter{Hold: orderhub.HoldShort})
		if err != nil || len(held) != 1 {
			t.Errorf("list by hold: %v, %d orders, want 1", err, len(held))
		}
	})
}

func TestUniqueAccountAndExternalID(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newAccount(t, s, "a")
		newAccount(t, s, "b")
		insert(t, s, sample("a", "x", time.Now().UTC()), sample("b", "x", time.Now().UTC()))
		err := s.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.InsertOrders(t.Context(), []store.Change{{Order: sample("a", "x", time.Now().UTC())}})
		})
		if !store.IsConflict(err) {
			t.Errorf("second order with the same key: got %v, want a conflict", err)
		}
		err = s.InTx(t.Context(), func(tx *store.Tx) error {
			var many []store.Change
			for i := range 10 {
				many = append(many, store.Change{Order: sample("a", fmt.Sprint("y", i%9), time.Now().UTC())})
			}
			return tx.InsertOrders(t.Context(), many)
		})
		if !store.IsConflict(err) {
			t.Errorf("doubled order in a batch: got %v, want a conflict", err)
		}
	})
}

func TestSearch(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newAccount(t, s, "a")
		now := time.Now().UTC().Truncate(time.Microsecond)
		for i := range 30 {
			o := sample("a", fmt.Sprintf("id-%02d", i), now.Add(-time.Duration(i)*time.Hour))
			if i%2 == 0 {
				o.Snapshot.Customer = orderhub.Customer{}
				o.Headline, o.Snapshot.Status = orderhub.StatusShipped, orderhub.StatusShipped
			}
			insert(t, s, o)
		}
		for _, c := range []struct {
			text string
			want int
		}{
			{"id-07", 1}, {"ID-07", 1}, {"id-0", 10}, {"8 900 123 45 67", 15}, {"+7 (900) 123-45-67", 15}, {"9001234567", 15},
			{"алена", 15}, {"Ёлкина", 15}, {"alena@example.org id-03", 1}, {"0557722", 30}, {"557722", 0}, {"2040000000017", 30},
			{"o'reilly;", 30}, {"%", 0}, {"_", 0}, {"nothing here", 0}, {"   ", 30}, {"N-id-11", 1}, {"g-ID-11", 1},
		} {
			got, _, err := s.ListOrders(t.Context(), store.OrderFilter{Text: c.text, Limit: 100})
			if err != nil || len(got) != c.want {
				t.Errorf("search %q: %d orders (%v), want %d", c.text, len(got), err, c.want)
			}
		}
		got, _, err := s.ListOrders(t.Context(), store.OrderFilter{Text: "id-", Statuses: []orderhub.Status{orderhub.StatusShipped}, Accounts: []string{"a"},
			PlacedFrom: now.Add(-10 * time.Hour), Limit: 100})
		if err != nil || len(got) != 6 {
			t.Errorf("search with filters: %d orders (%v), want 6", len(got), err)
		}
	})
}

func TestKeysetPagesSeeEveryOrderOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newAccount(t, s, "a")
		newAccount(t, s, "b")
		same := time.Now().UTC()
		for i := range 57 {
			account := "a"
			if i%3 == 0 {
				account = "b"
			}
			insert(t, s, sample(account, fmt.Sprint("k", i), same.Add(time.Duration(i/10)*time.Second)))
		}
		seen := map[string]int{}
		f := store.OrderFilter{Accounts: []string{"a", "b"}, Statuses: []orderhub.Status{orderhub.StatusNew, orderhub.StatusConfirmed}, Limit: 7}
		for {
			page, next, err := s.ListOrders(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page {
				seen[o.Snapshot.ExternalID]++
			}
			if f.Cursor = next; next == "" {
				break
			}
		}
		if len(seen) != 57 {
			t.Errorf("saw %d orders, want 57", len(seen))
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("order %s seen %d times", id, n)
			}
		}
		if _, _, err := s.ListOrders(t.Context(), store.OrderFilter{Cursor: "nonsense"}); orderhub.CodeOf(err) != orderhub.CodeInvalid {
			t.Errorf("bad cursor: got %v, want a clear error", err)
		}
	})
}

func TestSaveRawLeavesOutTheSame(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newAccount(t, s, "a")
		save := func(bodies ...string) int {
			var items []store.Raw
			for _, b := range bodies {
				items = append(items, store.Raw{Kind: "k", ExternalID: "1", Body: []byte(b)})
			}
			var n int
			if err := s.InTx(t.Context(), func(tx *store.Tx) error {
				ids, err := tx.SaveRaw(t.Context(), "a", "test", s.Now(), items)
				n = len(ids)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for i, c := range []struct {
			bodies []string
			want   int
		}{{[]string{"A"}, 1}, {[]string{"A"}, 0}, {[]string{"B"}, 1}, {[]string{"A"}, 1}, {[]string{"A", "C", "C", "A"}, 2}} {
			if n := save(c.bodies...); n != c.want {
				t.Errorf("step %d: saved %d, want %d", i, n, c.want)
			}
		}
		pending, err := s.PendingRaw(t.Context(), "a", 0, 100)
		if err != nil || len(pending) != 5 || string(pending[0].Body) != "A" {
			t.Errorf("pending: %v, %d rows", err, len(pending))
		}
	})
}

func TestLeaseFencesLateWriters(t *testing.T) {
	t.Parallel()
	for _, engine := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			cfg := storetest.Config(t, engine)
			cfg.Now = func() time.Time { return now }
			s := storetest.Open(t, cfg)
			ctx := t.Context()
			one, ok, err := s.AcquireLease(ctx, "pull:a", "one", time.Minute)
			if err != nil || !ok {
				t.Fatalf("first: %v %v", ok, err)
			}
			if _, ok, err := s.AcquireLease(ctx, "pull:a", "two", time.Minute); ok || err != nil {
				t.Fatalf("second owner got a live lease (%v)", err)
			}
			if again, ok, _ := s.AcquireLease(ctx, "pull:a", "one", time.Minute); !ok || again.Token != one.Token {
				t.Fatal("the owner could not renew")
			}
			now = now.Add(2 * time.Minute)
			two, ok, err := s.AcquireLease(ctx, "pull:a", "two", time.Minute)
			if err != nil || !ok || two.Token <= one.Token {
				t.Fatalf("after expiry: %+v %v %v", two, ok, err)
			}
			hold := func(l store.Lease) error {
				return s.InTx(ctx, func(tx *store.Tx) error { return tx.Hold(ctx, l) })
			}
			if err := hold(one); !errors.Is(err, store.ErrFenced) {
				t.Errorf("late writer: got %v, want fenced", err)
			}
			if err := hold(two); err != nil {
				t.Errorf("holder: %v", err)
			}
		})
	}
}

func TestBellIsNeverLost(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ring := func() (first bool) {
			if err := s.InTx(ctx, func(tx *store.Tx) error {
				var err error
				first, err = tx.RingBell(ctx, "accept:a")
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return first
		}
		if !ring() || ring() || ring() {
			t.Error("only the first ring must ask for a job")
		}
		if _, ok, err := s.StartLane(ctx, "accept:a", "w1", time.Minute); !ok || err != nil {
			t.Fatalf("start: %v %v", ok, err)
		}
		if !ring() {
			t.Error("a ring after the bell was taken must ask for a job")
		}
		if _, ok, _ := s.StartLane(ctx, "accept:a", "w2", time.Minute); ok {
			t.Error("two workers on one lane")
		}
		if ring() {
			t.Error("a worker that did not get the lane must not reset its bell")
		}
	})
}

func TestSettingsAreEncrypted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := store.Config{DSN: filepath.Join(dir, "hub.db")}
	s := storetest.Open(t, cfg)
	newAccount(t, s, "a")
	if a, err := s.Account(t.Context(), "a"); err != nil || a.Settings["key"] != "very-secret" {
		t.Fatalf("read back: %v %v", a.Settings, err)
	}
	info, err := os.Stat(filepath.Join(dir, "hub.db.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, mode %v, want 0600", err, info.Mode())
	}
	_ = s.Close()
	files, _ := filepath.Glob(filepath.Join(dir, "hub.db*"))
	for _, f := range files {
		if b, _ := os.ReadFile(f); strings.Contains(string(b), "very-secret") {
			t.Errorf("%s holds the secret in the clear", filepath.Base(f))
		}
	}
	other, err := store.Open(context.Background(), store.Config{DSN: cfg.DSN, Secret: "another secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Migrate(context.Background()); orderhub.CodeOf(err) != orderhub.CodeUnavailable {
		t.Errorf("wrong secret: got %v, want a clear refusal at start", err)
	}
}

// The moments of an order that was just written are those that a reader gets.
func TestMomentsAreWrittenAsTheyAreRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newAccount(t, s, "a")
		o := sample("a", "1", s.Now())
		check := func(what string) {
			t.Helper()
			read, err := s.Order(t.Context(), o.ID)
			if err != nil || !read.CreatedAt.Equal(o.CreatedAt) || !read.UpdatedAt.Equal(o.UpdatedAt) {
				t.Errorf("%s: written %s and %s, read %s and %s (%v)", what, o.CreatedAt, o.UpdatedAt, read.CreatedAt, read.UpdatedAt, err)
			}
		}
		insert(t, s, o)
		check("inserted")
		if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.UpdateOrders(t.Context(), []store.Change{{Order: o}}) }); err != nil {
			t.Fatal(err)
		}
		check("updated")
	})
}

func TestEffectsQueuePerOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newAccount(t, s, "a")
		o1, o2 := sample("a", "1", s.Now()), sample("a", "2", s.Now())
		insert(t, s, o1, o2)
		mk := func(o *orderhub.Order, to orderhub.Status) *orderhub.Effect {
			return &orderhub.Effect{OrderID: o.ID, AccountID: "a", Kind: orderhub.EffectStatus, To: to, State: orderhub.EffectIntent,
				NextAt: s.Now(), CreatedAt: s.Now(), Params: map[string]string{"p": "1"}, Actor: orderhub.Actor{Kind: orderhub.ActorUser, Name: "u"}}
		}
		list := []*orderhub.Effect{mk(o1, "confirmed"), mk(o1, "shipped"), mk(o2, "confirmed")}
		if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.AddEffects(t.Context(), list) }); err != nil {
			t.Fatal(err)
		}
		due, err := s.DueEffects(t.Context(), "a", 10)
		if err != nil || len(due) != 2 || due[0].ID != list[0].ID || due[1].ID != list[2].ID {
			t.Fatalf("due: %v, %d", err, len(due))
		}
		list[0].State = orderhub.EffectConfirmed
		if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.SaveEffects(t.Context(), list[:1]) }); err != nil {
			t.Fatal(err)
		}
		if due, _ = s.DueEffects(t.Context(), "a", 10); len(due) != 2 || due[0].ID != list[1].ID {
			t.Errorf("after the first is confirmed the second is due; got %d", len(due))
		}
		b, _ := json.Marshal(due[0])
		if !strings.Contains(string(b), `"params":{"p":"1"}`) {
			t.Errorf("params lost: %s", b)
		}
	})
}

// Several processes may make the schema at the same time, River's tables too.
func TestFirstStartsAtOnce(t *testing.T) {
	t.Parallel()
	cfg := storetest.Config(t, "postgres")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
