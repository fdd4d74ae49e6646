package ozon

import (
	"encoding/json"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

var _ channel.ParcelPacker = (*adapter)(nil)

// PackParcels splits a posting into packages, which the ship call takes; every unit must
// be in one. Codes of units go by other calls, which the adapter does not make.
func (a *adapter) PackParcels(o orderhub.Order, packages []orderhub.Package) (channel.Packing, bool) {
	const noCodes = "Ozon takes codes of units by calls that the hub does not make; fill them in in the cabinet"
	type part struct {
		SKU      string `json:"sku"`
		Quantity int64  `json:"quantity"`
	}
	var out [][]part
	for _, pack := range packages {
		var list []part
		for _, item := range pack.Items {
			list = append(list, part{o.Snapshot.Lines[item.Line].ListingKey, item.Quantity})
		}
		out = append(out, list)
	}
	text, err := json.Marshal(out)
	if err != nil {
		return channel.Packing{Why: "the packages cannot be written"}, false
	}
	if _, err := packagesOf(o.Snapshot.Lines, string(text)); err != nil {
		return channel.Packing{Why: err.Error()}, false
	}
	return channel.Packing{To: orderhub.StatusConfirmed, Params: map[string]string{paramPackages: string(text)}, Why: noCodes}, true
}
