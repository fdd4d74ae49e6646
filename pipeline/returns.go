package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// normaliseReturn translates a raw answer about a return.
func normaliseReturn(a *account, r store.Raw) (*orderhub.ReturnSnapshot, error) {
	reader, ok := a.adapter.(channel.ReturnNormaliser)
	if !ok {
		return nil, orderhub.Errorf(orderhub.CodeUnsupported, "%s tells of no returns", a.channel.Descriptor.Title)
	}
	s, err := reader.NormaliseReturn(r.Kind, r.Body)
	switch {
	case err != nil:
		return nil, err
	case s.ExternalID == "":
		return nil, orderhub.InvalidField("id", "the answer names no return")
	case s.State == "":
		return nil, orderhub.InvalidField("state", "the answer tells no state of the return")
	}
	return &s, scrubReturn(&s)
}

// scrubReturn makes a return storable, as scrub does with an order.
func scrubReturn(s *orderhub.ReturnSnapshot) error {
	if len(s.Lines) > maxLines {
		return orderhub.InvalidField("lines", "%d lines; allowed: up to %d", len(s.Lines), maxLines)
	}
	if len(s.ExternalID) > 200 {
		return orderhub.InvalidField("id", "%d bytes; allowed: up to 200", len(s.ExternalID))
	}
	for _, p := range []*string{&s.ExternalID, &s.ExternalNumber, &s.Part, &s.OrderID, &s.OrderRef, &s.Native, &s.NativeSub} {
		*p = clean(*p)
	}
	for _, p := range []*string{&s.Reason, &s.Comment, &s.Place, &s.Barcode} {
		*p = text(*p)
	}
	s.Refund, s.Compensation = scrubMoney(s.Refund), scrubMoney(s.Compensation)
	for i := range s.Lines {
		l := &s.Lines[i]
		if l.Quantity < 0 || l.Quantity > maxQuantity {
			return orderhub.InvalidField("quantity", "line %d has %d units; allowed: 0 to %d", i+1, l.Quantity, maxQuantity)
		}
		for _, p := range []*string{&l.ID, &l.SKU, &l.ListingKey, &l.Name, &l.Reason} {
			*p = text(*p)
		}
		l.Price = scrubMoney(l.Price)
	}
	scrubReturnLists(s)
	for _, at := range []*time.Time{&s.PickUpBy, &s.AnswerBy, &s.OpenedAt, &s.ChangedAt} {
		if *at = at.UTC(); at.Year() < 1 || at.Year() > 9999 {
			*at = time.Time{}
		}
	}
	return nil
}

func scrubReturnLists(s *orderhub.ReturnSnapshot) {
	s.Photos = s.Photos[:min(len(s.Photos), 100)]
	for i := range s.Photos {
		s.Photos[i] = text(s.Photos[i])
	}
	for i := range s.Actions {
		a := &s.Actions[i]
		a.Code, a.Title = clean(a.Code), text(a.Title)
		for j := range a.Reasons {
			a.Reasons[j].Code, a.Reasons[j].Title = clean(a.Reasons[j].Code), text(a.Reasons[j].Title)
		}
	}
	if len(s.Attrs) > 0 {
		attrs := make(map[string]string, len(s.Attrs))
		for _, k := range slices.Sorted(maps.Keys(s.Attrs)) {
			attrs[clean(k)] = text(s.Attrs[k])
		}
		s.Attrs = attrs
	}
	s.Drift = s.Drift[:min(len(s.Drift), maxDrift)]
	for i := range s.Drift {
		s.Drift[i].Field, s.Drift[i].Word = clean(s.Drift[i].Field), clean(s.Drift[i].Word)
	}
}

// backEntry is one return of a batch.
type backEntry struct {
	ret    *orderhub.Return
	dirty  bool
	events []orderhub.Event
	drift  []orderhub.Drift
}

// ordersOfReturns lists the returns of a batch, and the external ids of their
// orders as far as the answers name them.
func (b *ledgerBatch) ordersOfReturns(ctx context.Context, batch []news) (backs, orders []string, err error) {
	var refs []string
	for _, n := range batch {
		if n.err != nil && channel.IsReturn(n.raw.Kind) {
			words := namedIn(n.raw.Body) // its order's data may have been erased
			orders, refs = append(orders, words...), append(refs, words...)
		}
		if n.err != nil || n.back == nil {
			continue
		}
		backs = append(backs, n.back.ExternalID)
		if n.back.OrderID != "" {
			orders = append(orders, n.back.OrderID)
		} else if n.back.OrderRef != "" {
			refs = append(refs, n.back.OrderRef)
		}
	}
	found, err := b.tx.OrdersByRef(ctx, b.account.ID, refs)
	return backs, slices.AppendSeq(orders, maps.Values(found)), err
}

