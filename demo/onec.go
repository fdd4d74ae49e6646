package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/onectest"
	"github.com/orderhub/orderhub/store"
)

// OnecReport compares the book of the 1C with the ledger.
type OnecReport struct {
	// Theirs and Ours count orders; Contents are how many contents of orders 1C
	// stored, Repeats those that came once more because a success was lost.
	Theirs   int `json:"theirs"`
	Ours     int `json:"ours"`
	Contents int `json:"contents"`
	Repeats  int `json:"repeats"`
	Cuts     int `json:"cut_lines"`
	Approved int `json:"approved"`
	// Lost orders are not in 1C, Foreign ones only there; Wrong ones are otherwise.
	Lost    []string `json:"lost"`
	Foreign []string `json:"foreign"`
	Wrong   []string `json:"wrong"`
}

func (r *OnecReport) clean() bool { return len(r.Lost)+len(r.Foreign)+len(r.Wrong) == 0 }

// onecOffice is a 1C with people who approve orders in it.
type onecOffice struct {
	world  *world
	node   orderhub.OnecNode
	base   *onectest.Base
	report OnecReport
	mu     sync.Mutex // of cutting
	cut    int        // 1 of so many requests is cut off; 0 = none
	dice   *rand.Rand
}

// openOnec adds an exchange and a 1C that speaks to it.
func (w *world) openOnec(ctx context.Context) error {
	n, password, err := w.hub.AddOnecNode(ctx, orderhub.OnecNode{Name: "demo", Settings: orderhub.OnecSettings{
		OrdersSince: w.store.Now().Add(-time.Minute), Batch: 50, Buyers: map[string]string{"*": "Покупатель с площадки"},
	}})
	if orderhub.CodeOf(err) == orderhub.CodeConflict {
		return orderhub.Errorf(orderhub.CodeConflict, "the database has an exchange of another demo: give --with-1c a database of its own")
	}
	if err != nil {
		return err
	}
	w.onec = &onecOffice{world: w, node: n, dice: rand.New(rand.NewPCG(w.opts.Seed, 1))}
	w.onec.base = &onectest.Base{URL: w.where.Hub + "/1c/exchange", Login: n.Login, Password: password, Client: &http.Client{Timeout: 3 * time.Minute}}
	if f := w.opts.Faults; f.TimeoutBefore+f.TimeoutAfter > 0 {
		w.onec.cut = 12
	}
	w.onec.base.Drop = w.onec.drops
	return nil
}

func (o *onecOffice) drops(string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cut == 0 || o.dice.IntN(o.cut) > 0 {
		return false
	}
	o.report.Cuts++
	return true
}

// run exchanges every second, as 1C does by its schedule, and approves orders.
func (o *onecOffice) run(ctx context.Context) {
	for ctx.Err() == nil {
		for _, order := range o.base.Orders() {
			if !order.Posted && !order.Cancelled && o.dice.IntN(4) == 0 {
				o.base.Work(order.Number, func(x *onectest.Order) { x.Posted = true })
				o.report.Approved++
			}
		}
		// What fails is shown at the node and tried at the next exchange.
		_, _ = o.base.Download(ctx)
		_, _ = o.base.Upload(ctx)
		wait(ctx, time.Second)
	}
}

// compare lets 1C fetch what is left and holds its book against the ledger.
func (o *onecOffice) compare(ctx context.Context) (*OnecReport, error) {
	o.mu.Lock()
	o.cut = 0
	o.mu.Unlock()
	if err := o.unstick(ctx); err != nil {
		return nil, err
	}
	for rounds := 0; ; rounds++ {
		n, err := o.base.Download(ctx)
		if err != nil {
			return nil, fmt.Errorf("1C fetches the rest: %w", err)
		}
		if n == 0 {
			break
		}
		if rounds > 2000 {
			return nil, fmt.Errorf("1C is given orders without end")
		}
	}
	ledger, err := o.ledger(ctx)
	if err != nil {
		return nil, err
	}
	r := &o.report
	r.Ours = len(ledger)
	for _, theirs := range o.base.Orders() {
		r.Theirs++
		r.Contents += len(theirs.Contents)
		r.Repeats += theirs.Repeats
		ours := ledger[theirs.Number]
		delete(ledger, theirs.Number)
		if ours == nil {
			r.Foreign = append(r.Foreign, theirs.Number)
			continue
		}
		units := int64(0)
		for _, row := range theirs.Rows {
			if !row.Service {
				units += row.Units
			}
		}
		if want := o.node.Settings.StatusWord(ours.Headline); theirs.Status != want || units != ours.Snapshot.Units() {
			r.Wrong = append(r.Wrong, fmt.Sprintf("%s: %s and %d units in 1C, %s and %d in the hub", theirs.Number, theirs.Status, units, want, ours.Snapshot.Units()))
		}
	}
	for number := range ledger {
		r.Lost = append(r.Lost, number)
	}
	return r, nil
}

// unstick does what a person does who finds that nothing is wrong with orders that
// 1C did not take: gives them again.
func (o *onecOffice) unstick(ctx context.Context) error {
	shown, err := o.world.store.OnecConflicts(ctx, store.OnecConflictFilter{NodeID: o.node.ID, State: orderhub.OnecConflictOpen, Field: orderhub.OnecFieldSticking, Limit: 1000})
	if err != nil || len(shown) == 0 {
		return err
	}
	var numbers []int64
	for _, c := range shown {
		numbers = append(numbers, c.OrderID)
	}
	_, err = o.world.hub.ResendOnec(ctx, o.node.ID, time.Time{}, numbers)
	return err
}

// ledger reads the orders that 1C is to have, by number: all but those that only
// deliver an order of the site, and those that it is shown not to be given.
func (o *onecOffice) ledger(ctx context.Context) (map[string]*orderhub.Order, error) {
	out := map[string]*orderhub.Order{}
	for cursor := ""; ; {
		page, next, err := o.world.store.ListOrders(ctx, store.OrderFilter{PlacedFrom: o.node.Settings.OrdersSince, Cursor: cursor, Limit: 500})
		if err != nil {
			return nil, err
		}
		for _, order := range page {
			if order.Snapshot.SiteOrderID == "" {
				out[order.Number()] = order
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	shown, err := o.world.store.OnecConflicts(ctx, store.OnecConflictFilter{NodeID: o.node.ID, State: orderhub.OnecConflictOpen, Field: orderhub.OnecFieldRefused, Limit: 10_000})
	for _, c := range shown {
		delete(out, strconv.FormatInt(c.OrderID, 10))
	}
	return out, err
}
