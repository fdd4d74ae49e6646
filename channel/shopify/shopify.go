// Package shopify is the channel of shops on Shopify (GraphQL Admin API).
//
// A sweep over the orders by the time of their change is the truth; a signed
// webhook is a hint to read an order. See MAPPINGS.md.
package shopify

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// Name is the hub's word for this channel.
const Name orderhub.Channel = "shopify"

// The keys of the settings.
const (
	settingShop     = "shop"
	settingClient   = "client_id"
	settingSecret   = "client_secret"
	settingToken    = "access_token"
	settingVersion  = "api_version"
	settingDays     = "first_days"
	settingLocation = "location_id"
	settingNotify   = "notify_customer"
	settingWebhook  = "webhook_url"
)

const (
	feedOrders  = "orders"
	feedReturns = "returns"
	// groupPoints counts the cost of queries, groupToken the requests for a token.
	groupPoints = "graphql"
	groupToken  = "token"
	// pageSize is how many orders a page is asked for; it is halved when Shopify
	// finds that too dear.
	pageSize = 25
	// stockBatch is the most figures of one mutation.
	stockBatch = 100
	// oldest is the first version whose stock mutation is the one that is used.
	oldest = "2026-04"
)

// Channel is the entry of the registry.
var Channel = channel.Channel{Descriptor: descriptor(), Open: open}

var limits = []channel.Limit{
	{Group: groupPoints, Calls: 100, Period: time.Second, Burst: 1000, Parallel: 2, Source: "GraphQL Admin API rate limits: 100 points a second on the standard plan"},
	{Group: groupToken, Calls: 1, Period: 10 * time.Second, Burst: 3, Source: "ours: a token lasts for a day"},
}

func descriptor() channel.Descriptor {
	return channel.Descriptor{
		Name: Name, Title: "Shopify", Doc: "https://shopify.dev/docs/api/admin-graphql",
		Buyers: channel.Buyers{
			Name: channel.ContactReal, Phone: channel.ContactReal, Email: channel.ContactReal, ID: true,
			Note: "As the buyer typed them into the shop; nothing of it without Shopify's leave to read protected customer data.",
		},
		Settings: settingList(),
		Feeds: []channel.Feed{
			{Name: feedOrders, Every: time.Minute, Note: "every order that changed"},
			{Name: feedReturns, Every: 10 * time.Minute, Note: "the returns of orders that changed", Returns: true},
		},
		Limits: limits, Statuses: statuses, CancelReasons: cancelReasons,
		ReadBatch: 10, PushBatch: 10,
		Stock:        channel.StockLimits{Batch: stockBatch, ReadBatch: stockBatch, Restores: true},
		WebhookLimit: 4 << 20,
	}
}

func settingList() []channel.Setting {
	return []channel.Setting{
		{
			Key: settingShop, Title: "Shop", Required: true, Check: checkShop,
			Help: "The shop's own Shopify address, for example my-shop.myshopify.com. Not the domain that buyers see.",
		},
		{
			Key: settingClient, Title: "Client ID", Required: true,
			Help: "Dev Dashboard → Apps → your app → Settings. Of an app made in the Shopify admin before 2026: its API key.",
		},
		{
			Key: settingSecret, Title: "Client secret", Required: true, Secret: true, Check: channel.CheckKey,
			Help: "Beside the client ID. It also proves that a webhook comes from Shopify. Of an older app: its API secret key.",
		},
		{
			Key: settingToken, Title: "Access token", Secret: true, Check: channel.CheckKey,
			Help: "Only for an app made in the Shopify admin before 2026: its Admin API access token (shpat_…). Empty: the hub asks for one with ID and secret, every day.",
		},
		{
			Key: settingVersion, Title: "API version", Default: "2026-07", Check: checkVersion,
			Help: "Shopify keeps a version for a year. Not older than " + oldest + ".",
		},
		{
			Key: settingDays, Title: "Days back at the start", Default: "30", Check: checkDays,
			Help: "How many days back the first sweep goes, 1 to 3650. More than 60 needs the scope read_all_orders.",
		},
		{
			Key: settingLocation, Title: "Location", Check: checkID,
			Help: "Number of the location whose stock the hub publishes. Empty: no stock is published; a check of the account lists the locations.",
		},
		{
			Key: settingNotify, Title: "Shopify tells the buyer", Default: "no", Check: checkYesNo,
			Help: "yes: Shopify sends the buyer its own message of a shipment or a cancellation.",
		},
		{
			Key: settingWebhook, Title: "Webhook address of the hub", Check: channel.CheckURL,
			Help: "The account's webhook address with the hub's public host. When it is filled in, a check of the account subscribes it in the shop and repairs it. Empty: sweeps only.",
		},
		channel.BaseURLSetting(),
	}
}

