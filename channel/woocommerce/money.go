package woocommerce

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// sums reads amounts of one order and keeps the first error.
type sums struct {
	currency string
	snapshot *orderhub.Snapshot
	err      error
}

func (s *sums) note(format string, args ...any) {
	s.snapshot.Discrepancies = append(s.snapshot.Discrepancies, fmt.Sprintf(format, args...))
}

// money reads an amount. Digits that the currency cannot hold come of taxes that
// the shop does not round; they are rounded, and that is noted.
func (s *sums) money(field string, t rest.Text) orderhub.Money {
	if s.err != nil || t == "" {
		return orderhub.Money{}
	}
	m, err := orderhub.ParseMoney(t.String(), s.currency)
	if err != nil {
		if m, err = orderhub.RoundMoney(t.String(), s.currency); err == nil {
			s.note("%s: rounded to the minor unit", field)
		}
	}
	if err != nil || m.Minor > maxMinor || m.Minor < -maxMinor {
		s.err = fmt.Errorf("%s is not an amount in the order's currency", field)
		return orderhub.Money{}
	}
	return m
}

// sum is an amount and its tax.
func (s *sums) sum(field string, net, tax rest.Text) orderhub.Money {
	a, b := s.money(field, net), s.money(field+"_tax", tax)
	out, err := a.Add(b)
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("%s is out of range", field)
	}
	return out
}

// units reads a quantity. Plugins sell by weight: a part of a unit takes a whole one
// from the shelf.
func (s *sums) units(at string, t rest.Text) (int64, error) {
	n, ok := new(big.Rat).SetString(shortNumber(t))
	if !ok || n.Sign() < 0 || n.Cmp(big.NewRat(maxUnits, 1)) > 0 {
		return 0, fmt.Errorf("%s.quantity is not a count; allowed: 0 to %d", at, maxUnits)
	}
	if n.IsInt() {
		return n.Num().Int64(), nil
	}
	whole := new(big.Int).Div(n.Num(), n.Denom()).Int64() + 1
	s.note("%s: %s units are counted as %d", at, n.FloatString(3), whole)
	return whole, nil
}

// shortNumber keeps big.Rat away from long digits and exponents.
func shortNumber(t rest.Text) string {
	for _, c := range t {
		if c != '.' && c != '-' && (c < '0' || c > '9') {
			return ""
		}
	}
	if len(t) > 20 {
		return ""
	}
	return t.String()
}

func sumOf(lines []orderhub.Line) orderhub.Money {
	sum := orderhub.Money{}
	for _, l := range lines {
		sum, _ = sum.Add(l.Total) // one currency, and in range: see maxMinor
	}
	return sum
}

// cutLines takes refunded units out of the lines they belong to.
func cutLines(s *orderhub.Snapshot, sums *sums, lines []wireLine, refunds []wireRefund) error {
	for _, r := range refunds {
		for _, l := range r.LineItems {
			i := lineOf(lines, l)
			n, err := sums.units("refunds.line_items", withoutSign(l.Quantity))
			if err != nil {
				return err
			}
			back := sums.sum("refunds.line_items.total", l.Total, l.TotalTax)
			if sums.err != nil {
				return sums.err
			}
			if i < 0 || n == 0 {
				continue // money alone, or for a line that was taken out since
			}
			line := &s.Lines[i]
			line.Quantity = max(0, line.Quantity-n)
			if back.Minor > 0 {
				back.Minor = -back.Minor // plugins write it either way
			}
			if line.Total, err = line.Total.Add(back); err != nil {
				return errors.New("refunds.line_items.total is out of range")
			}
			line.Total.Minor = max(0, line.Total.Minor)
			if line.Quantity == 0 {
				line.Total.Minor = 0
			}
		}
	}
	return nil
}

// lineOf finds the line that a refunded one belongs to, -1 for none.
func lineOf(lines []wireLine, refunded wireLine) int {
	if id := refunded.MetaData.text("_refunded_item_id"); id != "" {
		for i, l := range lines {
			if l.ID.String() == id {
				return i
			}
		}
		return -1
	}
	for i, l := range lines {
		if key := listingKey(l); key != "" && key == listingKey(refunded) {
			return i
		}
	}
	return -1
}

func withoutSign(t rest.Text) rest.Text {
	if len(t) > 0 && t[0] == '-' {
		return t[1:]
	}
	return t
}
