package orderhub_test

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/orderhub/orderhub"
)

func TestParseMoney(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		decimal, currency string
		want              orderhub.Money
	}{
		{"490", "RUB", orderhub.Money{Minor: 49000, Currency: "RUB"}},
		{"490.0000", "RUB", orderhub.Money{Minor: 49000, Currency: "RUB"}},
		{"129.9", "RUB", orderhub.Money{Minor: 12990, Currency: "RUB"}},
		{"-12.5", "RUB", orderhub.Money{Minor: -1250, Currency: "RUB"}},
		{"+1", "RUB", orderhub.Money{Minor: 100, Currency: "RUB"}},
		{"0", "RUB", orderhub.Money{Currency: "RUB"}},
		{"-0.00", "RUB", orderhub.Money{Currency: "RUB"}},
		{".5", "RUB", orderhub.Money{Minor: 50, Currency: "RUB"}},
		{" 7 ", " rub ", orderhub.Money{Minor: 700, Currency: "RUB"}},
		{"007", "RUB", orderhub.Money{Minor: 700, Currency: "RUB"}},
		{"1", "RUR", orderhub.Money{Minor: 100, Currency: "RUB"}},
		{"1500", "JPY", orderhub.Money{Minor: 1500, Currency: "JPY"}},
		{"1500.00", "JPY", orderhub.Money{Minor: 1500, Currency: "JPY"}},
		{"1.234", "KWD", orderhub.Money{Minor: 1234, Currency: "KWD"}},
		{"92233720368547758.07", "RUB", orderhub.Money{Minor: math.MaxInt64, Currency: "RUB"}},
		{"-92233720368547758.08", "RUB", orderhub.Money{Minor: math.MinInt64, Currency: "RUB"}},
		{"", "RUB", orderhub.Money{}},
		{"  ", "not a currency", orderhub.Money{}},
	} {
		got, err := orderhub.ParseMoney(c.decimal, c.currency)
		if err != nil || got != c.want {
			t.Errorf("ParseMoney(%q, %q) = %#v, %v; want %#v", c.decimal, c.currency, got, err, c.want)
		}
	}
}

func TestParseMoneyRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ decimal, currency, want string }{
		{"0.005", "RUB", "finer than the minor unit"},
		{"1500.5", "JPY", "finer than the minor unit"},
		{"1.2345", "KWD", "finer than the minor unit"},
		{"1e3", "RUB", "exponent form"},
		{"1E3", "RUB", "exponent form"},
		{"1e+3", "RUB", "exponent form"},
		{"1e999999999", "RUB", "exponent form"},
		{"1p3", "RUB", "not a decimal number"},
		{"0x1f", "RUB", "not a decimal number"},
		{"0b11", "RUB", "not a decimal number"},
		{"0o17", "RUB", "not a decimal number"},
		{"1/3", "RUB", "not a decimal number"},
		{"1_000", "RUB", "not a decimal number"},
		{"1,50", "RUB", "not a decimal number"},
		{"1 000", "RUB", "not a decimal number"},
		{"1.2.3", "RUB", "not a decimal number"},
		{"1-2", "RUB", "not a decimal number"},
		{"--1", "RUB", "not a decimal number"},
		{"+-5", "RUB", "not a decimal number"},
		{"-+5", "RUB", "not a decimal number"},
		{"++5", "RUB", "not a decimal number"},
		{"-", "RUB", "not a decimal number"},
		{".", "RUB", "not a decimal number"},
		{"Inf", "RUB", "not a decimal number"},
		{"NaN", "RUB", "not a decimal number"},
		{"euro", "RUB", "not a decimal number"},
		{"١٢", "RUB", "not a decimal number"},
		{strings.Repeat("0", 41), "RUB", "not a decimal number"},
		{"92233720368547758.08", "RUB", "out of range"},
		{"-92233720368547758.09", "RUB", "out of range"},
		{"1", "", "three-letter"},
		{"1", "RUBL", "three-letter"},
		{"1", "643", "three-letter"},
		{"1", "₽₽₽", "three-letter"},
	} {
		got, err := orderhub.ParseMoney(c.decimal, c.currency)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParseMoney(%q, %q) = %v, %v; want an error with %q", c.decimal, c.currency, got, err, c.want)
		}
	}
}

