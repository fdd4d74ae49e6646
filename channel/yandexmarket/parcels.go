package yandexmarket

import (
	"encoding/json"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

var _ channel.ParcelPacker = (*adapter)(nil)

// PackParcels lays packages out as boxes, marking codes included; the Market takes them
// with READY_TO_SHIP. It wants every unit in a box, and a code for each unit of an
// article in it or for none.
func (a *adapter) PackParcels(o orderhub.Order, packages []orderhub.Package) (p channel.Packing, ok bool) {
	if o.Snapshot.Scheme != orderhub.SchemeFBS && o.Snapshot.Scheme != orderhub.SchemeExpress {
		return channel.Packing{Why: "the Market takes a layout of boxes of FBS and EXPRESS orders only"}, false
	}
	out := channel.Packing{To: orderhub.StatusPacked, Codes: true}
	left := map[string]int64{}
	for _, l := range o.Snapshot.Lines {
		left[l.ID] += l.Quantity
	}
	var boxes [][]boxParam
	for _, pack := range packages {
		var b []boxParam
		for _, item := range pack.Items {
			line := o.Snapshot.Lines[item.Line]
			if line.ID == "" {
				return channel.Packing{Why: "a line has no id of the Market"}, false
			}
			left[line.ID] -= item.Quantity
			in := boxParam{ID: json.Number(line.ID), Count: item.Quantity}
			for _, c := range item.Codes {
				if c.Kind == orderhub.CodeCIS {
					in.CIS = append(in.CIS, c.Code)
				} else {
					out.Codes, out.Why = false, "of the codes only marking codes (CIS) are sent"
				}
			}
			if n := len(in.CIS); n > 0 && int64(n) != item.Quantity {
				return channel.Packing{Why: "the Market wants a marking code for every unit of an article in a box"}, false
			}
			b = append(b, in)
		}
		boxes = append(boxes, b)
	}
	for _, n := range left {
		if n != 0 {
			return channel.Packing{Why: "the Market wants every unit of the order in a box"}, false
		}
	}
	text, err := json.Marshal(boxes)
	if err != nil {
		return channel.Packing{Why: "a line's id is no number"}, false
	}
	out.Params = map[string]string{paramBoxes: string(text)}
	return out, true
}
