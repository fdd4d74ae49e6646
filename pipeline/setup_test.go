package pipeline

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// clock is the store's clock in tests: it moves when a test says so, and by a
// microsecond at every look, so that no two moments are the same.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Microsecond)
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// world is a hub over a fresh store and a scripted market. Its background lanes
// do not run: a test works the lanes it means, one after the other.
type world struct {
	t      *testing.T
	engine string
	clock  *clock
	store  *store.Store
	fake   *fake
	hub    *Hub
	// publicOnly keeps the webhooks of hubs made from then on from test servers.
	publicOnly bool
}

const acct = "main"

// each runs f in a fresh world on each engine. prepare may change the market or
// the options before the hub is made.
func each(t *testing.T, f func(t *testing.T, w *world), prepare ...func(fk *fake, opts *Options)) {
	t.Helper()
	for _, engine := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			w := &world{t: t, engine: engine, clock: newClock(), fake: newFake()}
			cfg := storetest.Config(t, engine)
			cfg.Now = w.clock.now
			w.store = storetest.Open(t, cfg)
			opts := Options{Store: w.store}
			for _, p := range prepare {
				p(w.fake, &opts)
			}
			w.hub = w.newHub(opts)
			if _, err := w.hub.AddAccount(t.Context(), acct, fakeName, "", map[string]string{"token": "very-secret"}); err != nil {
				t.Fatalf("add account: %v", err)
			}
			f(t, w)
		})
	}
}

// loopback is where test servers live.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// newHub makes one more hub process on the world's store.
func (w *world) newHub(opts Options) *Hub {
	w.t.Helper()
	opts.Store = w.store
	if opts.Private == nil && !w.publicOnly {
		opts.Private = loopback
	}
	opts.Channels = append([]channel.Channel{w.fake.channel()}, opts.Channels...)
	h, err := New(opts)
	if err != nil {
		w.t.Fatalf("make a hub: %v", err)
	}
	return h
}

// must fails the test on an error.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) account() *account {
	w.t.Helper()
	a, err := w.hub.account(w.t.Context(), acct)
	w.must(err)
	return a
}

// order1 is a plain order of the scripted market.
func snap(id string, status orderhub.Status) orderhub.Snapshot {
	return orderhub.Snapshot{
		ExternalID: id, ExternalNumber: "N" + id, Scheme: orderhub.SchemeFBS, Status: status, Native: string(status),
		PlacedAt: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), Total: orderhub.Roubles(980),
		Lines: []orderhub.Line{{SKU: "0557722", Name: "Кружка", Quantity: 2, UnitPrice: orderhub.Roubles(490), Total: orderhub.Roubles(980)}},
	}
}

// statusOnly is an answer that tells nothing but the status.
func statusOnly(id string, status orderhub.Status) orderhub.Snapshot {
	return orderhub.Snapshot{ExternalID: id, Scheme: orderhub.SchemeFBS, StatusOnly: true, Status: status, Native: string(status)}
}

func with(s orderhub.Snapshot, change func(s *orderhub.Snapshot)) orderhub.Snapshot {
	change(&s)
	return s
}

// save puts raw answers into the inbox as if they were read now, and gives the
// ids of those that were written.
func (w *world) save(items ...channel.Item) []int64 {
	w.t.Helper()
	return w.saveAt(w.clock.now(), items...)
}

func (w *world) saveAt(readAt time.Time, items ...channel.Item) []int64 {
	w.t.Helper()
	raws := make([]store.Raw, len(items))
	for i, it := range items {
		raws[i] = store.Raw{Kind: it.Kind, ExternalID: it.ExternalID, Body: it.Body}
	}
	var ids []int64
	w.must(w.store.InTx(w.t.Context(), func(tx *store.Tx) error {
		var err error
		ids, err = tx.SaveRaw(w.t.Context(), acct, "test", readAt, raws)
		return err
	}))
	return ids
}

// take saves answers and accepts what waits.
func (w *world) take(snaps ...orderhub.Snapshot) {
	w.t.Helper()
	items := make([]channel.Item, len(snaps))
	for i, s := range snaps {
		items[i] = itemOf(s)
	}
	w.save(items...)
	w.accept()
}

func (w *world) accept() {
	w.t.Helper()
	w.must(w.hub.AcceptPending(w.t.Context(), acct))
}

// push works the push lane, once.
func (w *world) push() {
	w.t.Helper()
	w.must(w.hub.drainEffects(w.t.Context(), w.account(), store.Lease{}))
}

