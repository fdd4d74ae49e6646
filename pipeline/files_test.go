package pipeline

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

// fileWorld is a world with an exchange of files in a folder.
type fileWorld struct {
	*world
	dir string
	id  int64
}

func eachFiles(t *testing.T, f func(t *testing.T, w *fileWorld)) {
	t.Helper()
	each(t, func(t *testing.T, w *world) {
		dir := t.TempDir()
		w.hub.exchangeDir = dir
		x, err := w.hub.SaveFileExchange(t.Context(), 0, func(x *orderhub.FileExchange) {
			x.Name, x.Kind, x.Settings.Folder, x.Settings.Orders = "Склад", orderhub.FileFolder, "wms", "json"
		})
		w.must(err)
		fw := &fileWorld{w, filepath.Join(dir, "wms"), x.ID}
		fw.round()
		f(t, fw)
	})
}

// round makes one round, as it comes after the pause.
func (w *fileWorld) round() {
	w.t.Helper()
	w.clock.add(time.Hour)
	w.must(w.hub.exchangeFiles(w.t.Context(), w.id, store.Lease{}))
}

func (w *fileWorld) bring(name, data string) {
	w.t.Helper()
	w.must(os.WriteFile(filepath.Join(w.dir, "in", name), []byte(data), 0o600))
}

// names lists a folder.
func (w *fileWorld) names(dir string) []string {
	w.t.Helper()
	list, err := os.ReadDir(filepath.Join(w.dir, dir))
	w.must(err)
	out := []string{}
	for _, f := range list {
		out = append(out, f.Name())
	}
	return out
}

func (w *fileWorld) onHand(sku string) int64 {
	w.t.Helper()
	book, err := w.store.StockOf(w.t.Context(), orderhub.MainWarehouse, []string{sku})
	w.must(err)
	return book[sku].OnHand
}

func TestFilesIn(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, w *fileWorld) {
		ctx := t.Context()
		w.must(w.hub.SaveProducts(ctx, []orderhub.Product{{SKU: "A", Name: "A"}, {SKU: "B", Name: "B"}}))
		w.take(snap("1", orderhub.StatusConfirmed), snap("2", orderhub.StatusConfirmed))
		one := w.order("1").Number()
		w.bring("stock-1.csv", "sku;quantity\nA;5\nB;7\n")
		w.bring("stock-2.json", `[{"sku":"B","quantity":8}]`)
		w.bring("status.csv", "number,status,tracking\n"+one+",packed,RA1\n4711,packed,\nx,y,z\n")
		w.bring("stock-bad.csv", "sku;quantity\nA;many\n")
		w.bring("report.pdf", "x")
		w.bring("stock-3.csv.tmp", "sku;quantity\nA;1\n")
		w.must(os.Symlink("/etc/passwd", filepath.Join(w.dir, "in", "stock-4.csv")))
		w.round()
		if w.onHand("A") != 5 || w.onHand("B") != 8 {
			t.Errorf("A %d, B %d", w.onHand("A"), w.onHand("B"))
		}
		if o := w.order("1"); o.Headline != orderhub.StatusPacked && o.Requested != orderhub.StatusPacked {
			t.Errorf("%+v", o)
		}
		if got := w.names("in"); len(got) != 2 {
			t.Errorf("left: %v", got)
		}
		if got := w.names("archive"); len(got) != 3 {
			t.Errorf("archived: %v", got)
		}
		failed := strings.Join(w.names("errors"), " ")
		for _, want := range []string{"stock-bad.csv ", "stock-bad.csv.errors.csv", "report.pdf ", "report.pdf.errors.csv", "status.csv.errors.csv"} {
			if !strings.Contains(failed+" ", want) {
				t.Errorf("%s is not among %s", want, failed)
			}
		}
		files, err := w.store.ExchangedFiles(ctx, w.id, 0, 100)
		w.must(err)
		for _, f := range files {
			want := map[string]orderhub.BadFileRow{"status.csv": {Line: 4, Column: "number", Why: `"x" is no order number of the hub`}, "stock-bad.csv": {Line: 2, Column: "quantity"}}[f.Name]
			if want == (orderhub.BadFileRow{}) {
				continue
			}
			if len(f.Report) == 0 || f.Report[0].Line != want.Line || f.Report[0].Column != want.Column || !strings.Contains(f.Report[0].Why, want.Why) {
				t.Errorf("%+v", f)
			}
		}
		troubles, err := w.hub.integrationTroubles(ctx)
		if err != nil || len(troubles) != 3 || len(files) < 5 {
			t.Errorf("%+v, %v; %d files", troubles, err, len(files))
		}
		// The same again is another delivery; the pause is kept.
		w.bring("stock-1.csv", "sku;quantity\nA;5\nB;7\n")
		w.must(w.hub.exchangeFiles(ctx, w.id, store.Lease{}))
		if w.onHand("B") != 8 {
			t.Error("it did not wait")
		}
		w.round()
		if w.onHand("B") != 7 {
			t.Errorf("B %d", w.onHand("B"))
		}
	})
}

