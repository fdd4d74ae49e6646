package pipeline

import (
	"context"
	"fmt"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
	"github.com/orderhub/orderhub/store"
)

// StockImported is what became of a file of stock counts. Without bad rows a dry
// run tells the differences, too.
type StockImported struct {
	exchange.Result
	// Document is the stocktake that was written, 0 = none.
	Document int64 `json:"document,omitempty"`
	// Differ is how many products were counted otherwise than the book had them:
	// More units too many and Fewer too few, added up.
	Differ int64 `json:"differ"`
	More   int64 `json:"more"`
	Fewer  int64 `json:"fewer"`
}

// ImportCounts imports a file of stock counts as one stocktake. Products that
// are not in the file keep their figures. In exchange.ModeAll it is one
// transaction, see ImportProducts; with exchange.ModeSkip the lines of the
// document are committed batch by batch.
func (h *Hub) ImportCounts(ctx context.Context, src exchange.Source, note string, actor orderhub.Actor, opts exchange.Options) (StockImported, error) {
	t := &countTarget{hub: h, dry: opts.DryRun, done: &counted{}, paper: store.Document{
		Kind: orderhub.MoveCount, Warehouse: orderhub.MainWarehouse, Actor: scrubActor(actor), Note: text(note),
	}}
	result, err := exchange.ImportCounts(ctx, src, t, opts)
	out := StockImported{Result: result}
	if err == nil && (result.Outcome == exchange.OutcomeImported || result.Outcome == exchange.OutcomeChecked && result.Bad == 0) {
		out.Differ, out.More, out.Fewer = t.done.differ, t.done.more, t.done.fewer
	}
	if result.Applied > 0 {
		out.Document = t.done.document
	}
	return out, err
}

// countTarget takes the rows of a file of stock counts.
type countTarget struct {
	hub   *Hub
	tx    *store.Tx // nil = each batch has a transaction of its own
	dry   bool
	paper store.Document
	done  *counted
}

// counted is how far a stocktake has come.
type counted struct {
	document            int64
	lines               int
	differ, more, fewer int64
}

var (
	_ exchange.CountTarget                   = (*countTarget)(nil)
	_ exchange.Transactor[exchange.CountRow] = (*countTarget)(nil)
)

// Check implements exchange.Target.
func (t *countTarget) Check(ctx context.Context, rows []exchange.CountRow) ([]exchange.Refusal, error) {
	skus := make([]string, len(rows))
	for i, r := range rows {
		skus[i] = r.SKU
	}
	have, err := t.hub.productsBySKU(ctx, skus)
	if err != nil {
		return nil, err
	}
	var out []exchange.Refusal
	for i, r := range rows {
		p, there := have[r.SKU]
		switch {
		case !there:
			out = append(out, exchange.Refusal{Row: i, Field: exchange.FieldSKU, Unknown: r.SKU})
		case len(p.Components) > 0:
			out = append(out, exchange.Refusal{Row: i, Field: exchange.FieldSKU, Sentence: clean(r.SKU) + " is a kit; allowed: counts of its components"})
		}
	}
	if !t.dry {
		return out, nil
	}
	book, err := t.hub.store.StockOf(ctx, orderhub.MainWarehouse, skus)
	for _, r := range rows {
		t.done.add(r.Quantity - book[r.SKU].OnHand)
	}
	return out, err
}

func (c *counted) add(difference int64) {
	if difference == 0 {
		return
	}
	c.differ++
	c.more += max(0, difference)
	c.fewer += max(0, -difference)
}

// Apply implements exchange.Target.
func (t *countTarget) Apply(ctx context.Context, rows []exchange.CountRow) error {
	if t.tx != nil {
		return t.write(ctx, rows)
	}
	before := *t.done
	return t.hub.inOneTx(ctx, func(tx *store.Tx) error {
		*t.done = before
		return t.in(tx).write(ctx, rows)
	})
}

func (t *countTarget) in(tx *store.Tx) *countTarget {
	c := *t
	c.tx = tx
	return &c
}

// write adds lines to the document and begins it with the first of them.
func (t *countTarget) write(ctx context.Context, rows []exchange.CountRow) error {
	if t.done.document == 0 {
		if err := t.tx.BeginDocument(ctx, &t.paper); err != nil {
			return err
		}
		t.done.document = t.paper.ID
	}
	t.paper.ID = t.done.document
	lines := make([]store.DocumentLine, len(rows))
	for i, r := range rows {
		lines[i] = store.DocumentLine{SKU: r.SKU, Quantity: r.Quantity}
	}
	if err := t.tx.AddLines(ctx, &t.paper, t.done.lines, lines); err != nil {
		return err
	}
	t.done.lines += len(lines)
	for _, l := range lines {
		t.done.add(l.Quantity - l.Before)
	}
	return nil
}

// Transaction implements exchange.Transactor.
func (t *countTarget) Transaction(ctx context.Context, write func(context.Context, exchange.CountTarget) error) error {
	return t.hub.inOneTx(ctx, func(tx *store.Tx) error {
		*t.done = counted{}
		return write(ctx, t.in(tx))
	})
}

func lineWord(line int64) string { return fmt.Sprintf("line %d", line) }