// pushFor works the push lane as it would be worked over the next d.
func (w *world) pushFor(d time.Duration) {
	w.t.Helper()
	for step := time.Second; d > 0; d -= step {
		w.push()
		w.accept()
		w.clock.add(step)
	}
}

// sweep works the lane of the feed "orders" once.
func (w *world) sweep() {
	w.t.Helper()
	w.must(w.hub.sweep(w.t.Context(), w.account(), "orders", store.Lease{}))
	w.accept()
}

// find gives the order of the ledger, nil if there is none.
func (w *world) find(id string) *orderhub.Order {
	w.t.Helper()
	list, err := w.store.OrdersByExternal(w.t.Context(), acct, []string{id})
	w.must(err)
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func (w *world) order(id string) *orderhub.Order {
	w.t.Helper()
	o := w.find(id)
	if o == nil {
		w.t.Fatalf("order %s is not in the ledger", id)
	}
	return o
}

func (w *world) events(id string) []orderhub.Event {
	w.t.Helper()
	list, err := w.store.Events(w.t.Context(), w.order(id).ID)
	w.must(err)
	return list
}

// history writes the events of an order as "kind from>to" words.
func (w *world) history(id string) []string {
	w.t.Helper()
	var out []string
	for _, e := range w.events(id) {
		s := string(e.Kind)
		if e.From != "" || e.To != "" {
			s += " " + string(e.From) + ">" + string(e.To)
		}
		if e.Kind == orderhub.EventEffect {
			s += " " + strings.SplitN(e.Why, ":", 2)[0]
		}
		out = append(out, s)
	}
	return out
}

func (w *world) count(id string, kind orderhub.EventKind) int {
	w.t.Helper()
	n := 0
	for _, e := range w.events(id) {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func (w *world) effects(id string) []*orderhub.Effect {
	w.t.Helper()
	list, err := w.store.Effects(w.t.Context(), w.order(id).ID)
	w.must(err)
	return list
}

// effect gives the last effect of an order.
func (w *world) effect(id string) *orderhub.Effect {
	w.t.Helper()
	list := w.effects(id)
	if len(list) == 0 {
		w.t.Fatalf("order %s has no effects", id)
	}
	return list[len(list)-1]
}

// states lists the states of the effects of an order.
func (w *world) states(id string) []orderhub.EffectState {
	w.t.Helper()
	var out []orderhub.EffectState
	for _, e := range w.effects(id) {
		out = append(out, e.State)
	}
	return out
}

var manager = orderhub.Actor{Kind: orderhub.ActorUser, Name: "olga"}

// ask asks for a status as the manager.
func (w *world) ask(id string, to orderhub.Status) (Advanced, error) {
	w.t.Helper()
	req := orderhub.Request{To: to, Actor: manager}
	if to == orderhub.StatusCancelled {
		req.Reason = "no_stock"
	}
	return w.hub.Advance(w.t.Context(), w.order(id).ID, req)
}

func (w *world) mustAsk(id string, to orderhub.Status) Advanced {
	w.t.Helper()
	a, err := w.ask(id, to)
	if err != nil {
		w.t.Fatalf("ask for %s: %v", to, err)
	}
	return a
}

// raws counts the raw answers of the account in a state.
func (w *world) raws(state string) []store.Raw {
	w.t.Helper()
	list, err := w.store.ListRaw(w.t.Context(), store.RawFilter{AccountID: acct, State: state, Limit: 5000})
	w.must(err)
	slices.Reverse(list)
	return list
}

func (w *world) hints() []string {
	w.t.Helper()
	w.clock.add(time.Hour) // also those that were put off
	list, err := w.store.DueHints(w.t.Context(), acct, 1000)
	w.must(err)
	w.clock.add(-time.Hour)
	var out []string
	for _, h := range list {
		out = append(out, h.ExternalID)
	}
	slices.Sort(out)
	return out
}

// wantCode checks the code of a domain error and that its sentence holds words.
func wantCode(t *testing.T, err error, code orderhub.Code, words ...string) {
	t.Helper()
	if orderhub.CodeOf(err) != code {
		t.Errorf("got error %v of code %q, want code %q", err, orderhub.CodeOf(err), code)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the sentence %q does not mention %q", err, word)
		}
	}
}

// eventually polls until ok holds. It is for what runs in the background; the
// deadline is only met by a test that fails.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// same compares two lists of words.
func same[T comparable](t *testing.T, what string, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}
