package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/filebox"
	"github.com/orderhub/orderhub/store"
)

// TestStocktakesInJSON: what does not say how many there are is no count of none, and
// nothing of such a file may stop the exchange.
func TestStocktakesInJSON(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, w *fileWorld) {
		w.must(w.hub.SaveProducts(t.Context(), []orderhub.Product{{SKU: "A", Name: "A"}, {SKU: "B", Name: "B"}}))
		w.bring("stock-00.csv", "sku;quantity\nA;5\n")
		for i, bad := range []string{
			`[{"sku":"A"}]`, `[{"sku":"A","qty":9}]`, `[{"sku":"A","quantity":null}]`, `[{"sku":"B","quantity":1},{"sku":"A"}]`, `[{"sku":"A","quantity":"7"}]`,
			`[{"sku":"A","quantity":1.5}]`, `[]`, `null`, `{}`, `[{"sku":"A\u0000","quantity":1}]`, `[{"sku":"","quantity":1}]`, `[{"sku":"A","quantity":3}] [`,
			`[{"sku":"A","quantity":1},{"sku":"A","quantity":2}]`,
		} {
			w.bring(fmt.Sprintf("stock-%02d.json", i+1), bad)
		}
		w.bring("stock-98.json", "\ufeff"+`[{"sku":"B","quantity":8}]`)
		w.bring("status-99.json", `[{"number":4711,"status":"packed\u0000","tracking":"\u0000","comment":"\u0000"}]`)
		w.round()
		if w.onHand("A") != 5 || w.onHand("B") != 8 {
			t.Errorf("A %d, want 5; B %d, want 8", w.onHand("A"), w.onHand("B"))
		}
		if got := w.names("in"); len(got) > 0 {
			t.Errorf("left: %v", got)
		}
		if got := w.names("archive"); len(got) != 3 {
			t.Errorf("archived: %v", got)
		}
	})
}

// TestTheSameFileAfterAKill: killed after the file was moved away and before that was
// written down, the hub takes the next file of this name and content all the same.
func TestTheSameFileAfterAKill(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, w *fileWorld) {
		ctx := t.Context()
		w.must(w.hub.SaveProducts(ctx, []orderhub.Product{{SKU: "A", Name: "A"}}))
		const count = "sku;quantity\nA;5\n"
		w.bring("stock.csv", count)
		w.round()
		f, ok, err := w.store.LastExchangedFile(ctx, w.id, "stock.csv")
		w.must(err)
		if !ok || f.State != orderhub.ExchangedArchived {
			t.Fatalf("%+v", f)
		}
		f.State = orderhub.ExchangedApplied
		w.must(w.store.InTx(ctx, func(tx *store.Tx) error { return tx.SaveExchangedFile(ctx, &f) }))
		d := store.Document{Kind: orderhub.MoveReceive, Lines: []store.DocumentLine{{SKU: "A", Quantity: 2}}}
		w.must(w.hub.PostDocument(ctx, &d))
		w.bring("stock.csv", count)
		w.round()
		if w.onHand("A") != 5 {
			t.Errorf("%d on hand: the second stocktake was taken for the first", w.onHand("A"))
		}
		if got := w.names("archive"); len(got) != 2 {
			t.Errorf("archived: %v", got)
		}
	})
}

// TestErrorsAfterAKill: what was wrong with a file is told, wherever the hub is killed.
func TestErrorsAfterAKill(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, w *fileWorld) {
		w.bring("status.csv", "number,status\n4711,packed\nx,y\n")
		r, box := w.odd()
		box.write = func() error { return errors.New("killed") }
		if err := r.takeIn(t.Context()); err == nil || len(w.names("in")) != 1 {
			t.Fatalf("%v; in: %v", err, w.names("in"))
		}
		w.round()
		got := w.names("errors")
		if len(got) != 1 || len(w.names("archive")) != 1 {
			t.Fatalf("errors: %v; in: %v", got, w.names("in"))
		}
		data, err := os.ReadFile(filepath.Join(w.dir, "errors", got[0]))
		if err != nil || strings.Count(string(data), "\n") != 3 {
			t.Errorf("%s, %v", data, err)
		}
	})
}

// oddBox is a box in which some files are odd.
type oddBox struct {
	filebox.Box
	read  func(name string, data []byte) ([]byte, error)
	write func() error
}

func (b *oddBox) Read(dir, name string) ([]byte, error) {
	data, err := b.Box.Read(dir, name)
	if err != nil || b.read == nil {
		return data, err
	}
	return b.read(name, data)
}

func (b *oddBox) Write(dir, name string, data []byte) error {
	if b.write != nil {
		return b.write()
	}
	return b.Box.Write(dir, name, data)
}

// odd is a round with a box that is odd.
func (w *fileWorld) odd() (*filesRound, *oddBox) {
	w.t.Helper()
	x, err := w.store.FileExchange(w.t.Context(), w.id)
	w.must(err)
	box, err := filebox.OpenFolder(filepath.Dir(w.dir), "wms")
	w.must(err)
	w.t.Cleanup(func() { _ = box.Close() })
	w.clock.add(time.Hour)
	odd := &oddBox{Box: box}
	return &filesRound{hub: w.hub, exchange: x, box: odd}, odd
}

// TestAFileThatGrows is left until it is whole, whatever the clocks say; one that may not
// be read stops nobody else, and is named.
func TestAFileThatGrows(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, w *fileWorld) {
		ctx := t.Context()
		w.must(w.hub.SaveProducts(ctx, []orderhub.Product{{SKU: "A", Name: "A"}, {SKU: "B", Name: "B"}}))
		w.bring("stock-1.csv", "sku;quantity\nA;1")
		w.bring("stock-2.csv", "sku;quantity\nA;4\n")
		w.bring("stock-3.csv", "sku;quantity\nB;7\n")
		r, box := w.odd()
		box.read = func(name string, data []byte) ([]byte, error) {
			switch name {
			case "stock-1.csv":
				w.bring(name, "sku;quantity\nA;12\n")
			case "stock-2.csv":
				return nil, fmt.Errorf("read in: %w", fs.ErrPermission)
			}
			return data, nil
		}
		err := r.takeIn(ctx)
		if w.onHand("A") != 0 || w.onHand("B") != 7 {
			t.Errorf("A %d, B %d", w.onHand("A"), w.onHand("B"))
		}
		if why := boxFault(err); !strings.Contains(why, "stock-2.csv") {
			t.Errorf("nobody learns which file it is: %q", why)
		}
		w.must(os.Remove(filepath.Join(w.dir, "in", "stock-2.csv")))
		w.round()
		if w.onHand("A") != 12 {
			t.Errorf("A %d", w.onHand("A"))
		}
	})
}

// TestOneFolderOneExchange: two that look into one folder would take its files twice.
func TestOneFolderOneExchange(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, w *fileWorld) {
		server := func(folder string) error {
			_, err := w.hub.SaveFileExchange(t.Context(), 0, func(x *orderhub.FileExchange) {
				x.Name, x.Kind, x.State = "WMS", orderhub.FileSFTP, orderhub.FilesPaused
				x.Settings.Address, x.Settings.User, x.Settings.Password, x.Settings.Folder = "files.example.com", "hub", "secret", folder
				x.Settings.HostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
			})
			return err
		}
		w.must(server("a"))
		w.must(server("b"))
		if err := server("a/"); orderhub.CodeOf(err) != orderhub.CodeInvalid {
			t.Errorf("the same folder twice: %v", err)
		}
	})
}
