// Package ozon connects an Ozon seller account (FBS, rFBS, and FBO to watch).
// It translates between the Ozon Seller API and the hub's words and makes one
// attempt per call. It must not decide what happens to an order, keep state
// between calls, or use another marketplace id than the one a field asks for:
// offer_id is Line.SKU and Listing.Article, sku is Line.ListingKey and
// Listing.Key, product_id is what stock is set by.
package ozon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"time"

	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// Channel is the Ozon entry of the registry.
var Channel = channel.Channel{Descriptor: descriptor, Open: open}

// host is Ozon's only API host; channel.SettingBaseURL replaces it.
const host = "https://api-seller.ozon.ru"

// The keys of the account settings.
const (
	settingClientID   = "client_id"
	settingAPIKey     = "api_key"
	settingFBO        = "fbo"
	settingWarehouse  = "warehouse_id"
	settingWebhookIPs = "webhook_ips"
)

// The feeds.
const (
	feedUnfulfilled = "unfulfilled"
	feedChanges     = "changes"
	feedFBO         = "fbo"
	feedReturns     = "returns"
	feedRequests    = "return_requests"
)

// The quota buckets: Ozon counts all methods of a Client-Id together, and some
// have a limit of their own besides.
const (
	groupAll    = "all"
	groupStocks = "stocks"
)

// ownGroups are the methods with a limit of their own.
var ownGroups = map[string]string{pathStocks: groupStocks}

// networks are those that notifications come from (Seller API, push_start).
var networks = []string{"195.34.21.0/24", "185.73.192.0/22", "91.223.93.0/24"}

var descriptor = channel.Descriptor{
	Name:  "ozon",
	Title: "Ozon",
	Doc:   "https://docs.ozon.ru/api/seller/",
	Buyers: channel.Buyers{
		Name: channel.ContactReal, Phone: channel.ContactProxy, ID: true,
		Note: "Told of rFBS only. The phone is a substitute with a PIN to dial; customer_id names the buyer.",
	},
	Settings: []channel.Setting{
		{
			Key: settingClientID, Title: "Client ID", Required: true, Check: checkClientID,
			Help: "The number of the seller: Ozon Seller, Settings, Seller API.",
		},
		{
			Key: settingAPIKey, Title: "API key", Required: true, Secret: true, Check: checkAPIKey,
			Help: "Made in Ozon Seller, Settings, Seller API; shown there once. It lives for three months.",
		},
		{
			Key: settingFBO, Title: "Watch FBO", Default: "yes", Check: checkYesNo,
			Help: "yes shows the orders that Ozon ships from its own warehouses; no for a key without that right.",
		},
		{
			Key: settingWarehouse, Title: "Warehouse for stock", Check: checkWarehouse,
			Help: "The number of the FBS warehouse whose stock the hub publishes; the check of the account lists the numbers. Leave empty to publish no stock.",
		},
		{
			Key: settingWebhookIPs, Title: "Notification senders", Check: checkNetworks,
			Help: "Networks that notifications may come from, separated by commas, when they reach the hub through a proxy that hides the sender. Leave empty for Ozon's own.",
		},
		channel.BaseURLSetting(),
	},
	Feeds: []channel.Feed{
		{Name: feedUnfulfilled, Every: time.Minute, Note: "everything that waits for the seller, assembly due from 90 days ago to 180 days ahead"},
		{Name: feedChanges, Every: 2 * time.Minute, Note: "postings whose status changed since the last sweep, with an overlap of hours"},
		{Name: feedFBO, Every: 10 * time.Minute, Note: "orders from Ozon's warehouses: the last days often, the last two months a few times a day"},
		{Name: feedReturns, Every: 10 * time.Minute, Returns: true, Note: "FBS and rFBS goods that come back and whose status changed since the last sweep, with an overlap of hours"},
		{Name: feedRequests, Every: 10 * time.Minute, Returns: true, Note: "requests to return rFBS goods of the last four months: what the seller may answer"},
	},
	Limits: []channel.Limit{
		// Ozon allows 50 calls in any second. A bucket of 5 refilled at 45 a
		// second never exceeds that, however the second is cut.
		{Group: groupAll, Calls: 45, Period: time.Second, Burst: 5, Source: "Seller API, Process: 50 requests per second over all methods of one Client ID"},
		// 70 a minute and 10 at once are never more than 80 in any minute.
		{Group: groupStocks, Calls: 70, Period: time.Minute, Burst: 10, Source: "Seller API, /v2/products/stocks: 80 requests per minute; each also counts among all methods"},
	},
	Statuses:      statuses,
	CancelReasons: cancelReasons,
	ReadBatch:     10,
	// One tracking call takes 20 numbers (/v2/fbs/posting/tracking-number/set).
	PushBatch: 20,
	Stock: channel.StockLimits{
		Batch: 100, ReadBatch: 1000, PairPause: pairPause,
		// No document says that a cancelled order raises the free stock again.
		Restores: false,
	},
	Patience:     10 * time.Minute,
	WebhookIPs:   networks,
	WebhookLimit: 256 << 10,
}

