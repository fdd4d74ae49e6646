package bitrix

import (
	"errors"
	"math/big"
	"strings"

	"github.com/orderhub/orderhub"
)

var errQuantity = errors.New("no quantity")

// units reads "2.0000"; a part of a unit counts as a whole one, and whole tells.
func units(text string) (n int64, whole bool, err error) {
	r, ok := new(big.Rat).SetString(strings.TrimSpace(text))
	if !ok || len(text) > 30 || strings.ContainsAny(text, "eE/") || r.Sign() < 0 || r.Cmp(big.NewRat(1_000_000, 1)) > 0 {
		return 0, false, errQuantity
	}
	up := new(big.Int).Add(r.Num(), new(big.Int).Sub(r.Denom(), big.NewInt(1)))
	return up.Div(up, r.Denom()).Int64(), r.IsInt(), nil
}

// shown reads the figure of an article. Below zero, where the shop sells more than it
// has, there is none; ok is false when nothing is told.
func shown(text string) (n int64, ok bool) {
	if len(text) > 30 || strings.ContainsAny(text, "eE/") {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(strings.TrimSpace(text))
	switch {
	case !ok:
		return 0, false
	case r.Sign() < 0:
		return 0, true
	}
	whole := new(big.Int).Quo(r.Num(), r.Denom())
	if !whole.IsInt64() {
		return 0, false
	}
	return whole.Int64(), true
}

// vat turns "0.2000" into "20"; null is none told.
func vat(text string) string {
	r, ok := rate(text)
	if !ok {
		return ""
	}
	r.Mul(r, big.NewRat(100, 1))
	if !r.IsInt() {
		return ""
	}
	return r.Num().String()
}

func rate(text string) (*big.Rat, bool) {
	if len(text) > 12 || strings.ContainsAny(text, "eE/") {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

var (
	errAmount = errors.New("is no amount")
	errRange  = errors.New("is more than can be counted")
)

// amounts are the price of a unit and of the line. The line is worked out before it is
// rounded: goods are sold by weight, and prices may be finer than the minor unit.
// Where the tax is not in the price it comes on top, as in the order's own sum.
func (b wireBasket) amounts(cur string) (unit, total orderhub.Money, err error) {
	price := strings.TrimSpace(orZero(b.Price))
	if unit, err = orderhub.RoundMoney(price, cur); err != nil {
		return unit, total, errAmount
	}
	each, ok := new(big.Rat).SetString(price)
	count, counted := new(big.Rat).SetString(strings.TrimSpace(b.Quantity.String()))
	if !ok || !counted {
		return unit, total, errAmount
	}
	if rate, told := rate(b.VATRate.String()); told && b.VATIncluded == "N" {
		each.Mul(each, rate.Add(rate, big.NewRat(1, 1)))
		if unit, err = orderhub.RoundMoney(each.FloatString(10), cur); err != nil {
			return unit, total, errRange
		}
	}
	if total, err = orderhub.RoundMoney(each.Mul(each, count).FloatString(10), cur); err != nil {
		return unit, total, errRange
	}
	if unit.Minor == 0 {
		unit = orderhub.Money{}
	}
	if total.Minor == 0 {
		total = orderhub.Money{}
	}
	return unit, total, nil
}
