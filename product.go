package orderhub

import (
	"strings"
	"time"
)

// Product is one article of the shop: one SKU, one stock figure, sold through
// any number of listings.
type Product struct {
	// SKU is the shop's own article. Text: "0557722" is not "557722".
	SKU      string   `json:"sku"`
	Name     string   `json:"name"`
	Barcodes []string `json:"barcodes,omitempty"`
	// Unit is what is counted: "шт", "м"; "" = pieces.
	Unit string `json:"unit,omitempty"`
	// Weight and size of one packed unit, 0 = not known.
	WeightG  int64 `json:"weight_g,omitempty"`
	LengthMM int64 `json:"length_mm,omitempty"`
	WidthMM  int64 `json:"width_mm,omitempty"`
	HeightMM int64 `json:"height_mm,omitempty"`
	// Marking tells that each unit carries a marking code (Честный знак).
	Marking bool `json:"marking,omitempty"`
	// Components make the product a kit: it has no stock of its own and is
	// available as often as its components are.
	Components []Component `json:"components,omitempty"`
	// Oversell is the product's own policy; "" follows the hub's default.
	Oversell OversellPolicy `json:"oversell,omitempty"`
	// Archived products are not offered any more; their history stays.
	Archived bool `json:"archived,omitempty"`

	Version   int64     `json:"version,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// Component is a part of a kit.
type Component struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// OversellPolicy is what the hub promises about selling one unit twice; the
// decisions of docs/oversell.md.
type OversellPolicy string

// The policies.
const (
	OversellDefault OversellPolicy = ""
	// OversellShared: every channel shows all that is available. The last unit
	// may be sold on two channels at once; the hub states how many units that can
	// be (exposure).
	OversellShared OversellPolicy = "shared"
	// OversellStrict: what all channels together may still sell never exceeds
	// what is available.
	OversellStrict OversellPolicy = "strict"
)

// Limits of a product's fields.
const (
	maxSKU        = 100
	maxName       = 1000
	maxBarcodes   = 50
	maxComponents = 100
	maxMeasure    = 10_000_000
)

// Check refuses what no product can be, naming the field and what is allowed.
func (p *Product) Check() error {
	if err := CheckSKU(p.SKU); err != nil {
		return err
	}
	switch {
	case len(p.Name) > maxName:
		return InvalidField("name", "%d bytes; allowed: up to %d", len(p.Name), maxName)
	case len(p.Unit) > 20:
		return InvalidField("unit", "%d bytes; allowed: up to 20", len(p.Unit))
	case len(p.Barcodes) > maxBarcodes:
		return InvalidField("barcodes", "%d of them; allowed: up to %d", len(p.Barcodes), maxBarcodes)
	case len(p.Components) > maxComponents:
		return InvalidField("components", "%d of them; allowed: up to %d", len(p.Components), maxComponents)
	}
	for _, b := range p.Barcodes {
		if b == "" || len(b) > 64 || strings.ContainsAny(b, "\n\r\t\x00 ") {
			return InvalidField("barcodes", "%q is none; a barcode has 1 to 64 characters and no spaces", clip(b, 40))
		}
	}
	for name, v := range map[string]int64{"weight_g": p.WeightG, "length_mm": p.LengthMM, "width_mm": p.WidthMM, "height_mm": p.HeightMM} {
		if v < 0 || v > maxMeasure {
			return InvalidField(name, "%d; allowed: 0 to %d", v, maxMeasure)
		}
	}
	switch p.Oversell {
	case OversellDefault, OversellShared, OversellStrict:
	default:
		return InvalidField("oversell", "%q is not known; allowed: shared, strict, or empty for the hub's default", clip(string(p.Oversell), 40))
	}
	return p.checkComponents()
}

func (p *Product) checkComponents() error {
	seen := map[string]bool{}
	for _, c := range p.Components {
		switch {
		case c.SKU == p.SKU:
			return InvalidField("components", "a kit cannot contain itself (%s)", clip(c.SKU, 60))
		case c.Quantity < 1 || c.Quantity > 10_000:
			return InvalidField("components", "%d units of %s; allowed: 1 to 10000", c.Quantity, clip(c.SKU, 60))
		case seen[c.SKU]:
			return InvalidField("components", "%s is named twice", clip(c.SKU, 60))
		}
		seen[c.SKU] = true
		if err := CheckSKU(c.SKU); err != nil {
			return err
		}
	}
	return nil
}

// CheckSKU tells whether a SKU can be kept: any text of 1 to 100 bytes without
// control characters and without spaces at its ends.
func CheckSKU(sku string) error {
	if sku == "" || len(sku) > maxSKU || strings.TrimSpace(sku) != sku || strings.ContainsFunc(sku, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return InvalidField("sku", "%q is not allowed; a SKU has 1 to %d bytes, no control characters and no spaces at its ends", clip(sku, 60), maxSKU)
	}
	return nil
}
