package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// listGoal is the highest p95 in milliseconds that the list of orders promises.
const listGoal = 50

// ListReport is how fast the list of orders answers.
type ListReport struct {
	Orders      int          `json:"orders"`
	SeedSeconds float64      `json:"seed_s"`
	Kinds       []ListResult `json:"kinds"`
}

// ListResult is one kind of question to the list: a page of 50 orders with
// their lines. Milliseconds.
type ListResult struct {
	Kind    string  `json:"kind"`
	Queries int     `json:"queries"`
	P50     float64 `json:"p50_ms"`
	P95     float64 `json:"p95_ms"`
	Max     float64 `json:"max_ms"`
	// Rows is how many orders a page had on average.
	Rows float64 `json:"rows"`
	// Plan is how the database ran one of the questions; Scans are its steps that
	// read a whole table.
	Plan  []string `json:"plan"`
	Scans []string `json:"scans,omitempty"`
}

// listKind makes filters of one kind, a different one each time.
type listKind struct {
	name string
	make func(q *questions) store.OrderFilter
}

// questions makes up what people ask for, from orders that exist.
type questions struct {
	rnd     *rand.Rand
	now     time.Time
	sample  []*orderhub.Order
	cursors []string // of the pages around the 50th of the whole list
	n       int
}

func (q *questions) any() *orderhub.Order { return q.sample[q.rnd.IntN(len(q.sample))] }

// some finds an order that fits; the sample has some of every sort.
func (q *questions) some(fits func(o *orderhub.Order) bool) *orderhub.Order {
	from := q.rnd.IntN(len(q.sample))
	for i := range q.sample {
		if o := q.sample[(from+i)%len(q.sample)]; fits(o) {
			return o
		}
	}
	return q.sample[from]
}

func (q *questions) named() *orderhub.Order {
	return q.some(func(o *orderhub.Order) bool { return o.Snapshot.Customer.Name != "" })
}

func (q *questions) account() string { return seedAccounts[q.rnd.IntN(len(seedAccounts))].id }

var statusList = []orderhub.Status{orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusShipped,
	orderhub.StatusReadyForPickup, orderhub.StatusDelivered, orderhub.StatusCancelled, orderhub.StatusReturned}

func (q *questions) status() orderhub.Status { return statusList[q.rnd.IntN(len(statusList))] }

// span is some days within the last seedDays.
func (q *questions) span() (from, to time.Time) {
	from = q.now.AddDate(0, 0, -1-q.rnd.IntN(seedDays-1)).Add(time.Duration(q.rnd.IntN(86400)) * time.Second)
	return from, from.AddDate(0, 0, 1+q.rnd.IntN(7))
}

// commonSKU is one of the dozen that sell most, rareSKU one of those that hardly sell.
func (q *questions) commonSKU() string { return skuOf(q.rnd.IntN(12)) }
func (q *questions) rareSKU() string   { return skuOf(skus - 1 - q.rnd.IntN(1000)) }

func (q *questions) surname() string { return strings.Fields(q.named().Snapshot.Customer.Name)[0] }
func (q *questions) given() string   { return strings.Fields(q.named().Snapshot.Customer.Name)[1] }

// firstRunes cuts a word as a person does who is still typing.
func firstRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}

type filter = store.OrderFilter

func text(make func(q *questions) string) func(q *questions) filter {
	return func(q *questions) filter { return filter{Text: make(q)} }
}

