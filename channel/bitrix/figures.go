package bitrix

import (
	"errors"
	"math/big"
	"strings"
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

// vat turns "0.2000" into "20"; null is none told.
func vat(text string) string {
	r, ok := new(big.Rat).SetString(text)
	if !ok || len(text) > 12 || strings.ContainsAny(text, "eE/") {
		return ""
	}
	r.Mul(r, big.NewRat(100, 1))
	if !r.IsInt() {
		return ""
	}
	return r.Num().String()
}
