// Package yandexmarket is the channel of Yandex Market: it reads the orders and
// the catalogue of one seller account ("кабинет") with all its shops
// ("campaigns") and their returns, sends statuses, tracking numbers, answers to
// cancel requests and returns, and stock figures, takes lines out of orders, and
// understands the Market's push notifications.
//
// It translates words only. It must not keep state (but for a short while which
// of the Market's two stock calls the account takes), decide what happens to an
// order, or repeat a call that changes something.
package yandexmarket

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// Channel is Yandex Market as the registry lists it.
var Channel = channel.Channel{Descriptor: descriptor, Open: open}

// The keys of the settings.
const (
	settingKey         = "api_key"
	settingBusiness    = "business_id"
	settingCampaigns   = "campaign_ids"
	settingIncludeTest = "include_test"
	settingStockShop   = "stock_campaign_id"
	settingWarehouse   = "warehouse_id"
)

// feedOrders is the feed of every order by the time of its last change.
const feedOrders = "orders"

// How the hub names itself: in the seller's request log and in answers to
// notifications.
const (
	integrationName    = "orderhub"
	integrationVersion = "1.0.0"
)

var descriptor = channel.Descriptor{
	Name:  "yandex_market",
	Title: "Yandex Market",
	Doc:   "https://yandex.ru/dev/market/partner-api/doc/ru/",
	Buyers: channel.Buyers{
		Name: channel.ContactMasked, Phone: channel.ContactProxy,
		Note: "Orders carry nothing of the buyer but the address of DBS. The phone that DBS gives in a call of its own is masked; names on labels are a surname with initials; the hub reads neither.",
	},
	Settings: []channel.Setting{
		{
			Key: settingKey, Title: "Api-Key", Secret: true, Required: true, Check: checkKey,
			Help: "Seller account → Settings → API and modules → Api-Key tokens. " +
				"It needs the right \"inventory and order processing\" and, for the catalogue and stock, \"offers and cards management\" " +
				"(or \"all methods\" for everything); read-only cannot send statuses.",
		},
		{
			Key: settingBusiness, Title: "Business id", Required: true, Check: checkID,
			Help: "Seller account → Settings → API and modules: the id of the account (\"идентификатор кабинета\"), a number. Not the shop id.",
		},
		{
			Key: settingCampaigns, Title: "Campaign ids", Check: checkCampaigns,
			Help: "Only these shops of the account, ids separated by commas. Empty: all shops.",
		},
		{
			Key: settingIncludeTest, Title: "Test orders", Default: "no", Check: checkYesNo,
			Help: "\"yes\" also takes the test orders that are made in the seller account.",
		},
		{
			Key: settingStockShop, Title: "Campaign id for stock", Check: checkID,
			Help: "The shop whose stock the hub publishes: seller account → Settings → API and modules, the campaign id. " +
				"For accounts with groups of warehouses: any one shop of the group, the others follow. This or the warehouse id is needed for stock.",
		},
		{
			Key: settingWarehouse, Title: "Warehouse id for stock", Check: checkID,
			Help: "The warehouse whose stock the hub publishes: seller account → Logistics → Warehouses, the id of the warehouse. " +
				"For accounts without groups of warehouses. This or the campaign id for stock is needed for stock.",
		},
		channel.BaseURLSetting(),
	},
	Feeds: []channel.Feed{
		{Name: feedOrders, Every: time.Minute, Note: "all orders by updateDate, with an overlap of an hour"},
		{Name: feedReturns, Every: 10 * time.Minute, Returns: true, Note: "returns and refused deliveries of each shop by updateDate, with an overlap of a day"},
	},
	Limits:        limits,
	Statuses:      statuses,
	CancelReasons: cancelReasons,
	ReadBatch:     50,
	PushBatch:     30,
	Stock: channel.StockLimits{
		Batch: maxStockRows, ReadBatch: maxStockRead,
		// updatedAt counts whole seconds here, and an older one may be ignored.
		PairPause: time.Second,
		// What an order reserves (FREEZE) is free again (AVAILABLE) when the order
		// is cancelled before the goods have left. Not promised by the document.
		Restores: true,
	},
	// updateDate is optional in the document and exact to the second: where it
	// does not decide, a lower status must be seen for a while.
	Patience:   10 * time.Minute,
	WebhookIPs: marketNetworks,
}

// marketNetworks are the sources of notifications, documentation page
// "push-notifications" of 2025-09. The Market signs nothing, so this is all that
// tells its messages from others; the core checks it.
var marketNetworks = []string{"5.45.207.0/25", "141.8.142.0/25", "5.255.253.0/25"}

