// Package site is the channel of the shop's own site, for sites without a ready
// connector: the site sends its orders as signed webhooks (Standard Webhooks) or
// through the REST intake, and the hub tells it every change of status and, if
// wanted, of stock by a signed webhook or lets it read them by API.
//
// The site only pushes: there is nothing to list and nothing to read again. What
// it sends is the order itself, guarded by its version; see MAPPINGS.md.
package site

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
	"github.com/orderhub/orderhub/webhook"
)

// Name is the hub's word for this channel.
const Name orderhub.Channel = "site"

// The keys of the settings.
const (
	settingSecret         = "secret"
	settingSecretOld      = "secret_old"
	settingDeliveryURL    = "delivery_url"
	settingDeliverySecret = "delivery_secret"
	settingAllowPrivate   = "allow_private_targets"
	settingStock          = "stock"
	settingReserve        = "reserve"
)

// quotaDelivery is the one quota group: messages to the shop.
const quotaDelivery = "delivery"

// Channel is the entry of the registry.
var Channel = channel.Channel{Descriptor: descriptor(), Open: open}

var limits = []channel.Limit{{
	Group: quotaDelivery, Calls: 20, Period: time.Second, Burst: 20, Parallel: 4,
	Source: "ours: a small shop must not be flooded",
}}

func descriptor() channel.Descriptor {
	return channel.Descriptor{
		Name: Name, Title: "Own site", Doc: "https://www.standardwebhooks.com",
		Buyers: channel.Buyers{Name: channel.ContactReal, Phone: channel.ContactReal, Email: channel.ContactReal, Note: "As the buyer typed them into the shop."},
		Settings: []channel.Setting{
			{
				Key: settingSecret, Title: "Secret for incoming webhooks", Secret: true, Check: checkSecret,
				Help: "whsec_ and 32 to 88 letters and digits, the same value in the shop. Leave empty when the shop uses the REST intake.",
			},
			{
				Key: settingSecretOld, Title: "Old secret", Secret: true, Check: checkSecret,
				Help: "The previous secret while you change it: messages signed with either are taken. Remove it when the shop uses the new one.",
			},
			{
				Key: settingDeliveryURL, Title: "Address for status messages", Check: checkDeliveryURL,
				Help: "The shop's address that takes order.status_changed, order.lines_cancelled and stock.updated. Leave empty when the shop reads both by API.",
			},
			{
				Key: settingDeliverySecret, Title: "Secret for status messages", Secret: true, Check: checkSecret,
				Help: "Signs what the hub sends. Empty: the secret for incoming webhooks.",
			},
			{
				Key: settingAllowPrivate, Title: "Allow private addresses", Default: "no", Check: checkYesNo,
				Help: "yes, when the shop lives in your own network: the hub otherwise refuses to send to private and loopback addresses.",
			},
			{
				Key: settingStock, Title: "Stock figures", Default: stockPull, Check: checkStock,
				Help: "pull: the shop reads GET /api/v1/stock itself. webhook: the hub sends stock.updated to the address for status messages.",
			},
			{
				Key: settingReserve, Title: "Reserves before it sells", Default: "no", Check: checkYesNo,
				Help: "yes, when the shop reserves every cart in the hub (POST /reservations) before it takes the order: then it can sell nothing twice.",
			},
		},
		Limits:    limits,
		Statuses:  statuses,
		PushBatch: 20,
		Stock:     channel.StockLimits{Batch: stockBatch},
	}
}

// adapter is one shop.
type adapter struct {
	now    func() time.Time
	verify []webhook.Key
	sign   webhook.Key
	url    string
	stock  string // stockWebhook or stockPull
	client *rest.Client
	quotas channel.Quotas
}

var (
	_ channel.Adapter       = (*adapter)(nil)
	_ channel.WebhookParser = (*adapter)(nil)
	_ channel.StatusPusher  = (*adapter)(nil)
	_ channel.StockPusher   = (*adapter)(nil)
	_ channel.Checker       = (*adapter)(nil)
	_ channel.QuotaReporter = (*adapter)(nil)
)

// open makes the adapter of one shop.
func open(settings channel.Settings, deps channel.Deps) (channel.Adapter, error) {
	a := &adapter{now: deps.Now, url: settings[settingDeliveryURL], stock: settings[settingStock], quotas: deps.Quotas}
	if a.now == nil {
		a.now = time.Now
	}
	if a.quotas == nil {
		a.quotas = rest.NewBuckets(limits)
	}
	for _, field := range []string{settingSecret, settingSecretOld} {
		if settings[field] == "" {
			continue
		}
		key, err := webhook.ParseSecret(settings[field])
		if err != nil {
			return nil, orderhub.InvalidField(field, "%s", err)
		}
		a.verify = append(a.verify, key)
	}
	secret := settings[settingDeliverySecret]
	if secret == "" {
		secret = settings[settingSecret]
	}
	if a.stock == stockWebhook && a.url == "" {
		return nil, orderhub.InvalidField(settingStock, "%s needs %s", stockWebhook, settingDeliveryURL)
	}
	if a.url != "" {
		key, err := webhook.ParseSecret(secret)
		if err != nil {
			return nil, orderhub.InvalidField(settingDeliverySecret, "is needed to sign messages to %s: %s", settingDeliveryURL, err)
		}
		a.sign = key
	}
	a.client = newClient(deps.HTTP, a.quotas, settings)
	return a, nil
}

// QuotaLeft tells how many messages may be sent to the shop right now.
func (a *adapter) QuotaLeft() map[string]int { return a.quotas.Left() }

func checkSecret(v string) error {
	_, err := webhook.ParseSecret(v)
	return err
}

func checkDeliveryURL(v string) error {
	if err := channel.CheckURL(v); err != nil {
		return err
	}
	if u, err := url.Parse(v); err != nil || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("the address must have no user, password or #fragment; the messages are signed instead")
	}
	if _, err := http.NewRequest(http.MethodPost, v, nil); err != nil {
		return fmt.Errorf("the address cannot be called")
	}
	return nil
}

func checkYesNo(v string) error {
	if v != "yes" && v != "no" {
		return fmt.Errorf("%.20q is not allowed; allowed: yes, no", v)
	}
	return nil
}
