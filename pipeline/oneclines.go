package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/cml"
	"github.com/orderhub/orderhub/store"
)

// onecCut is an article of which 1C has another number of units than the order.
type onecCut struct {
	SKU        string
	Have, Want int64
}

// linesOfOnec compares the rows of 1C with the order's: changed quantities are the
// new truth in 1C. Facts keep what 1C has.
func (h *Hub) linesOfOnec(ctx context.Context, n orderhub.OnecNode, o *orderhub.Order, have store.OnecOrder, d *cml.Document, facts *onecFacts) error {
	goods := slices.DeleteFunc(slices.Clone(d.Lines), func(l cml.DocumentLine) bool { return l.Service })
	if len(goods) == 0 {
		return nil // some configurations send the head alone
	}
	var ids []string
	for _, l := range goods {
		ids = append(ids, l.ID)
	}
	known, err := h.store.OnecSKUs(ctx, n.ID, ids)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(goods, func(l cml.DocumentLine) bool { return l.Odd }); i >= 0 {
		return h.oddLines(ctx, n, o, have, goods[i])
	}
	facts.Lines = unitsOfOnec(goods, known)
	for _, n := range facts.Lines {
		facts.Units += n
	}
	links, err := h.store.LinksOfOrders(ctx, []int64{o.ID})
	if err != nil {
		return err
	}
	cuts := onecCuts(o, links[o.ID], facts.Lines)
	if o.Headline.IsEnd() || o.Requested == orderhub.StatusCancelled || facts.Cancelled {
		cuts = nil
	}
	if len(cuts) > 0 {
		if old, err := h.onecHasOldRows(ctx, n, o, have); err != nil {
			return err
		} else if old {
			cuts = nil // it is about to be given the new ones
		}
	}
	why := ""
	if len(cuts) > 0 {
		if err := h.cutLines(ctx, n, o, links[o.ID], cuts); isRefusal(err) {
			why = Sentence(err)
		} else if err != nil {
			return err
		}
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		// What was wanted before is not wanted any more, or is it again.
		if err := tx.CloseOnecConflicts(ctx, n.ID, o.ID, orderhub.OnecFieldLines, "", n.Actor().Name); err != nil || why == "" {
			return err
		}
		words := make([]string, len(cuts))
		for i, c := range cuts {
			words[i] = fmt.Sprintf("%s: %d вместо %d", c.SKU, c.Want, c.Have)
		}
		return tx.AddOnecConflict(ctx, orderhub.OnecConflict{NodeID: n.ID, OrderID: o.ID, Field: orderhub.OnecFieldLines,
			Wanted: clean(strings.Join(words, "; ")), Why: why}, have.Marks)
	})
}

// oddLines shows a row from which nobody can tell how many units 1C wants: what it
// would be rounded to is no wish to cancel the rest.
func (h *Hub) oddLines(ctx context.Context, n orderhub.OnecNode, o *orderhub.Order, have store.OnecOrder, l cml.DocumentLine) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.CloseOnecConflicts(ctx, n.ID, o.ID, orderhub.OnecFieldLines, "", n.Actor().Name); err != nil {
			return err
		}
		return tx.AddOnecConflict(ctx, orderhub.OnecConflict{NodeID: n.ID, OrderID: o.ID, Field: orderhub.OnecFieldLines, Wanted: clean(cmp.Or(l.SKU, l.ID)),
			Why: "Количество этой строки в 1С — не целое число от нуля: хаб не знает, сколько единиц оставить. Исправьте его в 1С."}, have.Marks)
	})
}

// unitsOfOnec adds the rows up by SKU, or by what 1C calls the article.
func unitsOfOnec(goods []cml.DocumentLine, known map[string]string) map[string]int64 {
	out := map[string]int64{}
	for _, l := range goods {
		sku := known[l.ID]
		if sku == "" {
			sku = l.SKU
		}
		if sku == "" {
			sku = l.ID
		}
		out[clean(sku)] += l.Units
	}
	return out
}

// onecHasOldRows tells whether the order has changed here since 1C took it: then
// its rows are no wish.
func (h *Hub) onecHasOldRows(ctx context.Context, n orderhub.OnecNode, o *orderhub.Order, have store.OnecOrder) (bool, error) {
	w, err := h.onecWriter(ctx, n, []store.OnecOrder{have})
	if err != nil {
		return false, err
	}
	offer, err := w.offer(o, have)
	if orderhub.CodeOf(err) != "" {
		return false, nil // it cannot be given at all
	}
	return offer.given.Rows != have.Rows, err
}

// onecCuts are the differences by article, in the order of the articles.
func onecCuts(o *orderhub.Order, links map[int]store.LineLink, theirs map[string]int64) []onecCut {
	ours := map[string]int64{}
	for i, l := range o.Snapshot.Lines {
		if l.Quantity > 0 {
			ours[onecSKU(l, links[i])] += l.Quantity
		}
	}
	all := maps.Clone(ours)
	maps.Copy(all, theirs)
	var out []onecCut
	for _, sku := range slices.Sorted(maps.Keys(all)) {
		if ours[sku] != theirs[sku] {
			out = append(out, onecCut{SKU: sku, Have: ours[sku], Want: theirs[sku]})
		}
	}
	return out
}

// cutLines asks for what 1C took out of an order to be taken out on its channel.
// More than was ordered, or an article of 1C's own, is for a person.
func (h *Hub) cutLines(ctx context.Context, n orderhub.OnecNode, o *orderhub.Order, links map[int]store.LineLink, cuts []onecCut) error {
	if n.Settings.Status != orderhub.MasterOnec {
		return orderhub.Errorf(orderhub.CodeRefused, "Состав заказа в 1С другой, а хозяин заказов — хаб (status: hub): он ничего не снимает. Верните в 1С прежний состав.")
	}
	effects, err := h.store.Effects(ctx, o.ID)
	if err != nil {
		return err
	}
	for _, e := range effects {
		if e.Kind == orderhub.EffectCancelLines && e.State.IsOpen() {
			return nil // on its way: its end is 1C's wish or is shown with the order
		}
	}
	less := map[string]int64{}
	for _, c := range cuts {
		if c.Want > c.Have {
			return orderhub.Errorf(orderhub.CodeRefused, "В 1С в заказ добавлено; в хабе и на %s он прежний. Верните в 1С прежний состав.", h.channels[o.Channel].Descriptor.Title)
		}
		less[c.SKU] = c.Have - c.Want
	}
	var lines []orderhub.LineUnits
	for i, l := range o.Snapshot.Lines {
		sku := onecSKU(l, links[i])
		if units := min(less[sku], l.Quantity); units > 0 {
			lines = append(lines, orderhub.LineUnits{Line: i, Units: units})
			less[sku] -= units
		}
	}
	_, err = h.CancelLines(ctx, o.ID, lines, orderhub.Request{Actor: n.Actor(), Reason: n.Settings.CancelReasons[o.Channel], Comment: "состав изменён в 1С"})
	return err
}

// onecSKU is the article of a line as 1C's rows are compared by it.
func onecSKU(l orderhub.Line, link store.LineLink) string {
	return clean(cmp.Or(link.SKU, l.SKU, l.ListingKey))
}
