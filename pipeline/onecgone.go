package pipeline

import (
	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec/cml"
	"github.com/orderhub/orderhub/store"
)

// goneGoods is an article that 1C has deleted.
type goneGoods struct {
	store.OnecGoods
	product cml.Product
	// known: by its id, and not by its article alone.
	known bool
}

// forget takes deleted articles out of the names: those that are known by their id,
// or whose product belongs to no other article of 1C. What took their place stays.
func (n *onecNames) forget(rows []onecRow[cml.Product]) (gone []goneGoods) {
	for _, row := range rows {
		p := row.v
		if !p.Deleted || p.Service {
			continue
		}
		sku, known := n.byID[p.ID]
		if _, there := n.products[p.SKU]; sku == "" && there && n.owner[p.SKU] == "" {
			sku = p.SKU
		}
		if sku == "" {
			continue // gone before it came
		}
		delete(n.byID, p.ID)
		delete(n.owner, sku)
		gone = append(gone, goneGoods{store.OnecGoods{ID: p.ID, SKU: sku}, p, known})
	}
	return gone
}

// dropGone forgets deleted articles. Where 1C counts the stock, nothing lies there
// of them any more.
func (r *onecReader) dropGone(tx *store.Tx, gone []goneGoods, products map[string]orderhub.Product) error {
	list, counts := make([]store.OnecGoods, len(gone)), map[string]int64{}
	for i, g := range gone {
		list[i] = g.OnecGoods
		if p, there := products[g.SKU]; g.known && there && len(p.Components) == 0 {
			counts[g.SKU] = 0
		}
	}
	if err := tx.ForgetOnecGoods(r.ctx, r.node.ID, list); err != nil || r.node.Settings.Stock != orderhub.MasterOnec || len(counts) == 0 {
		return err
	}
	return r.count(tx, counts)
}
