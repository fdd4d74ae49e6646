package pipeline

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// polls counts, per account, who is asking the market right now.
type polls struct {
	mu    sync.Mutex
	now   map[string]int
	most  int
	done  map[string]int // by account
	byHub map[string]int
}

func (p *polls) list(hub string) func(token string) (channel.Page, error) {
	return func(token string) (channel.Page, error) {
		p.mu.Lock()
		p.now[token]++
		p.most = max(p.most, p.now[token])
		p.mu.Unlock()
		time.Sleep(5 * time.Millisecond) // a call takes a while
		p.mu.Lock()
		defer p.mu.Unlock()
		p.now[token]--
		p.done[token]++
		p.byHub[hub]++
		return channel.Page{Done: true}, nil
	}
}

// swept reports whether every account was asked n times more than before.
func (p *polls) swept(before map[string]int, accounts, n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range accounts {
		if token := fmt.Sprint("acc-", i); p.done[token]-before[token] < n {
			return false
		}
	}
	return true
}

func (p *polls) soFar() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]int{}
	for k, v := range p.done {
		out[k] = v
	}
	return out
}

// Several hubs on one database share the accounts: no account is polled by two
// at once (lessons.md 15), and when one stops the other has all of them.
func TestHubsShareTheAccounts(t *testing.T) {
	t.Parallel()
	const accounts = 4
	for _, engine := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := storetest.Open(t, storetest.Config(t, engine))
			p := &polls{now: map[string]int{}, done: map[string]int{}, byHub: map[string]int{}}
			hubs := make([]*Hub, 2)
			for i := range hubs {
				fk := newFake()
				fk.onPoll = p.list(fmt.Sprint("hub-", i))
				h, err := New(Options{Store: s, Channels: []channel.Channel{fk.channel()}, Scale: 0.003, Tick: 50 * time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				hubs[i] = h
			}
			for i := range accounts {
				id := fmt.Sprint("acc-", i)
				if _, err := hubs[0].AddAccount(t.Context(), id, fakeName, "", map[string]string{"token": id}); err != nil {
					t.Fatal(err)
				}
			}
			// One account is in the hands of a process that has just died.
			if _, ok, err := s.StartLane(t.Context(), "sweep:acc-0:orders", "dead", time.Second); err != nil || !ok {
				t.Fatal(err)
			}
			for _, h := range hubs {
				if err := h.Start(context.Background()); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { stop(t, h) })
			}
			eventually(t, "every account is swept three times", func() bool { return p.swept(nil, accounts, 3) })
			eventually(t, "both hubs had a share", func() bool {
				p.mu.Lock()
				defer p.mu.Unlock()
				return p.byHub["hub-0"] > 0 && p.byHub["hub-1"] > 0
			})
			stop(t, hubs[0])
			before := p.soFar()
			eventually(t, "the other has all of them", func() bool { return p.swept(before, accounts, 2) })
			stop(t, hubs[1])
			if p.most != 1 {
				t.Errorf("an account was polled by %d at once", p.most)
			}
			checkNothingLeft(t, s)
		})
	}
}

func stop(t *testing.T, h *Hub) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := h.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// checkNothingLeft: whoever stops in order gives its leases back.
func checkNothingLeft(t *testing.T, s *store.Store) {
	t.Helper()
	leases, err := s.Leases(t.Context())
	if err != nil || len(leases) != 0 {
		t.Errorf("leases left: %v, %v", leases, err)
	}
}
