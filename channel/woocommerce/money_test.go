package woocommerce

import (
	"fmt"
	"testing"
)

// TestCurrencies: amounts come as decimals whatever the currency's minor unit is, with
// as many digits as the shop is set to.
func TestCurrencies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		currency, net, tax, total string
		minor                     int64
		notes                     int
	}{
		{"JPY", "1000", "100", "1100", 1100, 0}, {"JPY", "1000.00", "100.00", "1100.00", 1100, 0}, {"KWD", "1.234", "0.100", "1.334", 1334, 0},
		{"KZT", "10.005", "0", "10.01", 1001, 1}, {"RUB", "0.00", "0.00", "0.00", 0, 0},
	} {
		t.Run(c.currency+c.net, func(t *testing.T) {
			t.Parallel()
			body := fmt.Sprintf(`{"id":1,"status":"processing","currency":%q,"total":%q,"line_items":[{"id":2,"quantity":1,"subtotal":%q,"subtotal_tax":%q,"total":%q,"total_tax":%q}]}`,
				c.currency, c.total, c.net, c.tax, c.net, c.tax)
			s, err := (&adapter{}).Normalise(kindOrder, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if s.Total.Minor != c.minor || s.Total.Currency != c.currency || len(s.Discrepancies) != c.notes {
				t.Errorf("%s; %q", s.Total, s.Discrepancies)
			}
		})
	}
}
