package woocommerce

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// topics are the messages that the hub wants. The last one is newer than the rest;
// a shop that does not know it is not the worse for it.
var topics = []string{"order.created", "order.updated", "order.deleted", "order.restored"}

const optionalTopic = "order.restored"

// Check tries the key with the call that every sweep makes, and keeps the shop's
// webhooks in order where the settings name an address and a secret.
func (a *adapter) Check(ctx context.Context) (channel.CheckResult, error) {
	var res channel.CheckResult
	if u, err := url.Parse(a.shop); err == nil {
		res.Name = u.Host
	}
	query := a.orderQuery("modified", 1)
	query.Set("per_page", "1")
	if _, _, err := a.client.listOrders(ctx, query); err != nil {
		if codeOf(err) != "rest_invalid_param" {
			return res, err
		}
		query.Set("orderby", "date")
		if _, _, err := a.client.listOrders(ctx, query); err != nil {
			return res, err
		}
		res.Warnings = append(res.Warnings, "the shop is older than WooCommerce 5.8: changes of orders are found by reading the open ones again, every ten minutes")
	}
	res.Can = []string{"read orders"}
	if a.hookURL == "" || a.hookKey == "" {
		res.Warnings = append(res.Warnings, "no webhooks: orders arrive by the sweep, within a minute. Fill in "+settingHookURL+" and "+settingHookKey+" to have them at once")
		return res, nil
	}
	notes, err := a.keepHooks(ctx)
	if err != nil {
		if orderhub.ClassOf(err) == orderhub.ClassRetry {
			return res, err
		}
		notes = append(notes, "the webhooks could not be looked after: "+sentence(err))
	} else {
		res.Can = append(res.Can, "webhooks")
	}
	res.Warnings = append(res.Warnings, notes...)
	return res, nil
}

// keepHooks makes the webhooks that lack, switches on again those that the shop
// switched off, and gives them the secret of the settings. Those that a person
// paused stay so.
func (a *adapter) keepHooks(ctx context.Context) ([]string, error) {
	hooks, err := a.client.listHooks(ctx)
	if err != nil {
		return nil, err
	}
	ours := map[string]wireHook{}
	for _, h := range hooks {
		if h.DeliveryURL.String() == a.hookURL {
			ours[h.Topic.String()] = h
		}
	}
	var notes []string
	for _, topic := range topics {
		want := hookUpdate{Name: a.hookName(), Secret: a.hookKey, Status: "active"}
		h, there := ours[topic]
		switch {
		case !there:
			want.Topic, want.DeliveryURL = topic, a.hookURL
			if err := a.client.createHook(ctx, want); err != nil && (topic != optionalTopic || orderhub.ClassOf(err) != orderhub.ClassRejected) {
				return notes, fmt.Errorf("make the webhook %s: %w", topic, err)
			}
		case h.Status == "paused":
			notes = append(notes, "the webhook "+topic+" is paused in the shop")
		case h.Status != "active":
			notes = append(notes, "the shop had switched the webhook "+topic+" off after messages that the hub did not take; it is on again")
			fallthrough
		case h.Name.String() != want.Name:
			if err := a.client.updateHook(ctx, h.ID.String(), want); err != nil {
				return notes, fmt.Errorf("change the webhook %s: %w", topic, err)
			}
		}
	}
	return notes, nil
}

// hookName tells by which secret a webhook was made: the shop never shows that again.
func (a *adapter) hookName() string {
	sum := sha256.Sum256([]byte("orderhub webhook " + a.hookKey))
	return "orderhub " + hex.EncodeToString(sum[:4])
}

// sentence is an error without the address of its call.
func sentence(err error) string {
	_, text, found := strings.Cut(err.Error(), "webhooks: ")
	if !found {
		return err.Error()
	}
	return text
}
