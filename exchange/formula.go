package exchange

import "strings"

// Excel takes a CSV cell that begins with = + - @ for a formula, quotes or no
// quotes. The usual remedies, an apostrophe, a space or a tab in front, change
// the text: a SKU would come back as another SKU. So such a text is written as
// a formula that can only be that text:
//
//	-100 is written ="-100"
//
// Excel, LibreOffice and Google Sheets show -100 and keep it a text; reading the
// file here takes the wrapping off. Quotes inside are doubled, so that nothing
// can get out of the literal, and long texts are joined of parts, since Excel
// allows 255 characters in one. XLSX files know texts from formulas and need
// none of this.

const maxLiteral = 255

// isFormula tells whether a spreadsheet may take a text for a formula. The wide
// forms count in East Asian editions.
func isFormula(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n\u00a0")
	for _, start := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	return false
}

// quoteFormula writes a text as a formula that is that text.
func quoteFormula(text string) string {
	var b strings.Builder
	b.WriteByte('=')
	for part, runes := 0, []rune(text); part == 0 || part < len(runes); part += maxLiteral {
		if part > 0 {
			b.WriteByte('&')
		}
		literal := string(runes[part:min(part+maxLiteral, len(runes))])
		b.WriteString(`"` + strings.ReplaceAll(literal, `"`, `""`) + `"`)
	}
	return b.String()
}

// unquoteFormula takes quoteFormula's wrapping off, and that of other programs
// that write ="0557722".
func unquoteFormula(cell string) (string, bool) {
	if !strings.HasPrefix(cell, `="`) {
		return "", false
	}
	rest, text := cell[1:], strings.Builder{}
	for {
		if rest == "" || rest[0] != '"' {
			return "", false
		}
		rest = rest[1:]
		for {
			at := strings.IndexByte(rest, '"')
			if at < 0 {
				return "", false
			}
			text.WriteString(rest[:at])
			rest = rest[at+1:]
			if !strings.HasPrefix(rest, `"`) {
				break
			}
			text.WriteByte('"')
			rest = rest[1:]
		}
		if rest == "" {
			return text.String(), true
		}
		if rest[0] != '&' {
			return "", false
		}
		rest = rest[1:]
	}
}
