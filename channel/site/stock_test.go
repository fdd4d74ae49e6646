package site

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/shopsim"
	"github.com/orderhub/orderhub/webhook"
)

func figure(key string, n int64) channel.StockFigure {
	return channel.StockFigure{Listing: orderhub.Listing{ID: 1, AccountID: "shop", Key: key, Article: key, SKU: key, Live: true}, Quantity: n, At: testNow}
}

// withStock are settings under which figures are sent to the shop.
func withStock(s *shop) channel.Settings {
	settings := toShop(s)
	settings[settingStock] = stockWebhook
	return settings
}

func TestStockMessages(t *testing.T) {
	t.Parallel()
	linked := figure("MUG-RED", 3)
	linked.Listing.SKU = "0557722"
	for _, tt := range []struct {
		name    string
		figures []channel.StockFigure
	}{
		{"one", []channel.StockFigure{figure("0557722", 7)}},
		{"several", []channel.StockFigure{figure("0557722", 0), linked, figure("Кружка <№ 1> & блюдце", 1_000_000)}},
	} {
		requests := make(chan string, 2)
		s := &shop{Server: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests <- dump(t, r)
			w.WriteHeader(http.StatusNoContent)
		}))}
		t.Cleanup(s.Close)
		results, err := setup(t, withStock(s)).PushStock(t.Context(), tt.figures)
		if err != nil {
			t.Fatal(err)
		}
		checkDone(t, tt.name, results, len(tt.figures))
		channeltest.Golden(t, filepath.Join("testdata", "stock", tt.name+".golden"), []byte(<-requests))
		if n := len(requests); n != 0 {
			t.Errorf("%s: %d requests more", tt.name, n)
		}
	}
}

// dump writes a request the way the kit's goldens do.
func dump(t *testing.T, r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	var out bytes.Buffer
	fmt.Fprintln(&out, r.Method, r.URL.Path)
	for _, name := range []string{"Content-Type", webhook.HeaderID, webhook.HeaderTimestamp, webhook.HeaderSignature} {
		fmt.Fprintf(&out, "%s: %s\n", name, r.Header.Get(name))
	}
	if err := json.Indent(&out, body, "", "  "); err != nil {
		t.Error(err)
	}
	out.WriteByte('\n')
	return out.String()
}

func checkDone(t *testing.T, name string, results []channel.StockResult, n int) {
	t.Helper()
	if len(results) != n {
		t.Errorf("%s: %d results, want %d", name, len(results), n)
	}
	for i, r := range results {
		if r.Outcome != channel.OutcomeDone || r.Err != nil {
			t.Errorf("%s: result %d is %+v, want done", name, i, r)
		}
	}
}

// A message stands or falls as a whole, in the classes of the order messages.
func TestAnswersToStock(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]orderhub.Class{
		200: "", 202: "", 204: "",
		302: orderhub.ClassRejected, 400: orderhub.ClassRejected, 410: orderhub.ClassRejected, 413: orderhub.ClassRejected,
		401: orderhub.ClassAuth, 403: orderhub.ClassAuth, 429: orderhub.ClassRateLimited,
		408: orderhub.ClassRetry, 425: orderhub.ClassRetry, 500: orderhub.ClassRetry, 503: orderhub.ClassRetry,
		0: orderhub.ClassRetry, // the answer is lost
	} {
		s := newShop(t, func(w http.ResponseWriter, _ *http.Request) {
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
		})
		results, err := setup(t, withStock(s)).PushStock(t.Context(), []channel.StockFigure{figure("A", 1), figure("B", 2)})
		s.mu.Lock()
		n := len(s.ids)
		s.mu.Unlock()
		if n != 1 {
			t.Errorf("%d: %d calls, want 1", status, n)
		}
		var be *orderhub.BorderError
		switch {
		case want == "" && err == nil:
			checkDone(t, fmt.Sprint(status), results, 2)
		case want == "" || !errors.As(err, &be) || be.Class != want || strings.Contains(err.Error(), "token=x"):
			t.Errorf("%d: got %+v, %v; want class %q", status, results, err, want)
		case want == orderhub.ClassRateLimited && be.RetryAfter != 7*time.Second:
			t.Errorf("%d: retry after %s", status, be.RetryAfter)
		}
	}
}

// The shop drops repeats by webhook-id, so the id must not change when the
// message does not, and must change when a figure returns to what it was.
func TestStockIDs(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(http.ResponseWriter, *http.Request) {})
	a := setup(t, withStock(s))
	at := testNow
	send := func(after time.Duration, n int64) {
		at = at.Add(after)
		f := figure("A", n)
		f.At = at
		if _, err := a.PushStock(t.Context(), []channel.StockFigure{f}); err != nil {
			t.Fatal(err)
		}
	}
	send(0, 5)
	send(0, 5)
	send(0, 3)
	send(time.Microsecond, 5)
	if s.ids[0] != s.ids[1] {
		t.Errorf("one message has two ids: %v", s.ids)
	}
	if rest := s.ids[1:]; rest[0] == rest[1] || rest[0] == rest[2] || rest[1] == rest[2] {
		t.Errorf("three messages share ids: %v", rest)
	}
}

