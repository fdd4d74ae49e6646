package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/cml"
	"github.com/orderhub/orderhub/store"
)

// aloneTries is how often an order is offered alone in vain until it is shown as
// the one that sticks; stickyPause how long it then waits for each further try.
const (
	aloneTries  = 2
	stickyPause = 10 * time.Minute
)

// OnecQuery gives a session the orders that its 1C is to take, as a document. It
// gives none twice in one session, and marks nothing as taken: success does, for
// the last query before it.
func (h *Hub) OnecQuery(ctx context.Context, s orderhub.OnecSession, n orderhub.OnecNode) ([]byte, error) {
	defer h.onec.alone("query", n.ID)()
	if n.Settings.Flavour == orderhub.OnecBitrix {
		// This client asks again instead of saying success.
		if err := h.OnecSuccess(ctx, s, n); err != nil {
			return nil, err
		}
	}
	// Any other that asks again has not got the answer before, or is not to have it
	// taken for stored by a success of the next.
	if err := h.store.InTx(ctx, func(tx *store.Tx) error { return tx.DoubtOnec(ctx, s) }); err != nil {
		return nil, err
	}
	if err := h.followOnec(ctx); err != nil {
		return nil, err
	}
	var offers []onecOffer
	var err error
	// Orders with nothing new in them are settled on the way, page by page.
	for more := true; more && len(offers) == 0; {
		if offers, more, err = h.offerOnec(ctx, s, n); err != nil {
			return nil, err
		}
	}
	zone, err := time.LoadLocation(n.Settings.Zone)
	if err != nil {
		return nil, fmt.Errorf("find the zone of node %d: %w", n.ID, err)
	}
	list := make([]cml.Order, len(offers))
	given := make([]store.OnecGiven, len(offers))
	for i, o := range offers {
		list[i], given[i] = o.order, o.given
	}
	var out bytes.Buffer
	if err := cml.WriteOrders(&out, list, h.store.Now().In(zone), n.Settings.Version, cml.Encoding(n.Settings.Encoding)); err != nil {
		return nil, err
	}
	if len(given) == 0 {
		return out.Bytes(), nil
	}
	return out.Bytes(), h.store.InTx(ctx, func(tx *store.Tx) error { return tx.GiveOnec(ctx, s, given) })
}

// onecOffer is an order as it is to be given.
type onecOffer struct {
	order cml.Order
	given store.OnecGiven
}

// offerOnec chooses the orders to give now; more tells that it only cleared some
// away and is to be called again.
func (h *Hub) offerOnec(ctx context.Context, s orderhub.OnecSession, n orderhub.OnecNode) (offers []onecOffer, more bool, err error) {
	if n.Unanswered >= n.Settings.Patience {
		if err := h.suspectOnec(ctx, n); err != nil {
			return nil, false, err
		}
	}
	due, err := h.store.DueOnec(ctx, n.ID, s.ID, store.OnecSuspects, 0, n.Settings.Batch)
	if err != nil {
		return nil, false, err
	}
	if len(due) > 0 && due[0].Alone >= aloneTries {
		return nil, true, h.sticksOnec(ctx, n, due[0])
	}
	// Half of the suspects when the last answer was taken, half as many after each
	// that was not, down to one: mostly it was the line and none of them.
	due = due[:min(len(due), max(1, len(due)>>(n.Unanswered+1)))]
	if len(due) == 0 {
		if due, err = h.store.DueOnec(ctx, n.ID, s.ID, store.OnecFine, 0, n.Settings.Batch); err != nil {
			return nil, false, err
		}
	}
	if len(due) == 0 {
		sticks, err := h.store.DueOnec(ctx, n.ID, s.ID, store.OnecSticks, 0, 100)
		if err != nil {
			return nil, false, err
		}
		for _, o := range sticks {
			if h.store.Now().Sub(o.OfferedAt) >= stickyPause {
				due = []store.OnecOrder{o}
				break
			}
		}
	}
	if len(due) == 0 {
		return nil, false, nil
	}
	offers, err = h.writeOnec(ctx, n, due)
	return offers, true, err
}

