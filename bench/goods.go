package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/onec"
	"github.com/orderhub/orderhub/onec/onectest"
	"github.com/orderhub/orderhub/pipeline"
)

// GoodsResult is how fast a catalogue and offers of 1C come into an empty database
// through the exchange, over HTTP, in parts of a megabyte.
type GoodsResult struct {
	Products  int     `json:"products"`
	FilesMB   float64 `json:"files_mb"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`
	// Memory is how much the process grew at most, of what the system gave it; the files
	// that the stand-in of 1C holds were there before. Without /proc it is Go's heap.
	Memory float64 `json:"memory_mb"`
}

// The size and the goals of the exchange.
const (
	goodsProducts = 100_000
	goodsGoalS    = 60
	goodsGoalMB   = 300
)

// goods measures it.
func (b *run) goods(ctx context.Context, engine string) (*GoodsResult, error) {
	r := &GoodsResult{Products: goodsProducts}
	if b.opts.quick {
		r.Products = 300
	}
	dir, err := os.MkdirTemp(b.opts.Dir, "orderhub-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	err = b.withDatabase(ctx, engine, func(db *database) error {
		hub, err := pipeline.New(pipeline.Options{Store: db.Store, Channels: channels})
		if err != nil {
			return err
		}
		_, password, err := hub.AddOnecNode(ctx, orderhub.OnecNode{
			Name: "bench", Login: "bench", Settings: orderhub.OnecSettings{Stock: orderhub.MasterOnec, Products: orderhub.MasterOnec},
		})
		if err != nil {
			return err
		}
		exchange := onec.New(onec.Options{Site: hub, Dir: dir})
		defer exchange.Close()
		url, shut, err := listenWith(exchange)
		if err != nil {
			return err
		}
		defer shut()
		base := &onectest.Base{URL: url + "/1c/exchange", Login: "bench", Password: password, Client: http.DefaultClient}
		return sendGoods(ctx, db, base, r)
	})
	if err != nil {
		return nil, err
	}
	b.printf("\nGoods of 1C: catalogue and offers of %d products through the exchange, %.0f MB in parts of 1 MB, into an empty database\n", r.Products, r.FilesMB)
	b.printf("%.1f s, %.0f products/s   the process grew by %.0f MB at most\n", r.Seconds, r.PerSecond, r.Memory)
	b.printf("goal < %d s and < %d MB for %d: %s\n", goodsGoalS, goodsGoalMB, goodsProducts, met(r.Seconds < goodsGoalS && r.Memory < goodsGoalMB))
	return r, nil
}

func sendGoods(ctx context.Context, db *database, base *onectest.Base, r *GoodsResult) error {
	files, last := goodsFiles(r)
	debug.FreeOSMemory()
	before := residentMB()
	peak := watchMB(residentMB)
	began := time.Now()
	err := base.SendGoods(ctx, 1_000_000, files...)
	r.Seconds = time.Since(began).Seconds()
	r.Memory = max(peak()-before, 0)
	if err != nil {
		return err
	}
	r.PerSecond = float64(r.Products) / r.Seconds
	figures, err := db.StockOf(ctx, orderhub.MainWarehouse, []string{last.SKU})
	if err != nil {
		return err
	}
	if f := figures[last.SKU]; f.OnHand != last.Units {
		return fmt.Errorf("%s: %d are there, want %d", last.SKU, f.OnHand, last.Units)
	}
	return nil
}

// residentMB is what the system has given to this process and not taken back.
func residentMB() float64 {
	var size, resident int64
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return heapMB()
	}
	if _, err := fmt.Sscan(string(raw), &size, &resident); err != nil {
		return heapMB()
	}
	return float64(resident*int64(os.Getpagesize())) / 1e6
}

// goodsFiles writes the two files; the articles themselves are not kept but for the last.
func goodsFiles(r *GoodsResult) (files []onectest.File, last onectest.Goods) {
	list := onectest.SomeGoods(r.Products)
	files = []onectest.File{onectest.Catalogue(list, false), onectest.Offers(list, false)}
	for i := range files {
		files[i].Body = bytes.Clone(files[i].Body) // without the room that it grew into
		r.FilesMB += float64(len(files[i].Body)) / 1e6
	}
	return files, list[len(list)-1]
}
