package main

import "github.com/orderhub/orderhub/bench"

type benchCmd struct {
	Postgres string   `help:"Address of a PostgreSQL server to measure too; databases of the bench's own are made there and dropped." placeholder:"DSN" env:"ORDERHUB_BENCH_POSTGRES"`
	Dir      string   `help:"Where the SQLite file is made; without it, a temporary folder." type:"path"`
	Engine   []string `help:"Only these engines: sqlite, postgres."`
	Orders   int      `help:"How many orders the list and panel benches seed." default:"1000000"`
	Only     []string `help:"Only these parts: accept, webhook, list, panel, import, fanout, feed, goods, figures (a quarter of an hour, only when named)."`
	JSON     bool     `help:"Print JSON."`
}

func (c benchCmd) Run(p *program) error {
	return bench.Run(p.ctx, p.out, bench.Options{Engines: c.Engine, PostgresDSN: c.Postgres, Dir: c.Dir, Orders: c.Orders, Only: c.Only, JSON: c.JSON})
}
