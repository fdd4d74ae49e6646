package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// Received is what a person says of goods that are here.
type Received struct {
	// Units that came, by line; none = all that is still to come.
	Units []orderhub.LineUnits
	// Missing: the rest will not come.
	Missing bool
	// SKUs names the products of lines of a return whose order is not in the hub.
	SKUs map[int]string
	Note string
	// Photos are numbers of photos of the return that show what came.
	Photos []int64
	// Key recognises a repeated request; "" = none.
	Key string
}

// ReceiveReturn records that goods of a return are here, on a person's word. What
// becomes of them is the account's policy, then decisions.
func (h *Hub) ReceiveReturn(ctx context.Context, id int64, in Received, actor orderhub.Actor) (*orderhub.Return, error) {
	mark, err := once("receive-return", in.Key, actor, []any{id, in.Units, in.Missing, in.SKUs, in.Note, in.Photos})
	if err != nil {
		return nil, err
	}
	actor = scrubActor(actor)
	return h.workReturn(ctx, id, mark, func(tx *store.Tx, r *orderhub.Return) ([]orderhub.Event, error) {
		if err := receivable(r, in); err != nil {
			return nil, err
		}
		if err := usePhotos(ctx, tx, r, in.Photos); err != nil {
			return nil, err
		}
		before := r.State
		if err := r.ComeIn(in.Units, in.Missing); err != nil {
			return nil, err
		}
		if !r.Receive(h.store.Now().Truncate(time.Microsecond), actor) {
			r.Settle()
		}
		if len(in.SKUs) > 0 || r.IsLoose() {
			if err := h.takeLoose(ctx, tx, r, in.SKUs, actor); err != nil {
				return nil, err
			}
		}
		what := fmt.Sprintf("%s: %d of %s here%s", returnWhy(before, r), r.UnitsHere(), plural(int(r.Units()), "unit"), errorSuffix(text(in.Note)))
		return []orderhub.Event{h.returnEvent(r, actor, what, in.Photos...)}, nil
	})
}

func receivable(r *orderhub.Return, in Received) error {
	switch {
	case r.Snapshot.NoGoods:
		return orderhub.Errorf(orderhub.CodeRefused, "return %s brings no goods: the buyer keeps them", r.Number())
	case !r.ReceivedAt.IsZero() && r.Awaited() == 0:
		return orderhub.Errorf(orderhub.CodeRefused, "return %s was received already", r.Number())
	case r.Snapshot.State == orderhub.ReturnClosed:
		return orderhub.Errorf(orderhub.CodeRefused, "return %s is closed (%s says %q): nothing comes back with it; book found goods with a document", r.Number(), r.Channel, clean(r.Snapshot.Native))
	case r.ReceivedAt.IsZero() && in.Missing && len(in.Units) == 0:
		return orderhub.InvalidField("lines", "names none; what came of return %s?", r.Number())
	case r.OrderID != 0 && len(in.SKUs) > 0:
		return orderhub.InvalidField("lines", "the order of return %s is known and tells the products; leave sku out", r.Number())
	}
	for line := range in.SKUs {
		if line < 0 || line >= len(r.Snapshot.Lines) {
			return orderhub.InvalidField("lines", "there is no line %d; allowed: 0 to %d", line, len(r.Snapshot.Lines)-1)
		}
	}
	return nil
}

// takeLoose takes goods into the book that a person has recognised: nobody knows
// with which order they left.
func (h *Hub) takeLoose(ctx context.Context, tx *store.Tx, r *orderhub.Return, skus map[int]string, actor orderhub.Actor) error {
	kits, err := tx.Kits(ctx, slices.Compact(slices.Sorted(maps.Values(skus))))
	if err != nil {
		return err
	}
	var fresh []orderhub.ReturnedGoods
	for _, line := range slices.Sorted(maps.Keys(skus)) {
		for _, part := range partsOf(skus[line], kits) {
			if n := r.CameOf(line); n > 0 {
				fresh = append(fresh, orderhub.ReturnedGoods{Line: line, SKU: part.SKU, Quantity: n * part.Quantity})
			}
		}
	}
	r.Goods = moreGoods(r.Goods, fresh)
	policy, err := tx.ReturnPolicy(ctx, r.AccountID)
	if err != nil {
		return err
	}
	list := comingIn(r, &orderhub.Order{}, policy, nil)
	backs := make([]*store.GoodsBack, len(list))
	for i := range list {
		list[i].Why = fmt.Sprintf("return %s, its order is not known", r.Snapshot.ExternalID)
		backs[i] = &list[i].GoodsBack
	}
	if err := tx.TakeLoose(ctx, orderhub.MainWarehouse, backs, actor); err != nil {
		if orderhub.CodeOf(err) == orderhub.CodeNotFound {
			return orderhub.InvalidField("lines", "%s", err)
		}
		return err
	}
	decisions := booked(list, h.store.Now())
	for _, d := range decisions {
		d.Actor = actor
	}
	r.Settle()
	return tx.AddDecisions(ctx, decisions)
}

// LinkReturn says to which order a return belongs that the channel does not name, or
// names in words that the hub does not know.
func (h *Hub) LinkReturn(ctx context.Context, id, number int64, actor orderhub.Actor) (*orderhub.Return, error) {
	goods, err := h.keepsGoods(ctx)
	if err != nil {
		return nil, err
	}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		o, err := tx.LockOrder(ctx, number)
		if err != nil {
			return err
		}
		r, err := tx.LockReturn(ctx, id)
		if err != nil {
			return err
		}
		switch {
		case r.OrderID != 0:
			return orderhub.Errorf(orderhub.CodeRefused, "return %s belongs to order %d already", r.Number(), r.OrderID)
		case r.IsLoose():
			return orderhub.Errorf(orderhub.CodeRefused, "return %s was received without its order: its goods are in the book", r.Number())
		case r.AccountID != o.AccountID:
			return orderhub.InvalidField("number", "order %s is of account %s, the return of %s", o.Number(), o.AccountID, r.AccountID)
		}
		r.OrderID = o.ID
		if err := tx.GiveToOrder(ctx, r.ID, o.ID); err != nil {
			return err
		}
		ev := h.returnEvent(r, actor, fmt.Sprintf("return %s was linked to the order by hand: %s", r.Snapshot.ExternalID, r.State))
		return h.settleReturn(ctx, tx, o, r, goods, []orderhub.Event{ev})
	})
	if err != nil {
		return nil, err
	}
	return h.store.Return(ctx, id)
}
