package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/cml"
	"github.com/orderhub/orderhub/store"
)

// maxOnecDocuments is how many documents one file may hold, maxOnecBytes how long
// it may be: all of it is read before any of it is done.
const (
	maxOnecDocuments = 20_000
	maxOnecBytes     = 128 << 20
)

// cappedReader ends a file that is too long.
type cappedReader struct {
	r    io.Reader
	left int
}

func (c *cappedReader) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, orderhub.Errorf(orderhub.CodeTooLarge, "файл заказов больше %d МБ", maxOnecBytes>>20)
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// onecFacts is what 1C said of an order last.
type onecFacts struct {
	cml.Facts
	// Units are the quantities of all rows, Lines those by article.
	Units int64            `json:"units"`
	Lines map[string]int64 `json:"lines,omitempty"`
}

func onecFactsOf(text string) onecFacts {
	var f onecFacts
	if text == "" || json.Unmarshal([]byte(text), &f) != nil {
		return onecFacts{}
	}
	return f
}

// sameLines tells whether 1C has as many units already: then it knows.
func (f onecFacts) sameLines(units int64) bool { return f.Lines != nil && f.Units == units }

// OnecDocuments reads a file of orders that 1C sends back and does what they ask.
// Each is done once; one that cannot be done is shown to a person. A file that
// breaks off does nothing and gives cml.ErrTruncated.
func (h *Hub) OnecDocuments(ctx context.Context, s orderhub.OnecSession, n orderhub.OnecNode, file io.Reader) (int64, error) {
	var list, loose []cml.Document
	err := cml.Read(&cappedReader{file, maxOnecBytes}, cml.Handler{Document: func(d cml.Document) error {
		switch {
		case len(list)+len(loose) >= maxOnecDocuments:
			return orderhub.Errorf(orderhub.CodeTooLarge, "в файле больше %d документов", maxOnecDocuments)
		case d.IsOrder():
			list = append(list, d)
		default:
			loose = append(loose, d)
		}
		return nil
	}})
	if err != nil {
		return 0, err
	}
	attachParts(list, loose)
	defer h.onec.alone("orders", n.ID)()
	for i := range list {
		if err := h.applyOnec(ctx, n, &list[i]); err != nil {
			return int64(i), err
		}
	}
	return int64(len(list)), nil
}

// attachParts puts payments and shipments that came beside their order below it.
// One that names no order of the file says nothing here.
func attachParts(list, loose []cml.Document) {
	at := map[string]int{}
	for i, d := range list {
		at[d.ID], at[d.Number] = i, i
	}
	for _, d := range loose {
		if i, ok := at[d.Base]; ok && d.Base != "" {
			list[i].Parts = append(list[i].Parts, d)
		}
	}
}

// factsOfOnec derives the state of an order with all its parts.
func factsOfOnec(d *cml.Document) onecFacts {
	f := onecFacts{Facts: d.Facts()}
	for i := range d.Parts {
		p := d.Parts[i].Facts()
		kind := strings.ToLower(d.Parts[i].Operation)
		switch {
		case p.Cancelled:
		case strings.Contains(kind, "отпуск") || strings.Contains(kind, "реализац") || strings.Contains(kind, "расходная накладная"):
			f.Shipped = f.Shipped || p.Posted || p.Shipped
		case strings.Contains(kind, "выплата") || strings.Contains(kind, "эквайринг") || strings.Contains(kind, "оплат"):
			f.Paid = f.Paid || p.Posted || p.Paid
		}
		if f.Tracking == "" {
			f.Tracking = p.Tracking
		}
	}
	return f
}

// applyOnec does what one order of 1C asks, once.
func (h *Hub) applyOnec(ctx context.Context, n orderhub.OnecNode, d *cml.Document) error {
	number := clean(d.Number)
	o, have, err := h.orderOfOnec(ctx, n, number)
	if err != nil {
		return err
	}
	digest, err := digestOf(d)
	if err != nil {
		return err
	}
	var id int64
	var fresh bool
	if err := h.store.InTx(ctx, func(tx *store.Tx) error {
		id, fresh, err = tx.BeginOnecDocument(ctx, n.ID, number, digest)
		return err
	}); err != nil || !fresh {
		return err
	}
	if err := h.between("onec begun"); err != nil {
		return err
	}
	if o == nil {
		return h.store.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.AddOnecConflict(ctx, orderhub.OnecConflict{NodeID: n.ID, Field: orderhub.OnecFieldNumber, Wanted: number,
				Why: "1С прислала заказ, которого хаб этой базе не выдавал. Номер сайта в 1С изменён, или база загружена из другой."}, 0); err != nil {
				return err
			}
			return tx.EndOnecDocument(ctx, id, n.ID, 0, "")
		})
	}
	facts := factsOfOnec(d)
	if n.Settings.Status == orderhub.MasterOnec {
		if err := h.stateOfOnec(ctx, n, o, have, facts); err != nil {
			return err
		}
		if err := h.trackingOfOnec(ctx, n, o, have, facts); err != nil {
			return err
		}
	}
	if err := h.linesOfOnec(ctx, n, o, have, d, &facts); err != nil {
		return err
	}
	text, err := json.Marshal(facts)
	if err != nil {
		return fmt.Errorf("encode what 1C said: %w", err)
	}
	if err := h.between("onec done"); err != nil {
		return err
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error { return tx.EndOnecDocument(ctx, id, n.ID, o.ID, string(text)) })
}

