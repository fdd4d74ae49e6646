package pipeline

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
	"github.com/orderhub/orderhub/store"
)

// ProductsImported is what became of a file of products. New, Changed and Same
// add up to the rows that were applied; after a dry run without bad rows they
// say what an import would do.
type ProductsImported struct {
	exchange.Result
	New     int64 `json:"new"`
	Changed int64 `json:"changed"`
	Same    int64 `json:"same"`
}

// ImportProducts imports a file of products; a row changes the fields that the
// file has columns for. In exchange.ModeAll it is one transaction, for as long
// as which nothing else is written to a SQLite database.
func (h *Hub) ImportProducts(ctx context.Context, src exchange.Source, opts exchange.Options) (ProductsImported, error) {
	t := &productTarget{hub: h, kits: map[string]int64{}, parts: map[string]int64{}, done: &ProductsImported{}, dry: opts.DryRun}
	result, err := exchange.ImportProducts(ctx, src, t, opts)
	t.done.Result = result
	if result.Outcome != exchange.OutcomeImported && (result.Outcome != exchange.OutcomeChecked || result.Bad > 0) {
		t.done.New, t.done.Changed, t.done.Same = 0, 0, 0
	}
	return *t.done, err
}

// AllProducts reads every product, archived ones too, by SKU. Each page of them
// is of its own moment: a long export holds nothing up.
func (h *Hub) AllProducts(ctx context.Context) iter.Seq2[orderhub.Product, error] {
	const page = 1000
	return func(yield func(orderhub.Product, error) bool) {
		for after := ""; ; {
			list, err := h.store.ListProducts(ctx, store.ProductFilter{Archived: true, After: after, Limit: page})
			if err != nil {
				yield(orderhub.Product{}, err)
				return
			}
			for _, p := range list {
				if !yield(p, nil) {
					return
				}
			}
			if len(list) < page {
				return
			}
			after = list[len(list)-1].SKU
		}
	}
}

// inOneTx runs f in a transaction and rings the warehouse.
func (h *Hub) inOneTx(ctx context.Context, f func(tx *store.Tx) error) error {
	return h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.ManyRows(ctx); err != nil {
			return err
		}
		if err := f(tx); err != nil {
			return err
		}
		return h.jobs.Ring(ctx, tx, stockLane)
	})
}

// productTarget takes the rows of a file of products.
type productTarget struct {
	hub  *Hub
	tx   *store.Tx // nil = each batch has a transaction of its own
	done *ProductsImported
	dry  bool
	// kits are the kits of the file, parts what they are made of, with the lines:
	// the file must not make a kit of what is part of another.
	kits, parts map[string]int64
}

var (
	_ exchange.ProductTarget                   = (*productTarget)(nil)
	_ exchange.Transactor[exchange.ProductRow] = (*productTarget)(nil)
)

// read reads products that are there; inside a transaction it locks them.
func (t *productTarget) read(ctx context.Context, skus []string) (map[string]orderhub.Product, error) {
	if t.tx != nil {
		return t.tx.LockProducts(ctx, skus)
	}
	return t.hub.productsBySKU(ctx, skus)
}

func (h *Hub) productsBySKU(ctx context.Context, skus []string) (map[string]orderhub.Product, error) {
	list, err := h.store.ListProducts(ctx, store.ProductFilter{SKUs: skus, Archived: true, Limit: len(skus)})
	out := make(map[string]orderhub.Product, len(list))
	for _, p := range list {
		out[p.SKU] = p
	}
	return out, err
}

func (t *productTarget) kitsWith(ctx context.Context, components []string) (map[string]string, error) {
	if t.tx != nil {
		return t.tx.KitsWith(ctx, components)
	}
	return t.hub.store.KitsWith(ctx, components)
}

// Check implements exchange.Target.
func (t *productTarget) Check(ctx context.Context, rows []exchange.ProductRow) ([]exchange.Refusal, error) {
	var skus, kits []string
	for _, r := range rows {
		skus = append(skus, r.Product.SKU)
		for _, c := range r.Product.Components {
			skus = append(skus, c.SKU)
		}
		if len(r.Product.Components) > 0 {
			kits = append(kits, r.Product.SKU)
		}
	}
	slices.Sort(skus)
	have, err := t.read(ctx, slices.Compact(skus))
	if err != nil {
		return nil, err
	}
	partOf, err := t.kitsWith(ctx, kits)
	if err != nil {
		return nil, err
	}
	var out []exchange.Refusal
	for i, r := range rows {
		was, there := have[r.Product.SKU]
		p := r.Onto(was)
		for _, refusal := range t.refuse(r, p, have, partOf) {
			refusal.Row = i
			out = append(out, refusal)
		}
		if t.dry {
			t.done.count(was, p, there)
		}
	}
	return out, nil
}

