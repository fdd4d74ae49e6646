package bench

import (
	"context"
	"encoding/gob"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

func TestX(t *testing.T) {
	if os.Getenv("FULL") == "" {
		t.Skip()
	}
	o := Options{PostgresDSN: os.Getenv("ORDERHUB_TEST_POSTGRES")}
	if e := os.Getenv("ENG"); e != "" {
		o.Engines = strings.Split(e, ",")
	}
	if e := os.Getenv("PART"); e != "" {
		o.Only = strings.Split(e, ",")
	}
	o.Orders, _ = strconv.Atoi(os.Getenv("N"))
	if err := Run(context.Background(), os.Stdout, o); err != nil {
		t.Fatal(err)
	}
}

func selfCPU() float64 {
	var u syscall.Rusage
	syscall.Getrusage(0, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}

func TestKeep(t *testing.T) {
	if os.Getenv("KEEP") == "" {
		t.Skip()
	}
	ctx := context.Background()
	n, _ := strconv.Atoi(os.Getenv("N"))
	b := &run{opts: Options{}, out: io.Discard, at: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
	s, err := store.Open(ctx, store.Config{DSN: os.Getenv("KEEP")})
	if err != nil {
		t.Fatal(err)
	}
	s.Migrate(ctx)
	c0 := selfCPU()
	sample, err := b.seed(ctx, &database{s}, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("cpu ms", selfCPU()-c0)
	f, _ := os.Create(os.Getenv("KEEP") + ".gob")
	gob.NewEncoder(f).Encode(sample)
	f.Close()
}

func TestAsk(t *testing.T) {
	if os.Getenv("ASK") == "" {
		t.Skip()
	}
	ctx := context.Background()
	b := &run{opts: Options{}, out: os.Stdout, at: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
	s, err := store.Open(ctx, store.Config{DSN: os.Getenv("ASK"), Secret: os.Getenv("SECRET")})
	if err != nil {
		t.Fatal(err)
	}
	f, _ := os.Open(os.Getenv("GOB"))
	var sample []*orderhub.Order
	gob.NewDecoder(f).Decode(&sample)
	q := &questions{rnd: rand.New(rand.NewPCG(4, 4)), now: b.at, sample: sample}
	q.cursors, _ = b.cursors(ctx, s)
	for _, k := range listKinds {
		c0 := selfCPU()
		r, err := b.ask(ctx, s, q, k)
		if err != nil {
			t.Fatal(err)
		}
		cpu := (selfCPU() - c0) / float64(r.Queries+21)
		t.Logf("%-34s n %4d cpu %6.2f p50 %6.1f p95 %6.1f max %6.1f rows %5.1f %v", k.name, r.Queries, cpu, r.P50, r.P95, r.Max, r.Rows, r.Scans)
	}
}
