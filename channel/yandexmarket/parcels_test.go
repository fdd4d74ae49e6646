package yandexmarket

import (
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// TestPackParcels: what is packed is what the push reads.
func TestPackParcels(t *testing.T) {
	t.Parallel()
	o := orderhub.Order{Snapshot: orderhub.Snapshot{Scheme: orderhub.SchemeFBS, Lines: []orderhub.Line{{ID: "810001", Quantity: 2}, {ID: "810002", Quantity: 1}}}}
	cis := func(code string) orderhub.UnitCode { return orderhub.UnitCode{Kind: orderhub.CodeCIS, Code: code} }
	packages := []orderhub.Package{
		{Items: []orderhub.PackageItem{{Line: 0, Quantity: 2, Codes: []orderhub.UnitCode{cis("a"), cis("b")}}}},
		{Items: []orderhub.PackageItem{{Line: 1, Quantity: 1}}},
	}
	p, ok := (&adapter{}).PackParcels(o, packages)
	boxes, err := readBoxes(channel.Push{Order: o, Params: p.Params})
	if !ok || err != nil || len(boxes) != 2 || len(boxes[0].Items[0].Instances) != 2 || !p.Codes || p.To != orderhub.StatusPacked {
		t.Errorf("%+v %v %v %+v", p, ok, err, boxes)
	}
	if p, ok := (&adapter{}).PackParcels(o, packages[:1]); ok || p.Why == "" {
		t.Errorf("a part of the order: %+v", p)
	}
	o.Snapshot.Scheme = orderhub.SchemeDBS
	if p, ok := (&adapter{}).PackParcels(o, packages); ok || p.Why == "" {
		t.Errorf("DBS: %+v", p)
	}
}