// orderOfOnec finds the order of a number; nil when it was never given to the node:
// a base that exchanged with another site before sends that one's numbers, too.
func (h *Hub) orderOfOnec(ctx context.Context, n orderhub.OnecNode, number string) (*orderhub.Order, store.OnecOrder, error) {
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id <= 0 {
		return nil, store.OnecOrder{}, nil
	}
	have, ok, err := h.store.OnecOrder(ctx, n.ID, id)
	if err != nil || !ok || have.OfferedAt.IsZero() {
		return nil, have, err
	}
	o, err := h.store.Order(ctx, id)
	if orderhub.CodeOf(err) == orderhub.CodeNotFound {
		return nil, have, nil
	}
	return o, have, err
}

// targetOfOnec is the status that 1C asks for, "" = none. A word that the operator
// has translated goes before what is derived, but not before a cancel: УНФ leaves
// the word of an ended order there.
func targetOfOnec(set orderhub.OnecSettings, o *orderhub.Order, f onecFacts) orderhub.Status {
	to := set.StatusesIn[f.Status]
	switch {
	case f.Cancelled:
		return orderhub.StatusCancelled
	case to != "" && f.Status != "":
		return to
	case f.Shipped:
		return orderhub.StatusShipped
	case f.Posted:
		return orderhub.StatusConfirmed
	case f.Paid && o.Headline == orderhub.StatusPending:
		return orderhub.StatusNew
	}
	return ""
}

// reached tells whether nothing is left to ask.
func reached(o *orderhub.Order, to orderhub.Status) bool {
	if to == orderhub.StatusCancelled || o.Headline == orderhub.StatusCancelled {
		return o.Headline == to || o.Requested == to
	}
	return o.Headline.Rank() >= to.Rank() || o.Requested == to
}

func (h *Hub) stateOfOnec(ctx context.Context, n orderhub.OnecNode, o *orderhub.Order, have store.OnecOrder, f onecFacts) error {
	to := targetOfOnec(n.Settings, o, f)
	// What 1C wanted before and does not any more is no conflict now.
	if err := h.store.InTx(ctx, func(tx *store.Tx) error {
		return tx.CloseOnecConflicts(ctx, n.ID, o.ID, orderhub.OnecFieldStatus, "", n.Actor().Name)
	}); err != nil || to == "" {
		return err
	}
	if o.Headline == orderhub.StatusCancelled && !f.Cancelled && to.Rank() <= onecStep(have.Facts).Rank() {
		return nil // 1C repeats itself; it has not heard of the cancel yet
	}
	return h.advanceOnec(ctx, n, o.ID, to, have.Marks, f.Number1C)
}

// onecStep is how far 1C said that an order is, before.
func onecStep(facts string) orderhub.Status {
	f := onecFactsOf(facts)
	switch {
	case f.Shipped:
		return orderhub.StatusShipped
	case f.Posted:
		return orderhub.StatusConfirmed
	}
	return orderhub.StatusNew
}

// advanceOnec asks for a status as anybody does, step by step where a channel has
// no way to it at once. What is refused is shown, and tried again when the order
// has moved.
func (h *Hub) advanceOnec(ctx context.Context, n orderhub.OnecNode, id int64, to orderhub.Status, marks int64, document string) error {
	req := orderhub.Request{Actor: n.Actor(), Comment: "1С"}
	if document != "" {
		req.Comment = "1С: " + clean(document)
	}
	for range orderhub.Statuses() {
		o, err := h.store.Order(ctx, id)
		if err != nil {
			return err
		}
		if reached(o, to) {
			return h.store.InTx(ctx, func(tx *store.Tx) error {
				return tx.CloseOnecConflicts(ctx, n.ID, id, orderhub.OnecFieldStatus, string(to), n.Actor().Name)
			})
		}
		req.To = to
		req.Reason, err = h.cancelReasonOfOnec(n, o, to)
		if err == nil {
			_, err = h.Advance(ctx, id, req)
		}
		if err == nil {
			continue
		}
		if !isRefusal(err) {
			return err
		}
		if step := h.stepBefore(o, to); step != "" {
			req.To, req.Reason = step, ""
			switch out, stepErr := h.Advance(ctx, id, req); {
			case stepErr == nil && out.Order.Headline == step:
				continue
			case stepErr == nil:
				err = orderhub.Errorf(orderhub.CodeRefused, "Сначала площадка должна ответить на шаг %s; потом хаб продолжит сам.", step)
			case !isRefusal(stepErr):
				return stepErr
			}
		}
		return h.store.InTx(ctx, func(tx *store.Tx) error {
			return tx.AddOnecConflict(ctx, orderhub.OnecConflict{NodeID: n.ID, OrderID: id, Field: orderhub.OnecFieldStatus, Wanted: string(to), Why: Sentence(err)}, marks)
		})
	}
	return nil
}