// adapter is one open account.
type adapter struct {
	rest     *rest.Client
	quotas   channel.Quotas
	log      *slog.Logger
	now      func() time.Time
	base     string
	clientID string
	apiKey   string // only to keep it out of texts
	watchFBO bool
	// warehouse is whose stock is published, "" = none.
	warehouse string
	senders   []netip.Prefix
	// local lets notifications of this machine and its private networks in: set
	// when base_url points away from Ozon (a simulator, a proxy).
	local    bool
	pageSize int
	// goodsPage is the page of the catalogue.
	goodsPage int
	// returnsPage and requestsPage are those of goods that come back and of
	// requests to return.
	returnsPage, requestsPage int
}

var (
	_ channel.Adapter        = (*adapter)(nil)
	_ channel.Lister         = (*adapter)(nil)
	_ channel.OrderReader    = (*adapter)(nil)
	_ channel.RangeLister    = (*adapter)(nil)
	_ channel.StatusPusher   = (*adapter)(nil)
	_ channel.TrackingPusher = (*adapter)(nil)
	_ channel.Checker        = (*adapter)(nil)
	_ channel.WebhookParser  = (*adapter)(nil)
	_ channel.QuotaReporter  = (*adapter)(nil)
	_ channel.Catalogue      = (*adapter)(nil)
	_ channel.StockPusher    = (*adapter)(nil)
	_ channel.StockReader    = (*adapter)(nil)

	_ channel.ReturnNormaliser = (*adapter)(nil)
	_ channel.ReturnAnswerer   = (*adapter)(nil)
	_ channel.LineCanceller    = (*adapter)(nil)
	_ channel.CancelAnswerer   = (*adapter)(nil)
)

const (
	// maxPage is the largest page of the posting lists (v4, FBO v3).
	maxPage = 100
	// maxGoods is the largest page of the calls about offers and their stock.
	maxGoods = 1000
)

func open(settings channel.Settings, deps channel.Deps) (channel.Adapter, error) {
	return openPaged(settings, deps, maxPage)
}

// openPaged opens an account with another page size; tests use small ones.
func openPaged(settings channel.Settings, deps channel.Deps, pageSize int) (channel.Adapter, error) {
	resolved, err := descriptor.Resolve(settings)
	if err != nil {
		return nil, err
	}
	a := &adapter{
		quotas:    deps.Quotas,
		log:       deps.Log,
		now:       deps.Now,
		base:      resolved[channel.SettingBaseURL],
		clientID:  resolved[settingClientID],
		apiKey:    resolved[settingAPIKey],
		watchFBO:  resolved[settingFBO] == "yes",
		warehouse: resolved[settingWarehouse],
		local:     resolved[channel.SettingBaseURL] != "" && resolved[settingWebhookIPs] == "",
		pageSize:  pageSize,
		goodsPage: maxGoods,

		returnsPage: maxReturns, requestsPage: maxRequests,
	}
	if a.senders, err = parseNetworks(resolved[settingWebhookIPs]); err != nil {
		return nil, err
	}
	if a.base == "" {
		a.base = host
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if a.quotas == nil {
		a.quotas = rest.NewBuckets(descriptor.Limits)
	}
	a.rest = rest.New(rest.Options{
		Name:    string(descriptor.Name),
		HTTP:    deps.HTTP,
		Quotas:  nested{a.quotas},
		Header:  http.Header{"Client-Id": {a.clientID}, "Api-Key": {a.apiKey}},
		Secrets: []string{a.apiKey},
		Explain: a.explain,
	})
	return a, nil
}

// nested lets a call with a limit of its own count among all calls too.
type nested struct{ channel.Quotas }

// Wait waits for the method's own limit first: it is the longer one.
func (n nested) Wait(ctx context.Context, group string, calls int) error {
	if err := n.Quotas.Wait(ctx, group, calls); err != nil || group == groupAll {
		return err
	}
	return n.Quotas.Wait(ctx, groupAll, calls)
}

// QuotaLeft tells how many calls are allowed right now.
func (a *adapter) QuotaLeft() map[string]int { return a.quotas.Left() }

var (
	clientIDPattern = regexp.MustCompile(`^[0-9]{1,19}$`)
	apiKeyPattern   = regexp.MustCompile(`^[!-~]{8,200}$`)
	// idPattern is any of Ozon's own numbers.
	idPattern = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)
)

func checkClientID(v string) error {
	if !clientIDPattern.MatchString(v) {
		return errors.New("is a number, as shown beside the key in Ozon Seller")
	}
	return nil
}

// checkAPIKey never quotes the value: it may be a key with a stray character.
func checkAPIKey(v string) error {
	if !apiKeyPattern.MatchString(v) {
		return errors.New("is 8 to 200 printable characters without spaces; copy it again")
	}
	return nil
}

func checkWarehouse(v string) error {
	if !idPattern.MatchString(v) {
		return errors.New("is the number of a warehouse, like 1020009000123")
	}
	return nil
}

func checkYesNo(v string) error {
	if v != "yes" && v != "no" {
		return errors.New("is yes or no")
	}
	return nil
}

func checkNetworks(v string) error {
	_, err := parseNetworks(v)
	return err
}
