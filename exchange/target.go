package exchange

import (
	"context"

	"github.com/orderhub/orderhub"
)

// ProductRow is a row of a file of products.
type ProductRow struct {
	Line int64
	// Product has the fields that the file has columns for. An empty cell empties
	// its field; a field without a column is not spoken of.
	Product orderhub.Product
	Given   Fields
}

// Onto gives a product with what the row says laid over it.
func (r ProductRow) Onto(p orderhub.Product) orderhub.Product {
	p.SKU = r.Product.SKU
	for i, c := range columns {
		if r.Given&(1<<i) == 0 {
			continue
		}
		switch c.field {
		case FieldName:
			p.Name = r.Product.Name
		case FieldBarcodes:
			p.Barcodes = r.Product.Barcodes
		case FieldUnit:
			p.Unit = r.Product.Unit
		case FieldWeight:
			p.WeightG = r.Product.WeightG
		case FieldLength:
			p.LengthMM = r.Product.LengthMM
		case FieldWidth:
			p.WidthMM = r.Product.WidthMM
		case FieldHeight:
			p.HeightMM = r.Product.HeightMM
		case FieldMarking:
			p.Marking = r.Product.Marking
		case FieldComponents:
			p.Components = r.Product.Components
		case FieldOversell:
			p.Oversell = r.Product.Oversell
		case FieldArchived:
			p.Archived = r.Product.Archived
		case FieldSKU, FieldQuantity:
		}
	}
	return p
}

// CountRow is a row of a file of stock counts: so many units are on hand.
type CountRow struct {
	Line     int64
	SKU      string
	Quantity int64
}

// Refusal is what a Target has against a row that is right in itself.
type Refusal struct {
	// Row is the row's place in the batch.
	Row int
	// Field is the column to name; "" = the row as a whole.
	Field Field
	// Unknown is a SKU that the row refers to and no product has. The sentence is
	// then the import's, and the refusal is dropped when the file itself brings
	// that product in a good row.
	Unknown string
	// Sentence says what is wrong and what is allowed.
	Sentence string
}

// Target takes the rows of a file; it is ProductTarget or CountTarget.
type Target[Row any] interface {
	// Check looks at what the rows refer to: components that are no products,
	// counts of unknown SKUs or of kits. It changes nothing. An error that it
	// returns ends the import.
	Check(ctx context.Context, rows []Row) ([]Refusal, error)
	// Apply writes up to BatchRows rows in one transaction, or in the one that is
	// open. Applying a row again changes nothing. Products with components come
	// after all those without.
	Apply(ctx context.Context, rows []Row) error
}

// Transactor is a Target that can hold one transaction over a whole file: what
// write does with the Target that it is given is kept only when write returns
// nil. ModeAll uses it when it is there; without it a fault in the middle of
// applying (not a bad row) leaves the batches before it applied.
type Transactor[Row any] interface {
	Transaction(ctx context.Context, write func(context.Context, Target[Row]) error) error
}

// The targets of the two kinds of files.
type (
	ProductTarget = Target[ProductRow]
	CountTarget   = Target[CountRow]
)
