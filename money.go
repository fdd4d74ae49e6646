package orderhub

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Money is an amount in minor units of a currency: 12990 RUB is 129.90 roubles.
// The zero value means "the channel gave no amount".
type Money struct {
	// Minor counts the smallest units of the currency (kopecks, cents).
	Minor int64 `json:"minor"`
	// Currency is the ISO 4217 code in capitals, "" for no amount.
	Currency string `json:"currency"`
}

// Roubles is a short way to write a whole amount of roubles in tests and samples.
func Roubles(n int64) Money { return Money{Minor: n * 100, Currency: "RUB"} }

// IsZero reports whether no amount is known at all; 0.00 RUB is an amount.
func (m Money) IsZero() bool { return m.Minor == 0 && m.Currency == "" }

// Add returns the sum. An absent amount is neutral; two currencies never mix,
// so a mismatch is an error and not a number.
func (m Money) Add(n Money) (Money, error) {
	switch {
	case m.IsZero():
		return n, nil
	case n.IsZero():
		return m, nil
	case m.Currency != n.Currency:
		return Money{}, fmt.Errorf("add %s to %s: different currencies", n, m)
	}
	sum := m.Minor + n.Minor
	if (sum > m.Minor) != (n.Minor > 0) {
		return Money{}, fmt.Errorf("add %s to %s: out of range", n, m)
	}
	return Money{Minor: sum, Currency: m.Currency}, nil
}

// Times returns the amount for quantity units.
func (m Money) Times(quantity int64) (Money, error) {
	product := m.Minor * quantity
	// The lowest int64 has no positive twin: times -1 it wraps onto itself.
	wraps := m.Minor == math.MinInt64 && quantity == -1
	if wraps || (quantity != 0 && product/quantity != m.Minor) {
		return Money{}, fmt.Errorf("%s times %d: out of range", m, quantity)
	}
	return Money{Minor: product, Currency: m.Currency}, nil
}

// String writes the amount for people and for wire formats that want decimals:
// "129.90 RUB".
func (m Money) String() string {
	if m.IsZero() {
		return ""
	}
	return m.Decimal() + " " + m.Currency
}

// Decimal writes the bare number, "129.90".
func (m Money) Decimal() string {
	exp := currencyExponent(m.Currency)
	sign, digits := "", strconv.FormatInt(m.Minor, 10)
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for len(digits) <= exp {
		digits = "0" + digits
	}
	if exp == 0 {
		return sign + digits
	}
	return sign + digits[:len(digits)-exp] + "." + digits[len(digits)-exp:]
}

// ParseMoney reads a decimal such as "490", "490.0000" or "-12.5" exactly.
// Digits that the currency cannot hold ("0.005 RUB") are an error: rounding is
// the caller's explicit choice, see RoundMoney. An empty text is the absent amount.
func ParseMoney(decimal, currency string) (Money, error) {
	m, exact, err := parseMoney(decimal, currency)
	if err == nil && !exact {
		err = fmt.Errorf("amount %q: finer than the minor unit of %s", decimal, m.Currency)
	}
	return m, err
}

// RoundMoney reads a decimal like ParseMoney and rounds half away from zero to
// the minor unit. For amounts that a channel computes (commissions, shares).
func RoundMoney(decimal, currency string) (Money, error) {
	m, _, err := parseMoney(decimal, currency)
	return m, err
}

func parseMoney(decimal, currency string) (m Money, exact bool, err error) {
	decimal = strings.TrimSpace(decimal)
	if decimal == "" {
		return Money{}, true, nil
	}
	cur, err := ParseCurrency(currency)
	if err != nil {
		return Money{}, false, err
	}
	if len(decimal) > 40 {
		return Money{}, false, fmt.Errorf("amount %.40q: not a decimal number", decimal)
	}
	// big.Rat knows more forms than a channel may write: fractions, 0x and 0b,
	// exponents. "1e999999999" would even be expanded in memory.
	switch other := strings.Trim(decimal, "+-.0123456789"); {
	case other == "e" || other == "E":
		return Money{}, false, fmt.Errorf("amount %q: exponent form is not allowed", decimal)
	case other != "":
		return Money{}, false, fmt.Errorf("amount %q: not a decimal number", decimal)
	}
	r, ok := new(big.Rat).SetString(decimal)
	if !ok {
		return Money{}, false, fmt.Errorf("amount %q: not a decimal number", decimal)
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(currencyExponent(cur))), nil)
	r.Mul(r, new(big.Rat).SetInt(scale))
	minor, exact := ratToInt(r)
	if !minor.IsInt64() {
		return Money{}, false, fmt.Errorf("amount %q: out of range", decimal)
	}
	return Money{Minor: minor.Int64(), Currency: cur}, exact, nil
}

// ratToInt rounds half away from zero and tells whether nothing was lost.
func ratToInt(r *big.Rat) (*big.Int, bool) {
	if r.IsInt() {
		return new(big.Int).Set(r.Num()), true
	}
	num, den := new(big.Int).Abs(r.Num()), r.Denom()
	num.Mul(num, big.NewInt(2)).Add(num, den)
	q := num.Div(num, new(big.Int).Mul(den, big.NewInt(2)))
	if r.Sign() < 0 {
		q.Neg(q)
	}
	return q, false
}

// ParseCurrency checks an alphabetic ISO 4217 code and spells it our way.
// RUR, which Yandex Market still writes, is RUB.
func ParseCurrency(code string) (string, error) {
	code = strings.ToUpper(strings.TrimSpace(code))
	if code == "RUR" {
		return "RUB", nil
	}
	if len(code) != 3 {
		return "", fmt.Errorf("currency %.20q: want a three-letter ISO 4217 code", code)
	}
	for _, c := range code {
		if c < 'A' || c > 'Z' {
			return "", fmt.Errorf("currency %q: want a three-letter ISO 4217 code", code)
		}
	}
	return code, nil
}

// currencyExponent gives the number of decimals of a currency (ISO 4217).
func currencyExponent(code string) int {
	switch code {
	case "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	default:
		return 2
	}
}