type adapter struct {
	client     *rest.Client
	quotas     channel.Quotas
	base       string
	key        string
	business   int64
	campaigns  []int64
	withTest   bool
	now        func() time.Time
	pageSize   int
	offersPage int
	// returnsPage is the page size of the returns.
	returnsPage int
	overlap     time.Duration
	maxNothing  int

	stockShop, warehouse int64 // 0 = not set
	ways                 knownWay
}

var (
	_ channel.Adapter        = (*adapter)(nil)
	_ channel.Lister         = (*adapter)(nil)
	_ channel.OrderReader    = (*adapter)(nil)
	_ channel.RangeLister    = (*adapter)(nil)
	_ channel.StatusPusher   = (*adapter)(nil)
	_ channel.TrackingPusher = (*adapter)(nil)
	_ channel.CancelAnswerer = (*adapter)(nil)
	_ channel.Checker        = (*adapter)(nil)
	_ channel.WebhookParser  = (*adapter)(nil)
	_ channel.QuotaReporter  = (*adapter)(nil)
	_ channel.Catalogue      = (*adapter)(nil)
	_ channel.StockPusher    = (*adapter)(nil)
	_ channel.StockReader    = (*adapter)(nil)

	_ channel.ReturnNormaliser = (*adapter)(nil)
	_ channel.ReturnAnswerer   = (*adapter)(nil)
	_ channel.LineCanceller    = (*adapter)(nil)
)

func open(in channel.Settings, deps channel.Deps) (channel.Adapter, error) {
	settings, err := descriptor.Resolve(in)
	if err != nil {
		return nil, err
	}
	business, err := parseID(settings[settingBusiness])
	if err != nil {
		return nil, orderhub.InvalidField(settingBusiness, "%s", err)
	}
	campaigns, err := parseCampaigns(settings[settingCampaigns])
	if err != nil {
		return nil, orderhub.InvalidField(settingCampaigns, "%s", err)
	}
	stockShop, err := optionalID(settings, settingStockShop)
	if err != nil {
		return nil, err
	}
	warehouse, err := optionalID(settings, settingWarehouse)
	if err != nil {
		return nil, err
	}
	a := &adapter{
		quotas: deps.Quotas, base: settings[channel.SettingBaseURL], key: settings[settingKey],
		business: business, campaigns: campaigns, withTest: settings[settingIncludeTest] == "yes",
		now: deps.Now, pageSize: maxPage, offersPage: maxOffers, returnsPage: maxReturns, overlap: time.Hour, maxNothing: 20,
		stockShop: stockShop, warehouse: warehouse,
	}
	if a.base == "" {
		a.base = host
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.quotas == nil {
		a.quotas = rest.NewBuckets(limits)
	}
	a.client = newClient(a, deps.HTTP)
	return a, nil
}

// QuotaLeft tells how many calls of each group are allowed right now.
func (a *adapter) QuotaLeft() map[string]int { return a.quotas.Left() }

// Check asks who the key is and which shops it sees (check.go).
func (a *adapter) Check(ctx context.Context) (channel.CheckResult, error) { return a.check(ctx) }

func checkKey(v string) error {
	switch {
	case strings.HasPrefix(strings.ToLower(v), "bearer"):
		return fmt.Errorf("paste the Api-Key alone, without \"Bearer\"; OAuth tokens are not supported")
	case strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("an Api-Key has no spaces and no letters outside ASCII")
	}
	return nil
}

func checkID(v string) error { _, err := parseID(v); return err }

func checkCampaigns(v string) error { _, err := parseCampaigns(v); return err }

func checkYesNo(v string) error {
	if v != "yes" && v != "no" {
		return fmt.Errorf("%q is not yes or no", v)
	}
	return nil
}

func parseID(v string) (int64, error) {
	id, err := strconv.ParseInt(v, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("%q is not an id like 1234567", v)
	}
	return id, nil
}

// optionalID reads a setting that may be left empty: 0.
func optionalID(settings channel.Settings, key string) (int64, error) {
	if settings[key] == "" {
		return 0, nil
	}
	id, err := parseID(settings[key])
	if err != nil {
		return 0, orderhub.InvalidField(key, "%s", err)
	}
	return id, nil
}

// parseCampaigns reads the list, sorted and without repetitions; the API takes
// at most 50 ids in its filter.
func parseCampaigns(v string) ([]int64, error) {
	var out []int64
	for _, part := range splitList(v) {
		id, err := parseID(part)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if len(out) > 50 {
		return nil, fmt.Errorf("%d campaigns are more than the 50 that the Market can filter by; leave the field empty for all", len(out))
	}
	return out, nil
}

func splitList(v string) []string {
	var out []string
	for _, part := range strings.Split(v, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
