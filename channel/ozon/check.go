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

// Check asks what the key may do and until when: POST /v1/roles, and the name
// of the seller: POST /v1/seller/info.
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
	return out, nil
}

// missing lists the methods that the hub calls and the key may not.
func (a *adapter) missing(may map[string]bool) []string {
	need := []string{
		pathUnfulfilled, pathList, pathGet, pathShip, pathCancel, pathCancelReason,
		pathDelivering, pathLastMile, pathDelivered, pathTracking,
	}
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
