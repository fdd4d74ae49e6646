package exchange

import (
	"slices"
	"strings"
	"unicode"
)

// Field is what a column holds. It is the heading of English exports, too.
type Field string

// The fields.
const (
	FieldSKU        Field = "sku"
	FieldName       Field = "name"
	FieldBarcodes   Field = "barcodes"
	FieldUnit       Field = "unit"
	FieldWeight     Field = "weight_g"
	FieldLength     Field = "length_mm"
	FieldWidth      Field = "width_mm"
	FieldHeight     Field = "height_mm"
	FieldMarking    Field = "marking"
	FieldComponents Field = "components"
	FieldOversell   Field = "oversell"
	FieldArchived   Field = "archived"
	FieldQuantity   Field = "quantity"
)

// Fields is a set of fields.
type Fields uint32

// Has tells whether the field is in the set.
func (f Fields) Has(field Field) bool {
	at := slices.IndexFunc(columns, func(c column) bool { return c.field == field })
	return at >= 0 && f&(1<<at) != 0
}

func (f *Fields) add(field Field) {
	*f |= 1 << slices.IndexFunc(columns, func(c column) bool { return c.field == field })
}

// column is a field with the headings it is known by. Headings are compared by
// their letters and digits alone: "Вес, г" and "вес_г*" are one.
type column struct {
	field Field
	// ru is the heading of Russian exports.
	ru      string
	aliases []string
	// scaled are headings of the same field in a bigger unit.
	scaled []scale
	// unitless are headings that leave the unit open; taking them earns a warning.
	unitless []string
	holds    string // for COLUMNS.md
	products bool
	counts   bool
}

type scale struct {
	factor  int64
	aliases []string
}

// columns are in the order of an export.
var columns = []column{
	{field: FieldSKU, ru: "Артикул", products: true, counts: true,
		aliases: []string{"арт", "артикул продавца", "артикул товара", "код товара", "article", "seller sku", "vendor code", "offer id"},
		holds:   "text of 1 to 100 bytes; 0557722 is not 557722"},
	{field: FieldName, ru: "Название", products: true,
		aliases: []string{"наименование", "название товара", "наименование товара", "товар", "номенклатура", "title", "product name"},
		holds:   "text of up to 1000 bytes"},
	{field: FieldBarcodes, ru: "Штрихкоды", products: true,
		aliases: []string{"штрихкод", "штрихкод товара", "баркод", "баркоды", "barcode", "ean", "ean13", "gtin"},
		holds:   "barcodes between spaces, commas, semicolons, bars or line breaks; several columns are added up; a backslash before a separator makes it part of the barcode"},
	{field: FieldUnit, ru: "Единица", products: true,
		aliases: []string{"ед", "ед изм", "единица измерения", "uom"},
		holds:   "text of up to 20 bytes; empty = pieces"},
	{field: FieldWeight, ru: "Вес, г", products: true,
		aliases: []string{"вес граммы", "weight grams"}, unitless: []string{"вес", "weight"},
		scaled: []scale{{1000, []string{"вес кг", "weight kg"}}},
		holds:  "whole grams; columns in kilograms may have decimals"},
	{field: FieldLength, ru: "Длина, мм", products: true,
		unitless: []string{"длина", "length"}, scaled: []scale{{10, []string{"длина см", "length cm"}}},
		holds: "whole millimetres; columns in centimetres may have decimals"},
	{field: FieldWidth, ru: "Ширина, мм", products: true,
		unitless: []string{"ширина", "width"}, scaled: []scale{{10, []string{"ширина см", "width cm"}}},
		holds: "as the length"},
	{field: FieldHeight, ru: "Высота, мм", products: true,
		unitless: []string{"высота", "height"}, scaled: []scale{{10, []string{"высота см", "height cm"}}},
		holds: "as the length"},
	{field: FieldMarking, ru: "Маркировка", products: true,
		aliases: []string{"честный знак", "marking required"},
		holds:   "yes, no, да, нет, true, false, 1, 0, +, -; empty = no"},
	{field: FieldComponents, ru: "Состав", products: true,
		aliases: []string{"комплект", "состав комплекта", "компоненты", "kit", "bundle"},
		holds:   "SKU*quantity between semicolons or line breaks: 0557722*2; A-1*1. Without *quantity it is 1. A backslash before ; * or \\ makes it part of the SKU"},
	{field: FieldOversell, ru: "Перепродажа", products: true,
		aliases: []string{"политика остатков", "oversell policy"},
		holds:   "shared, strict, or empty for the hub's default; общий, строгий"},
	{field: FieldArchived, ru: "Архив", products: true,
		aliases: []string{"в архиве", "архивный", "archive"},
		holds:   "as marking"},
	{field: FieldQuantity, ru: "Остаток", counts: true,
		aliases: []string{"остатки", "количество", "кол во", "на складе", "факт", "qty", "stock", "count", "on hand", "in stock"},
		holds:   "whole units, 0 to 1000000000. 1 200 and 12,00 are read; 12,000 in a CSV file is refused, since it may mean 12 or 12000"},
}

