package shopify

import (
	"fmt"
	"testing"
)

// TestCurrencies: amounts come as decimals whatever the currency's minor unit is.
func TestCurrencies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		currency, unit, subtotal string
		minor, total             int64
	}{
		{"JPY", "1000.0", "2000.0", 1000, 2000}, {"KWD", "1.234", "2.468", 1234, 2468}, {"EUR", "33.333", "66.67", 3333, 6667}, {"RUB", "0.0", "0.0", 0, 0},
	} {
		t.Run(c.currency, func(t *testing.T) {
			t.Parallel()
			set := func(amount string) string {
				return fmt.Sprintf(`{"shopMoney":{"amount":%q,"currencyCode":%q}}`, amount, c.currency)
			}
			body := fmt.Sprintf(`{"id":"gid://shopify/Order/1","displayFulfillmentStatus":"UNFULFILLED","currencyCode":%q,"currentSubtotalPriceSet":%s,
				"lineItems":{"nodes":[{"id":"gid://shopify/LineItem/2","quantity":2,"originalUnitPriceSet":%s,"discountedUnitPriceAfterAllDiscountsSet":%s}]}}`,
				c.currency, set(c.subtotal), set("99"), set(c.unit))
			s, err := (&adapter{}).Normalise(kindOrder, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if l := s.Lines[0]; l.UnitPrice.Minor != c.minor || l.UnitPrice.Currency != c.currency || s.Total.Minor != c.total {
				t.Errorf("%s each, %s in all", l.UnitPrice, s.Total)
			}
		})
	}
}
