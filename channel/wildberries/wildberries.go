// Package wildberries is the adapter of the Wildberries marketplace: FBS (the
// seller packs, Wildberries delivers) and DBS (the seller delivers). It reads
// assembly orders and their statuses, puts orders into supplies, hands supplies
// over and cancels, reads the cards, keeps the stock of one of the seller's
// warehouses, and reads and answers returns.
//
// Wildberries has no webhooks and no idempotency keys. The adapter therefore
// looks before it acts, and it never repeats a call whose answer is lost. It must
// not keep anything between calls, and it knows nothing of the hub's products.
// MAPPINGS.md says which field became what, and why.
package wildberries

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// Name is the channel's name in the hub.
const Name orderhub.Channel = "wildberries"

// The keys of the settings.
const (
	settingToken         = "token"
	settingSupplyPrefix  = "supply_prefix"
	settingShippingPoint = "shipping_point_id"
	settingShipping      = "shipping"
	settingWarehouse     = "warehouse_id"
	settingFBS           = "fbs"
	settingDBS           = "dbs"
	settingReturns       = "returns"
)

// The feeds.
const (
	feedFBSNew    = "fbs_new"
	feedFBSOrders = "fbs_orders"
	feedDBSNew    = "dbs_new"
	feedDBSDone   = "dbs_done"
	feedClaims    = "claims"
	feedGoods     = "goods_return"
)

// The quota groups, one per group of methods that Wildberries counts together.
const (
	groupOrders     = "orders"
	groupCancel     = "cancel"
	groupDBS        = "dbs"
	groupDBSStatus  = "dbs_status"
	groupCards      = "cards"
	groupStocks     = "stocks"
	groupWarehouses = "warehouses"
	groupClaims     = "claims"
	groupReturns    = "item_returns"
	groupPing       = "ping"
	groupSellerInfo = "seller_info"
)

// Sizes of one call.
const (
	maxStatusIDs = 1000 // orders/status, dbs status/info
	maxSupplyAdd = 100  // supplies/{id}/orders
	pageLimit    = 1000 // orders, supplies, dbs/orders
	maxCards     = 100  // get/cards/list
	maxStocks    = 1000 // stocks, both ways
	maxClaims    = 200  // claims
	// maxAmount is the largest figure of one size.
	maxAmount = 100_000
	// maxAnswerBytes lets some 60,000 orders pass: orders/new has no pages.
	maxAnswerBytes = 64 << 20
)

// Channel is the registry's value.
var Channel = channel.Channel{Descriptor: descriptor, Open: open}