// The abilities beyond channel.Adapter.
var (
	_ channel.Lister           = (*adapter)(nil)
	_ channel.RangeLister      = (*adapter)(nil)
	_ channel.OrderReader      = (*adapter)(nil)
	_ channel.StatusPusher     = (*adapter)(nil)
	_ channel.TrackingPusher   = (*adapter)(nil)
	_ channel.ReturnNormaliser = (*adapter)(nil)
	_ channel.Catalogue        = (*adapter)(nil)
	_ channel.StockPusher      = (*adapter)(nil)
	_ channel.StockReader      = (*adapter)(nil)
	_ channel.WebhookParser    = (*adapter)(nil)
	_ channel.Checker          = (*adapter)(nil)
	_ channel.QuotaReporter    = (*adapter)(nil)
)

// adapter is one shop.
type adapter struct {
	client   *client
	quotas   channel.Quotas
	now      func() time.Time
	shop     string
	secret   string
	location string
	hook     string
	notify   bool
	days     int
	perPage  int
}

func open(settings channel.Settings, deps channel.Deps) (channel.Adapter, error) {
	return openPaged(settings, deps, pageSize)
}

func openPaged(settings channel.Settings, deps channel.Deps, perPage int) (channel.Adapter, error) {
	settings, err := descriptor().Resolve(settings)
	if err != nil {
		return nil, err
	}
	a := &adapter{
		quotas: deps.Quotas, now: deps.Now, shop: host(settings[settingShop]), secret: settings[settingSecret], location: settings[settingLocation],
		hook: settings[settingWebhook], notify: settings[settingNotify] == "yes", perPage: perPage,
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.quotas == nil {
		a.quotas = rest.NewBuckets(limits)
	}
	if a.days, err = strconv.Atoi(settings[settingDays]); err != nil {
		return nil, orderhub.InvalidField(settingDays, "want a whole number")
	}
	a.client = newClient(settings, deps.HTTP, a.quotas, a.now)
	return a, nil
}

// QuotaLeft tells how many points are left as far as the hub counts them.
func (a *adapter) QuotaLeft() map[string]int { return a.quotas.Left() }

var (
	hostPattern    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
	versionPattern = regexp.MustCompile(`^20[2-9][0-9]-(01|04|07|10)$`)
	idPattern      = regexp.MustCompile(`^[0-9]{1,20}$`)
)

// host takes the shop's address as people copy it.
func host(v string) string {
	return strings.TrimSuffix(strings.TrimPrefix(v, "https://"), "/")
}

func checkShop(v string) error {
	if !hostPattern.MatchString(host(v)) {
		return fmt.Errorf("%.80q is not a host like my-shop.myshopify.com", v)
	}
	return nil
}

func checkVersion(v string) error {
	if !versionPattern.MatchString(v) || v < oldest {
		return fmt.Errorf("%.20q is not a version from %s on, like 2026-07", v, oldest)
	}
	return nil
}

func checkDays(v string) error {
	if n, err := strconv.Atoi(v); err != nil || n < 1 || n > 3650 {
		return fmt.Errorf("%.20q is not allowed; allowed: 1 to 3650", v)
	}
	return nil
}

func checkID(v string) error {
	if !idPattern.MatchString(v) {
		return fmt.Errorf("%.60q is not a number; take the digits at the end of the address of the location", v)
	}
	return nil
}

func checkYesNo(v string) error {
	if v != "yes" && v != "no" {
		return fmt.Errorf("%.20q is not allowed; allowed: yes, no", v)
	}
	return nil
}

// gid is Shopify's global id of a thing, bare the number in it, "" for none.
func gid(kind, id string) string { return "gid://shopify/" + kind + "/" + id }

func bare(gid string) string {
	rest, ok := strings.CutPrefix(gid, "gid://shopify/")
	_, id, _ := strings.Cut(rest, "/")
	if !ok || !idPattern.MatchString(id) {
		return ""
	}
	return id
}