// binding is a column of a file that was understood.
type binding struct {
	heading  string
	field    Field
	factor   int64
	unitless bool
}

// headings is the table of all names, plain form first.
var headings = func() map[string]binding {
	all := map[string]binding{}
	for _, c := range columns {
		add := func(factor int64, unitless bool, names ...string) {
			for _, name := range names {
				all[plain(name)] = binding{field: c.field, factor: factor, unitless: unitless}
			}
		}
		add(1, false, string(c.field), c.ru)
		add(1, false, c.aliases...)
		add(1, true, c.unitless...)
		for _, s := range c.scaled {
			add(s.factor, false, s.aliases...)
		}
	}
	return all
}()

// plain is a heading by its letters and digits.
func plain(heading string) string {
	return strings.Map(func(r rune) rune {
		r = unicode.ToLower(r)
		switch {
		case r == 'ё':
			return 'е'
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			return r
		}
		return -1
	}, heading)
}

// layout is the heading row of a file.
type layout struct {
	line     int64
	headings []string
	// columns are by place; nil = not for us.
	columns []*binding
	given   Fields
	known   int
}

// layoutOf takes a row for the heading. It is none without the SKU and one more
// column of the kind of file.
func layoutOf(line int64, cells []cell, counts bool) (*layout, bool) {
	l := &layout{line: line}
	for _, c := range cells {
		heading := strings.TrimSpace(c.text)
		l.headings = append(l.headings, clip(heading))
		b, known := headings[plain(heading)]
		if known {
			at := slices.IndexFunc(columns, func(c column) bool { return c.field == b.field })
			known = columns[at].products && !counts || columns[at].counts && counts
		}
		if !known {
			l.columns = append(l.columns, nil)
			continue
		}
		b.heading = clip(heading)
		l.columns = append(l.columns, &b)
		l.given.add(b.field)
		l.known++
	}
	for n := len(l.headings); n > 0 && l.headings[n-1] == ""; n-- {
		l.headings, l.columns = l.headings[:n-1], l.columns[:n-1]
	}
	return l, l.given.Has(FieldSKU) && l.known > 1
}

// check refuses a heading that names one field twice.
func (l *layout) check(counts bool) error {
	seen := map[Field]string{}
	for _, b := range l.columns {
		if b == nil {
			continue
		}
		if first, twice := seen[b.field]; twice && b.field != FieldBarcodes {
			return refuse("line %d: the columns %q and %q both mean %s; allowed: one of them", l.line, first, b.heading, b.field)
		}
		seen[b.field] = b.heading
	}
	if counts && !l.given.Has(FieldQuantity) {
		return refuse("line %d: there is no column %s", l.line, FieldQuantity)
	}
	return nil
}

// heading is the file's own name of a field.
func (l *layout) heading(field Field) string {
	for _, b := range l.columns {
		if b != nil && b.field == field {
			return b.heading
		}
	}
	return string(field)
}