var descriptor = channel.Descriptor{
	Name:  Name,
	Title: "Wildberries",
	Doc:   "https://dev.wildberries.ru/docs/openapi/orders-fbs",
	Buyers: channel.Buyers{
		Phone: channel.ContactProxy,
		Note:  "Orders carry nothing of the buyer but the address of DBS. The phones that DBS gives in a call of its own are substitutes with a code to dial; the hub does not read them.",
	},
	Settings: []channel.Setting{
		{
			Key: settingToken, Title: "API token", Secret: true, Required: true, Check: checkToken,
			Help: "Seller's cabinet → Profile → Settings → API access: a personal token of the categories Marketplace, Content, Returns and Analytics, not read-only. It lives 180 days.",
		},
		channel.BaseURLSetting(),
		{
			Key: settingSupplyPrefix, Title: "Prefix of supply names", Default: "orderhub", Check: checkPrefix,
			Help: "Supplies that the hub makes are named with it, so that the hub finds them again. Change it only when the hub has no open supply.",
		},
		{
			Key: settingShippingPoint, Title: "Shipping point", Check: checkPoint,
			Help: "Id of the drop-off point of FBS supplies. Since October 2026 Russian sellers must choose one before hand-over; with an id here the hub does it.",
		},
		{
			Key: settingShipping, Title: "Way of shipping", Default: "selfShipping", Check: oneOf("selfShipping", "transportCompany"),
			Help: "Sent together with the shipping point: selfShipping or transportCompany.",
		},
		{
			Key: settingWarehouse, Title: "Warehouse", Check: checkWarehouse,
			Help: "Id of the seller's warehouse whose stock the hub publishes; the check of the account lists them. Without it no stock is sent.",
		},
		{Key: settingFBS, Title: "Work with FBS orders", Default: "on", Check: oneOf("on", "off"), Help: "on or off."},
		{Key: settingDBS, Title: "Work with DBS orders", Default: "on", Check: oneOf("on", "off"), Help: "on or off."},
		{
			Key: settingReturns, Title: "Read returns", Default: "on", Check: oneOf("on", "off"),
			Help: "on or off. Claims of buyers need a token of the category Returns, goods on their way back one of Analytics.",
		},
	},
	Feeds: []channel.Feed{
		{Name: feedFBSNew, Every: 30 * time.Second, Note: "all new FBS orders; the only answer that tells the required marking codes"},
		{Name: feedFBSOrders, Every: 5 * time.Minute, Note: "FBS orders by time of creation with their statuses; 30 days at first, then from a day before the last sweep"},
		{Name: feedDBSNew, Every: 30 * time.Second, Note: "all new DBS orders"},
		{Name: feedDBSDone, Every: 10 * time.Minute, Note: "finished DBS orders with their statuses; open ones are not listed anywhere, they are read one by one"},
		{Name: feedClaims, Every: 10 * time.Minute, Returns: true, Note: "claims of buyers: those decided, then those that wait; Wildberries lists the last 14 days"},
		{Name: feedGoods, Every: 10 * time.Minute, Returns: true, Note: "goods on their way back, then those fetched; the last 93 days in three periods"},
	},
	Limits: []channel.Limit{
		{Group: groupOrders, Calls: 300, Period: time.Minute, Burst: 20, Source: "orders-fbs: limits of assembly orders, supplies, passes and auto-returns FBS"},
		{Group: groupCancel, Calls: 100, Period: time.Minute, Burst: 20, Source: "orders-fbs: PATCH /api/v3/orders/{orderId}/cancel"},
		{Group: groupDBS, Calls: 300, Period: time.Minute, Burst: 20, Source: "dbs: limits of assembly orders DBS"},
		{Group: groupDBSStatus, Calls: 1, Period: time.Second, Burst: 10, Source: "dbs: POST /api/marketplace/v3/dbs/orders/status/confirm, deliver, receive, reject, cancel"},
		// A little less than allowed: calls that leave in time may arrive too close.
		{Group: groupCards, Calls: 95, Period: time.Minute, Burst: 4, Source: "work-with-products: POST /content/v2/get/cards/list, 100 a minute with a burst of 5"},
		{Group: groupStocks, Calls: 300, Period: time.Minute, Burst: 20, Source: "work-with-products: limits of stocks in the seller's warehouses, all but DELETE"},
		{Group: groupWarehouses, Calls: 300, Period: time.Minute, Burst: 20, Source: "work-with-products: limits of the seller's warehouses"},
		{Group: groupClaims, Calls: 20, Period: time.Minute, Burst: 10, Source: "customer-communication: GET /api/v1/claims, PATCH /api/v1/claim, personal token"},
		{Group: groupReturns, Calls: 1, Period: time.Minute, Burst: 10, Source: "reports: report on returns and movements of goods, personal token"},
		{Group: groupPing, Calls: 3, Period: 30 * time.Second, Burst: 3, Source: "general: GET /ping"},
		{Group: groupSellerInfo, Calls: 1, Period: time.Minute, Burst: 10, Source: "general: GET /api/v1/seller-info, personal token"},
	},
	Statuses:    statuses,
	ReadBatch:   maxStatusIDs,
	PushBatch:   maxSupplyAdd,
	Stock:       channel.StockLimits{Batch: maxStocks, ReadBatch: maxStocks},
	RefreshOpen: 2 * time.Minute,
	Patience:    10 * time.Minute,
}

// The hosts of the services in use; Settings[base_url] replaces all.
const (
	hostMarketplace = "https://marketplace-api.wildberries.ru"
	hostCommon      = "https://common-api.wildberries.ru"
	hostContent     = "https://content-api.wildberries.ru"
	hostReturns     = "https://returns-api.wildberries.ru"
	hostAnalytics   = "https://seller-analytics-api.wildberries.ru"
)