// refuse tells what is wrong with a row beside what it says by itself.
func (t *productTarget) refuse(r exchange.ProductRow, p orderhub.Product, have map[string]orderhub.Product, partOf map[string]string) []exchange.Refusal {
	var e *orderhub.Error
	if err := p.Check(); errors.As(err, &e) {
		return []exchange.Refusal{{Field: exchange.Field(e.Field), Sentence: strings.TrimPrefix(e.Sentence, e.Field+": ")}}
	}
	if len(r.Product.Components) == 0 {
		return nil
	}
	say := func(sentence string) exchange.Refusal {
		return exchange.Refusal{Field: exchange.FieldComponents, Sentence: sentence}
	}
	var out []exchange.Refusal
	if kit := partOf[p.SKU]; kit != "" {
		out = append(out, say(clean(p.SKU)+" is part of the kit "+clean(kit)+" and cannot become a kit"))
	} else if line := t.parts[p.SKU]; line > 0 {
		out = append(out, say(clean(p.SKU)+" is part of the kit in "+lineWord(line)+" and cannot be a kit"))
	}
	for _, c := range p.Components {
		part, there := have[c.SKU]
		switch line := t.kits[c.SKU]; {
		case len(part.Components) > 0:
			out = append(out, say(clean(c.SKU)+" is a kit itself; a kit is made of plain products"))
		case line > 0:
			out = append(out, say(clean(c.SKU)+" is a kit itself in "+lineWord(line)+"; a kit is made of plain products"))
		case !there:
			out = append(out, exchange.Refusal{Field: exchange.FieldComponents, Unknown: c.SKU})
		}
	}
	if !slices.ContainsFunc(out, func(r exchange.Refusal) bool { return r.Unknown == "" }) {
		// Copied: the texts of a row hang together in memory.
		t.kits[strings.Clone(p.SKU)] = r.Line
		for _, c := range p.Components {
			t.parts[strings.Clone(c.SKU)] = r.Line
		}
	}
	return out
}

// Apply implements exchange.Target. Products that are so already are not written.
func (t *productTarget) Apply(ctx context.Context, rows []exchange.ProductRow) error {
	if t.tx != nil {
		return t.write(ctx, rows)
	}
	before := *t.done
	return t.hub.inOneTx(ctx, func(tx *store.Tx) error {
		*t.done = before
		return t.in(tx).write(ctx, rows)
	})
}

func (t *productTarget) in(tx *store.Tx) *productTarget {
	c := *t
	c.tx = tx
	return &c
}

func (t *productTarget) write(ctx context.Context, rows []exchange.ProductRow) error {
	skus := make([]string, len(rows))
	for i, r := range rows {
		skus[i] = r.Product.SKU
	}
	have, err := t.read(ctx, skus)
	if err != nil {
		return err
	}
	list := make([]orderhub.Product, 0, len(rows))
	for _, r := range rows {
		was, there := have[r.Product.SKU]
		p := r.Onto(was)
		if err := p.Check(); err != nil {
			return Within(lineWord(r.Line), err)
		}
		if t.done.count(was, p, there) {
			list = append(list, p)
		}
	}
	return t.tx.SaveProducts(ctx, list)
}

// Transaction implements exchange.Transactor.
func (t *productTarget) Transaction(ctx context.Context, write func(context.Context, exchange.ProductTarget) error) error {
	return t.hub.inOneTx(ctx, func(tx *store.Tx) error {
		*t.done = ProductsImported{}
		return write(ctx, t.in(tx))
	})
}

// count counts a row and tells whether it changes something.
func (d *ProductsImported) count(was, now orderhub.Product, there bool) bool {
	switch {
	case !there:
		d.New++
	case sameProduct(was, now):
		d.Same++
		return false
	default:
		d.Changed++
	}
	return true
}

// sameProduct compares products as they would be kept.
func sameProduct(a, b orderhub.Product) bool {
	for _, p := range []*orderhub.Product{&a, &b} {
		p.Barcodes = slices.Compact(slices.Sorted(slices.Values(p.Barcodes)))
		p.Components = slices.SortedFunc(slices.Values(p.Components), func(x, y orderhub.Component) int { return strings.Compare(x.SKU, y.SKU) })
	}
	return reflect.DeepEqual(a, b)
}