// isRefusal tells a refusal, which a person has to see, from a fault.
func isRefusal(err error) bool {
	switch orderhub.CodeOf(err) {
	case orderhub.CodeRefused, orderhub.CodeInvalid, orderhub.CodeUnsupported, orderhub.CodeConflict, orderhub.CodeDenied:
		return true
	case orderhub.CodeNotFound, orderhub.CodeUnavailable, orderhub.CodeTooLarge:
		return false
	}
	return false
}

// stepBefore is the furthest status on the way to another that can be asked now.
func (h *Hub) stepBefore(o *orderhub.Order, to orderhub.Status) orderhub.Status {
	if to == orderhub.StatusCancelled {
		return ""
	}
	var best orderhub.Status
	for _, s := range orderhub.NextAsked(o, h.channels[o.Channel].Descriptor.Statuses) {
		if s != orderhub.StatusCancelled && s.Rank() < to.Rank() && s.Rank() > best.Rank() {
			best = s
		}
	}
	return best
}

// cancelReasonOfOnec is what the operator has chosen for the channel; the hub
// makes up none, since a wrong one may cost the seller.
func (h *Hub) cancelReasonOfOnec(n orderhub.OnecNode, o *orderhub.Order, to orderhub.Status) (string, error) {
	d := h.channels[o.Channel].Descriptor
	if to != orderhub.StatusCancelled || len(d.CancelReasons) == 0 {
		return "", nil
	}
	if r := n.Settings.CancelReasons[o.Channel]; r != "" {
		return r, nil
	}
	return "", orderhub.Errorf(orderhub.CodeRefused, "1С отменила заказ, а причина отмены для %s не выбрана: отмените его вручную или задайте cancel_reasons.", d.Title)
}

// retryOnec tries again what 1C wanted, for orders that have moved since.
func (h *Hub) retryOnec(ctx context.Context) error {
	list, err := h.store.OnecConflicts(ctx, store.OnecConflictFilter{
		State: orderhub.OnecConflictOpen, Field: orderhub.OnecFieldStatus, Moved: true, Limit: 200,
	})
	if err != nil {
		return err
	}
	for _, c := range list {
		n, err := h.store.OnecNode(ctx, c.NodeID)
		if orderhub.CodeOf(err) == orderhub.CodeNotFound || err == nil && n.Settings.Status != orderhub.MasterOnec {
			continue
		}
		if err != nil {
			return err
		}
		have, _, err := h.store.OnecOrder(ctx, c.NodeID, c.OrderID)
		if err != nil {
			return err
		}
		if err := h.advanceOnec(ctx, n, c.OrderID, orderhub.Status(c.Wanted), have.Marks, onecFactsOf(have.Facts).Number1C); err != nil {
			return err
		}
	}
	return nil
}

// trackingOfOnec gives the channel the tracking number that 1C has.
func (h *Hub) trackingOfOnec(ctx context.Context, n orderhub.OnecNode, o *orderhub.Order, have store.OnecOrder, f onecFacts) error {
	if f.Tracking == "" || f.Tracking == o.Snapshot.Shipping.Tracking {
		return nil
	}
	effects, err := h.store.Effects(ctx, o.ID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(effects, func(e *orderhub.Effect) bool {
		return e.Kind == orderhub.EffectTracking && e.Params["tracking"] == f.Tracking
	}) {
		return nil
	}
	_, refusal := h.SetTracking(ctx, o.ID, f.Tracking, "", n.Actor())
	if refusal != nil && !isRefusal(refusal) {
		return refusal
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.CloseOnecConflicts(ctx, n.ID, o.ID, orderhub.OnecFieldTracking, "", n.Actor().Name); err != nil || refusal == nil {
			return err
		}
		return tx.AddOnecConflict(ctx, orderhub.OnecConflict{NodeID: n.ID, OrderID: o.ID, Field: orderhub.OnecFieldTracking, Wanted: clean(f.Tracking), Why: Sentence(refusal)}, have.Marks)
	})
}
