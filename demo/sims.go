// Package demo is a whole small world in one process: the simulators of all
// marketplaces and a shop, buyers and couriers, a hub connected to them by real
// HTTP, a manager who works the orders, and at the end a comparison of what the
// simulators' books say with what the hub says. `orderhub demo` and `orderhub
// sim` are made of it, and the tests that kill and sabotage the hub.
package demo

import (
	"net/http"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/ozonsim"
	"github.com/orderhub/orderhub/marketsim/shopsim"
	"github.com/orderhub/orderhub/marketsim/wbsim"
	"github.com/orderhub/orderhub/marketsim/yandexsim"
)

// Sims are the simulators behind one address: the seller API of each market is
// below /<channel>, the control API below /_sim/.
type Sims struct {
	Ozon        *ozonsim.Market
	Wildberries *wbsim.Market
	Yandex      *yandexsim.Market
	Shop        *shopsim.Market
	// Shops are those on engines of others, see SimOptions.WithShops.
	Shops []marketsim.Market

	injectors map[orderhub.Channel]*marketsim.Injector
	handler   http.Handler
}

// SimOptions set up the simulators.
type SimOptions struct {
	Seed   uint64
	Faults marketsim.Faults
	// QuotaScale multiplies the documented quotas of the marketplaces, so that a
	// minute of demo is not spent waiting for them; 0 = 1.
	QuotaScale float64
	// Fast makes asynchronous steps and retries take milliseconds.
	Fast bool
	// Shop tells the shop how it reaches the hub.
	Shop shopsim.Options
	// WithShops adds the web shops on engines of others.
	WithShops bool
}

// NewSims makes the simulators; Close them.
func NewSims(opts SimOptions) *Sims {
	if opts.QuotaScale == 0 {
		opts.QuotaScale = 1
	}
	in := map[orderhub.Channel]*marketsim.Injector{}
	for i, ch := range []orderhub.Channel{"ozon", "wildberries", "yandex_market", "site"} {
		in[ch] = marketsim.NewInjector(opts.Seed+uint64(i)*1000003, opts.Faults)
	}
	shop := opts.Shop
	shop.Injector, shop.Seed, shop.Fast = in["site"], opts.Seed, opts.Fast
	s := &Sims{
		Ozon:        ozonsim.New(ozonsim.Options{Injector: in["ozon"], Seed: opts.Seed, Fast: opts.Fast, QuotaScale: opts.QuotaScale}),
		Wildberries: wbsim.New(wbsim.Options{Injector: in["wildberries"], Seed: opts.Seed, Fast: opts.Fast, QuotaScale: opts.QuotaScale}),
		Yandex:      yandexsim.New(yandexsim.Options{Injector: in["yandex_market"], Seed: opts.Seed, Fast: opts.Fast, Limits: yandexsim.Limits{Scale: opts.QuotaScale}}),
		Shop:        shopsim.New(shop),
		injectors:   in,
	}
	if opts.WithShops {
		for i, sh := range shops {
			in[sh.channel] = marketsim.NewInjector(opts.Seed+uint64(100+i)*1000003, opts.Faults)
			s.Shops = append(s.Shops, sh.open(opts, in[sh.channel]))
		}
	}
	mux := http.NewServeMux()
	for _, m := range s.Markets() {
		prefix := "/" + string(m.Channel())
		mux.Handle(prefix+"/", http.StripPrefix(prefix, m.Handler()))
		mux.Handle(prefix, http.StripPrefix(prefix, m.Handler())) // an exchange with 1C has one address
	}
	mux.Handle("/_sim/", marketsim.Control(s.Markets(), in))
	s.handler = mux
	return s
}

// Markets lists the simulators.
func (s *Sims) Markets() []marketsim.Market {
	return append([]marketsim.Market{s.Ozon, s.Wildberries, s.Yandex, s.Shop}, s.Shops...)
}

// ServeHTTP implements http.Handler.
func (s *Sims) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// SetFaults changes the faults of all simulators.
func (s *Sims) SetFaults(f marketsim.Faults) {
	for _, in := range s.injectors {
		in.Set(f)
	}
}

// Close stops their background work.
func (s *Sims) Close() {
	for _, m := range s.Markets() {
		m.Close()
	}
}

// AccountSettings are the settings with which a hub connects to a simulator
// that is served at base.
func AccountSettings(m marketsim.Market, base string) map[string]string {
	out := map[string]string{}
	for k, v := range m.Settings() {
		out[k] = v
	}
	address := strings.TrimSuffix(base, "/") + "/" + string(m.Channel())
	switch m.Channel() {
	case "site":
		out["delivery_url"] = address + "/orders"
		if shop, ok := m.(*shopsim.Market); ok && shop.Reserves() {
			out["reserve"] = "yes"
		}
	case "wildberries":
		out["base_url"] = address
		out["shipping_point_id"] = "507"
	default:
		out["base_url"] = address
	}
	return out
}

// AccountID is the id of the demo's account of a channel.
func AccountID(ch orderhub.Channel) string {
	switch ch {
	case "ozon":
		return "ozon-main"
	case "wildberries":
		return "wb-main"
	case "yandex_market":
		return "yandex-main"
	case "site":
		return "shop"
	default:
		return strings.ReplaceAll(string(ch), "_", "-")
	}
}

// Schemes are what each market sells in, in the demo.
var Schemes = map[orderhub.Channel][]orderhub.Scheme{
	"ozon":          {orderhub.SchemeFBS, orderhub.SchemeFBS, orderhub.SchemeRFBS, orderhub.SchemeFBO},
	"wildberries":   {orderhub.SchemeFBS, orderhub.SchemeFBS, orderhub.SchemeDBS},
	"yandex_market": {orderhub.SchemeFBS, orderhub.SchemeFBS, orderhub.SchemeDBS, orderhub.SchemeExpress},
	"site":          {orderhub.SchemeSite},
}

// StockedSchemes are those that sell from the one warehouse whose stock the hub
// publishes.
var StockedSchemes = map[orderhub.Channel][]orderhub.Scheme{
	"ozon": {orderhub.SchemeFBS}, "wildberries": {orderhub.SchemeFBS}, "yandex_market": {orderhub.SchemeFBS}, "site": {orderhub.SchemeSite},
}

// settleFor is how long the world is given to come to rest after the last order.
const settleFor = 2 * time.Minute
