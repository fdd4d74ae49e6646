package orderhub

import (
	"regexp"
	"strings"
	"time"
)

// CodeKind is what sort of code a unit carries.
type CodeKind string

// The kinds of codes.
const (
	CodeCIS    CodeKind = "cis"    // marking code, "Честный знак"
	CodeUIN    CodeKind = "uin"    // jewellery
	CodeRNPT   CodeKind = "rnpt"   // traceable goods
	CodeGTD    CodeKind = "gtd"    // customs declaration; many units share one
	CodeIMEI   CodeKind = "imei"   // phones
	CodeSerial CodeKind = "serial" // whatever the maker wrote
)

// Unique tells whether a code names one unit in the world.
func (k CodeKind) Unique() bool {
	switch k {
	case CodeCIS, CodeUIN, CodeIMEI:
		return true
	case CodeRNPT, CodeGTD, CodeSerial:
		return false
	}
	return false
}

// UnitCode is a code of one unit.
type UnitCode struct {
	Kind CodeKind `json:"kind" enum:"cis,uin,rnpt,gtd,imei,serial" doc:"cis: marking code (Честный знак); uin: jewellery; rnpt: traceable goods; gtd: customs declaration; imei: phones; serial: the maker's number."`
	Code string   `json:"code" minLength:"1" maxLength:"255"`
}

// PackageItem is units of one line in a package.
type PackageItem struct {
	Line     int        `json:"line" minimum:"0" maximum:"1000" doc:"The place of the line in the order's lines, from 0."`
	Quantity int64      `json:"quantity" minimum:"1" maximum:"1000000"`
	Codes    []UnitCode `json:"codes,omitempty" maxItems:"2000" doc:"Codes of these units; of each kind at most one for a unit."`
}

// Package is one parcel of an order.
type Package struct {
	Number   string        `json:"number,omitempty" maxLength:"100" doc:"The warehouse's own."`
	Tracking string        `json:"tracking,omitempty" maxLength:"100"`
	Carrier  string        `json:"carrier,omitempty" maxLength:"100" doc:"The carrier's id where the channel wants one."`
	WeightG  int64         `json:"weight_g,omitempty" minimum:"0" maximum:"10000000"`
	Items    []PackageItem `json:"items,omitempty" maxItems:"500" doc:"Absent in the only package = everything."`
}

// Handed is what became of a part of a shipment on its way to the channel.
type Handed string

// What becomes of a part.
const (
	HandedOn Handed = "sent" // an effect was written, see the order's effects
	HandedNo Handed = "kept" // the channel takes no such thing, or refused; it is kept here
)

// HandedPart is a part of a shipment and what became of it.
type HandedPart struct {
	State Handed `json:"state" enum:"sent,kept"`
	Why   string `json:"why,omitempty"`
}

// ShipmentSent is what the channel is told of a shipment; an absent part is not in it.
type ShipmentSent struct {
	Tracking *HandedPart `json:"tracking,omitempty"`
	Packages *HandedPart `json:"packages,omitempty"`
	Codes    *HandedPart `json:"codes,omitempty"`
	Status   *HandedPart `json:"status,omitempty"`
}

// Shipment is how an order was packed, as a warehouse says. A newer one replaces it.
type Shipment struct {
	ID       int64        `json:"id"`
	OrderID  int64        `json:"number"`
	At       time.Time    `json:"at"`
	Actor    Actor        `json:"actor"`
	Packages []Package    `json:"packages"`
	Sent     ShipmentSent `json:"sent" doc:"What the channel is told of it."`
	// Current is false once a newer one replaced it.
	Current bool `json:"current"`
}

// Tracking gives the first tracking number and its carrier.
func (s *Shipment) Tracking() (number, carrier string) {
	for _, p := range s.Packages {
		if p.Tracking != "" {
			return p.Tracking, p.Carrier
		}
	}
	return "", ""
}

// HasCodes tells whether any unit carries a code.
func (s *Shipment) HasCodes() bool {
	for _, p := range s.Packages {
		for _, i := range p.Items {
			if len(i.Codes) > 0 {
				return true
			}
		}
	}
	return false
}

// Limits of a shipment.
const (
	maxPackages      = 100
	maxShipmentCodes = 5000
)