func TestPulledStockIsNotSent(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(http.ResponseWriter, *http.Request) { t.Error("the hub sent a message") })
	for _, mode := range []string{"", stockPull} {
		settings := toShop(s)
		settings[settingStock] = mode
		results, err := setup(t, settings).PushStock(t.Context(), []channel.StockFigure{figure("A", 1), figure("B", 2)})
		if err != nil {
			t.Error(err)
		}
		checkDone(t, "pull", results, 2)
	}
}

func TestStockBatch(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(http.ResponseWriter, *http.Request) {})
	a := setup(t, withStock(s))
	full := slices.Repeat([]channel.StockFigure{figure("A", 1)}, Channel.Descriptor.Stock.Batch)
	results, err := a.PushStock(t.Context(), full)
	if err != nil {
		t.Error(err)
	}
	checkDone(t, "full", results, len(full))
	if results, err := a.PushStock(t.Context(), nil); err != nil || len(results) != 0 {
		t.Errorf("nothing: got %v, %v", results, err)
	}
	if _, err := a.PushStock(t.Context(), append(full, figure("B", 1))); err == nil || orderhub.ClassOf(err) != orderhub.ClassRejected {
		t.Errorf("too many: got %v", err)
	}
	if !slices.Equal(s.types, []string{"stock.updated"}) {
		t.Errorf("the shop got %v", s.types)
	}
}

// TestStockWithTheShopSimulator: whatever goes wrong on the way, the shop ends
// with the last figures and sells no unit more.
func TestStockWithTheShopSimulator(t *testing.T) {
	t.Parallel()
	in := marketsim.NewInjector(5, marketsim.Faults{
		RateLimited: 0.1, ServerError: 0.2, TimeoutBefore: 0.1, TimeoutAfter: 0.2, Hang: time.Millisecond,
	})
	shop := shopsim.New(shopsim.Options{Injector: in, Fast: true, Seed: 4, Mode: shopsim.ModeWebhook})
	t.Cleanup(shop.Close)
	server := httptest.NewServer(shop.Handler())
	t.Cleanup(server.Close)
	form := shop.Settings()
	form[settingDeliveryURL] = server.URL
	settings, err := Channel.Descriptor.Resolve(form)
	if err != nil {
		t.Fatal(err)
	}
	ad, err := open(settings, channel.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	goods := marketsim.Catalogue()
	shop.Offer(goods)
	shop.OnlyPublished(true)
	if _, err := shop.Place(basket(goods[0].SKU, 1)); !errors.Is(err, marketsim.ErrSoldOut) {
		t.Errorf("nothing is published yet: got %v", err)
	}
	for round := range int64(5) {
		var figures []channel.StockFigure
		for i, g := range goods {
			f := figure(g.SKU, int64(i)%7+round)
			f.At = f.At.Add(time.Duration(round) * time.Second) // later with every new figure
			figures = append(figures, f)
		}
		publish(t, ad.(*adapter), figures)
		for _, f := range figures {
			if got := shop.Published(f.Listing.Key); got != f.Quantity {
				t.Errorf("round %d: the shop shows %d of %s, want %d", round, got, f.Listing.Key, f.Quantity)
			}
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	sold := 0
	for range 40 {
		wg.Go(func() {
			_, err := shop.Place(basket(goods[6].SKU, 1))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				sold++
			case !errors.Is(err, marketsim.ErrSoldOut):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if sold != 10 || shop.Published(goods[6].SKU) != 0 {
		t.Errorf("sold %d and shows %d, want 10 and 0", sold, shop.Published(goods[6].SKU))
	}
	if len(in.Stats()) == 0 {
		t.Error("no fault happened")
	}
}

func basket(sku string, n int64) marketsim.OrderSpec {
	return marketsim.OrderSpec{Lines: []marketsim.SpecLine{{SKU: sku, Quantity: n, PriceMinor: 100}}}
}

// publish sends figures until the shop took them.
func publish(t *testing.T, a *adapter, figures []channel.StockFigure) {
	t.Helper()
	for range 50 {
		_, err := a.PushStock(t.Context(), figures)
		if err == nil {
			return
		}
		switch orderhub.ClassOf(err) {
		case orderhub.ClassRetry, orderhub.ClassRateLimited:
		case orderhub.ClassAuth, orderhub.ClassRejected, orderhub.ClassUncertain:
			t.Fatal(err)
		}
	}
	t.Fatal("the shop took nothing in 50 attempts")
}
