package orderhub

import (
	"net/url"
	"strings"
	"time"
)

// Listing is one offer on a channel: what a buyer can order there. The key never
// changes; everything else may.
type Listing struct {
	ID        int64  `json:"id"`
	AccountID string `json:"account"`
	// Key is the channel's immutable product key, the one that order lines carry
	// as ListingKey: Ozon sku, WB chrtId, Yandex offerId, the site's own id.
	Key string `json:"key"`
	// Article is the seller's article as the channel has it: Ozon offer_id, WB
	// vendorCode, Yandex offerId. It can be renamed there.
	Article string `json:"article"`
	// Aliases are the channel's other numbers of the same offer by name, kept
	// apart and never mixed: Ozon "product_id", "offer_id"; WB "nm_id", "size".
	Aliases  map[string]string `json:"aliases,omitempty"`
	Barcodes []string          `json:"barcodes,omitempty"`
	Name     string            `json:"name"`
	// Picture is where the channel has the main picture of it, see PictureAddress.
	Picture string `json:"picture,omitempty"`
	// Live offers can be ordered now or as soon as they have stock; the others
	// are archived or blocked.
	Live bool `json:"live"`

	// SKU is the linked product, "" = none yet. LinkedBy tells how it came about.
	SKU      string   `json:"sku,omitempty"`
	LinkedBy LinkedBy `json:"linked_by,omitempty"`
	// Publish is the listing's own policy; the zero value follows the account's.
	Publish Publish `json:"publish,omitzero"`
	// SeenAt is when the channel's catalogue showed the offer last.
	SeenAt time.Time `json:"seen_at,omitzero"`
}

// PictureAddress is what a channel gives as the address of a picture, if it is one:
// absolute, of http or https (taken for granted where the channel leaves it out), and
// at most 2000 characters; else "".
func PictureAddress(address string) string {
	if strings.HasPrefix(address, "//") {
		address = "https:" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || len(address) > 2000 {
		return ""
	}
	return address
}

// LinkedBy tells how a listing found its product.
type LinkedBy string

// The ways to a link.
const (
	LinkedByNobody  LinkedBy = ""
	LinkedByArticle LinkedBy = "article" // the article is the SKU
	LinkedByBarcode LinkedBy = "barcode" // one product alone has one of the barcodes
	LinkedByPerson  LinkedBy = "person"  // decided by hand; never changed by the hub
)

// Publish is how much of the available stock a listing shows.
type Publish struct {
	Mode PublishMode `json:"mode,omitempty"`
	// Value belongs to the mode: units of cap and fixed, percent of share.
	Value int64 `json:"value,omitempty"`
	// Buffer is held back before anything else, in units.
	Buffer int64 `json:"buffer,omitempty"`
}

// PublishMode is a policy of publishing.
type PublishMode string

// The modes.
const (
	PublishDefault PublishMode = ""       // as the account says
	PublishMirror  PublishMode = "mirror" // all that is available
	PublishCap     PublishMode = "cap"    // not more than Value units
	PublishShare   PublishMode = "share"  // Value percent, rounded down
	PublishFixed   PublishMode = "fixed"  // always Value units, whatever is there (made to order)
	PublishOff     PublishMode = "off"    // the hub never writes this listing's stock
)

// Check refuses a policy that makes no sense, naming the field.
func (p Publish) Check() error {
	switch p.Mode {
	case PublishDefault, PublishMirror, PublishOff:
		if p.Value != 0 {
			return InvalidField("value", "belongs to cap, share and fixed only")
		}
	case PublishCap, PublishFixed:
		if p.Value < 0 || p.Value > 1_000_000 {
			return InvalidField("value", "%d units; allowed: 0 to 1000000", p.Value)
		}
	case PublishShare:
		if p.Value < 0 || p.Value > 100 {
			return InvalidField("value", "%d percent; allowed: 0 to 100", p.Value)
		}
	default:
		return InvalidField("mode", "%q is not known; allowed: mirror, cap, share, fixed, off", clip(string(p.Mode), 40))
	}
	if p.Buffer < 0 || p.Buffer > 1_000_000 {
		return InvalidField("buffer", "%d units; allowed: 0 to 1000000", p.Buffer)
	}
	return nil
}

// Of is the figure that the policy shows of so many available units.
func (p Publish) Of(available int64) int64 {
	free := max(0, available-p.Buffer)
	switch p.Mode {
	case PublishDefault, PublishMirror:
		return free
	case PublishCap:
		return min(free, p.Value)
	case PublishShare:
		return free * p.Value / 100
	case PublishFixed:
		return p.Value
	case PublishOff:
		return 0
	}
	return 0
}