// CheckPackages checks packages against the lines of an order, and names the field
// that is wrong. The only package without items holds everything.
func CheckPackages(packages []Package, lines []Line) error {
	if len(packages) == 0 || len(packages) > maxPackages {
		return InvalidField("packages", "want 1 to %d packages", maxPackages)
	}
	if len(packages) == 1 && len(packages[0].Items) == 0 {
		for i, l := range lines {
			if l.Quantity > 0 {
				packages[0].Items = append(packages[0].Items, PackageItem{Line: i, Quantity: l.Quantity})
			}
		}
	}
	packed, codes, seen := map[int]int64{}, 0, map[UnitCode]bool{}
	for i, p := range packages {
		if len(p.Items) == 0 {
			return InvalidField("packages", "package %d is empty", i+1)
		}
		for _, item := range p.Items {
			if item.Line < 0 || item.Line >= len(lines) || lines[item.Line].Quantity == 0 {
				return InvalidField("line", "package %d: the order has no line %d", i+1, item.Line)
			}
			if packed[item.Line] += item.Quantity; item.Quantity < 1 || packed[item.Line] > lines[item.Line].Quantity {
				return InvalidField("quantity", "package %d: line %d has %d units", i+1, item.Line, lines[item.Line].Quantity)
			}
			if err := checkCodes(item, seen); err != nil {
				return err
			}
			codes += len(item.Codes)
		}
	}
	if codes > maxShipmentCodes {
		return InvalidField("codes", "%d codes; allowed: up to %d", codes, maxShipmentCodes)
	}
	return nil
}

func checkCodes(item PackageItem, seen map[UnitCode]bool) error {
	kinds := map[CodeKind]int64{}
	for _, c := range item.Codes {
		if why := codeFault(c); why != "" {
			return InvalidField("codes", "line %d: %s", item.Line, why)
		}
		if c.Kind.Unique() && seen[c] {
			return InvalidField("codes", "line %d: the same %s code stands there twice", item.Line, string(c.Kind))
		}
		seen[c] = true
		if kinds[c.Kind]++; kinds[c.Kind] > item.Quantity {
			return InvalidField("codes", "line %d: more %s codes than the %d units", item.Line, string(c.Kind), item.Quantity)
		}
	}
	return nil
}

var (
	uinCode  = regexp.MustCompile(`^[0-9]{15,16}$`)
	gs1Start = regexp.MustCompile(`^\(?01\)?([0-9]{14})\(?21\)?[!-~]`)
	gtdCode  = regexp.MustCompile(`^[0-9]{8}/[0-9]{6}/[0-9A-Za-zА-Яа-я]{7,8}(/[0-9]{1,3})?$`)
)

// codeFault says what is wrong with a code, "" = nothing.
func codeFault(c UnitCode) string {
	switch c.Kind {
	case CodeCIS:
		return cisFault(c.Code)
	case CodeUIN:
		if !uinCode.MatchString(c.Code) {
			return "a UIN has 16 digits"
		}
	case CodeIMEI:
		if len(c.Code) != 15 || !luhn(c.Code) {
			return "an IMEI has 15 digits, the last of which checks the others"
		}
	case CodeGTD:
		if !gtdCode.MatchString(c.Code) {
			return "the number of a customs declaration looks like 10702030/150126/0001234"
		}
	case CodeRNPT, CodeSerial:
		if strings.TrimSpace(c.Code) == "" || len(c.Code) > 100 || strings.ContainsFunc(c.Code, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
			return "want 1 to 100 bytes without control characters"
		}
	default:
		return "the kind of a code is cis, uin, rnpt, gtd, imei or serial"
	}
	return ""
}

// groupSeparator parts the fields of a marking code. Scanners send it as it is.
const groupSeparator = '\x1d'

// cisFault checks a marking code: a GS1 code with GTIN and serial, or one of the
// short ones of tobacco, which begin with the GTIN itself.
func cisFault(code string) string {
	if len(code) < 21 || len(code) > 255 {
		return "a marking code has 21 to 255 characters; scan the whole code"
	}
	for _, r := range code {
		if (r < '!' || r > '~') && r != groupSeparator {
			return "a marking code has Latin letters, digits, signs and the group separator only; is the scanner's keyboard set to English?"
		}
	}
	gtin := code[:14]
	if m := gs1Start.FindStringSubmatch(code); m != nil {
		gtin = m[1]
	}
	if !gtinFits(gtin) {
		return "the GTIN in the marking code is not right"
	}
	return ""
}

// gtinFits checks the last digit of a GTIN of 14 digits.
func gtinFits(gtin string) bool {
	sum := 0
	for i := range 14 {
		d := int(gtin[i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 0 {
			d *= 3
		}
		sum += d
	}
	return sum%10 == 0
}

func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
