// Package cmlshop is the channel of a shop engine that offers "Обмен с 1С"
// (1C-Bitrix, CS-Cart, UMI, OpenCart or WooCommerce with a module for 1C): the hub
// plays 1C's part of the CommerceML 2 exchange. It asks for orders, sends their
// states back and sends stock.
//
// The engine keeps one position for whoever asks, so a real 1C on the same
// address and this channel take each other's orders away. The setting mode says
// who confirms; see docs/channels and MAPPINGS.md.
package cmlshop

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/onec/cml"
)

// Name is the hub's word for this channel.
const Name orderhub.Channel = "cml_shop"

// The keys of the settings.
const (
	settingLogin    = "login"
	settingPassword = "password"
	settingMode     = "mode"
	settingZone     = "time_zone"
	settingWords    = "status_words"
	settingStock    = "stock"
	settingGoods    = "catalogue_id"
)

// The values of the setting stock.
const (
	stockChanges = "changes" // as УТ 11 sends figures that have changed
	stockOffers  = "offers"  // for engines that read the older shape alone
	stockNone    = "none"
)

// The values of the setting mode.
const (
	modeConfirm = "confirm" // the hub says success: the shop offers an order again only when it changes
	modeRead    = "read"    // the hub never says success: a real 1C shares the address
)

// group is the one quota group: requests to the shop.
const group = "exchange"

// feedOrders is the one feed.
const feedOrders = "orders"

// Channel is the entry of the registry.
var Channel = channel.Channel{Descriptor: descriptor(), Open: open}

var limits = []channel.Limit{{
	Group: group, Calls: 5, Period: time.Second, Burst: 10, Parallel: 2,
	Source: "ours: engines answer an exchange on one slow host",
}}

func descriptor() channel.Descriptor {
	return channel.Descriptor{
		Name: Name, Title: "Shop with 1C exchange (CommerceML)", Doc: "https://v8.1c.ru/tekhnologii/obmen-dannymi-i-integratsiya/standarty-i-formaty/protokol-obmena-s-saytom/",
		Buyers: channel.Buyers{Name: channel.ContactReal, Phone: channel.ContactReal, Email: channel.ContactReal, Note: "As the buyer typed them into the shop."},
		Settings: []channel.Setting{
			{
				Key: channel.SettingBaseURL, Title: "Address of the exchange", Required: true, Check: checkAddress,
				Help: "The address that one would type into 1C, like https://shop.example/bitrix/admin/1c_exchange.php. The shop's page on its exchange with 1C names it.",
			},
			{Key: settingLogin, Title: "Login", Required: true, Help: "The user that the shop made for its exchange with 1C."},
			{Key: settingPassword, Title: "Password", Secret: true, Required: true, Check: channel.CheckKey, Help: "Of the same user."},
			{
				Key: settingMode, Title: "Who confirms", Default: modeConfirm, Check: oneOf(modeConfirm, modeRead),
				Help: "confirm: the hub is the only one that takes orders here. read: a real 1C uses the same address and must not lose orders to the hub; the shop then shows the hub all orders that 1C has not taken yet.",
			},
			{Key: settingZone, Title: "Time zone of the shop", Default: "Europe/Moscow", Check: checkZone, Help: "The files carry times without a zone."},
			{
				Key: settingWords, Title: "Status words", Check: channel.CheckStatusWords,
				Help: "How the shop calls its statuses, like «В сборке=confirmed; Собран=packed; DN=shipped»: the id or the name as its files have it, and the hub's status. The first word of a status is what the hub sends.",
			},
			{
				Key: settingStock, Title: "Stock figures", Default: stockChanges, Check: oneOf(stockChanges, stockOffers, stockNone),
				Help: "changes: in the official form for changed figures («ИзмененияПакетаПредложений»), as 1C УТ 11 sends them. offers: in the older form («ПакетПредложений») without prices, for engines that pass the first one over. none: the hub sends none. After the first figures look at one article in the shop: its quantity, its price and its variants.",
			},
			{
				Key: settingGoods, Title: "Id of the catalogue", Check: checkCatalogue,
				Help: "«Ид» of the catalogue that 1C has loaded into the shop, where the engine keeps several (1C-Bitrix: the external code of the information block). Empty: orderhub.",
			},
		},
		Feeds:     []channel.Feed{{Name: feedOrders, Every: 5 * time.Minute, Note: "what changed since the last confirmed exchange"}},
		Limits:    limits,
		Statuses:  statuses,
		PushBatch: 20,
		Stock:     channel.StockLimits{Batch: stockBatch},
		Patience:  10 * time.Minute,
	}
}

