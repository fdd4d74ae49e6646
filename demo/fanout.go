package demo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/store"
)

// FanoutOptions set up a measurement of how fast a sale on one channel reaches
// the others.
type FanoutOptions struct {
	DSN, Secret string
	Dir         string
	// Goods are sold on all channels, PerSecond orders for For.
	Goods, PerSecond int
	For              time.Duration
	// Pace shortens the hub's pauses, for tests; 0 = as in life.
	Pace float64
	// Limits lets the documented quotas of the channels count; without it only the
	// hub's own time does.
	Limits bool
}

// FanoutReport is what was measured: seconds, p50 p95 p99.
type FanoutReport struct {
	Orders    int     `json:"orders"`
	PerSecond float64 `json:"per_second"`
	// Told is from the sale to the first request that tells another account a figure
	// with the sale in it, for channels that notify; Pairs counts them, Missing those
	// that were never told.
	Told    [3]float64 `json:"told_seconds"`
	Pairs   int        `json:"pairs"`
	Missing int        `json:"missing"`
	// Polled is the same for the channel that sends no notification (Wildberries),
	// from when the order was read; Seen from the sale to there, a matter of how
	// often it is polled.
	Polled      [3]float64 `json:"polled_told_seconds"`
	PolledPairs int        `json:"polled_pairs"`
	Seen        [3]float64 `json:"polled_seen_seconds"`
	// Put off by limits: pairs whose figure waited for the channel's pause between
	// two figures of one offer. They are not in Told and Polled.
	PutOff        int        `json:"put_off"`
	PutOffSeconds [3]float64 `json:"put_off_seconds"`
	Requests      int        `json:"requests"` // that carried stock figures
	Figures       int        `json:"figures"`
}

// fanoutUnits is how many units there are of each article: never scarce.
const fanoutUnits = 50_000

// Fanout lets buyers buy steadily on all simulated channels and watches, at the
// simulators' side of the wire, when each sale's new figure arrives elsewhere.
func Fanout(ctx context.Context, opts FanoutOptions) (FanoutReport, error) {
	f := &fanout{opts: opts, waiting: map[string][]*told{}, sku: map[string]map[string]string{}, last: map[string]time.Time{}, sales: map[string]*sale{}, left: map[string]int64{}}
	quotas := 1000.0
	if opts.Limits {
		quotas = 1
	}
	w, err := start(ctx, Options{
		DSN: opts.DSN, Secret: opts.Secret, Dir: opts.Dir, Seed: 1, Policy: orderhub.OversellShared,
		pace: cmp.Or(opts.Pace, 1), quotas: quotas, lag: time.Duration(float64(10*time.Second) * cmp.Or(opts.Pace, 1)), goods: manyGoods(opts.Goods), units: fanoutUnits, watch: f.watch,
	})
	if err != nil {
		return FanoutReport{}, err
	}
	defer w.close()
	if err := f.ready(ctx, w); err != nil {
		return FanoutReport{}, err
	}
	began := time.Now()
	if err := f.sell(ctx, w); err != nil {
		return FanoutReport{}, err
	}
	took := time.Since(began)
	if err := f.settle(ctx); err != nil {
		return FanoutReport{}, err
	}
	r, err := f.report(ctx, w)
	r.PerSecond = float64(r.Orders) / took.Seconds()
	return r, err
}

// manyGoods invents articles.
func manyGoods(n int) []marketsim.Product {
	out := make([]marketsim.Product, n)
	for i := range out {
		out[i] = marketsim.Product{SKU: fmt.Sprintf("F%06d", i), Name: fmt.Sprintf("article %d", i), PriceMinor: 100_00}
	}
	return out
}

// sale is one order.
type sale struct {
	at     time.Time
	market orderhub.Channel
	told   []*told
}

// told is when a market was told of one line of a sale.
type told struct {
	level int64 // what is left of the article after the sale
	at    time.Time
	off   bool // the channel's pause between two figures held it up
}

