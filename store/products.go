package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
)

var productColumns = []string{"sku", "name", "unit", "weight_g", "length_mm", "width_mm", "height_mm", "marking", "oversell", "archived",
	"version", "created_at", "updated_at"}

// SaveProducts writes products, new or changed, with their barcodes and
// components; of several with one SKU the last counts. They must have passed
// Product.Check. A component that does not exist, or is a kit itself, is an
// error that names it, and so is a kit that was a plain product and has stock or
// orders that wait for it.
func (tx *Tx) SaveProducts(ctx context.Context, products []orderhub.Product) error {
	if len(products) == 0 {
		return nil
	}
	// In one order, so that two who save the same products wait for each other.
	products = lastBySKU(products)
	now := micros(tx.s.Now())
	rows, skus := make([][]any, 0, len(products)), make([]string, 0, len(products))
	var barcodes, components [][]any
	for _, p := range products {
		rows = append(rows, []any{p.SKU, p.Name, p.Unit, p.WeightG, p.LengthMM, p.WidthMM, p.HeightMM, flag(p.Marking), string(p.Oversell),
			flag(p.Archived), 1, now, now})
		skus = append(skus, p.SKU)
		for _, b := range slices.Compact(slices.Sorted(slices.Values(p.Barcodes))) {
			barcodes = append(barcodes, []any{b, p.SKU})
		}
		for _, c := range p.Components {
			components = append(components, []any{p.SKU, c.SKU, c.Quantity})
		}
	}
	become, err := tx.newKits(ctx, products)
	if err != nil {
		return err
	}
	changed, err := tx.upsertProducts(ctx, rows, skus)
	if err != nil {
		return fmt.Errorf("save products: %w", err)
	}
	if err := tx.q.insert(ctx, "product_barcodes", []string{"barcode", "sku"}, barcodes); err != nil {
		return fmt.Errorf("save barcodes: %w", err)
	}
	if err := tx.checkKits(ctx, products); err != nil {
		return err
	}
	if err := tx.checkEmpty(ctx, become); err != nil {
		return err
	}
	if err := tx.q.insert(ctx, "product_components", []string{"sku", "component", "quantity"}, components); err != nil {
		return fmt.Errorf("save components: %w", err)
	}
	// Nothing is offered yet of those that are new.
	return tx.MarkDirty(ctx, changed)
}

