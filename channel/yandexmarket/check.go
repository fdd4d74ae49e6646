package yandexmarket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// scopes that allow reading orders; the first two also allow changing them.
var orderScopes = []string{"ALL_METHODS", "INVENTORY_AND_ORDER_PROCESSING", "ALL_METHODS_READ_ONLY", "INVENTORY_AND_ORDER_PROCESSING_READ_ONLY", "FINANCE_AND_ACCOUNTING"}

// unavailable explains CampaignDTO.apiAvailability: such a shop answers 403 to
// every call.
var unavailable = map[string]string{
	"DISABLED_BY_INACTIVITY":         "no goods were on sale for more than 90 days",
	"DISABLED_BY_NO_ACTIVE_CONTRACT": "it has no active contract",
	"MANUALLY_DISABLED":              "the API was switched off by the Market or at the seller's wish",
	"DISABLED_BY_NO_PLACEMENT_TYPE":  "it has no placement model",
}

func (a *adapter) check(ctx context.Context) (channel.CheckResult, error) {
	token, err := a.tokenInfo(ctx)
	if err != nil {
		return channel.CheckResult{}, fmt.Errorf("check the Api-Key: %w", err)
	}
	if token.Result.APIKey.Name == "" && len(token.Result.APIKey.AuthScopes) == 0 {
		return channel.CheckResult{}, answerError("POST /v2/auth/token", orderhub.ClassRetry, "the answer does not describe the key")
	}
	out := channel.CheckResult{Name: string(token.Result.APIKey.Name)}
	for _, s := range token.Result.APIKey.AuthScopes {
		out.Can = append(out.Can, string(s))
	}
	out.Warnings = scopeWarnings(out.Can)
	campaigns, err := a.allCampaigns(ctx)
	if err != nil {
		return channel.CheckResult{}, fmt.Errorf("list the shops: %w", err)
	}
	warnings, err := a.campaignWarnings(campaigns)
	if err != nil {
		return channel.CheckResult{}, err
	}
	out.Warnings = append(out.Warnings, warnings...)
	warnings, err = a.stockWarnings(ctx, out.Can)
	if err != nil {
		return channel.CheckResult{}, err
	}
	out.Warnings = append(out.Warnings, warnings...)
	return out, nil
}

// stockScopes allow setting stock; reading orders does not.
var stockScopes = []string{"ALL_METHODS", "OFFERS_AND_CARDS_MANAGEMENT"}

// stockWarnings tells what would keep the hub from publishing stock, for
// accounts whose settings say that it shall.
func (a *adapter) stockWarnings(ctx context.Context, scopes []string) ([]string, error) {
	if a.stockShop == 0 && a.warehouse == 0 {
		return nil, nil
	}
	var out []string
	if !slices.ContainsFunc(stockScopes, func(s string) bool { return slices.Contains(scopes, s) }) {
		out = append(out, "the key may not set stock; give it OFFERS_AND_CARDS_MANAGEMENT or ALL_METHODS")
	}
	_, err := a.stockWay(ctx)
	var be *orderhub.BorderError
	if errors.As(err, &be) && (be.Class == orderhub.ClassRejected || be.Class == orderhub.ClassAuth) {
		return append(out, "stock cannot be published: "+be.Sentence), nil
	}
	return out, err
}

func scopeWarnings(scopes []string) []string {
	has := func(list []string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return slices.Contains(scopes, s) })
	}
	switch {
	case has(orderScopes[:2]):
		return nil
	case has(orderScopes):
		return []string{"the key may read orders and not change them: statuses cannot be sent; give it INVENTORY_AND_ORDER_PROCESSING or ALL_METHODS"}
	default:
		return []string{"the key may not read orders; give it INVENTORY_AND_ORDER_PROCESSING or ALL_METHODS"}
	}
}

func (a *adapter) allCampaigns(ctx context.Context) ([]campaign, error) {
	var out []campaign
	token := ""
	for range 50 { // 5000 shops; more would be a paging that does not end
		page, err := a.listCampaigns(ctx, token)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Campaigns...)
		if token = page.Paging.NextPageToken; token == "" {
			break
		}
	}
	return out, nil
}

// campaignWarnings compares the shops that the key sees with the settings. A
// key of another account is an error: every call would fail.
func (a *adapter) campaignWarnings(list []campaign) ([]string, error) {
	var out, others []string
	seen := map[int64]bool{}
	ours := false
	for _, c := range list {
		if business, _ := c.Business.ID.integer(); business != a.business {
			others = append(others, fmt.Sprintf("%s %s", c.Business.ID, quote(string(c.Business.Name))))
			continue
		}
		ours = true
		id, _ := c.ID.integer()
		seen[id] = true
		if len(a.campaigns) > 0 && !slices.Contains(a.campaigns, id) {
			continue
		}
		switch why := unavailable[string(c.APIAvailability)]; {
		case c.APIAvailability == "AVAILABLE" || c.APIAvailability == "":
		case why != "":
			out = append(out, fmt.Sprintf("shop %d %s cannot be used through the API: %s", id, quote(string(c.Domain)), why))
		default:
			out = append(out, fmt.Sprintf("shop %d %s: API availability is %s", id, quote(string(c.Domain)), quote(string(c.APIAvailability))))
		}
	}
	if len(others) > 0 && !ours {
		slices.Sort(others)
		e := orderhub.NewBorderError(orderhub.ClassAuth, string(descriptor.Name)+": GET /v2/campaigns",
			fmt.Sprintf("the key does not belong to business %d; it sees %s", a.business, clip(fmt.Sprint(slices.Compact(others)))), nil)
		return nil, e
	}
	if len(list) == 0 {
		out = append(out, "the key sees no shop")
	}
	for _, id := range a.campaigns {
		if !seen[id] && len(list) > 0 {
			out = append(out, "campaign "+strconv.FormatInt(id, 10)+" of the settings is not among the shops of the key")
		}
	}
	return out, nil
}