type fanout struct {
	opts FanoutOptions

	mu      sync.Mutex
	began   bool
	left    map[string]int64             // by article
	sku     map[string]map[string]string // channel → key of the offer → article
	waiting map[string][]*told           // channel/article
	last    map[string]time.Time         // channel/article: the figure before
	sales   map[string]*sale             // channel/order
	open    int

	requests, figures int
}

// ready waits until every market shows every article.
func (f *fanout) ready(ctx context.Context, w *world) error {
	for until := time.Now().Add(15 * time.Minute); ; wait(ctx, 500*time.Millisecond) {
		shown, err := w.store.StocksShown(ctx, time.Now())
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		all := true
		for _, m := range w.sims.Markets() {
			all = all && shown[AccountID(m.Channel())].States[store.PublicationConfirmed] == int64(f.opts.Goods)
		}
		if all {
			break
		}
		if time.Now().After(until) {
			return fmt.Errorf("the first figures are not confirmed: %v", shown)
		}
	}
	list, err := w.store.ListListings(ctx, store.ListingFilter{Limit: 10 * f.opts.Goods})
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range w.sims.Markets() {
		f.sku[string(m.Channel())] = map[string]string{}
	}
	for _, l := range list {
		for _, m := range w.sims.Markets() {
			if AccountID(m.Channel()) == l.AccountID {
				f.sku[string(m.Channel())][l.Key], f.sku[string(m.Channel())][l.Article] = l.SKU, l.SKU
				if id := l.Aliases["product_id"]; id != "" {
					f.sku[string(m.Channel())][id] = l.SKU
				}
			}
		}
		f.left[l.SKU] = fanoutUnits
	}
	f.began = true
	return nil
}

// sell places the orders.
func (f *fanout) sell(ctx context.Context, w *world) error {
	r := rand.New(rand.NewPCG(1, 2))
	markets, began := w.sims.Markets(), time.Now()
	total := int(f.opts.For.Seconds() * float64(f.opts.PerSecond))
	for n := range total {
		due := began.Add(time.Duration(n) * time.Second / time.Duration(f.opts.PerSecond))
		if d := time.Until(due); d > 0 {
			wait(ctx, d)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		m := markets[n%len(markets)]
		schemes := StockedSchemes[m.Channel()]
		spec := marketsim.OrderSpec{Scheme: schemes[0]}
		for _, i := range pick(r, f.opts.Goods, m.Channel()) {
			spec.Lines = append(spec.Lines, marketsim.SpecLine{SKU: w.opts.goods[i].SKU, Quantity: 1, PriceMinor: 100_00})
		}
		if err := f.place(m, markets, spec); err != nil {
			return err
		}
	}
	return nil
}

// pick picks the articles of a basket, one or two. Buyers of the channel that is
// polled have a quarter of the articles for themselves, one each: what the others
// are told must not wait for sales that nobody has seen yet.
func pick(r *rand.Rand, goods int, channel orderhub.Channel) []int {
	polled := goods / 4
	if channel == "wildberries" {
		return []int{r.IntN(polled)}
	}
	first := r.IntN(goods - polled)
	out := []int{polled + first}
	if r.IntN(2) == 0 {
		out = append(out, polled+(first+1+r.IntN(goods-polled-1))%(goods-polled))
	}
	return out
}

// place makes one order and notes what the other markets are to be told.
func (f *fanout) place(m marketsim.Market, markets []marketsim.Market, spec marketsim.OrderSpec) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &sale{at: time.Now(), market: m.Channel()}
	for _, l := range spec.Lines {
		f.left[l.SKU] -= l.Quantity
		for _, other := range markets {
			if other.Channel() == m.Channel() {
				continue
			}
			t := &told{level: f.left[l.SKU]}
			key := string(other.Channel()) + "/" + l.SKU
			f.waiting[key] = append(f.waiting[key], t)
			s.told = append(s.told, t)
			f.open++
		}
	}
	ids, err := m.Place(spec)
	if err != nil {
		return err
	}
	f.sales[string(m.Channel())+"/"+ids[0]] = s
	return nil
}