// suspectOnec lets the orders of the answer that 1C did not take be offered in
// smaller and smaller parts: it takes a batch whole or not at all, so one bad order
// blocks all.
func (h *Hub) suspectOnec(ctx context.Context, n orderhub.OnecNode) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		last, err := tx.LastOnecGiven(ctx, n.ID)
		if err != nil || len(last) == 0 {
			return err
		}
		return tx.SuspectOnec(ctx, n.ID, last, store.OnecSuspects)
	})
}

// sticksOnec shows an order that 1C does not even take alone. It is not given up,
// but keeps the others waiting no more.
func (h *Hub) sticksOnec(ctx context.Context, n orderhub.OnecNode, o store.OnecOrder) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.SuspectOnec(ctx, n.ID, []int64{o.OrderID}, store.OnecSticks); err != nil {
			return err
		}
		return tx.AddOnecConflict(ctx, orderhub.OnecConflict{NodeID: n.ID, OrderID: o.OrderID, Field: orderhub.OnecFieldSticking,
			Why: fmt.Sprintf("1С %d раза получала этот заказ один и не подтвердила его: посмотрите в журнале регистрации 1С, чем он ей не нравится", o.Alone)}, o.Marks)
	})
}

// writeOnec writes orders in 1C's terms. Those that 1C has just so are settled;
// those that cannot be written are shown, and hold up none of the others.
func (h *Hub) writeOnec(ctx context.Context, n orderhub.OnecNode, due []store.OnecOrder) ([]onecOffer, error) {
	w, err := h.onecWriter(ctx, n, due)
	if err != nil {
		return nil, err
	}
	var offers []onecOffer
	var settled []store.OnecGiven
	var refused []orderhub.OnecConflict
	marks := map[int64]int64{}
	for _, d := range due {
		o := w.orders[d.OrderID]
		marks[d.OrderID] = d.Marks
		if o == nil || o.Snapshot.SiteOrderID != "" {
			// It only delivers an order of the shop's own site, which 1C gets as such.
			settled = append(settled, store.OnecGiven{OrderID: d.OrderID, Marks: d.Marks})
			continue
		}
		offer, err := w.offer(o, d)
		switch {
		case orderhub.CodeOf(err) != "":
			refused = append(refused, orderhub.OnecConflict{NodeID: n.ID, OrderID: o.ID, Field: orderhub.OnecFieldRefused, Why: Sentence(err)})
			settled = append(settled, store.OnecGiven{OrderID: d.OrderID, Marks: d.Marks})
		case err != nil:
			return nil, err
		case offer.given.Digest == d.Digest:
			settled = append(settled, offer.given)
		default:
			offers = append(offers, offer)
		}
	}
	if len(settled) == 0 {
		return offers, nil
	}
	return offers, h.store.InTx(ctx, func(tx *store.Tx) error {
		for _, c := range refused {
			if err := tx.AddOnecConflict(ctx, c, marks[c.OrderID]); err != nil {
				return err
			}
		}
		return tx.SettleOnec(ctx, n.ID, settled)
	})
}

// onecWriter has at hand what the writing of some orders needs.
type onecWriter struct {
	node     orderhub.OnecNode
	zone     *time.Location
	orders   map[int64]*orderhub.Order
	links    map[int64]map[int]store.LineLink
	goods    map[string]string // SKU → 1C's id
	accounts map[string]string
}

func (h *Hub) onecWriter(ctx context.Context, n orderhub.OnecNode, due []store.OnecOrder) (*onecWriter, error) {
	w := &onecWriter{node: n, orders: map[int64]*orderhub.Order{}, accounts: map[string]string{}}
	var err error
	if w.zone, err = time.LoadLocation(n.Settings.Zone); err != nil {
		return nil, fmt.Errorf("find the zone of node %d: %w", n.ID, err)
	}
	ids := make([]int64, len(due))
	for i, d := range due {
		ids[i] = d.OrderID
	}
	list, err := h.store.OrdersByIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	if w.links, err = h.store.LinksOfOrders(ctx, ids); err != nil {
		return nil, err
	}
	var skus []string
	for _, o := range list {
		w.orders[o.ID] = o
		skus = append(skus, w.skus(o)...)
	}
	if w.goods, err = h.store.OnecIDs(ctx, n.ID, skus); err != nil {
		return nil, err
	}
	accounts, err := h.store.Accounts(ctx, true)
	for _, a := range accounts {
		if w.accounts[a.ID] = a.Name; a.Name == "" {
			w.accounts[a.ID] = a.ID
		}
	}
	return w, err
}

