package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// ProductChange changes some fields of a product that is there.
type ProductChange struct {
	SKU    string
	Change func(p *orderhub.Product)
}

// ChangeProducts changes products, all of them or none. An error names the
// change by its place: products[2].name.
func (h *Hub) ChangeProducts(ctx context.Context, changes []ProductChange) error {
	at := map[string]int{}
	for i, c := range changes {
		if _, twice := at[c.SKU]; twice {
			return orderhub.InvalidField(fmt.Sprintf("products[%d].sku", i), "%q is named twice", clean(c.SKU))
		}
		at[c.SKU] = i
	}
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		now, err := tx.LockProducts(ctx, slices.Sorted(maps.Keys(at)))
		if err != nil {
			return err
		}
		list := make([]orderhub.Product, 0, len(changes))
		for i, c := range changes {
			p, ok := now[c.SKU]
			if !ok {
				return orderhub.InvalidField(fmt.Sprintf("products[%d].sku", i), "there is no product %q", clean(c.SKU))
			}
			c.Change(&p)
			if err := p.Check(); err != nil {
				return Within(fmt.Sprintf("products[%d]", i), err)
			}
			list = append(list, p)
		}
		if err := tx.SaveProducts(ctx, list); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, stockLane)
	})
}

// Within says of a refused field where it is: "name" in products[2] is
// products[2].name.
func Within(where string, err error) error {
	var e *orderhub.Error
	if !errors.As(err, &e) || e.Field == "" {
		return err
	}
	c := *e
	c.Field = where + "." + e.Field
	c.Sentence = where + "." + e.Sentence
	return &c
}

// Available is how many units of a product can be promised: of a kit, as many as
// its components make. figures are those of the product or of its components.
func Available(p orderhub.Product, figures map[string]orderhub.Stock) int64 {
	if len(p.Components) == 0 {
		return max(0, figures[p.SKU].Available())
	}
	most := int64(math.MaxInt64)
	for _, c := range p.Components {
		most = min(most, max(0, figures[c.SKU].Available())/c.Quantity)
	}
	return most
}
