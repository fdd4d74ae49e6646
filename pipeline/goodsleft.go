package pipeline

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// keepWhatLeft makes the links of orders whose goods have left say what left, not
// what the catalogue would send today: a line keeps its product when its listing
// goes over to another one, and a kit what it was made of. found are changed;
// known are the links as they were until now.
func keepWhatLeft(ctx context.Context, tx *store.Tx, orders []*orderhub.Order, found map[int64][]store.LineLink, known map[int64]map[int]store.LineLink, kits map[string][]orderhub.Component) error {
	var doubtful []int64
	for _, o := range orders {
		gone := orderhub.ClaimOf(o) == orderhub.ClaimConsumed
		for i := range found[o.ID] {
			l := &found[o.ID][i]
			was := known[o.ID][l.Pos]
			if l.SKU == "" || l.SKU == was.SKU {
				l.SKU, l.Parts = was.SKU, was.Parts
			}
			other := was.SKU != "" && l.SKU != was.SKU
			if gone && (other || (len(kits[l.SKU]) > 0 && l.Parts == "")) {
				doubtful = append(doubtful, o.ID)
			}
		}
	}
	for _, id := range slices.Compact(doubtful) {
		demands, err := tx.Demands(ctx, id)
		if err != nil {
			return err
		}
		if err := keepLines(found[id], known[id], demands, kits); err != nil {
			return err
		}
	}
	return nil
}

// keepLines settles by what left with an order what its lines are.
func keepLines(found []store.LineLink, known map[int]store.LineLink, demands []orderhub.Demand, kits map[string][]orderhub.Component) error {
	left := map[string]bool{}
	for _, d := range demands {
		if d.Consumed+d.Unbacked > 0 {
			left[d.SKU] = true
		}
	}
	for i := range found {
		l := &found[i]
		// An order without demands had left before the book knew of it.
		if was := known[l.Pos]; was.SKU != "" && l.SKU != was.SKU && (len(left) > 0 || len(demands) == 0) {
			l.SKU, l.Parts = was.SKU, was.Parts
		}
		if len(kits[l.SKU]) == 0 || l.Parts != "" {
			continue
		}
		parts := kits[l.SKU]
		if left[l.SKU] {
			parts = []orderhub.Component{{SKU: l.SKU, Quantity: 1}} // it was no kit then
		}
		b, err := json.Marshal(parts)
		if err != nil {
			return err
		}
		l.Parts = string(b)
	}
	return nil
}

// partsOfLink is what a unit of a line is made of, of a line that has left what it
// was made of then.
func partsOfLink(l store.LineLink, kits map[string][]orderhub.Component) []orderhub.Component {
	var parts []orderhub.Component
	if l.Parts != "" && json.Unmarshal([]byte(l.Parts), &parts) == nil && len(parts) > 0 {
		return parts
	}
	return partsOf(l.SKU, kits)
}
