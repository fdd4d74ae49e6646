package exchange_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/exchange"
)

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// numbered is a file of n products.
func numbered(n int) []byte {
	var b bytes.Buffer
	b.WriteString("sku;name\n")
	for i := range n {
		fmt.Fprintf(&b, "%07d;Product %d\n", i, i)
	}
	return b.Bytes()
}

func TestModes(t *testing.T) {
	t.Parallel()
	file := append(numbered(1200), "bad;too;many\n"...)
	for _, c := range []struct {
		name    string
		opts    exchange.Options
		outcome exchange.Outcome
		batches []int
	}{
		{"all", exchange.Options{}, exchange.OutcomeRefused, nil},
		{"all by name", exchange.Options{Mode: exchange.ModeAll}, exchange.OutcomeRefused, nil},
		{"skip", exchange.Options{Mode: exchange.ModeSkip}, exchange.OutcomeImported, []int{500, 500, 200}},
		{"dry run", exchange.Options{Mode: exchange.ModeSkip, DryRun: true}, exchange.OutcomeChecked, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := newShelf()
			result, err := exchange.ImportProducts(t.Context(), source(file), target, c.opts)
			if err != nil {
				t.Fatal(err)
			}
			if result.Outcome != c.outcome || result.Rows != 1201 || result.Bad != 1 || int(result.Applied) != len(target.products) {
				t.Errorf("%+v", result)
			}
			diff(t, "batches", c.batches, target.batches)
		})
	}
	_, err := exchange.ImportProducts(t.Context(), source(file), newShelf(), exchange.Options{Mode: "some"})
	if orderhub.CodeOf(err) != orderhub.CodeInvalid {
		t.Error(err)
	}
}

// TestFaultWhileApplying leaves nothing with a transaction, whole batches
// without.
func TestFaultWhileApplying(t *testing.T) {
	t.Parallel()
	file := source(numbered(1200))
	with := &vault{shelf: newShelf()}
	with.failAt = 3
	result, err := exchange.ImportProducts(t.Context(), file, with, exchange.Options{})
	if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "apply lines 1002 to 1201") || result.Applied != 0 || len(with.products) != 0 || with.opened != 1 || result.Outcome != "" {
		t.Errorf("%+v, %v, %d left", result, err, len(with.products))
	}
	without := newShelf()
	without.failAt = 3
	result, err = exchange.ImportProducts(t.Context(), file, without, exchange.Options{})
	if !errors.Is(err, errDisk) || result.Applied != 1000 || len(without.products) != 1000 {
		t.Errorf("%+v, %v, %d left", result, err, len(without.products))
	}
	skip := &vault{shelf: newShelf()}
	if _, err := exchange.ImportProducts(t.Context(), file, skip, exchange.Options{Mode: exchange.ModeSkip}); err != nil || skip.opened != 0 {
		t.Errorf("%v, %d transactions", err, skip.opened)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	target := newShelf()
	_, err := exchange.ImportProducts(ctx, source(numbered(5000)), target, exchange.Options{Progress: func(p exchange.Progress) {
		if p.Rows == 1000 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || len(target.products) != 0 {
		t.Errorf("%v, %d left", err, len(target.products))
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	file := []byte("sku;components;name\n")
	for i := range 1200 {
		file = fmt.Appendf(file, "%07d;;x\n", i)
	}
	file = append(file, "KIT;0000001*2;kit\nbad;1;2;3;4\n"...)
	var steps []exchange.Progress
	_, err := exchange.ImportProducts(t.Context(), source(file), newShelf(), exchange.Options{
		Mode: exchange.ModeSkip, Progress: func(p exchange.Progress) { steps = append(steps, p) },
	})
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(file))
	last := exchange.Progress{}
	for i, p := range steps {
		if p.Stage == last.Stage && (p.Bytes < last.Bytes || p.Applied < last.Applied) || p.Bytes > p.Total {
			t.Errorf("step %d goes back: %+v after %+v", i, p, last)
		}
		if p.Stage == exchange.StageApply && last.Stage == exchange.StageCheck {
			diff(t, "end of check", exchange.Progress{Stage: exchange.StageCheck, Rows: 1202, Bad: 1, Bytes: size, Total: size}, last)
		}
		last = p
	}
	diff(t, "end", exchange.Progress{Stage: exchange.StageApply, Rows: 1202, Bad: 1, Applied: 1201, Bytes: 2 * size, Total: 2 * size}, last)
}

// TestRefusals of the target name the row's place in the file.
func TestRefusals(t *testing.T) {
	t.Parallel()
	target := newShelf()
	target.refuse = map[string]string{"0000700": "is on the list"}
	result, err := exchange.ImportProducts(t.Context(), source(numbered(1200)), target, exchange.Options{})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "errors", []exchange.RowError{{Line: 702, Column: "name", Sentence: "is on the list"}}, result.Errors)
	if result.Outcome != exchange.OutcomeRefused || len(target.products) != 0 {
		t.Errorf("%+v", result)
	}
}

// swap gives another file from the second reading of its beginning on.
type swap struct {
	first, then *bytes.Reader
	begun       int
}

func (s *swap) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 && len(p) == len(bom) {
		s.begun++
	}
	// The separator, the heading and the check come first.
	if s.begun > 3 {
		return s.then.ReadAt(p, off)
	}
	return s.first.ReadAt(p, off)
}

func TestFileChanges(t *testing.T) {
	t.Parallel()
	a, b := []byte("sku;marking\nA;yes\nB;yes\n"), []byte("sku;marking\nA;yes\nB;may\n")
	target := &vault{shelf: newShelf()}
	s := &swap{first: bytes.NewReader(a), then: bytes.NewReader(b)}
	_, err := exchange.ImportProducts(t.Context(), exchange.Source{File: s, Size: int64(len(a))}, target, exchange.Options{})
	if err == nil || !strings.Contains(err.Error(), "has changed") || len(target.products) != 0 {
		t.Errorf("%v, %d left, begun %d times", err, len(target.products), s.begun)
	}
}

// TestGivenColumns: what has no column stays as it is, an empty cell empties.
func TestGivenColumns(t *testing.T) {
	t.Parallel()
	old := orderhub.Product{SKU: "A", Name: "Чайник", Barcodes: []string{"1"}, WeightG: 5, Marking: true, Version: 7}
	target := newShelf(old)
	if _, err := exchange.ImportProducts(t.Context(), source([]byte("sku;barcode;oversell\nA;;strict\n")), target, exchange.Options{}); err != nil {
		t.Fatal(err)
	}
	want := old
	want.Barcodes, want.Oversell = nil, orderhub.OversellStrict
	diff(t, "product", want, target.products["A"])
}

func TestEncodingAndCommaByHand(t *testing.T) {
	t.Parallel()
	target := newShelf()
	_, err := exchange.ImportProducts(t.Context(), source([]byte("sku|name\nA|"+ansi("Ёж")+"\n")), target, exchange.Options{Encoding: exchange.EncodingANSI, Comma: '|'})
	if err != nil || target.products["A"].Name != "Ёж" {
		t.Errorf("%v, %q", err, target.products["A"].Name)
	}
	for _, opts := range []exchange.Options{{Encoding: "koi8-r"}, {Comma: '"'}, {Comma: '\n'}} {
		if _, err := exchange.ImportProducts(t.Context(), source([]byte("sku;name\nA;b\n")), newShelf(), opts); orderhub.CodeOf(err) != orderhub.CodeInvalid {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}
