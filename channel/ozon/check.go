package ozon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// warnBefore is how long before its end a key is warned about.
const warnBefore = 14 * day

// Check asks what the key may do and until when: POST /v1/roles, the name of the
// seller: POST /v1/seller/info, and whether stock can be published: with a
// missing or a wrong warehouse_id the warning lists the choices.
func (a *adapter) Check(ctx context.Context) (channel.CheckResult, error) {
	var roles struct {
		ExpiresAt text `json:"expires_at"`
		Roles     []struct {
			Name    text  `json:"name"`
			Methods texts `json:"methods"`
		} `json:"roles"`
	}
	if _, err := a.read(ctx, pathRoles, struct{}{}, &roles); err != nil {
		return channel.CheckResult{}, err
	}
	if roles.ExpiresAt == "" && roles.Roles == nil {
		return channel.CheckResult{}, a.fail(orderhub.ClassRetry, pathRoles, "the answer tells neither roles nor an end of the key", "")
	}
	var out channel.CheckResult
	may := map[string]bool{}
	for _, r := range roles.Roles {
		out.Can = append(out.Can, string(r.Name))
		for _, m := range r.Methods {
			may[string(m)] = true
		}
	}
	n := &notes{}
	out.Expires = n.time("expires_at", roles.ExpiresAt)
	if w := expiryWarning(out.Expires, a.now()); w != "" {
		out.Warnings = append(out.Warnings, w)
	}
	// A role without a list of methods says nothing about what is missing.
	if missing := a.missing(may); len(may) > 0 && len(missing) > 0 {
		out.Warnings = append(out.Warnings, "the key may not call "+strings.Join(missing, ", ")+": give it a role that allows them")
	}
	out.Name = a.sellerName(ctx)
	if w := a.warehouseWarning(ctx); w != "" {
		out.Warnings = append(out.Warnings, w)
	}
	return out, nil
}

// missing lists the methods that the hub calls and the key may not.
func (a *adapter) missing(may map[string]bool) []string {
	need := []string{
		pathUnfulfilled, pathList, pathGet, pathShip, pathCancel, pathCancelReason,
		pathDelivering, pathLastMile, pathDelivered, pathProductList, pathProductInfo,
	}
	if a.warehouse != "" {
		need = append(need, pathStocks, pathStockInfo)
	}
	need = append(need, pathProductCancel, pathReturns, pathRequests, pathRequest, pathReturnAction,
		pathCancelAsked, pathCancelApprove, pathCancelReject, pathTracking)
	if a.watchFBO {
		need = append(need, pathFBOList)
	}
	return slices.DeleteFunc(need, func(path string) bool { return may[path] })
}

func expiryWarning(expires, now time.Time) string {
	left := expires.Sub(now)
	switch {
	case expires.IsZero() || left > warnBefore:
		return ""
	case left <= 0:
		return "the API key expired on " + expires.Format(time.DateOnly) + "; make a new one in Ozon Seller"
	case left < 2*day:
		return fmt.Sprintf("the API key expires in %d hours; make a new one in Ozon Seller", int(left.Hours()))
	default:
		return fmt.Sprintf("the API key expires in %d days, on %s; make a new one in Ozon Seller", int(left/day), expires.Format(time.DateOnly))
	}
}

// sellerName is decoration: without the right to read it, the check still holds.
func (a *adapter) sellerName(ctx context.Context) string {
	var info struct {
		Company struct {
			Name     text `json:"name"`
			Currency text `json:"currency"`
		} `json:"company"`
	}
	if _, err := a.read(ctx, pathSellerInfo, struct{}{}, &info); err != nil {
		return ""
	}
	name := string(info.Company.Name)
	if info.Company.Currency != "" {
		name += " (" + string(info.Company.Currency) + ")"
	}
	return strings.TrimSpace(name)
}

// closedWarehouses are the states of a warehouse from which nothing is sold.
var closedWarehouses = []text{"disabled", "blocked", "disabled_due_to_limit", "error"}

// warehouseWarning says what keeps the hub from publishing stock. The list of
// warehouses is help: without it the check still holds.
func (a *adapter) warehouseWarning(ctx context.Context) string {
	page, err := a.warehouses(ctx)
	var choices []string
	for _, w := range page.Warehouses {
		name := strings.TrimSpace(string(w.Name))
		if string(w.ID) == a.warehouse && slices.Contains(closedWarehouses, w.Status) {
			return fmt.Sprintf("the warehouse %s (%s) is %s at Ozon: nothing is sold from it", w.ID, name, w.Status)
		}
		if string(w.ID) == a.warehouse {
			return ""
		}
		if w.RFBS == "true" {
			name += ", rFBS"
		}
		choices = append(choices, fmt.Sprintf("%s (%s)", w.ID, name))
	}
	known := ""
	if len(choices) > 0 {
		known = "; the account has " + strings.Join(choices, ", ")
	}
	switch {
	case a.warehouse == "":
		return "no stock is published: the setting " + settingWarehouse + " is empty" + known
	case err != nil || len(choices) == 0 || page.HasNext == "true":
		return "" // nothing is known about it
	default:
		return "the setting " + settingWarehouse + " is " + a.warehouse + ", which is none of the account's warehouses" + known
	}
}