// loadReturns locks the returns of a batch, and what orders of them are not locked
// yet.
func (b *ledgerBatch) loadReturns(ctx context.Context, ids []string) error {
	slices.Sort(ids)
	known, err := b.tx.LockReturns(ctx, b.account.ID, slices.Compact(ids))
	if err != nil {
		return err
	}
	var missing []int64
	for id, r := range known {
		b.backs[id] = &backEntry{ret: r}
		if r.OrderID != 0 && b.orderOf(r) == nil {
			missing = append(missing, r.OrderID)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	orders, err := b.tx.LockOrdersByIDs(ctx, missing)
	for _, o := range orders {
		b.orders[o.Snapshot.ExternalID] = &entry{order: o}
	}
	return err
}

// orderOf finds the order of a return in the batch, nil if it is not there.
func (b *ledgerBatch) orderOf(r *orderhub.Return) *entry {
	if r.IsLoose() {
		return nil
	}
	if e := b.orders[r.Snapshot.OrderID]; e != nil && r.Snapshot.OrderID != "" && (r.OrderID == 0 || r.OrderID == e.order.ID) {
		return e
	}
	for _, e := range b.orders {
		if r.OrderID != 0 && e.order.ID == r.OrderID {
			return e
		}
		if r.OrderID == 0 && r.Snapshot.OrderRef != "" && e.order.Snapshot.Ref == r.Snapshot.OrderRef {
			return e
		}
	}
	return nil
}

// applyReturn lays a piece of news over a return, in memory.
func (b *ledgerBatch) applyReturn(n news) orderhub.Verdict {
	e := b.backs[n.back.ExternalID]
	if e == nil {
		e = &backEntry{ret: &orderhub.Return{AccountID: b.account.ID, Channel: b.account.Channel}}
		b.backs[n.back.ExternalID] = e
	}
	r, was := e.ret, e.ret.Snapshot
	state := r.State
	verdict := orderhub.MergeReturn(r, orderhub.ReturnPart{Snapshot: *n.back, ReadAt: n.raw.ReadAt.Truncate(time.Microsecond), RawID: n.raw.ID, RawKind: n.raw.Kind})
	if verdict != orderhub.NewsApplied {
		return verdict
	}
	e.dirty = true
	by := orderhub.Actor{Kind: orderhub.ActorChannel, Name: b.account.ID}
	if r.Snapshot.State == orderhub.ReturnReceived && !r.Snapshot.NoGoods {
		r.Receive(b.now.Truncate(time.Microsecond), by)
	}
	if state != r.State || was.Native != r.Snapshot.Native || was.NativeSub != r.Snapshot.NativeSub || was.Kind != r.Snapshot.Kind {
		e.events = append(e.events, orderhub.Event{
			At: b.now, Kind: orderhub.EventReturn, Actor: by, Why: returnWhy(state, r), InboxID: n.raw.ID,
			Data: returnData(r, n.back.Native, n.back.NativeSub),
		})
	}
	for _, d := range r.Snapshot.Drift {
		if !slices.Contains(was.Drift, d) {
			e.drift = append(e.drift, d)
		}
	}
	return verdict
}

// returnWhy says in words what became of a return.
func returnWhy(before orderhub.ReturnState, r *orderhub.Return) string {
	what := "return " + r.Snapshot.ExternalID
	switch {
	case before == "":
		what += ": " + string(r.State)
	case before != r.State:
		what += ": " + string(before) + " → " + string(r.State)
	default:
		what += " is still " + string(r.State)
	}
	if r.Snapshot.Kind != orderhub.ReturnUnknown {
		what += " (" + string(r.Snapshot.Kind) + ")"
	}
	return what
}

func returnData(r *orderhub.Return, native, sub string, photos ...int64) json.RawMessage {
	says := map[string]any{
		"return": r.Snapshot.ExternalID, "state": r.State, "kind": r.Snapshot.Kind, "native": native, "native_sub": sub,
	}
	if len(photos) > 0 {
		says["photos"] = photos
	}
	data, err := json.Marshal(says)
	if err != nil {
		return nil
	}
	return data
}

// writeReturns matches the returns of a batch to orders, writes them, and moves
// the headlines of orders whose goods came back. The new orders have their
// numbers.
func (b *ledgerBatch) writeReturns(ctx context.Context) error {
	if err := b.matchWaiting(ctx); err != nil {
		return err
	}
	var dirty []*orderhub.Return
	var told []*backEntry
	for _, id := range slices.Sorted(maps.Keys(b.backs)) {
		e := b.backs[id]
		order := b.orderOf(e.ret)
		switch {
		case e.ret.OrderID != 0 || e.ret.IsLoose():
		case order != nil:
			e.ret.OrderID, e.dirty = order.order.ID, true
			if e.ret.ID == 0 {
				break
			}
			if err := b.tx.GiveToOrder(ctx, e.ret.ID, e.ret.OrderID); err != nil {
				return err
			}
		case e.ret.ID == 0 && e.ret.Snapshot.OrderID != "":
			b.hints = append(b.hints, e.ret.Snapshot.OrderID) // the channel may tell of it
		}
		if !e.dirty {
			continue
		}
		if order != nil && !order.order.ErasedAt.IsZero() {
			forgetReturn(e.ret)
		}
		dirty, told = append(dirty, e.ret), append(told, e)
		if order != nil {
			order.dirty = true
			b.received = b.received || !e.ret.ReceivedAt.IsZero()
		}
		if len(e.drift) > 0 {
			if err := b.tx.CountDrift(ctx, b.account.ID, e.ret.OrderID, e.drift); err != nil {
				return err
			}
		}
	}
	if err := b.tx.SaveReturns(ctx, dirty); err != nil {
		return err
	}
	for _, e := range told {
		b.tellReturn(e)
	}
	return b.returnedHeadlines(ctx)
}

// tellReturn puts what happened to a return, which has its number, into the history of
// its order, or into the return's own while no order is known.
func (b *ledgerBatch) tellReturn(e *backEntry) {
	for i := range e.events {
		e.events[i].ReturnID = e.ret.ID
	}
	if order := b.orderOf(e.ret); order != nil {
		order.events = append(order.events, e.events...)
		return
	}
	b.alone = append(b.alone, e.events...)
}

// matchWaiting finds returns that came before the orders of this batch.
func (b *ledgerBatch) matchWaiting(ctx context.Context) error {
	var orders []*orderhub.Order
	for _, e := range b.orders {
		if e.fresh || e.content {
			orders = append(orders, e.order)
		}
	}
	if len(orders) == 0 {
		return nil
	}
	slices.SortFunc(orders, func(x, y *orderhub.Order) int { return cmp.Compare(x.ID, y.ID) })
	waiting, err := b.tx.WaitingReturns(ctx, b.account.ID, orders)
	for _, r := range waiting {
		id := r.Snapshot.ExternalID
		if b.backs[id] != nil || r.IsLoose() {
			continue
		}
		b.backs[id] = &backEntry{ret: r, events: []orderhub.Event{matchedEvent(r, b.now)}}
	}
	return err
}

func matchedEvent(r *orderhub.Return, at time.Time) orderhub.Event {
	return orderhub.Event{
		At: at, Kind: orderhub.EventReturn, Actor: orderhub.Actor{Kind: orderhub.ActorHub},
		Why:  fmt.Sprintf("return %s was here before the order: %s", r.Snapshot.ExternalID, r.State),
		Data: returnData(r, r.Snapshot.Native, r.Snapshot.NativeSub),
	}
}

// returnedHeadlines moves the headlines of orders of the batch whose goods were
// received: before or after they were seen to be handed over.
func (b *ledgerBatch) returnedHeadlines(ctx context.Context) error {
	var ids []int64
	for _, e := range b.orders {
		if (e.fresh || e.dirty) && (e.order.Headline.HandedOver() || e.order.Headline == orderhub.StatusCancelled) {
			ids = append(ids, e.order.ID)
		}
	}
	received, err := b.tx.ReceivedReturns(ctx, ids)
	if err != nil || len(received) == 0 {
		return err
	}
	for _, e := range b.orders {
		back := unitsBack(e.order, received[e.order.ID])
		if back > 0 && e.order.HadLeft() {
			e.dirty = true
		}
		if ev := returnedEvent(e.order, back, b.now); ev != nil {
			e.dirty = true
			e.events = append(e.events, *ev)
		}
	}
	return nil
}

// unitsBack is how many units of an order came back with these returns, of each of
// its goods no more than it has: told twice, one unit does not stand for another.
// Goods that the order does not name are counted as they come.
func unitsBack(o *orderhub.Order, list []*orderhub.Return) int64 {
	came, sum := map[string]int64{}, int64(0)
	for _, r := range list {
		if r.UnitsHere() == 0 {
			continue
		}
		for i, l := range r.Snapshot.Lines {
			if pos := lineOf(o, l); pos >= 0 {
				came[o.Snapshot.Lines[pos].Key()] += r.CameOf(i)
			} else {
				sum += r.CameOf(i)
			}
		}
	}
	has := o.Snapshot.UnitsByKey()
	for key, n := range came {
		sum += min(n, has[key])
	}
	return sum
}

// returnedEvent moves the headline of an order of which units came back; nil when
// it stays.
func returnedEvent(o *orderhub.Order, back int64, at time.Time) *orderhub.Event {
	to, from := orderhub.ReturnedHeadline(o, back), o.Headline
	if to == from {
		return nil
	}
	o.Headline = to
	return &orderhub.Event{
		OrderID: o.ID, At: at, Kind: orderhub.EventStatus, Actor: orderhub.Actor{Kind: orderhub.ActorHub}, From: from, To: to,
		Why: fmt.Sprintf("%d of %s came back", back, plural(int(o.Snapshot.Units()), "unit")),
	}
}
