package marketsim

import "errors"

// Stocked is a Market that knows how much of an article the seller lets it
// sell. All simulators are.
type Stocked interface {
	Market
	// Offer puts articles into the seller's catalogue there, live and without
	// stock. An article that it has already stays as it is.
	Offer(goods []Product)
	// OnlyPublished makes buyers take only what the seller has published: Place
	// fails with ErrSoldOut when a line asks for more than is left, and changes
	// nothing. Off, as at the start, everything can be bought.
	OnlyPublished(on bool)
	// Published is how many units of an article buyers can order now: what the
	// seller published last, less what was ordered since.
	Published(sku string) int64
}

// ErrSoldOut tells that a basket asks for more than the seller has published.
var ErrSoldOut = errors.New("sold out")

// Barcode is the invented shop's own barcode of an article, the same on every
// channel: an EAN-13 of the in-store range 20.
func Barcode(sku string) string {
	n := uint64(14695981039346656037)
	for _, c := range []byte(sku) {
		n = (n ^ uint64(c)) * 1099511628211
	}
	digits := []byte("200000000000")
	for i := len(digits) - 1; i >= 2; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	sum := 0
	for i, c := range digits {
		weight := 1
		if i%2 == 1 {
			weight = 3
		}
		sum += int(c-'0') * weight
	}
	return string(append(digits, byte('0'+(10-sum%10)%10)))
}