// settle waits until everybody was told, or nothing comes any more.
func (f *fanout) settle(ctx context.Context) error {
	for until := time.Now().Add(2 * time.Minute); ctx.Err() == nil && time.Now().Before(until); wait(ctx, 200*time.Millisecond) {
		f.mu.Lock()
		open := f.open
		f.mu.Unlock()
		if open == 0 {
			return nil
		}
	}
	return ctx.Err()
}

// watch looks at the requests that carry stock figures.
func (f *fanout) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		channel, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if r.Method != http.MethodGet && (strings.Contains(r.URL.Path, "stocks") || channel == "site") {
			at := time.Now()
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			f.request(channel, at, body)
		}
		next.ServeHTTP(w, r)
	})
}

// request notes the figures of one request.
func (f *fanout) request(channel string, at time.Time, body []byte) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.began {
		return
	}
	before := f.figures
	f.walk(channel, "", at, v)
	if f.figures > before {
		f.requests++
	}
}

// walk finds the figures in a request: the key of an offer, and beside or below it
// a number of units.
func (f *fanout) walk(channel, sku string, at time.Time, v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			f.walk(channel, sku, at, e)
		}
	case map[string]any:
		for _, k := range []string{"offer_id", "product_id", "chrtId", "sku", "listing"} {
			if found := f.sku[channel][fmt.Sprint(v[k])]; found != "" {
				sku = found
			}
		}
		for _, k := range []string{"stock", "amount", "count", "available"} {
			if n, ok := v[k].(json.Number); ok && sku != "" {
				if figure, err := n.Int64(); err == nil {
					f.figure(channel, sku, figure, at)
				}
				return
			}
		}
		for _, e := range v {
			f.walk(channel, sku, at, e)
		}
	}
}

// pairPause is Ozon's: the only channel that lets a figure wait for the one before.
const pairPause = 30 * time.Second

func (f *fanout) figure(channel, sku string, figure int64, at time.Time) {
	f.figures++
	key := channel + "/" + sku
	off := f.opts.Limits && channel == "ozon" && at.Sub(f.last[key]) < pairPause+5*time.Second
	f.last[key] = at
	f.waiting[key] = slices.DeleteFunc(f.waiting[key], func(t *told) bool {
		if t.level < figure {
			return false
		}
		t.at, t.off = at, off
		f.open--
		return true
	})
}

// report works the times out.
func (f *fanout) report(ctx context.Context, w *world) (FanoutReport, error) {
	received := map[string]time.Time{}
	for _, m := range w.sims.Markets() {
		filter := store.OrderFilter{Accounts: []string{AccountID(m.Channel())}, Limit: 500}
		for {
			page, next, err := w.store.ListOrders(ctx, filter)
			if err != nil {
				return FanoutReport{}, err
			}
			for _, o := range page {
				received[string(m.Channel())+"/"+o.Snapshot.ExternalID] = o.CreatedAt
			}
			if filter.Cursor = next; next == "" {
				break
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := FanoutReport{Orders: len(f.sales), Missing: f.open, Requests: f.requests, Figures: f.figures}
	var direct, polled, seen, off []float64
	for _, key := range slices.Sorted(maps.Keys(f.sales)) {
		s := f.sales[key]
		from, list := s.at, &direct
		if s.market == "wildberries" {
			if from = received[key]; from.IsZero() {
				continue
			}
			list = &polled
			seen = append(seen, from.Sub(s.at).Seconds())
		}
		for _, t := range s.told {
			switch {
			case t.at.Before(from): // never, or another sale of the article came first
			case t.off:
				off = append(off, t.at.Sub(from).Seconds())
			default:
				*list = append(*list, max(0, t.at.Sub(from).Seconds()))
			}
		}
	}
	r.Pairs, r.PolledPairs = len(direct), len(polled)
	r.Told, r.Polled, r.Seen, r.PutOff, r.PutOffSeconds = quantiles(direct), quantiles(polled), quantiles(seen), len(off), quantiles(off)
	return r, nil
}
