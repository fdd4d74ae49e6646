package ozon

import (
	"testing"

	"github.com/orderhub/orderhub"
)

func TestPackParcels(t *testing.T) {
	t.Parallel()
	o := orderhub.Order{Snapshot: orderhub.Snapshot{Lines: []orderhub.Line{{ListingKey: "1550012345", Quantity: 2}}}}
	one := orderhub.Package{Items: []orderhub.PackageItem{{Quantity: 1}}}
	p, ok := (&adapter{}).PackParcels(o, []orderhub.Package{one, one})
	packages, err := packagesOf(o.Snapshot.Lines, p.Params[paramPackages])
	if !ok || err != nil || len(packages) != 2 || p.To != orderhub.StatusConfirmed || p.Codes {
		t.Errorf("%+v %v %v", p, packages, err)
	}
	if p, ok := (&adapter{}).PackParcels(o, []orderhub.Package{one}); ok || p.Why == "" {
		t.Errorf("a part of the posting: %+v", p)
	}
}