func TestRoundMoney(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		decimal, currency string
		want              int64
	}{
		{"0.005", "RUB", 1},
		{"-0.005", "RUB", -1},
		{"0.0049999", "RUB", 0},
		{"-0.0049999", "RUB", 0},
		{"1.015", "RUB", 102}, // 1.015 has no exact float: 1.01 there
		{"2.675", "RUB", 268},
		{"1500.5", "JPY", 1501},
		{"1.23449", "KWD", 1234},
		{"33.333333", "RUB", 3333},
	} {
		got, err := orderhub.RoundMoney(c.decimal, c.currency)
		if err != nil || got.Minor != c.want || got.Currency != c.currency {
			t.Errorf("RoundMoney(%q, %q) = %#v, %v; want %d", c.decimal, c.currency, got, err, c.want)
		}
	}
	for _, bad := range []string{"1e3", "1/3", "92233720368547758.075"} {
		if got, err := orderhub.RoundMoney(bad, "RUB"); err == nil {
			t.Errorf("RoundMoney(%q) = %v, want an error", bad, got)
		}
	}
}

func TestMoneyPrints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		m             orderhub.Money
		text, decimal string
	}{
		{orderhub.Roubles(129), "129.00 RUB", "129.00"},
		{orderhub.Money{Minor: 5, Currency: "RUB"}, "0.05 RUB", "0.05"},
		{orderhub.Money{Minor: -5, Currency: "RUB"}, "-0.05 RUB", "-0.05"},
		{orderhub.Money{Currency: "RUB"}, "0.00 RUB", "0.00"},
		{orderhub.Money{Minor: 7, Currency: "JPY"}, "7 JPY", "7"},
		{orderhub.Money{Minor: 7, Currency: "KWD"}, "0.007 KWD", "0.007"},
		{orderhub.Money{Minor: math.MinInt64, Currency: "RUB"}, "-92233720368547758.08 RUB", "-92233720368547758.08"},
	} {
		if got := c.m.String(); got != c.text {
			t.Errorf("%#v prints as %q, want %q", c.m, got, c.text)
		}
		if got := c.m.Decimal(); got != c.decimal {
			t.Errorf("%#v has the decimal %q, want %q", c.m, got, c.decimal)
		}
	}
	if got := (orderhub.Money{}).String(); got != "" {
		t.Errorf("no amount prints as %q, want nothing", got)
	}
	if (orderhub.Money{Currency: "RUB"}).IsZero() {
		t.Error("0.00 RUB counts as no amount")
	}
}

func TestCurrencyDecimals(t *testing.T) {
	t.Parallel()
	for decimals, list := range []string{
		0: "BIF CLP DJF GNF JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
		2: "RUB BYN KZT AMD KGS UZS CNY USD EUR TRY GEL AED",
		3: "BHD IQD JOD KWD LYD OMR TND",
	} {
		for _, currency := range strings.Fields(list) {
			got, err := orderhub.ParseMoney("1", currency)
			if want := int64(math.Pow10(decimals)); err != nil || got.Minor != want {
				t.Errorf("1 %s is %d minor units (%v), want %d", currency, got.Minor, err, want)
			}
		}
	}
}

func TestMoneyAddTimes(t *testing.T) {
	t.Parallel()
	rub := orderhub.Roubles
	if sum, err := (orderhub.Money{}).Add(rub(3)); err != nil || sum != rub(3) {
		t.Errorf("nothing + 3 RUB = %v, %v", sum, err)
	}
	if sum, err := rub(3).Add(orderhub.Money{}); err != nil || sum != rub(3) {
		t.Errorf("3 RUB + nothing = %v, %v", sum, err)
	}
	if sum, err := rub(3).Add(orderhub.Money{Minor: 1, Currency: "EUR"}); err == nil {
		t.Errorf("3 RUB + 0.01 EUR = %v, want an error", sum)
	}
	if p, err := rub(3).Times(0); err != nil || p != rub(0) {
		t.Errorf("3 RUB × 0 = %v, %v", p, err)
	}
	lowest := orderhub.Money{Minor: math.MinInt64, Currency: "RUB"}
	if p, err := lowest.Times(-1); err == nil {
		t.Errorf("the lowest amount × -1 = %v, want an error", p)
	}
}

// currencies have 2, 0 and 3 decimals.
var currencies = map[string]int{"RUB": 2, "KZT": 2, "JPY": 0, "XOF": 0, "KWD": 3, "TND": 3}

func genMoney() *rapid.Generator[orderhub.Money] {
	return rapid.Custom(func(t *rapid.T) orderhub.Money {
		return orderhub.Money{
			Minor:    rapid.Int64().Draw(t, "minor"),
			Currency: rapid.SampledFrom([]string{"RUB", "KZT", "JPY", "XOF", "KWD", "TND"}).Draw(t, "currency"),
		}
	})
}

func TestMoneyRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := genMoney().Draw(t, "money")
		for name, parse := range map[string]func(string, string) (orderhub.Money, error){
			"ParseMoney": orderhub.ParseMoney, "RoundMoney": orderhub.RoundMoney,
		} {
			got, err := parse(m.Decimal(), m.Currency)
			if err != nil || got != m {
				t.Fatalf("%s(%q) = %#v, %v; want %#v", name, m.Decimal(), got, err, m)
			}
		}
		decimals := 0
		if _, fraction, ok := strings.Cut(m.Decimal(), "."); ok {
			decimals = len(fraction)
		}
		if decimals != currencies[m.Currency] {
			t.Fatalf("%q has %d decimals", m, decimals)
		}
	})
}

// TestMoneyExact compares with exact arithmetic: a parsed amount is the number
// that was written, a rounded one is at most half a minor unit away.
func TestMoneyExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,15}(\.[0-9]{1,8})?`).Draw(t, "decimal")
		currency := rapid.SampledFrom([]string{"RUB", "JPY", "KWD"}).Draw(t, "currency")
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("the generator made %q", text)
		}
		unit := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(currencies[currency])), nil))

		rounded, err := orderhub.RoundMoney(text, currency)
		if err != nil {
			t.Fatal(err)
		}
		off := new(big.Rat).Sub(asRat(rounded, unit), exact)
		half := new(big.Rat).Mul(unit, big.NewRat(1, 2))
		if new(big.Rat).Abs(off).Cmp(half) > 0 {
			t.Fatalf("RoundMoney(%q) = %s: off by %s", text, rounded, off.FloatString(9))
		}
		parsed, err := orderhub.ParseMoney(text, currency)
		switch {
		case off.Sign() == 0 && (err != nil || parsed != rounded):
			t.Fatalf("ParseMoney(%q) = %v, %v; want %v", text, parsed, err, rounded)
		case off.Sign() != 0 && err == nil:
			t.Fatalf("ParseMoney(%q) = %v, want an error: digits were lost", text, parsed)
		}
	})
}

func asRat(m orderhub.Money, unit *big.Rat) *big.Rat {
	return new(big.Rat).Mul(new(big.Rat).SetInt64(m.Minor), unit)
}

func TestMoneyNeverOverflows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := genMoney().Draw(t, "money")
		other := orderhub.Money{Minor: rapid.Int64().Draw(t, "other"), Currency: m.Currency}
		quantity := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3)).Draw(t, "quantity")

		sum, err := m.Add(other)
		checkBig(t, fmt.Sprintf("%s + %s", m, other), sum, err, new(big.Int).Add(big.NewInt(m.Minor), big.NewInt(other.Minor)))
		product, err := m.Times(quantity)
		checkBig(t, fmt.Sprintf("%s × %d", m, quantity), product, err, new(big.Int).Mul(big.NewInt(m.Minor), big.NewInt(quantity)))
	})
}

// checkBig wants the exact result, or an error when it does not fit.
func checkBig(t *rapid.T, what string, got orderhub.Money, err error, want *big.Int) {
	t.Helper()
	switch {
	case want.IsInt64() && (err != nil || got.Minor != want.Int64()):
		t.Fatalf("%s = %v, %v; want %s", what, got, err, want)
	case !want.IsInt64() && err == nil:
		t.Fatalf("%s = %v, want an error: it is %s", what, got, want)
	}
}

// TestMoneyAnyText feeds arbitrary text: no panic, and what is taken prints back
// to the same amount.
func TestMoneyAnyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[-+0-9.eExXbopP/_ ]{0,45}`)).Draw(t, "text")
		m, err := orderhub.ParseMoney(text, "RUB")
		if err != nil || m.IsZero() {
			return
		}
		if again, err := orderhub.ParseMoney(m.Decimal(), "RUB"); err != nil || again != m {
			t.Fatalf("%q was taken as %v, which reads back as %v, %v", text, m, again, err)
		}
		if strings.ContainsAny(text, "eExXbopP/_") {
			t.Fatalf("%q was taken as %v", text, m)
		}
	})
}

func TestParseCurrency(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"RUB": "RUB", "rub": "RUB", "RUR": "RUB", " rur ": "RUB", "kzt": "KZT"} {
		if got, err := orderhub.ParseCurrency(in); err != nil || got != want {
			t.Errorf("ParseCurrency(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, bad := range []string{"", "RU", "RUBB", "R B", "643", "РУБ"} {
		if got, err := orderhub.ParseCurrency(bad); err == nil {
			t.Errorf("ParseCurrency(%q) = %q, want an error", bad, got)
		}
	}
}
