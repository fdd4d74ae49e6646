package marketsim

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
)

// TrafficOptions say who buys how much.
type TrafficOptions struct {
	// Seed makes every decision about the n-th order the same in every run.
	Seed uint64
	// Orders is how many purchases are made in all.
	Orders int
	// Over is the time over which they are spread evenly; 0 = all at once.
	Over time.Duration
	// Schemes are the schemes per channel; a channel without an entry sells in
	// its usual one.
	Schemes map[orderhub.Channel][]orderhub.Scheme
	// Shares are how often buyers do what; the zero value means DefaultShares.
	Shares Shares
	// Goods are what buyers choose from; nil = the whole catalogue.
	Goods []Product
	// Shelf counts what was really sold; nil = nobody counts. With it, a basket
	// that a market refuses is no error.
	Shelf *Shelf
	// ReturnEvery is after how many rounds carriers bring a return a step nearer;
	// 0 = they leave returns alone.
	ReturnEvery int
	// Tick is the pause between two rounds of buyers and couriers; 0 = 250 ms.
	Tick time.Duration
	// Now and Sleep are the clock; nil = the real one. Sleep ends early with ctx.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

// Shares of 1: what becomes of orders.
type Shares struct {
	// Pending orders start unpaid; one in ten of them is never paid and
	// cancelled, beside Cancel.
	Pending       float64
	Cancel        float64 // by the buyer, before hand-over
	RequestCancel float64 // asked for, the seller answers
	Refuse        float64 // at the door
	Return        float64 // after delivery
}

// DefaultShares are those of an ordinary shop.
var DefaultShares = Shares{Pending: 0.1, Cancel: 0.08, RequestCancel: 0.02, Refuse: 0.03, Return: 0.04}

// TrafficStats counts what happened.
type TrafficStats struct {
	// Placed counts purchases, Units the orders that they became (a purchase of
	// three things is three orders on Wildberries).
	Placed int              `json:"placed"`
	Units  int              `json:"units"`
	Acts   map[BuyerAct]int `json:"acts"`
	// Moved counts the steps of marketplaces and couriers.
	Moved int `json:"moved"`
	// ReturnSteps counts the steps of returns.
	ReturnSteps int `json:"return_steps"`
	// Refused counts what a market did not allow: acts that came too late.
	Refused int `json:"refused"`
	// SoldOut counts baskets that a market did not take: it was sold out, or the
	// shop could not reserve.
	SoldOut int `json:"sold_out,omitempty"`
}

// Traffic is the buyers and the couriers of the simulated markets. What happens
// to the n-th purchase is decided by the seed and n alone; when it happens
// depends on the hub too, which packs and ships.
type Traffic struct {
	markets []Market
	opts    TrafficOptions

	mu    sync.Mutex
	fates map[string]*fate // channel/id
	stats TrafficStats
	// rounds of returns that are not over.
	rounds map[string]int
}

// fate is what the buyer will do to an order.
type fate struct {
	// act happens when the order has the headline at, after wait rounds there.
	act  BuyerAct
	at   []orderhub.Status
	wait int
	// payWait rounds until a pending order is paid; -1 = the buyer forgets it.
	payWait int
	// tries left before the buyer gives up.
	tries int
	// idle rounds in which the market had nothing to do for a finished order.
	idle int
}

// NewTraffic makes the traffic of some markets.
func NewTraffic(markets []Market, opts TrafficOptions) *Traffic {
	if opts.Shares == (Shares{}) {
		opts.Shares = DefaultShares
	}
	if opts.Tick == 0 {
		opts.Tick = 250 * time.Millisecond
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Sleep == nil {
		opts.Sleep = sleep
	}
	return &Traffic{
		markets: markets, opts: opts, fates: map[string]*fate{}, rounds: map[string]int{}, stats: TrafficStats{Acts: map[BuyerAct]int{}},
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stats tells what happened so far.
func (t *Traffic) Stats() TrafficStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.stats
	out.Acts = map[BuyerAct]int{}
	for k, v := range t.stats.Acts {
		out.Acts[k] = v
	}
	return out
}

// Run places the orders over the time given and lets buyers and couriers act
// meanwhile. It returns when all are placed, when ctx ends, or with the error of
// an order that a market did not take.
func (t *Traffic) Run(ctx context.Context) error {
	if len(t.markets) == 0 {
		return errors.New("traffic: no markets")
	}
	start := t.opts.Now()
	for placed := 0; placed < t.opts.Orders; {
		if err := ctx.Err(); err != nil {
			return err
		}
		for due := t.due(t.opts.Now().Sub(start)); placed < due; placed++ {
			if err := t.place(placed); err != nil {
				return err
			}
		}
		t.Step()
		if placed == t.opts.Orders {
			return nil
		}
		if err := t.opts.Sleep(ctx, t.opts.Tick); err != nil {
			return err
		}
	}
	return nil
}

// due is how many orders are to be placed by now.
func (t *Traffic) due(passed time.Duration) int {
	if passed >= t.opts.Over {
		return t.opts.Orders
	}
	return 1 + int(float64(t.opts.Orders-1)*float64(passed)/float64(t.opts.Over))
}

// Settle places nothing more and lets what has begun come to rest: it returns
// when neither buyers nor couriers had anything to do for the time of quiet.
// What waits for the seller stays as it is.
func (t *Traffic) Settle(ctx context.Context, quiet time.Duration) error {
	last := t.opts.Now()
	for {
		if t.Step() > 0 {
			last = t.opts.Now()
		} else if t.opts.Now().Sub(last) >= quiet && !t.waiting() {
			return nil
		}
		if err := t.opts.Sleep(ctx, t.opts.Tick); err != nil {
			return err
		}
	}
}

// place makes the n-th purchase.
func (t *Traffic) place(n int) error {
	m, spec, f := t.plan(n)
	ids, err := m.Place(spec)
	if err != nil && t.opts.Shelf == nil {
		return fmt.Errorf("traffic: order %d on %s: %w", n+1, m.Channel(), err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.stats.SoldOut++
		return nil
	}
	if t.opts.Shelf.Take(string(m.Channel()), ids, spec.Lines) {
		// More than there is, as far as we know: look at the books before saying so.
		t.look()
		t.opts.Shelf.Judge()
	}
	t.stats.Placed++
	t.stats.Units += len(ids)
	for _, id := range ids {
		own := f
		t.fates[key(m, id)] = &own
	}
	return nil
}

func key(m Market, id string) string { return string(m.Channel()) + "/" + id }

// plan decides everything about the n-th purchase.
func (t *Traffic) plan(n int) (Market, OrderSpec, fate) {
	r := rand.New(rand.NewPCG(t.opts.Seed, uint64(n)))
	m := t.markets[r.IntN(len(t.markets))]
	var spec OrderSpec
	if schemes := t.opts.Schemes[m.Channel()]; len(schemes) > 0 {
		spec.Scheme = schemes[r.IntN(len(schemes))]
	}
	goods := t.opts.Goods
	if goods == nil {
		goods = catalogue()
	}
	for _, i := range r.Perm(len(goods))[:1+min(r.IntN(4), r.IntN(4))] {
		spec.Lines = append(spec.Lines, SpecLine{SKU: goods[i].SKU, Quantity: 1 + int64(min(r.IntN(4), r.IntN(4))), PriceMinor: goods[i].PriceMinor})
	}
	if r.IntN(8) == 0 {
		spec.Comment = comments[r.IntN(len(comments))]
	}
	// A posting from Ozon's own warehouse exists only after the payment.
	spec.Pending = r.Float64() < t.opts.Shares.Pending && spec.Scheme != orderhub.SchemeFBO
	return m, spec, t.drawFate(r)
}

var comments = []string{"Позвонить за час", "Домофон не работает", "Упакуйте как подарок", "Оставить у двери"}

func (t *Traffic) drawFate(r *rand.Rand) fate {
	f := fate{payWait: 1 + r.IntN(4), wait: r.IntN(4), tries: 5}
	if r.IntN(10) == 0 {
		f.payWait = -1
	}
	early := [][]orderhub.Status{
		{orderhub.StatusNew}, {orderhub.StatusNew, orderhub.StatusConfirmed}, {orderhub.StatusConfirmed, orderhub.StatusPacked},
	}
	s, p := t.opts.Shares, r.Float64()
	for _, c := range []struct {
		share float64
		act   BuyerAct
		at    []orderhub.Status
	}{
		{s.Cancel, ActCancel, early[r.IntN(len(early))]},
		{s.RequestCancel, ActRequestCancel, []orderhub.Status{orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped}},
		{s.Refuse, ActRefuse, []orderhub.Status{orderhub.StatusShipped, orderhub.StatusReadyForPickup}},
		{s.Return, ActReturn, []orderhub.Status{orderhub.StatusDelivered}},
	} {
		if p < c.share {
			f.act, f.at = c.act, c.at
			break
		}
		p -= c.share
	}
	return f
}

// Step lets every buyer and every courier do at most one thing and returns how
// many did. Orders that Traffic did not place (parts of a split order, orders
// made by hand) are moved too; their buyers only pay.
func (t *Traffic) Step() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, m := range t.markets {
		for _, o := range m.Truth() {
			t.opts.Shelf.See(string(m.Channel()), o)
			if t.stepOrder(m, o) {
				n++
			}
		}
		n += t.stepReturns(m)
	}
	return n
}

// look tells the shelf what became of all orders.
func (t *Traffic) look() {
	for _, m := range t.markets {
		for _, o := range m.Truth() {
			t.opts.Shelf.See(string(m.Channel()), o)
		}
	}
}

// maxIdle rounds without a step end the market's work on a finished order.
const maxIdle = 3

func (t *Traffic) stepOrder(m Market, o TruthOrder) bool {
	f := t.fate(m, o.ID)
	if o.Headline == orderhub.StatusPending {
		return t.pay(m, o, f)
	}
	if f.act != "" && slices.Contains(f.at, o.Headline) {
		if f.wait > 0 {
			f.wait--
			// Couriers do not run away from a buyer who is about to act.
			return false
		}
		if t.act(m, o.ID, f.act) {
			f.act = ""
			return true
		}
		if f.tries--; f.tries <= 0 {
			f.act = "" // the buyer gives up
		}
	}
	if f.idle >= maxIdle {
		return false
	}
	moved, err := m.Progress(o.ID)
	if err != nil {
		t.stats.Refused++
		return false
	}
	if moved {
		t.stats.Moved++
		f.idle = 0
	} else if o.Headline.IsEnd() {
		f.idle++
	}
	return moved
}

func (t *Traffic) pay(m Market, o TruthOrder, f *fate) bool {
	if f.payWait > 0 {
		f.payWait--
		return false
	}
	if f.tries > 0 {
		act := ActPay
		if f.payWait < 0 {
			act = ActCancel
		}
		if t.act(m, o.ID, act) {
			return true
		}
		f.tries--
		f.payWait = 0 // where an unpaid order cannot be cancelled, it is paid
	}
	// An approval is the market's own step.
	moved, err := m.Progress(o.ID)
	if err == nil && moved {
		t.stats.Moved++
	}
	return err == nil && moved
}

func (t *Traffic) act(m Market, id string, act BuyerAct) bool {
	if err := m.Act(id, act); err != nil {
		t.stats.Refused++
		return false
	}
	t.stats.Acts[act]++
	return true
}

// fate finds what is planned for an order; one that was not placed here gets
// a plain one.
func (t *Traffic) fate(m Market, id string) *fate {
	k := key(m, id)
	f := t.fates[k]
	if f == nil {
		h := fnv.New64a()
		_, _ = h.Write([]byte(k))
		f = &fate{payWait: int(h.Sum64() % 4), tries: 5}
		t.fates[k] = f
	}
	return f
}

// waiting reports whether a buyer is about to do something that does not need
// the seller.
func (t *Traffic) waiting() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.markets {
		for _, o := range m.Truth() {
			f := t.fate(m, o.ID)
			if o.Headline == orderhub.StatusPending && f.tries > 0 {
				return true
			}
			if f.act != "" && slices.Contains(f.at, o.Headline) && f.tries > 0 {
				return true
			}
		}
	}
	return false
}
