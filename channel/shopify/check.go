package shopify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/channel/rest"
)

// needed are the scopes without which something does not work. A scope to write
// holds the one to read.
var needed = []struct{ scope, without string }{
	{"read_orders", "no order can be read"},
	{"write_merchant_managed_fulfillment_orders", "nothing can be marked as sent"},
	{"write_orders", "orders cannot be cancelled"},
	{"read_products", "the offers cannot be read"},
	{"write_inventory", "no stock can be published"},
	{"read_returns", "returns are not seen"},
}

type wireShop struct {
	Name   rest.Text
	Domain rest.Text `json:"myshopifyDomain"`
}

type wireHook struct{ ID, Topic, URI string }

// Check reads the shop's name and the app's scopes, looks whether the location is
// there, and subscribes the hub's webhook address, if one is filled in.
func (a *adapter) Check(ctx context.Context) (channel.CheckResult, error) {
	data, err := a.client.run(ctx, opShop, nil)
	if err != nil {
		return channel.CheckResult{}, err
	}
	var shop wireShop
	var app struct {
		AccessScopes []struct{ Handle string }
	}
	var places, hooks rows
	if err := rest.Decode(data["shop"], &shop); err != nil || (shop.Name == "" && shop.Domain == "") {
		return channel.CheckResult{}, a.client.fail(opShop, orderhub.ClassRetry, "the answer does not describe the shop", "", err)
	}
	// The others are help: what cannot be read of them warns of nothing.
	_ = json.Unmarshal(data["currentAppInstallation"], &app)
	_ = json.Unmarshal(data["locations"], &places)
	_ = json.Unmarshal(data["webhookSubscriptions"], &hooks)
	out := channel.CheckResult{Name: shop.Name.String()}
	for _, s := range app.AccessScopes {
		out.Can = append(out.Can, s.Handle)
	}
	out.Warnings = a.scopeWarnings(out.Can)
	if w := a.locationWarning(places.Nodes); w != "" {
		out.Warnings = append(out.Warnings, w)
	}
	if shop.Domain != "" && !strings.EqualFold(shop.Domain.String(), a.shop) {
		out.Warnings = append(out.Warnings, "the shop's own address is "+shop.Domain.String()+": fill it in, or its webhooks are refused")
	}
	err = a.subscribe(ctx, hooks.Nodes)
	if orderhub.ClassOf(err) == orderhub.ClassRejected {
		out.Warnings, err = append(out.Warnings, "webhooks could not be subscribed: "+err.Error()), nil
	}
	return out, err
}

func (a *adapter) scopeWarnings(have []string) []string {
	if len(have) == 0 {
		return nil
	}
	var out []string
	for _, n := range needed {
		writes := "write_" + strings.TrimPrefix(n.scope, "read_")
		if !slices.Contains(have, n.scope) && !slices.Contains(have, writes) {
			out = append(out, "the app lacks the scope "+n.scope+": "+n.without)
		}
	}
	if a.days > 60 && !slices.Contains(have, "read_all_orders") {
		out = append(out, "the app lacks the scope read_all_orders: orders older than 60 days are not seen")
	}
	return out
}

func (a *adapter) locationWarning(nodes []json.RawMessage) string {
	var have []string
	for _, row := range nodes {
		var l struct {
			ID     string
			Name   rest.Text
			Active *bool `json:"isActive"`
		}
		if rest.Decode(row, &l) != nil {
			continue
		}
		if bare(l.ID) == a.location && l.Active != nil && !*l.Active {
			return "the location " + a.location + " (" + l.Name.String() + ") is not active: nothing is sold from it"
		}
		if bare(l.ID) == a.location {
			return ""
		}
		have = append(have, fmt.Sprintf("%s (%s)", bare(l.ID), l.Name))
	}
	switch {
	case a.location == "":
		return "no stock is published: the setting " + settingLocation + " is empty; the shop has " + strings.Join(have, ", ")
	case len(have) == 0:
		return "" // nothing is known about it
	}
	return "the shop has no location " + a.location + "; it has " + strings.Join(have, ", ")
}

// subscribe adds the topics that are missing: Shopify drops a subscription whose
// address failed for hours.
func (a *adapter) subscribe(ctx context.Context, nodes []json.RawMessage) error {
	if a.hook == "" {
		return nil
	}
	have := map[string]bool{}
	for _, row := range nodes {
		var h wireHook
		if rest.Decode(row, &h) == nil && h.URI == a.hook {
			have[h.Topic] = true
		}
	}
	for _, topic := range topics {
		if have[topic] {
			continue
		}
		var out struct{ UserErrors []userError }
		if err := a.client.do(ctx, opSubscribe, map[string]any{"topic": topic, "hook": map[string]string{"uri": a.hook, "format": "JSON"}}, &out); err != nil {
			return err
		}
		if err := a.client.refused(opSubscribe, out.UserErrors); err != nil {
			return err
		}
	}
	return nil
}
