package yandexmarket

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
)

// maxUnits caps the count of a line: anything above is a broken order.
const maxUnits = 1_000_000

// vatWords translates OrderVatType. Rates "of an advance" keep both figures.
var vatWords = map[string]string{
	"NO_VAT": "none", "VAT_0": "0", "VAT_05": "5", "VAT_07": "7", "VAT_10": "10", "VAT_12": "12",
	"VAT_18": "18", "VAT_20": "20", "VAT_22": "22",
	"VAT_10_110": "10/110", "VAT_18_118": "18/118", "VAT_20_120": "20/120",
	"UNKNOWN_VALUE": "UNKNOWN_VALUE",
}

// setGoods fills in lines and total. Amounts of a line are for all its units.
// The value of goods is what the document says it is: payment (by the buyer)
// plus cashback (paid in Plus points). The Market's own subsidy comes on top
// and stays apart, in Attrs.
func setGoods(s *orderhub.Snapshot, o orderV1, n *notes) error {
	var sum orderhub.Money
	mixed := false
	for i, item := range o.Items {
		line, err := readLine(item, n)
		if err != nil {
			return fmt.Errorf("items[%d].%w", i, err)
		}
		s.Lines = append(s.Lines, line)
		if next, err := sum.Add(line.Total); err == nil {
			sum = next
		} else {
			mixed = true
			n.differ("line %s is in another currency: %s", line.ID, err)
		}
	}
	if mixed {
		sum = orderhub.Money{}
	}
	s.Total = sum
	if o.Prices == nil {
		return nil
	}
	total := n.sum("order", o.Prices.Payment, o.Prices.Cashback)
	if total.IsZero() {
		return nil
	}
	s.Total = total
	if !sum.IsZero() && sum != total {
		n.differ("the lines add up to %s, the order says %s", sum, total)
	}
	return nil
}

func readLine(item itemV1, n *notes) (orderhub.Line, error) {
	count, ok := item.Count.integer()
	if !ok || count < 0 || count > maxUnits {
		return orderhub.Line{}, fmt.Errorf("count: want a whole number from 0 to %d", maxUnits)
	}
	line := orderhub.Line{
		ID: string(item.ID), SKU: string(item.OfferID), ListingKey: string(item.OfferID),
		Name: string(item.OfferName), Quantity: count,
	}
	if item.Prices == nil {
		return line, nil
	}
	p := item.Prices
	line.Total = n.sum("line "+line.ID, p.Payment, p.Cashback)
	line.VAT = string(p.VAT)
	if v, known := vatWords[string(p.VAT)]; known {
		line.VAT = v
	} else if p.VAT != "" {
		n.unknown("vat", p.VAT)
	}
	if count > 0 && !line.Total.IsZero() {
		line.UnitPrice = orderhub.Money{Minor: line.Total.Minor / count, Currency: line.Total.Currency}
		if rest := line.Total.Minor % count; rest != 0 {
			n.differ("line %s: %s do not divide by %d units, %s are left over", line.ID, line.Total, count,
				orderhub.Money{Minor: rest, Currency: line.Total.Currency})
		}
	}
	return line, nil
}

// requires lists the marking codes that must be given, "CIS:<line id>". Codes
// that are welcome only (CIS_OPTIONAL) are not asked for.
func requires(items []itemV1, n *notes) []string {
	var out []string
	for _, item := range items {
		if item.Count == "0" {
			continue
		}
		for _, kind := range item.RequiredInstanceTypes {
			switch kind {
			case "CIS_OPTIONAL", "":
				continue
			case "CIS", "UIN", "RNPT", "GTD":
			default:
				n.unknown("requiredInstanceTypes", kind)
			}
			out = append(out, string(kind+":"+item.ID))
		}
	}
	return out
}

// sum adds up amounts; absent ones count as nothing. What cannot be read or
// does not fit together is recorded and left out.
func (n *notes) sum(what string, list ...*amount) orderhub.Money {
	var total orderhub.Money
	for _, a := range list {
		if a == nil || a.Value == "" {
			continue
		}
		m, err := readMoney(*a)
		if err != nil {
			n.differ("%s: an amount cannot be read: %s", what, err)
			continue
		}
		exact, err := orderhub.ParseMoney(plainDecimal(string(a.Value)), string(a.CurrencyID))
		if err != nil || exact != m {
			n.differ("%s: %s was rounded to %s", what, clip(string(a.Value)), m)
		}
		if sum, err := total.Add(m); err != nil {
			n.differ("%s: %s", what, err)
		} else {
			total = sum
		}
	}
	return total
}

func readMoney(a amount) (orderhub.Money, error) {
	return orderhub.RoundMoney(plainDecimal(string(a.Value)), string(a.CurrencyID))
}

// plainDecimal rewrites a short exponent form ("1.2E7"), which JSON allows and
// the Market's serialiser uses for large amounts. Anything odd is passed on and
// refused as money.
func plainDecimal(s string) string {
	i := strings.IndexAny(s, "eE")
	if i < 0 || len(s) > 40 {
		return s
	}
	exp, err := strconv.Atoi(s[i+1:])
	if err != nil || exp > 20 || exp < -20 {
		return s
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(r.FloatString(20), "0"), ".")
}
