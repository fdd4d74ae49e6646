package demo_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub/store/storetest"
)

// The hub is killed with SIGKILL thirty times while orders come in and statuses
// go out, and started again at once. Afterwards nothing may be lost, doubled,
// wrong or stuck, and no call made twice.
func TestKilledAgainAndAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a hub for a minute")
	}
	t.Parallel()
	const kills = 30
	for _, engine := range storetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			hub := newProcess(t, storetest.Config(t, engine), "--lease", "1s")
			world := newOutside(t, 21, hub.url(), nil)
			hub.start()
			hub.ready()
			world.connect()
			r := rand.New(rand.NewPCG(21, 1))
			world.live(400, 25*time.Second)
			for range kills {
				// The moment of the kill is the thing under test: any moment.
				time.Sleep(300*time.Millisecond + time.Duration(r.Int64N(int64(1200*time.Millisecond))))
				hub.kill()
				hub.start()
			}
			hub.ready()
			world.agree(hub.url())
		})
	}
}

// Two hubs share one PostgreSQL: both work, no feed is polled by both at once,
// and when one is killed the other goes on alone.
func TestTwoShareTheWork(t *testing.T) {
	if testing.Short() {
		t.Skip("runs two hubs for half a minute")
	}
	t.Parallel()
	cfg := storetest.Config(t, "postgres")
	one, two := newProcess(t, cfg, "--lease", "3s"), newProcess(t, cfg, "--lease", "3s")
	polls := &pollCounter{now: map[string]int{}, most: map[string]int{}, calls: map[string]int{}}
	world := newOutside(t, 33, one.url(), polls.wrap)
	one.start()
	two.start() // both migrate
	one.ready()
	two.ready()
	world.connect()
	world.live(300, 20*time.Second)
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		work := [2]float64{one.metrics("orderhub_news_total"), two.metrics("orderhub_news_total")}
		effects := [2]float64{one.metrics("orderhub_effects_total"), two.metrics("orderhub_effects_total")}
		if min(work[0], work[1], effects[0], effects[1]) > 0 {
			t.Logf("news accepted by each %v, effects moved by each %v", work, effects)
			break
		}
		if time.Now().After(until) {
			t.Fatalf("only one hub works: news accepted by each %v, effects moved by each %v", work, effects)
		}
	}
	// Both at work for a while, so that the kill meets something under way.
	time.Sleep(5 * time.Second)
	one.kill()
	before := two.metrics("orderhub_news_total")
	world.talkTo(two.url())
	// Time for the other to take over: the leases of the dead one must run out.
	time.Sleep(10 * time.Second)
	if after := two.metrics("orderhub_news_total"); after <= before {
		t.Errorf("the second hub accepted %v news before the first was killed and %v after", before, after)
	}
	world.agree(two.url())
	polls.check(t)
}

// feedPaths are calls that only sweeps make, one feed each; the lists by time of
// creation also serve the audit.
var feedPaths = []string{"/ozon/v4/posting/fbs/unfulfilled/list", "/wildberries/api/v3/orders/new"}

// pollCounter counts, as the markets see it, how many polls of a feed run at
// the same time.
type pollCounter struct {
	mu               sync.Mutex
	now, most, calls map[string]int
}

func (c *pollCounter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // killed while sending
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		feed := strings.TrimSuffix(r.URL.Path, "/")
		c.add(feed, 1)
		defer c.add(feed, -1)
		time.Sleep(20 * time.Millisecond) // so that a second poller would be seen
		next.ServeHTTP(w, r)
	})
}

func (c *pollCounter) add(feed string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now[feed] += n
	c.calls[feed] += max(n, 0)
	c.most[feed] = max(c.most[feed], c.now[feed])
}

func (c *pollCounter) check(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, feed := range feedPaths {
		t.Logf("%s: %d polls", feed, c.calls[feed])
		if c.calls[feed] < 5 || c.most[feed] != 1 {
			t.Errorf("%s was polled %d times, up to %d at once; want often, one at a time", feed, c.calls[feed], c.most[feed])
		}
	}
}
