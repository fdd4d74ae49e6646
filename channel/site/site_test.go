package site

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/channeltest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, suite())
}

func suite() channeltest.Suite {
	return channeltest.Suite{
		Channel: channel.Channel{Descriptor: Channel.Descriptor, Open: openForKit},
		NoList:  true,
		Connect: func(settings map[string]string, url string) {
			settings[settingDeliveryURL] = url + "/hub"
		},
		Settings:    map[string]string{settingSecret: testSecret, settingAllowPrivate: "yes"},
		PushHeaders: []string{"Content-Type", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"},
		BuyerWords:  []string{"Сорокина", "+7 900 000-00-00", "vera@example.org", "Вымышленная"},
		Pushes:      pushCases(),
		Webhooks:    webhookCases(),
	}
}

// kitAdapter adapts to two assumptions of the kit that do not fit a shop. Its
// answers have no body worth reading, so Check cannot tell garbage; and it drops
// repeats by webhook-id, so that a lost answer is ClassRetry, where the kit wants
// uncertain. Both are tested in this package instead.
type kitAdapter struct {
	channel.Adapter
	channel.WebhookParser
	pusher channel.StatusPusher
}

func openForKit(settings channel.Settings, deps channel.Deps) (channel.Adapter, error) {
	a, err := open(settings, deps)
	if err != nil {
		return nil, err
	}
	own := a.(*adapter)
	return kitAdapter{Adapter: own, WebhookParser: own, pusher: own}, nil
}

func (k kitAdapter) PushStatus(ctx context.Context, pushes []channel.Push) ([]channel.PushResult, error) {
	results, err := k.pusher.PushStatus(ctx, pushes)
	for _, r := range results {
		var be *orderhub.BorderError
		if errors.As(r.Err, &be) && be.Class == orderhub.ClassRetry && be.HTTPStatus != http.StatusServiceUnavailable {
			be.Class = orderhub.ClassUncertain
		}
	}
	return results, err
}

func siteOrder(number int64, id string) orderhub.Order {
	return orderhub.Order{
		ID: number, AccountID: "shop", Channel: Name, Headline: orderhub.StatusShipped, Version: 7, UpdatedAt: testNow,
		Snapshot: orderhub.Snapshot{ExternalID: id, Scheme: orderhub.SchemeSite, Status: orderhub.StatusNew, Native: "new"},
	}
}

func pushCases() []channeltest.PushCase {
	full := channel.Push{
		Key: "effect-91", Order: siteOrder(1001, "727"), To: orderhub.StatusShipped, Attempt: 1,
		Params: map[string]string{"previous": "packed", "at": "2026-11-20T11:59:58Z", "tracking": "RA123456789RU"},
	}
	cancel := channel.Push{
		Key: "effect-92", Order: siteOrder(1002, "728"), To: orderhub.StatusCancelled, Attempt: 1,
		Reason: "out_of_stock", Comment: "Кружка <разбилась> & не вернётся",
	}
	ok := channeltest.Canned{Method: "POST", Path: "/hub", Status: http.StatusNoContent, Write: true}
	status := func(code int) []channeltest.Canned {
		return []channeltest.Canned{{Method: "POST", Path: "/hub", Status: code}}
	}
	failed := func(c orderhub.Class) []channeltest.PushWant {
		return []channeltest.PushWant{{Outcome: channel.OutcomeFailed, Class: c}}
	}
	ladder := channeltest.PushCase{Name: "ladder", Replies: []channeltest.Canned{ok}}
	for i, step := range statuses.Steps {
		ladder.Pushes = append(ladder.Pushes, channel.Push{
			Key: fmt.Sprintf("effect-%d", 50+i), Order: siteOrder(1003, "729"), To: step.To, Attempt: 1,
		})
		ladder.Want = append(ladder.Want, channeltest.PushWant{Outcome: channel.OutcomeDone})
	}
	return []channeltest.PushCase{
		ladder,
		{Name: "told", Pushes: []channel.Push{full}, Replies: []channeltest.Canned{ok}, Want: []channeltest.PushWant{{Outcome: channel.OutcomeDone}}},
		{
			Name: "one of two refused", Pushes: []channel.Push{full, cancel},
			Replies: []channeltest.Canned{{Method: "POST", Path: "/hub", Status: http.StatusUnprocessableEntity}, ok},
			Want:    []channeltest.PushWant{{Outcome: channel.OutcomeFailed, Class: orderhub.ClassRejected}, {Outcome: channel.OutcomeDone}},
		},
		{Name: "gone", Pushes: []channel.Push{full}, Replies: status(http.StatusGone), Want: failed(orderhub.ClassRejected)},
		{Name: "redirect", Pushes: []channel.Push{full}, Replies: status(http.StatusMovedPermanently), Want: failed(orderhub.ClassRejected)},
		{Name: "too early", Pushes: []channel.Push{full}, Replies: status(http.StatusTooEarly), Want: failed(orderhub.ClassUncertain)},
	}
}

func FuzzNormalise(f *testing.F) { channeltest.Fuzz(f, suite()) }
