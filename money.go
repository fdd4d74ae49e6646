package orderhub

import (
	"fmt"
	"math"
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
	number, negative := strings.CutPrefix(decimal, "-")
	if !negative {
		number = strings.TrimPrefix(number, "+")
	}
	whole, fraction, _ := strings.Cut(number, ".")
	switch other := strings.Trim(whole+fraction, "0123456789"); {
	case strings.EqualFold(strings.Trim(other, "+-"), "e"):
		return Money{}, false, fmt.Errorf("amount %q: exponent form is not allowed", decimal)
	case other != "" || whole+fraction == "":
		return Money{}, false, fmt.Errorf("amount %q: not a decimal number", decimal)
	}
	if negative {
		whole = "-" + whole
	}
	exp := currencyExponent(cur)
	fraction += strings.Repeat("0", max(0, exp-len(fraction)))
	minor, err := strconv.ParseInt(whole+fraction[:exp], 10, 64)
	if err != nil {
		return Money{}, false, fmt.Errorf("amount %q: out of range", decimal)
	}
	finer := fraction[exp:]
	minor, ok := roundAway(minor, negative, finer != "" && finer[0] >= '5')
	if !ok {
		return Money{}, false, fmt.Errorf("amount %q: out of range", decimal)
	}
	return Money{Minor: minor, Currency: cur}, strings.Trim(finer, "0") == "", nil
}

// roundAway takes an amount one step away from zero if up is set.
func roundAway(minor int64, negative, up bool) (int64, bool) {
	switch {
	case !up:
		return minor, true
	case negative:
		return minor - 1, minor != math.MinInt64
	}
	return minor + 1, minor != math.MaxInt64
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
