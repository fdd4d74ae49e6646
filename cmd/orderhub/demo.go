package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"sort"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/demo"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/shopsim"
	"github.com/orderhub/orderhub/notify"
)

type demoCmd struct {
	Addr    string        `help:"Where the hub listens; port 0 takes a free one (default ${default})." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	SimAddr string        `help:"Where the simulated marketplaces listen (default ${default})." default:"127.0.0.1:0" placeholder:"HOST:PORT"`
	Dir     string        `help:"Keep the database in this folder; without it, a temporary one is used and removed." type:"path" placeholder:"FOLDER"`
	For     time.Duration `help:"End by itself after this time, compare the hub with the simulators' books, and exit with 1 on any difference." placeholder:"60s"`
	Orders  int           `help:"How many purchases are made over that time; 0 = two a second."`
	Seed    uint64        `help:"Decides who buys what, and what goes wrong." default:"1"`
	Faults  string        `help:"How much goes wrong: none, light or hard." default:"light" enum:"none,light,hard"`
	Policy  string        `help:"Make goods scarce and let the markets sell only what the hub publishes: shared shows all that is left everywhere, strict never sells a unit twice; off sells everything." default:"off" enum:"off,shared,strict"`
	ByHand  bool          `help:"Let nobody buy, work or deliver but you: over the panel, the API and the simulators' control API." name:"by-hand"`
	Private []string      `help:"Networks that are not public and that webhooks and SFTP may go to all the same: 127.0.0.0/8 for a receiver on this machine." placeholder:"127.0.0.0/8" name:"private-networks"`
	FileDir string        `help:"The folder below which files are exchanged with an ERP or WMS; without it over SFTP only." name:"exchange-dir" type:"path" placeholder:"FOLDER"`
	With1C  bool          `help:"Let a 1C exchange with the hub, and compare its book with the ledger, too." name:"with-1c"`
	Shops   bool          `help:"Let buyers buy in web shops on engines of others (WooCommerce, Bitrix, InSales, Shopify, 1C exchange), too." name:"with-shops"`
	Report  string        `help:"How the comparison is printed: text or json." default:"text" enum:"text,json"`
}

func (c *demoCmd) Help() string {
	return `A whole small world: Ozon, Wildberries, Yandex Market and a shop, simulated over real HTTP, with buyers, couriers, a manager who
works the orders, and faults. Pauses of the hub are shortened 50 times and quotas widened 10 times, so that a minute shows what
takes hours in life. Examples:

  orderhub demo
  orderhub demo --for 60s --seed 7 --orders 2000 --faults hard --report json`
}

func (c *demoCmd) Run(p *program) error {
	faults, _ := marketsim.FaultLevel(c.Faults) // kong has checked the word
	log := p.log
	if p.cli.LogLevel == "info" {
		log = newLog(p.errOut, "error") // faults are the demo's business, not news
	}
	private, err := notify.Prefixes("private-networks", c.Private)
	if err != nil {
		return err
	}
	opts := demo.Options{
		Private: private, FileDir: c.FileDir,
		Addr: c.Addr, SimAddr: c.SimAddr, Dir: c.Dir, For: c.For, Orders: c.Orders, Seed: c.Seed, Faults: faults, Log: log, Version: version(), Onec: c.With1C, Shops: c.Shops, ByHand: c.ByHand,
		Started: func(s demo.Started) { c.say(p.errOut, s) },
	}
	if c.Policy != "off" {
		opts.Policy = orderhub.OversellPolicy(c.Policy)
	}
	if slices.Contains(p.given, "database") {
		// Not the one that the environment or the file gives to the real hub.
		opts.DSN, opts.Secret = p.cli.Database, p.cli.Secret
	}
	rep, err := demo.Run(p.ctx, opts)
	if errors.Is(err, context.Canceled) {
		if c.For > 0 {
			// Whoever asked for the comparison must not take this for its success.
			fmt.Fprintln(p.errOut, "Stopped before the comparison.")
			return errDiffers
		}
		fmt.Fprintln(p.errOut, "Stopped.")
		return nil
	}
	if err != nil {
		return err
	}
	if c.Report == "json" {
		enc := json.NewEncoder(p.out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(rep); err != nil {
			return err
		}
	} else {
		printReport(p.out, rep)
	}
	if !rep.OK {
		return errDiffers
	}
	return nil
}

func (c *demoCmd) say(w io.Writer, s demo.Started) {
	fmt.Fprintf(w, `The demo runs.

  Panel        %s/#login=%s&password=%s
  Hub          %s   (API document: /api/openapi.json)
  Simulators   %s/_sim/   (look into their books, buy, set faults)
  API token    %s
  Sign in as   %s with the password %s

Look at the orders as they come:

  curl -s -H 'Authorization: Bearer %s' '%s/api/v1/orders?limit=5'

`, s.Hub, url.QueryEscape(s.Login), url.QueryEscape(s.Password), s.Hub, s.Sims, s.Token, s.Login, s.Password, s.Token, s.Hub)
	if c.For > 0 {
		fmt.Fprintf(w, "It ends by itself after %s and compares the hub with the simulators' books.\n", c.For)
		return
	}
	fmt.Fprintln(w, "Stop it with Ctrl-C.")
}

// printReport writes the comparison for people.
func printReport(w io.Writer, r demo.Report) {
	fmt.Fprintf(w, "Seed %d on %s: %d purchases in %.0f s, %d requests of the manager, settled in %.1f s, memory at most %d MB\n\n",
		r.Seed, r.Engine, r.Traffic.Placed, r.Seconds, r.Manager.Asked, r.Settle, r.MemoryMB)
	fmt.Fprintf(w, "%-12s %8s %8s %6s %8s %8s %7s | %9s %8s %9s %5s | %s\n", "account", "books", "hub", "lost", "doubled", "status", "goods",
		"confirmed", "rejected", "uncertain", "stuck", "sale to hub p50, p95")
	for _, a := range r.Accounts {
		fmt.Fprintf(w, "%-12s %8d %8d %6d %8d %8d %7d | %9d %8d %9d %5d | %.2f s, %.2f s\n", a.Account, a.Theirs, a.Ours, len(a.Lost), len(a.Doubled)+len(a.Foreign),
			len(a.WrongStatus), len(a.WrongGoods), a.Effects[orderhub.EffectConfirmed], a.Effects[orderhub.EffectRejected],
			a.Effects[orderhub.EffectUncertain], len(a.Stuck), a.VisibleP50, a.VisibleP95)
	}
	fmt.Fprintf(w, "At the returns desk: %d fetched, %d decisions, %d answers, %d refused\n", r.Desk.Fetched, r.Desk.Decided, r.Desk.Answered, r.Desk.Refused)
	if t := r.Told; t != nil {
		fmt.Fprintf(w, "In the manager's Telegram: %d messages; of %d returns %d were never told, %d more than once; %d sent again by hand\n",
			t.Messages, t.Returns, len(t.Untold), len(t.Twice), t.Resent)
		for _, line := range slices.Concat(t.Untold, t.Twice) {
			fmt.Fprintln(w, "told wrongly:", line)
		}
	}
	for _, a := range r.Accounts {
		b := a.Returns
		fmt.Fprintf(w, "Returns of %-14s books %d, hub %d; lost %d, doubled or in no book %d, wrong state %d, wrong units %d; received %d, decided %d, answers %d\n",
			a.Account+":", b.Theirs, b.Ours, len(b.Lost), len(b.Doubled)+len(b.Foreign), len(b.WrongState), len(b.WrongUnits), b.States[orderhub.ReturnReceived],
			b.States[orderhub.ReturnDecided], b.Answers)
	}
	fmt.Fprintln(w)
	if g := r.Goods; g != nil {
		fmt.Fprintf(w, "Goods, policy %s: %d units, %d sold, %d baskets came too late; oversold %d, the hub had stated up to %d\n",
			g.Policy, g.Units, g.Sold, g.SoldOut, g.OversoldUnits, g.StatedUnits)
		fmt.Fprintf(w, "%d of the units came back with returns, %d lie in quarantine\n", g.CameBack, g.Quarantined)
		fmt.Fprintf(w, "From a sale to the channels being told: p50 %.2f s, p95 %.2f s, p99 %.2f s; put off by their limits: p50 %.1f s, p95 %.1f s, p99 %.1f s\n",
			g.Told[0], g.Told[1], g.Told[2], g.Waited[0], g.Waited[1], g.Waited[2])
		for _, line := range g.Wrong {
			fmt.Fprintln(w, "goods:", line)
		}
		fmt.Fprintln(w)
	}
	printOnec(w, r.Onec)
	for _, a := range r.Accounts {
		for _, part := range []struct {
			what string
			ids  []string
		}{
			{"lost", a.Lost}, {"doubled", a.Doubled}, {"in no book", a.Foreign}, {"wrong status", a.WrongStatus}, {"wrong goods", a.WrongGoods},
			{"confirmed but never happened", a.Swallowed}, {"happened without an effect", a.Unclaimed}, {"happened twice", a.Repeated}, {"stuck", a.Stuck},
			{"return lost", a.Returns.Lost}, {"return doubled", a.Returns.Doubled}, {"return in no book", a.Returns.Foreign},
			{"return in a wrong state", a.Returns.WrongState}, {"return of wrong units", a.Returns.WrongUnits}, {"answer to a return", a.Returns.WrongAnswers},
		} {
			for i, id := range part.ids {
				if i == 20 {
					fmt.Fprintf(w, "%s: %s: … and %d more\n", a.Account, part.what, len(part.ids)-i)
					break
				}
				fmt.Fprintf(w, "%s: %s: %s\n", a.Account, part.what, id)
			}
		}
	}
	if r.OK {
		fmt.Fprintln(w, "The hub's ledger and the books agree: nothing lost, nothing doubled, every status right, every effect accounted for.")
		return
	}
	fmt.Fprintln(w, "The hub's ledger and the books DIFFER.")
}

type simCmd struct {
	Addr   string  `help:"Where the simulators listen (default ${default})." default:"127.0.0.1:8090" placeholder:"HOST:PORT"`
	Seed   uint64  `help:"Decides ids and faults." default:"1"`
	Faults string  `help:"How much goes wrong: none, light or hard." default:"none" enum:"none,light,hard"`
	Quotas float64 `help:"Multiplies the documented quotas." default:"1"`
	Shops  bool    `help:"Run web shops on engines of others (WooCommerce, Bitrix, InSales, Shopify, 1C exchange), too." name:"with-shops"`
}

func (c *simCmd) Help() string {
	return `Each marketplace's seller API is below /ozon, /wildberries, /yandex_market; connect a hub with base_url set to that address and the
keys that are printed. The control API under /_sim/ places orders, reads the books and sets where notifications go; the shop keeps
its orders until it is told.`
}

func (c *simCmd) Run(p *program) error {
	faults, _ := marketsim.FaultLevel(c.Faults)
	sims := demo.NewSims(demo.SimOptions{
		Seed: c.Seed, Faults: faults, QuotaScale: c.Quotas, WithShops: c.Shops,
		Shop: shopsim.Options{Account: demo.AccountID("site")},
	})
	defer sims.Close()
	return listenAndServe(p.ctx, c.Addr, sims, func(addr string) {
		fmt.Fprintf(p.out, "Simulators at http://%s, control API at http://%s/_sim/\n\nConnect a hub with:\n\n", addr, addr)
		for _, m := range sims.Markets() {
			fmt.Fprintf(p.out, "  orderhub account add %s %s", demo.AccountID(m.Channel()), m.Channel())
			settings := demo.AccountSettings(m, "http://"+addr)
			keys := make([]string, 0, len(settings))
			for k := range settings {
				keys = append(keys, k)
			}
			sort.Strings(keys)
			for _, k := range keys {
				fmt.Fprintf(p.out, " %s=%s", k, settings[k])
			}
			fmt.Fprintln(p.out)
		}
		fmt.Fprintf(p.out, `
Then tell the shop, and the others if you like, the address for webhooks that "account add" prints:

  curl -X POST http://%s/_sim/site/notify -d '{"url": "http://127.0.0.1:8080/hooks/shop/…"}'
`, addr)
	})
}
