package orderhub_test

import (
	"testing"

	"github.com/orderhub/orderhub"
)

func TestCheckPackages(t *testing.T) {
	t.Parallel()
	lines := []orderhub.Line{{SKU: "a", Quantity: 2}, {SKU: "b", Quantity: 1}, {SKU: "gone"}}
	pack := func(items ...orderhub.PackageItem) orderhub.Package { return orderhub.Package{Items: items} }
	item := func(line int, quantity int64, codes ...orderhub.UnitCode) orderhub.PackageItem {
		return orderhub.PackageItem{Line: line, Quantity: quantity, Codes: codes}
	}
	code := func(kind orderhub.CodeKind, code string) orderhub.UnitCode {
		return orderhub.UnitCode{Kind: kind, Code: code}
	}
	cis := code(orderhub.CodeCIS, "0104600439931256215Xk=J;dcm%2b7\x1d91EE10\x1d92abcd")
	for name, c := range map[string]struct {
		packages []orderhub.Package
		ok       bool
	}{
		"everything in one":        {[]orderhub.Package{{Tracking: "T"}}, true},
		"two packages":             {[]orderhub.Package{pack(item(0, 1)), pack(item(0, 1), item(1, 1))}, true},
		"a part":                   {[]orderhub.Package{pack(item(0, 1))}, true},
		"with a marking code":      {[]orderhub.Package{pack(item(0, 2, cis))}, true},
		"a code of tobacco":        {[]orderhub.Package{pack(item(0, 1, code(orderhub.CodeCIS, "04600439931256-:)iO4mAAAAdGVz")))}, true},
		"an IMEI":                  {[]orderhub.Package{pack(item(0, 1, code(orderhub.CodeIMEI, "490154203237518")))}, true},
		"a declaration for both":   {[]orderhub.Package{pack(item(0, 2, code(orderhub.CodeGTD, "10702030/150126/0001234"), code(orderhub.CodeGTD, "10702030/150126/0001234")))}, true},
		"none":                     {nil, false},
		"two and one empty":        {[]orderhub.Package{pack(item(0, 1)), {}}, false},
		"more than there are":      {[]orderhub.Package{pack(item(0, 2)), pack(item(0, 1))}, false},
		"a line that is not there": {[]orderhub.Package{pack(item(3, 1))}, false},
		"a line that was removed":  {[]orderhub.Package{pack(item(2, 1))}, false},
		"no units":                 {[]orderhub.Package{pack(item(0, 0))}, false},
		"the code twice":           {[]orderhub.Package{pack(item(0, 1, cis)), pack(item(0, 1, cis))}, false},
		"more codes than units":    {[]orderhub.Package{pack(item(1, 1, code(orderhub.CodeSerial, "1"), code(orderhub.CodeSerial, "2")))}, false},
		"another GTIN":             {[]orderhub.Package{pack(item(0, 1, code(orderhub.CodeCIS, "0104600439931257215Xk=J;dcm%2b7")))}, false},
		"a Russian keyboard":       {[]orderhub.Package{pack(item(0, 1, code(orderhub.CodeCIS, "0104600439931256215Чл=J;dcm%2b7")))}, false},
		"half a code":              {[]orderhub.Package{pack(item(0, 1, code(orderhub.CodeCIS, "01046004399312562")))}, false},
		"an IMEI with a slip":      {[]orderhub.Package{pack(item(0, 1, code(orderhub.CodeIMEI, "490154203237519")))}, false},
		"no kind":                  {[]orderhub.Package{pack(item(0, 1, code("", "x")))}, false},
	} {
		if err := orderhub.CheckPackages(c.packages, lines); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", name, err, c.ok)
		}
	}
	one := []orderhub.Package{{}}
	if err := orderhub.CheckPackages(one, lines); err != nil || len(one[0].Items) != 2 || one[0].Items[0].Quantity != 2 {
		t.Errorf("%+v, %v", one, err)
	}
}
