package main

import "github.com/orderhub/orderhub/bench"

type benchCmd struct {
	Postgres string   `help:"Address of a PostgreSQL database to measure too; its tables are made and dropped." placeholder:"DSN" env:"ORDERHUB_BENCH_POSTGRES"`
	Dir      string   `help:"Where the SQLite file is made; without it, a temporary folder." type:"path"`
	Orders   int      `help:"How many orders the list bench seeds." default:"1000000"`
	Only     []string `help:"Only these parts: accept, webhook, list, import."`
	JSON     bool     `help:"Print JSON."`
}

func (c benchCmd) Run(p *program) error {
	engines := []string{"sqlite", "postgres"}
	return bench.Run(p.ctx, p.out, bench.Options{Engines: engines, PostgresDSN: c.Postgres, Dir: c.Dir, Orders: c.Orders, Only: c.Only, JSON: c.JSON})
}
