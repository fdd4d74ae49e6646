package exchange

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/orderhub/orderhub"
)

// Limits of numbers.
const (
	maxQuantity = 1_000_000_000
	maxMeasure  = 10_000_000 // as orderhub.Product.Check has it
	// exactDigits is how many digits Excel keeps of a number.
	exactDigits = 15
)

var (
	// spaced are the characters that Excel and 1C put between thousands.
	spaced = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", "\u2009", "")

	decimal    = regexp.MustCompile(`^([0-9]+)(?:[.,]([0-9]+))?$`)
	scientific = regexp.MustCompile(`^[0-9]+([.,][0-9]+)?[eE]\+[0-9]+$`)
)

// parseNumber reads a number of so many units; a cell of 0,5 with the factor
// 1000 is 500. The sentence says what is wrong, "" = nothing.
func parseNumber(c cell, factor, most int64) (int64, string) {
	if len(c.text) < 18 && digitsOnly(c.text) && factor == 1 { // nearly all
		if n, err := strconv.ParseInt(c.text, 10, 64); err == nil && n <= most {
			return n, ""
		}
	}
	text := spaced.Replace(c.text)
	parts := decimal.FindStringSubmatch(text)
	if parts == nil {
		return 0, quote(c.text) + " is not a number from 0 to " + strconv.FormatInt(most, 10)
	}
	units, fraction := parts[1], strings.TrimRight(parts[2], "0")
	// 12,000 is twelve for 1C and twelve thousand for an English Excel.
	if factor == 1 && c.kind == cellPlain && len(parts[2]) == 3 && len(units) <= 3 && strings.Trim(units, "0") != "" && text == c.text {
		return 0, quote(text) + " may mean " + units + " or " + units + parts[2] + "; write it without a point or comma"
	}
	digits := len(strconv.FormatInt(factor, 10)) - 1
	if len(fraction) > digits {
		if factor == 1 {
			return 0, quote(c.text) + " is not a whole number; allowed: 0 to " + strconv.FormatInt(most, 10)
		}
		return 0, quote(c.text) + " has too many decimals; allowed: " + strconv.Itoa(digits)
	}
	n, err := strconv.ParseInt(units+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil || n > most {
		return 0, quote(c.text) + " is too much; allowed: 0 to " + strconv.FormatFloat(float64(most)/float64(factor), 'f', -1, 64)
	}
	return n, ""
}

// parseFlag reads yes or no.
func parseFlag(c cell) (bool, string) {
	switch strings.ToLower(c.text) {
	case "yes", "y", "true", "1", "+", "да", "истина":
		return true, ""
	case "", "no", "n", "false", "0", "-", "нет", "ложь":
		return false, ""
	}
	return false, quote(c.text) + " is neither yes nor no; allowed: yes, no, да, нет, true, false, 1, 0, +, -"
}

func parseOversell(c cell) (orderhub.OversellPolicy, string) {
	switch strings.ToLower(c.text) {
	case "":
		return orderhub.OversellDefault, ""
	case string(orderhub.OversellShared), "общий":
		return orderhub.OversellShared, ""
	case string(orderhub.OversellStrict), "строгий":
		return orderhub.OversellStrict, ""
	}
	return "", quote(c.text) + " is not known; allowed: shared, strict, or empty for the hub's default"
}

// The separators inside a cell.
const (
	barcodeBreaks   = " \t\r\n\u00a0,;|"
	componentBreaks = ";\r\n"
)

// parseBarcodes adds the barcodes of a cell; one that comes twice counts once.
func parseBarcodes(codes []string, text string) []string {
	for _, code := range split(text, barcodeBreaks) {
		if code = unescape(code); !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	return codes
}

func formatBarcodes(codes []string) string {
	written := make([]string, len(codes))
	for i, code := range codes {
		written[i] = escape(code, barcodeBreaks+`\`)
	}
	return strings.Join(written, ", ")
}

// parseComponents reads "0557722*2; A-1*1".
func parseComponents(text string) ([]orderhub.Component, string) {
	var parts []orderhub.Component
	for _, part := range split(text, componentBreaks) {
		c := orderhub.Component{Quantity: 1}
		sku, quantity := part, ""
		if at := lastBare(part, '*'); at >= 0 {
			sku, quantity = part[:at], strings.TrimSpace(part[at+1:])
			n, err := strconv.ParseInt(quantity, 10, 32)
			if err != nil {
				return nil, quote(part) + " is no component; allowed: SKU*quantity between semicolons, e.g. 0557722*2; A-1*1"
			}
			c.Quantity = n
		}
		c.SKU = unescape(strings.TrimSpace(sku))
		parts = append(parts, c)
	}
	return parts, ""
}

func formatComponents(parts []orderhub.Component) string {
	written := make([]string, len(parts))
	for i, c := range parts {
		written[i] = escape(c.SKU, componentBreaks+`*\`) + "*" + strconv.FormatInt(c.Quantity, 10)
	}
	return strings.Join(written, "; ")
}

// escape puts a backslash before each of the characters.
func escape(text, chars string) string {
	if !strings.ContainsAny(text, chars) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune(chars, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// split cuts at bare separators and drops empty parts; the parts stay escaped.
func split(text, breaks string) []string {
	var parts []string
	start, escaped := 0, false
	cut := func(end int) {
		if part := strings.TrimSpace(text[start:end]); part != "" {
			parts = append(parts, part)
		}
	}
	for i, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case strings.ContainsRune(breaks, r):
			cut(i)
			start = i + utf8.RuneLen(r)
		}
	}
	cut(len(text))
	return parts
}

// lastBare is the last place of a byte that has no backslash before it.
func lastBare(text string, b byte) int {
	last := -1
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case b:
			last = i
		}
	}
	return last
}

func quote(text string) string { return strconv.Quote(clip(text)) }