// skus are the products of an order's lines.
func (w *onecWriter) skus(o *orderhub.Order) []string {
	out := make([]string, len(o.Snapshot.Lines))
	for i, l := range o.Snapshot.Lines {
		if out[i] = w.links[o.ID][i].SKU; out[i] == "" {
			out[i] = l.SKU
		}
	}
	return out
}

func (w *onecWriter) offer(o *orderhub.Order, d store.OnecOrder) (onecOffer, error) {
	set := w.node.Settings
	buyer := set.Buyers[o.AccountID]
	if buyer == "" {
		buyer = set.Buyers["*"]
	}
	out, err := cml.FromOrder(o, w.skus(o), cml.Terms{
		Zone: w.zone, GoodsID: func(sku string) string { return w.goods[sku] }, Buyer: buyer, Status: set.StatusWord(o.Headline), Account: w.accounts[o.AccountID],
	})
	if err != nil {
		return onecOffer{}, err
	}
	g := store.OnecGiven{OrderID: o.ID, Marks: d.Marks, Version: o.Version}
	if g.Digest, g.Rows, err = onecDigests(out); err != nil {
		return onecOffer{}, err
	}
	g.Late = lateForOnec(o, d, g)
	return onecOffer{out, g}, nil
}

// onecDigests tell contents apart. 1C's ids of goods do not count: an order does
// not change because 1C has told them meanwhile.
func onecDigests(o cml.Order) (whole, rows string, err error) {
	lines := make([]cml.Line, len(o.Lines))
	for i, l := range o.Lines {
		l.ID = ""
		lines[i] = l
	}
	o.Lines = lines
	if whole, err = digestOf(o); err != nil {
		return "", "", err
	}
	rows, err = digestOf(lines)
	return whole, rows, err
}

func digestOf(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("digest: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// lateForOnec tells whether 1C is likely to pass over what is new: УТ reads no more
// of an order that it has approved.
func lateForOnec(o *orderhub.Order, d store.OnecOrder, g store.OnecGiven) store.OnecLate {
	facts := onecFactsOf(d.Facts)
	switch {
	case d.Digest == "" || !facts.Posted || facts.Cancelled:
	case o.Headline == orderhub.StatusCancelled:
		return store.OnecLateCancel
	case g.Rows != d.Rows && !facts.sameLines(o.Snapshot.Units()):
		return store.OnecLateLines
	}
	return store.OnecInTime
}

// OnecSuccess notes that 1C has stored what the session was given: exactly that,
// as it was given. What has changed since stays due.
func (h *Hub) OnecSuccess(ctx context.Context, s orderhub.OnecSession, n orderhub.OnecNode) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		taken, err := tx.TakeOnec(ctx, s)
		if err != nil {
			return err
		}
		for _, t := range taken {
			for _, field := range []orderhub.OnecField{orderhub.OnecFieldRefused, orderhub.OnecFieldSticking} {
				if err := tx.CloseOnecConflicts(ctx, n.ID, t.OrderID, field, "", "hub"); err != nil {
					return err
				}
			}
			if err := tellLateOnec(ctx, tx, n, t); err != nil {
				return err
			}
		}
		return nil
	})
}

func tellLateOnec(ctx context.Context, tx *store.Tx, n orderhub.OnecNode, t store.TakenOnec) error {
	c := orderhub.OnecConflict{NodeID: n.ID, OrderID: t.OrderID, Field: orderhub.OnecFieldTooLate}
	switch t.Late {
	case store.OnecInTime:
		return nil
	case store.OnecLateCancel:
		c.Wanted, c.Why = "cancelled", "Заказ отменён, а в 1С он уже проведён: типовая УТ такую отмену пропускает. Отмените его в 1С вручную."
	case store.OnecLateLines:
		c.Wanted, c.Why = "lines", "Состав заказа изменился, а в 1С он уже проведён: типовая УТ такие изменения пропускает. Исправьте его в 1С вручную."
	}
	return tx.AddOnecConflict(ctx, c, t.Marks)
}