// listKinds are the questions, as the panel asks them.
var listKinds = []listKind{
	{"newest page", func(*questions) filter { return filter{} }},
	{"page 50 by cursor", func(q *questions) filter { q.n++; return filter{Cursor: q.cursors[q.n%len(q.cursors)]} }},
	{"account", func(q *questions) filter { return filter{Accounts: []string{q.account()}} }},
	{"account + status", func(q *questions) filter {
		return filter{Accounts: []string{q.account()}, Statuses: []orderhub.Status{q.status()}}
	}},
	{"two statuses", func(q *questions) filter { return filter{Statuses: []orderhub.Status{q.status(), q.status()}} }},
	{"two accounts + open statuses", func(q *questions) filter {
		return filter{Accounts: []string{"ozon-main", q.account()}, Statuses: statusList[:5]}
	}},
	{"rare status", func(q *questions) filter {
		return filter{Statuses: []orderhub.Status{[]orderhub.Status{orderhub.StatusUnknown, orderhub.StatusPending, orderhub.StatusPartiallyReturned}[q.rnd.IntN(3)]}}
	}},
	{"held", func(*questions) filter { return filter{Held: true} }},
	{"one hold", func(q *questions) filter {
		return filter{Hold: []orderhub.Hold{orderhub.HoldManual, orderhub.HoldArbitration, orderhub.HoldConflict, orderhub.HoldShort}[q.rnd.IntN(4)]}
	}},
	{"held + account + status", func(q *questions) filter {
		return filter{Held: true, Accounts: []string{q.account()}, Statuses: []orderhub.Status{q.status()}}
	}},
	{"placed range", func(q *questions) filter { from, to := q.span(); return filter{PlacedFrom: from, PlacedTo: to} }},
	{"placed range + account + status", func(q *questions) filter {
		from, to := q.span()
		return filter{PlacedFrom: from, PlacedTo: to, Accounts: []string{q.account()}, Statuses: []orderhub.Status{q.status()}}
	}},
	{"search: order number", text(func(q *questions) string { return q.any().Number() })},
	{"search: external id", text(func(q *questions) string { return q.any().Snapshot.ExternalID })},
	{"search: phone", text(func(q *questions) string { return q.named().Snapshot.Customer.Phone })},
	{"search: common SKU", text((*questions).commonSKU)},
	{"search: rare SKU", text((*questions).rareSKU)},
	{"search: any SKU", text(func(q *questions) string { return q.any().Snapshot.Lines[0].SKU })},
	{"search: beginning of a name", text(func(q *questions) string { return firstRunes(q.surname(), 3+q.rnd.IntN(4)) })},
	{"search: first letters", text(func(q *questions) string { return firstRunes(q.surname(), 1+q.rnd.IntN(2)) })},
	{"search: name and surname", text(func(q *questions) string { return q.named().Snapshot.Customer.Name })},
	{"search: name and SKU", text(func(q *questions) string { return q.surname() + " " + q.commonSKU() })},
	{"search: two common words", text(func(q *questions) string { return q.given() + " " + q.commonSKU() })},
	{"search: two SKUs", text(func(q *questions) string { return q.commonSKU() + " " + skuOf(q.rnd.IntN(100)) })},
	{"search: no match", text(func(q *questions) string { return fmt.Sprintf("zz%06d", q.rnd.IntN(1e6)) })},
	{"search: common SKU + account", func(q *questions) filter { return filter{Text: q.commonSKU(), Accounts: []string{q.account()}} }},
	{"search: any SKU + rare status", func(q *questions) filter {
		return filter{Text: q.any().Snapshot.Lines[0].SKU, Statuses: []orderhub.Status{orderhub.StatusPending}}
	}},
	{"search: name + status", func(q *questions) filter { return filter{Text: q.given(), Statuses: []orderhub.Status{q.status()}} }},
	// A number half typed, in the wrong account: a hundredth of all orders match
	// and none of them fits.
	{"search: many matches elsewhere", func(q *questions) filter {
		return filter{Text: fmt.Sprint("S-1", q.rnd.IntN(10)), Accounts: []string{"wildberries"}}
	}},
	{"search: common SKU + placed range", func(q *questions) filter {
		from, to := q.span()
		return filter{Text: q.commonSKU(), PlacedFrom: from, PlacedTo: to}
	}},
}

// list fills a big ledger and asks it.
func (b *run) list(ctx context.Context, engine string) (*ListReport, error) {
	r := &ListReport{Orders: b.opts.Orders}
	err := b.withDatabase(ctx, engine, func(db *database) error {
		b.printf("\nfilling a ledger of %d orders …\n", r.Orders)
		began := time.Now()
		sample, err := b.seed(ctx, db, r.Orders, seedWith{})
		if err != nil {
			return fmt.Errorf("seed: %w", err)
		}
		r.SeedSeconds = time.Since(began).Seconds()
		q := &questions{rnd: rand.New(rand.NewPCG(4, 4)), now: b.at, sample: sample}
		if q.cursors, err = b.cursors(ctx, db.Store); err != nil {
			return err
		}
		b.printListHead(r)
		for _, kind := range listKinds {
			res, err := b.ask(ctx, db.Store, q, kind)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			b.printList(res, listGoal)
			r.Kinds = append(r.Kinds, res)
		}
		b.printListFoot(r.Kinds, listGoal)
		return nil
	})
	return r, err
}

// cursors walks the list and keeps the cursors from the 50th page on.
func (b *run) cursors(ctx context.Context, s *store.Store) ([]string, error) {
	var out []string
	cursor := ""
	for page := 1; page <= 150; page++ {
		_, next, err := s.ListOrders(ctx, store.OrderFilter{Cursor: cursor})
		if err != nil {
			return nil, err
		}
		if next == "" {
			break
		}
		if cursor = next; page >= 49 || b.opts.quick {
			out = append(out, cursor)
		}
	}
	return append(out, cursor), nil
}

// ask times one kind of question, after a warm-up, and notes its plan.
func (b *run) ask(ctx context.Context, s *store.Store, q *questions, kind listKind) (ListResult, error) {
	r := ListResult{Kind: kind.name}
	warm, times, budget := 20, 150, 8*time.Second
	if b.opts.quick {
		warm, times = 1, 3
	}
	plans, err := s.Explain(ctx, func(s *store.Store) error {
		_, _, err := s.ListOrders(ctx, kind.make(q))
		return err
	})
	if err != nil {
		return r, err
	}
	for _, p := range plans {
		r.Plan = append(r.Plan, p.Steps...)
		r.Scans = append(r.Scans, p.Scans...)
	}
	var took []time.Duration
	began := time.Now()
	for i := range warm + times {
		f := kind.make(q)
		asked := time.Now()
		page, _, err := s.ListOrders(ctx, f)
		if err != nil {
			return r, err
		}
		if i >= warm {
			took = append(took, time.Since(asked))
			r.Rows += float64(len(page))
		}
		// A kind that misses its goal by far must not hold up the rest.
		if len(took) > 0 && time.Since(began) > budget {
			break
		}
		if i < warm && time.Since(began) > budget/4 {
			warm = i
		}
	}
	quantile := quantiles(took)
	r.Queries, r.Rows = len(took), r.Rows/float64(len(took))
	r.P50, r.P95, r.Max = quantile(0.50), quantile(0.95), quantile(1)
	return r, nil
}