// TestAFileIsTakenOnce, wherever the hub is killed.
func TestAFileIsTakenOnce(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, w *fileWorld) {
		ctx := t.Context()
		w.must(w.hub.SaveProducts(ctx, []orderhub.Product{{SKU: "A", Name: "A"}}))
		w.bring("stock.csv", "sku;quantity\nA;5\n")
		killed := errors.New("killed")
		w.hub.step = func(string) error { return killed }
		w.round()
		w.hub.step = nil
		if x, err := w.store.FileExchange(ctx, w.id); err != nil || w.onHand("A") != 5 || x.Error == "" {
			t.Fatalf("%d, %+v, %v", w.onHand("A"), x, err)
		}
		d := store.Document{Kind: orderhub.MoveReceive, Lines: []store.DocumentLine{{SKU: "A", Quantity: 2}}}
		w.must(w.hub.PostDocument(ctx, &d))
		w.round()
		if w.onHand("A") != 7 {
			t.Errorf("counted twice: %d", w.onHand("A"))
		}
		if got := w.names("in"); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
		if x, err := w.store.FileExchange(ctx, w.id); err != nil || x.Error != "" || !x.FailingSince.IsZero() {
			t.Errorf("%+v, %v", x, err)
		}
	})
}

func TestFilesOut(t *testing.T) {
	t.Parallel()
	eachFiles(t, func(t *testing.T, w *fileWorld) {
		w.take(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Customer.Name = "Иван Петров" }), snap("2", orderhub.StatusNew))
		w.round()
		w.round()
		names := w.names("out")
		if len(names) != 1 {
			t.Fatalf("%v", names)
		}
		data, err := os.ReadFile(filepath.Join(w.dir, "out", names[0]))
		w.must(err)
		var orders []FeedOrder
		if err := json.Unmarshal(data, &orders); err != nil || len(orders) != 2 || orders[0].Lines[0].SKU != "0557722" || strings.Contains(string(data), "Петров") {
			t.Errorf("%v: %s", err, data)
		}
		w.take(statusOnly("2", orderhub.StatusConfirmed))
		_, err = w.hub.SaveFileExchange(t.Context(), w.id, func(x *orderhub.FileExchange) { x.Settings.Orders = "csv" })
		w.must(err)
		w.round()
		if names = w.names("out"); len(names) != 2 || !strings.HasSuffix(names[1], ".csv") {
			t.Errorf("%v", names)
		}
		for field, change := range map[string]func(x *orderhub.FileExchange){
			"folder":        func(x *orderhub.FileExchange) { x.Settings.Folder = "../etc" },
			"orders":        func(x *orderhub.FileExchange) { x.Settings.Orders = "pdf" },
			"every_minutes": func(x *orderhub.FileExchange) { x.Settings.Every = 0 },
			"user":          func(x *orderhub.FileExchange) { x.Kind, x.Settings.Address = orderhub.FileSFTP, "files.example.com" },
		} {
			if _, err := w.hub.SaveFileExchange(t.Context(), w.id, change); orderhub.CodeOf(err) != orderhub.CodeInvalid {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
}