// adapter is one shop.
type adapter struct {
	address, login, password string
	confirm                  bool
	zone                     *time.Location
	words                    channel.StatusWords
	shape                    cml.StockShape
	catalogue                string
	client                   *rest.Client
	quotas                   channel.Quotas
	now                      func() time.Time
}

// publisher is an adapter that sends figures, too.
type publisher struct{ *adapter }

var (
	_ channel.Adapter       = (*adapter)(nil)
	_ channel.Lister        = (*adapter)(nil)
	_ channel.StatusPusher  = (*adapter)(nil)
	_ channel.StockPusher   = publisher{}
	_ channel.Checker       = (*adapter)(nil)
	_ channel.QuotaReporter = (*adapter)(nil)
)

// timeout is how long a shop may take to put its orders together.
const timeout = 3 * time.Minute

func open(settings channel.Settings, deps channel.Deps) (channel.Adapter, error) {
	a := &adapter{
		address: settings[channel.SettingBaseURL], login: settings[settingLogin], password: settings[settingPassword],
		confirm: settings[settingMode] != modeRead, now: deps.Now, quotas: deps.Quotas,
		shape: cml.StockChanges, catalogue: settings[settingGoods],
	}
	for _, required := range []string{channel.SettingBaseURL, settingLogin, settingPassword} {
		if settings[required] == "" {
			return nil, orderhub.InvalidField(required, "is required")
		}
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.quotas == nil {
		a.quotas = rest.NewBuckets(limits)
	}
	var err error
	if a.zone, err = time.LoadLocation(settings[settingZone]); err != nil {
		return nil, orderhub.InvalidField(settingZone, "%s", checkZone(settings[settingZone]))
	}
	if a.words, err = channel.ParseStatusWords(settings[settingWords]); err != nil {
		return nil, orderhub.InvalidField(settingWords, "%s", err)
	}
	own := http.Client{Timeout: timeout}
	if deps.HTTP != nil {
		own.Transport = deps.HTTP.Transport
	}
	a.client = rest.New(rest.Options{
		Name: string(Name), HTTP: &own, Quotas: a.quotas, MaxBody: maxFile, Secrets: []string{a.password}, Explain: explain,
	})
	switch settings[settingStock] {
	case stockNone:
		return a, nil
	case stockOffers:
		a.shape = cml.StockOffers
	}
	return publisher{a}, nil
}

// QuotaLeft tells how many requests may be made right now.
func (a *adapter) QuotaLeft() map[string]int { return a.quotas.Left() }

func checkAddress(v string) error {
	if err := channel.CheckURL(v); err != nil {
		return err
	}
	if u, err := url.Parse(v); err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("the address must have no user, ?query or #fragment: the exchange adds its own query")
	}
	return nil
}

// checkCatalogue keeps it within what the schema allows behind the id of a package.
func checkCatalogue(v string) error {
	if n := utf8.RuneCountInString(v); n > 39 {
		return fmt.Errorf("%d characters; allowed: up to 39", n)
	}
	return nil
}

func checkZone(v string) error {
	if _, err := time.LoadLocation(v); err != nil || v == "" || v == "Local" {
		return fmt.Errorf("%.40q is not a time zone; allowed: names like Europe/Moscow", v)
	}
	return nil
}

func oneOf(allowed ...string) func(string) error {
	return func(v string) error {
		for _, a := range allowed {
			if v == a {
				return nil
			}
		}
		return fmt.Errorf("%.20q is not allowed; allowed: %s", v, strings.Join(allowed, ", "))
	}
}
