// Package woocommerce is the channel of a WooCommerce shop (WordPress): it reads
// its orders and refunds by REST API v3, sends statuses, tracking numbers and
// stock figures, keeps the shop's webhooks in order and understands them.
//
// It translates words only. It must not keep state, decide what happens to an
// order, or repeat a call that changes something.
package woocommerce

import (
	"time"

	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// Channel is WooCommerce as the registry lists it.
var Channel = channel.Channel{Descriptor: descriptor, Open: open}

// The keys of the settings.
const (
	settingKey      = "consumer_key"
	settingSecret   = "consumer_secret"
	settingAuth     = "auth"
	settingWords    = "status_words"
	settingHookURL  = "webhook_url"
	settingHookKey  = "webhook_secret"
	settingTell     = "tell_tracking"
	settingHistory  = "history_days"
	authHeader      = "header"
	authQuery       = "query"
	defaultHistory  = "30"
	maxHistoryDays  = 3650
	minSecretLength = 16
)

// The feeds.
const (
	feedOrders  = "orders"
	feedRefunds = "refunds"
)

// groupShop is the one quota: a shop is a small machine.
const groupShop = "shop"

var descriptor = channel.Descriptor{
	Name: "woocommerce", Title: "WooCommerce", Doc: "https://developer.woocommerce.com/docs/apis/rest-api/",
	Buyers: channel.Buyers{
		Name: channel.ContactReal, Phone: channel.ContactReal, Email: channel.ContactReal, ID: true,
		Note: "As the buyer typed them into the shop. The id is that of the shop's customer; guests have none.",
	},
	Settings: []channel.Setting{
		{
			Key: channel.SettingBaseURL, Title: "Address of the shop", Required: true, Check: checkShop,
			Help: "As the browser shows it, with https:// and, if it is there, www and the folder: https://shop.example.org. Permalinks must not be \"plain\" (Settings → Permalinks).",
		},
		{
			Key: settingKey, Title: "Consumer key", Secret: true, Required: true, Check: checkKey("cs_", "consumer secret"),
			Help: "WooCommerce → Settings → Advanced → REST API → Add key, permissions Read/Write, for a user who is a shop manager. It begins with ck_.",
		},
		{
			Key: settingSecret, Title: "Consumer secret", Secret: true, Required: true, Check: checkKey("ck_", "consumer key"),
			Help: "Shown once, beside the consumer key. It begins with cs_.",
		},
		{
			Key: settingAuth, Title: "How the key is sent", Default: authHeader, Check: checkAuth,
			Help: "header is right nearly everywhere. query puts the key into the address, for hosts that take the Authorization header away (\"consumer key is missing\"): it then stands in the host's own logs.",
		},
		{
			Key: settingWords, Title: "The shop's own statuses", Check: checkWords,
			Help: "Statuses that a plugin added, as pairs with the hub's, with semicolons: shipped=shipped; ready=ready_for_pickup. The first one of a status is also what the hub sets. Without a pair the hub notes \"shipped\" and \"ready for pickup\" in the order's meta data.",
		},
		{
			Key: settingTell, Title: "Tell buyers the tracking number", Default: "yes", Check: checkYesNo,
			Help: "yes: a note to the customer is added, which the shop sends by mail.",
		},
		{
			Key: settingHistory, Title: "Days to look back", Default: defaultHistory, Check: checkHistory,
			Help: "How many days the first sweep goes back; later ones go on where the last ended.",
		},
		{
			Key: settingHookURL, Title: "Address for the shop's webhooks", Check: channel.CheckURL,
			Help: "The address of this account's webhook in the hub, as the shop reaches it. With it and the secret, checking the account makes the webhooks in the shop and switches on again what the shop switched off. Leave empty to go without.",
		},
		{
			Key: settingHookKey, Title: "Webhook secret", Secret: true, Check: checkHookSecret,
			Help: "Make up 32 or more letters and digits; the hub gives them to the shop, or you paste them into the webhook there (WooCommerce → Settings → Advanced → Webhooks).",
		},
	},
	Feeds: []channel.Feed{
		{Name: feedOrders, Every: time.Minute, Note: "orders by date_modified, oldest first, with an overlap of 5 minutes"},
		{Name: feedRefunds, Every: 10 * time.Minute, Returns: true, Note: "the refunds of orders that changed"},
	},
	Limits: []channel.Limit{
		{Group: groupShop, Calls: 5, Period: time.Second, Burst: 10, Parallel: 2, Source: "ours: WooCommerce documents no limit, and shops live on shared hosting"},
	},
	Statuses:  statuses,
	ReadBatch: pageSize,
	PushBatch: 10,
	Stock: channel.StockLimits{
		Batch: 50, ReadBatch: 50,
		// wc_maybe_increase_stock_levels, where the shop manages the stock.
		Restores: true,
	},
	// An order in the bin leaves every list without a word.
	RefreshOpen: 10 * time.Minute,
	// date_modified counts whole seconds: within one, a lower status is not believed at once.
	Patience: 2 * time.Minute,
}

type adapter struct {
	client   *client
	shop     string
	words    words
	hookURL  string
	hookKey  string
	tell     bool
	history  time.Duration
	now      func() time.Time
	pageSize int
}

var (
	_ channel.Adapter          = (*adapter)(nil)
	_ channel.Lister           = (*adapter)(nil)
	_ channel.RangeLister      = (*adapter)(nil)
	_ channel.OrderReader      = (*adapter)(nil)
	_ channel.StatusPusher     = (*adapter)(nil)
	_ channel.TrackingPusher   = (*adapter)(nil)
	_ channel.Checker          = (*adapter)(nil)
	_ channel.WebhookParser    = (*adapter)(nil)
	_ channel.QuotaReporter    = (*adapter)(nil)
	_ channel.Catalogue        = (*adapter)(nil)
	_ channel.StockPusher      = (*adapter)(nil)
	_ channel.StockReader      = (*adapter)(nil)
	_ channel.ReturnNormaliser = (*adapter)(nil)
)

func open(in channel.Settings, deps channel.Deps) (channel.Adapter, error) {
	settings, err := descriptor.Resolve(in)
	if err != nil {
		return nil, err
	}
	a := &adapter{
		shop: settings[channel.SettingBaseURL], hookURL: settings[settingHookURL], hookKey: settings[settingHookKey],
		tell: settings[settingTell] == "yes", now: deps.Now, pageSize: pageSize,
	}
	if a.words, err = parseWords(settings[settingWords]); err != nil {
		return nil, fieldError(settingWords, err)
	}
	if a.history, err = parseHistory(settings[settingHistory]); err != nil {
		return nil, fieldError(settingHistory, err)
	}
	if a.now == nil {
		a.now = time.Now
	}
	quotas := deps.Quotas
	if quotas == nil {
		quotas = rest.NewBuckets(descriptor.Limits)
	}
	a.client = newClient(settings, deps.HTTP, quotas)
	return a, nil
}

// QuotaLeft tells how many calls are allowed right now.
func (a *adapter) QuotaLeft() map[string]int { return a.client.quotas.Left() }
