package wildberries

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/orderhub/orderhub"
)

// deliveryTypes names the ways of delivery of a warehouse (work-with-products,
// schema Warehouse).
var deliveryTypes = map[int]string{1: "FBS", 2: "DBS", 3: "DBW", 5: "click & collect", 6: "EDBS"}

// warehouseWarnings looks whether stock can be published to the warehouse of the
// settings. A list that cannot be read is only worth a word when there is one.
func (a *adapter) warehouseWarnings(ctx context.Context) []string {
	all, err := a.c.warehouses(ctx)
	var be *orderhub.BorderError
	switch {
	case err != nil && a.warehouse == 0:
		return nil
	case errors.As(err, &be):
		return []string{"the warehouse of the settings could not be checked: " + be.Sentence}
	case err != nil:
		return []string{"the warehouse of the settings could not be checked"}
	case a.warehouse == 0 && len(all) == 0:
		return []string{"no stock is published: the seller has no warehouse of their own on Wildberries"}
	case a.warehouse == 0:
		return []string{"no stock is published: set " + settingWarehouse + " to one of " + warehouseNames(all)}
	}
	for _, w := range all {
		if w.ID == a.warehouse {
			return a.warningsOf(w)
		}
	}
	return []string{fmt.Sprintf("the seller has no warehouse %d, so no stock can be published; there are: %s", a.warehouse, warehouseNames(all))}
}

func (a *adapter) warningsOf(w warehouse) []string {
	var out []string
	if w.IsDeleting {
		out = append(out, fmt.Sprintf("the warehouse %d is being deleted: choose another %s", w.ID, settingWarehouse))
	}
	on := map[int]bool{1: a.fbs, 2: a.dbs, 6: a.dbs}
	if !on[w.DeliveryType] {
		out = append(out, fmt.Sprintf("the warehouse %d sells by %s, but the hub does not read such orders of this account", w.ID, w.delivery()))
	}
	return out
}

func (w warehouse) delivery() string {
	if name, ok := deliveryTypes[w.DeliveryType]; ok {
		return name
	}
	return fmt.Sprintf("delivery type %d", w.DeliveryType)
}

// warehouseNames lists warehouses for people, the first ten.
func warehouseNames(all []warehouse) string {
	const most = 10
	var names []string
	for _, w := range all[:min(len(all), most)] {
		names = append(names, fmt.Sprintf("%d (%s, %s)", w.ID, w.Name, w.delivery()))
	}
	if len(all) > most {
		names = append(names, "...")
	}
	return strings.Join(names, ", ")
}
