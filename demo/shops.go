package demo

import (
	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/marketsim/bitrixsim"
	"github.com/orderhub/orderhub/marketsim/cmlshopsim"
	"github.com/orderhub/orderhub/marketsim/insalessim"
	"github.com/orderhub/orderhub/marketsim/shopifysim"
	"github.com/orderhub/orderhub/marketsim/woosim"
)

// shop is a web shop that a demo can have beside the marketplaces: one line each.
type shop struct {
	channel orderhub.Channel
	open    func(SimOptions, *marketsim.Injector) marketsim.Market
}

var shops = []shop{
	{"woocommerce", func(o SimOptions, in *marketsim.Injector) marketsim.Market {
		return woosim.New(woosim.Options{Injector: in, Seed: o.Seed})
	}},
	{"bitrix", func(_ SimOptions, in *marketsim.Injector) marketsim.Market {
		return bitrixsim.New(bitrixsim.Options{Injector: in, Iblock: true, Words: true})
	}},
	{"insales", func(o SimOptions, in *marketsim.Injector) marketsim.Market {
		return insalessim.New(insalessim.Options{Injector: in, Seed: o.Seed, Fast: o.Fast, QuotaScale: o.QuotaScale})
	}},
	{"shopify", func(o SimOptions, in *marketsim.Injector) marketsim.Market {
		return shopifysim.New(shopifysim.Options{Injector: in, Seed: o.Seed, Fast: o.Fast, QuotaScale: o.QuotaScale})
	}},
	{"cml_shop", func(_ SimOptions, in *marketsim.Injector) marketsim.Market {
		return cmlshopsim.New(cmlshopsim.Options{Injector: in, Portion: 50})
	}},
}