// adapter is one open account.
type adapter struct {
	c        client
	now      func() time.Time
	token    tokenInfo
	tokenErr error
	custom   bool // base_url is set
	fbs, dbs bool
	// returns: claims and goods on their way back are read.
	returns  bool
	prefix   string
	shipping shippingSettings
	// warehouse is the one whose stock is read and written; 0 = none chosen.
	warehouse int64
	// accepting serialises the search for an open supply and its creation:
	// two batches at once would make two supplies.
	accepting sync.Mutex
}

type shippingSettings struct {
	point int64 // 0 = not set
	kind  string
}

var (
	_ channel.Lister           = (*adapter)(nil)
	_ channel.OrderReader      = (*adapter)(nil)
	_ channel.RangeLister      = (*adapter)(nil)
	_ channel.StatusPusher     = (*adapter)(nil)
	_ channel.ReturnNormaliser = (*adapter)(nil)
	_ channel.ReturnAnswerer   = (*adapter)(nil)
	_ channel.Catalogue        = (*adapter)(nil)
	_ channel.StockPusher      = (*adapter)(nil)
	_ channel.StockReader      = (*adapter)(nil)
	_ channel.Checker          = (*adapter)(nil)
	_ channel.QuotaReporter    = (*adapter)(nil)
)

func open(settings channel.Settings, deps channel.Deps) (channel.Adapter, error) {
	resolved, err := descriptor.Resolve(settings)
	if err != nil {
		return nil, err
	}
	a := &adapter{
		now:    deps.Now,
		fbs:    resolved[settingFBS] == "on",
		dbs:    resolved[settingDBS] == "on",
		prefix: resolved[settingSupplyPrefix],
		custom: resolved[channel.SettingBaseURL] != "",
	}
	if a.now == nil {
		a.now = time.Now
	}
	a.returns = resolved[settingReturns] == "on" && (a.fbs || a.dbs)
	a.token, a.tokenErr = decodeToken(resolved[settingToken])
	a.shipping.kind = resolved[settingShipping]
	if v := resolved[settingShippingPoint]; v != "" {
		if a.shipping.point, err = strconv.ParseInt(v, 10, 64); err != nil {
			return nil, orderhub.InvalidField(settingShippingPoint, "is not a number")
		}
	}
	if v := resolved[settingWarehouse]; v != "" {
		if a.warehouse, err = strconv.ParseInt(v, 10, 64); err != nil {
			return nil, orderhub.InvalidField(settingWarehouse, "is not a number")
		}
	}
	quotas := deps.Quotas
	if quotas == nil {
		quotas = rest.NewBuckets(descriptor.Limits)
	}
	a.c = newClient(resolved[settingToken], resolved[channel.SettingBaseURL], deps.HTTP, quotas, maxAnswerBytes)
	return a, nil
}

// QuotaLeft tells how many calls of each group are allowed right now.
func (a *adapter) QuotaLeft() map[string]int { return a.c.quotas.Left() }

func checkToken(v string) error {
	if strings.ContainsAny(v, " \t\r\n") {
		return fmt.Errorf("the token must be one word: without spaces, line breaks or \"Bearer\"")
	}
	return nil
}

func checkPrefix(v string) error {
	if utf8.RuneCountInString(v) > 60 {
		return fmt.Errorf("at most 60 characters, Wildberries allows 128 for the whole name")
	}
	return nil
}

func checkPoint(v string) error {
	if _, ok := parseID(v); !ok {
		return fmt.Errorf("%q is not the id of a shipping point, which is a positive number", v)
	}
	return nil
}

func checkWarehouse(v string) error {
	if _, ok := parseID(v); !ok {
		return fmt.Errorf("%q is not the id of a warehouse, which is a positive number", v)
	}
	return nil
}

func oneOf(words ...string) func(string) error {
	return func(v string) error {
		for _, w := range words {
			if v == w {
				return nil
			}
		}
		return fmt.Errorf("%q is not allowed; use %s", v, strings.Join(words, " or "))
	}
}
