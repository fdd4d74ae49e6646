// Package demo is the smallest complete adapter: copy the folder to begin a new
// channel, keep the files and their order, and run its test from the first hour
// on. It speaks to the made-up market of demosim and is in no registry.
//
// Like every adapter it translates words, keeps no state between calls, makes
// one attempt and decides nothing.
package demo

import (
	"time"

	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// Channel is the registry's entry; a real channel adds it to channel/all.
var Channel = channel.Channel{Descriptor: descriptor, Open: open}

var descriptor = channel.Descriptor{
	Name: "demo", Title: "Demo market", Doc: "https://demo.example/api",
	Buyers: channel.Buyers{Name: channel.ContactReal, Phone: channel.ContactReal},
	Settings: []channel.Setting{
		{Key: "token", Title: "API token", Help: "Cabinet → Integrations → New token.", Secret: true, Required: true},
		{Key: "webhook_secret", Title: "Webhook secret", Help: "Cabinet → Integrations → Notifications. Leave empty to go without.", Secret: true},
		channel.BaseURLSetting(),
	},
	Feeds:     []channel.Feed{{Name: "orders", Every: time.Minute, Note: "everything that changed"}},
	Limits:    []channel.Limit{{Group: groupOrders, Calls: 50, Period: time.Second, Parallel: 4, Source: "Demo API, Limits"}},
	Statuses:  statuses,
	ReadBatch: 100,
	PushBatch: 50,
	CancelReasons: []channel.CancelReason{
		{Code: "out_of_stock", Title: "Out of stock"},
		{Code: "damaged", Title: "Damaged"},
	},
}

// The abilities beyond channel.Adapter.
var (
	_ channel.Lister        = (*adapter)(nil)
	_ channel.RangeLister   = (*adapter)(nil)
	_ channel.OrderReader   = (*adapter)(nil)
	_ channel.StatusPusher  = (*adapter)(nil)
	_ channel.Checker       = (*adapter)(nil)
	_ channel.WebhookParser = (*adapter)(nil)
)

type adapter struct {
	client *client
	secret string
}

func open(settings channel.Settings, deps channel.Deps) (channel.Adapter, error) {
	settings, err := descriptor.Resolve(settings)
	if err != nil {
		return nil, err
	}
	quotas := deps.Quotas
	if quotas == nil {
		quotas = rest.NewBuckets(descriptor.Limits)
	}
	return &adapter{client: newClient(settings, deps.HTTP, quotas), secret: settings["webhook_secret"]}, nil
}