// upsertProducts writes the rows of products, clears the barcodes and components
// of those that were there before and returns their SKUs.
func (tx *Tx) upsertProducts(ctx context.Context, rows [][]any, skus []string) (changed []string, err error) {
	const update = ` ON CONFLICT (sku) DO UPDATE SET name = excluded.name,
		unit = excluded.unit, weight_g = excluded.weight_g, length_mm = excluded.length_mm, width_mm = excluded.width_mm,
		height_mm = excluded.height_mm, marking = excluded.marking, oversell = excluded.oversell, archived = excluded.archived,
		version = products.version + 1, updated_at = excluded.updated_at`
	var many [][]any
	for ; len(rows) >= insertRows; rows = rows[insertRows:] {
		many = append(many, slices.Concat(rows[:insertRows]...))
	}
	if err := tx.q.execMany(ctx, insertSQL("products", productColumns, insertRows)+update, many); err != nil {
		return nil, err
	}
	if err := tx.q.execMany(ctx, insertSQL("products", productColumns, 1)+update, rows); err != nil {
		return nil, err
	}
	// Asked afterwards: now the rows are ours, whoever made them a moment ago.
	cond, arg := tx.q.in("sku", skus)
	if changed, err = readTexts(ctx, tx.q, "SELECT sku FROM products WHERE version > 1 AND "+cond, arg); err != nil || len(changed) == 0 {
		return nil, err
	}
	_, gone := tx.q.in("sku", changed)
	for _, table := range []string{"product_barcodes", "product_components"} {
		if _, err := tx.q.exec(ctx, "DELETE FROM "+table+" WHERE "+cond, gone); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// lastBySKU sorts products and keeps the last of each SKU.
func lastBySKU(products []orderhub.Product) []orderhub.Product {
	last := make(map[string]int, len(products))
	for i, p := range products {
		last[p.SKU] = i
	}
	out := make([]orderhub.Product, 0, len(last))
	for _, sku := range slices.Sorted(maps.Keys(last)) {
		out = append(out, products[last[sku]])
	}
	return out
}

// checkKits refuses components that are not there or are kits themselves, and a
// kit of which another kit is made.
func (tx *Tx) checkKits(ctx context.Context, products []orderhub.Product) error {
	kits := map[string]bool{}
	var parts []string
	for _, p := range products {
		if len(p.Components) > 0 {
			kits[p.SKU] = true
		}
		for _, c := range p.Components {
			parts = append(parts, c.SKU)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	known, err := tx.productsExist(ctx, parts)
	if err != nil {
		return err
	}
	nested, err := kitsOf(ctx, tx.q, parts)
	if err != nil {
		return err
	}
	for _, sku := range parts {
		if !known[sku] {
			return orderhub.InvalidField("components", "there is no product %s", sku)
		}
		if kits[sku] || len(nested[sku]) > 0 {
			return orderhub.InvalidField("components", "%s is a kit itself; a kit is made of plain products", sku)
		}
	}
	used, arg := tx.q.in("component", slices.Collect(maps.Keys(kits)))
	rows, err := tx.q.query(ctx, "SELECT sku, component FROM product_components WHERE "+used+" LIMIT 1", arg)
	if err != nil {
		return fmt.Errorf("check kits: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		var sku, component string
		if err := rows.Scan(&sku, &component); err != nil {
			return fmt.Errorf("check kits: %w", err)
		}
		return orderhub.InvalidField("components", "%s is part of the kit %s and cannot become a kit", component, sku)
	}
	return rows.Err()
}

// newKits are those of the products that are kits and were none, as far as they
// were there.
func (tx *Tx) newKits(ctx context.Context, products []orderhub.Product) ([]string, error) {
	var kits []string
	for _, p := range products {
		if len(p.Components) > 0 {
			kits = append(kits, p.SKU)
		}
	}
	were, err := kitsOf(ctx, tx.q, kits)
	return slices.DeleteFunc(kits, func(sku string) bool { return len(were[sku]) > 0 }), err
}

// checkEmpty refuses products that are to become kits and have stock, which would
// never be sold or counted again, or orders that wait for it, which would never
// get it.
func (tx *Tx) checkEmpty(ctx context.Context, skus []string) error {
	if len(skus) == 0 {
		return nil
	}
	figures, err := tx.lockStock(ctx, orderhub.MainWarehouse, skus)
	if err != nil {
		return err
	}
	for _, s := range figures {
		if s.OnHand > 0 {
			return orderhub.InvalidField("components", "%s has stock of its own (on hand %d, reserved %d) and cannot become a kit; write it off or sell it first",
				s.SKU, s.OnHand, s.Reserved)
		}
	}
	cond, arg := tx.q.in("sku", skus)
	list, err := readDemands(ctx, tx.q, "WHERE warehouse = ? AND "+isShort+" AND "+cond+" ORDER BY sku, rank, holder LIMIT 1", orderhub.MainWarehouse, arg)
	if err != nil || len(list) == 0 {
		return err
	}
	holder := fmt.Sprintf("order %d waits", list[0].Holder)
	if list[0].Holder < 0 {
		holder = "a cart waits"
	}
	return orderhub.InvalidField("components", "%s cannot become a kit: %s for %d of it", list[0].SKU, holder, list[0].Short())
}

func (tx *Tx) productsExist(ctx context.Context, skus []string) (map[string]bool, error) {
	cond, arg := tx.q.in("sku", skus)
	found, err := readTexts(ctx, tx.q, "SELECT sku FROM products WHERE "+cond, arg)
	if err != nil {
		return nil, fmt.Errorf("look for products: %w", err)
	}
	out := make(map[string]bool, len(found))
	for _, sku := range found {
		out[sku] = true
	}
	return out, nil
}

// readTexts reads one column of text.
func readTexts(ctx context.Context, q querier, query string, args ...any) (out []string, err error) {
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, rows.Err()
}

// kitsOf reads what kits are made of, by the kit's SKU; plain products are not
// in the answer.
func kitsOf(ctx context.Context, q querier, skus []string) (map[string][]orderhub.Component, error) {
	if len(skus) == 0 {
		return nil, nil
	}
	cond, arg := q.in("sku", skus)
	rows, err := q.query(ctx, "SELECT sku, component, quantity FROM product_components WHERE "+cond+" ORDER BY sku, component", arg)
	if err != nil {
		return nil, fmt.Errorf("read kits: %w", err)
	}
	defer rows.Close()
	out := map[string][]orderhub.Component{}
	for rows.Next() {
		var sku string
		var c orderhub.Component
		if err := rows.Scan(&sku, &c.SKU, &c.Quantity); err != nil {
			return nil, fmt.Errorf("read kits: %w", err)
		}
		out[sku] = append(out[sku], c)
	}
	return out, rows.Err()
}

// HasProducts tells whether the shop keeps its goods in the hub.
func (s *Store) HasProducts(ctx context.Context) (bool, error) {
	rows, err := s.engine.reader().query(ctx, "SELECT 1 FROM products LIMIT 1")
	if err != nil {
		return false, fmt.Errorf("look for products: %w", err)
	}
	defer rows.Close()
	return rows.Next(), rows.Err()
}

// ProductFilter selects products. After continues a list by SKU.
type ProductFilter struct {
	// Text finds products by the beginning of SKU or barcode, or a part of the
	// name.
	Text string
	// SKUs, if not nil, selects just these.
	SKUs     []string
	Archived bool // archived ones too
	After    string
	Limit    int
}

// containing is the LIKE pattern, with ! as the escape, of texts that contain one.
func containing(text string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}

// ListProducts lists products by SKU with barcodes and components.
func (s *Store) ListProducts(ctx context.Context, f ProductFilter) (list []orderhub.Product, err error) {
	err = s.engine.snapshot(ctx, func(q querier) error {
		list, err = listProducts(ctx, q, f)
		return err
	})
	return list, err
}

// Product reads one product.
func (s *Store) Product(ctx context.Context, sku string) (orderhub.Product, error) {
	list, err := s.ListProducts(ctx, ProductFilter{SKUs: []string{sku}, Archived: true, Limit: 1})
	if err != nil {
		return orderhub.Product{}, err
	}
	if len(list) == 0 {
		return orderhub.Product{}, orderhub.Errorf(orderhub.CodeNotFound, "there is no product %q", sku)
	}
	return list[0], nil
}

func listProducts(ctx context.Context, q querier, f ProductFilter) ([]orderhub.Product, error) {
	var c condition
	if f.Text != "" {
		high := f.Text + "\U0010FFFF"
		c.add(`((sku >= ? AND sku < ?) OR sku IN (SELECT b.sku FROM product_barcodes b WHERE b.barcode >= ? AND b.barcode < ?) OR name LIKE ? ESCAPE '!')`,
			f.Text, high, f.Text, high, containing(f.Text))
	}
	if f.SKUs != nil {
		cond, arg := q.in("sku", f.SKUs)
		c.add(cond, arg)
	}
	if !f.Archived {
		c.add("archived = 0")
	}
	if f.After != "" {
		c.add("sku > ?", f.After)
	}
	rows, err := q.query(ctx, `SELECT sku, name, unit, weight_g, length_mm, width_mm, height_mm, marking, oversell, archived, version,
		created_at, updated_at FROM products`+c.where()+" ORDER BY sku LIMIT ?", append(c.args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	var out []orderhub.Product
	for rows.Next() {
		var p orderhub.Product
		var marking, archived, created, updated int64
		var oversell string
		if err := rows.Scan(&p.SKU, &p.Name, &p.Unit, &p.WeightG, &p.LengthMM, &p.WidthMM, &p.HeightMM, &marking, &oversell, &archived,
			&p.Version, &created, &updated); err != nil {
			rows.Close()
			return nil, fmt.Errorf("read products: %w", err)
		}
		p.Marking, p.Archived, p.Oversell = marking != 0, archived != 0, orderhub.OversellPolicy(oversell)
		p.CreatedAt, p.UpdatedAt = fromMicros(created), fromMicros(updated)
		out = append(out, p)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	return out, addParts(ctx, q, out)
}

// addParts fills in barcodes and components.
func addParts(ctx context.Context, q querier, products []orderhub.Product) error {
	if len(products) == 0 {
		return nil
	}
	at := map[string]int{}
	skus := make([]string, len(products))
	for i, p := range products {
		at[p.SKU], skus[i] = i, p.SKU
	}
	kits, err := kitsOf(ctx, q, skus)
	if err != nil {
		return err
	}
	for sku, parts := range kits {
		products[at[sku]].Components = parts
	}
	cond, arg := q.in("sku", skus)
	rows, err := q.query(ctx, "SELECT sku, barcode FROM product_barcodes WHERE "+cond+" ORDER BY sku, barcode", arg)
	if err != nil {
		return fmt.Errorf("read barcodes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var sku, barcode string
		if err := rows.Scan(&sku, &barcode); err != nil {
			return fmt.Errorf("read barcodes: %w", err)
		}
		p := &products[at[sku]]
		p.Barcodes = append(p.Barcodes, barcode)
	}
	return rows.Err()
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// SomeStrict tells whether any product is sold by the strict policy.
func (s *Store) SomeStrict(ctx context.Context) (bool, error) {
	q := s.engine.reader()
	if p, err := oversell(ctx, q); err != nil || p == orderhub.OversellStrict {
		return true, err
	}
	rows, err := q.query(ctx, "SELECT sku FROM products WHERE oversell = 'strict' LIMIT 1")
	if err != nil {
		return true, fmt.Errorf("look for strict products: %w", err)
	}
	defer rows.Close()
	return rows.Next(), rows.Err()
}
