package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/orderhub/orderhub"
)

// need is what an operation asks of its caller.
type need struct {
	// all are the permissions that it takes, every one of them.
	all []orderhub.Permission
	// open operations let strangers in: those by which one signs in.
	open bool
	// person operations are about the person who is signed in; programs have none.
	person bool
	// quiet changes are not written into the audit log: too many, and told elsewhere.
	quiet bool
	// told reads are written into the audit log: exports, secrets, raw answers.
	told bool
}

func may(all ...orderhub.Permission) need { return need{all: all} }

func (n need) hushed() need  { n.quiet = true; return n }
func (n need) written() need { n.told = true; return n }

// first is the permission that the audit log names.
func (n need) first() orderhub.Permission {
	if len(n.all) == 0 {
		return ""
	}
	return n.all[0]
}

// needs says what each operation takes. What a role may do stands in permission.go
// of the domain. An operation that is not here cannot be registered.
var needs = map[string]need{
	// Signing in.
	"get-setup":     {open: true},
	"set-up":        {open: true},
	"get-session":   {open: true},
	"log-in":        {open: true},
	"log-out":       {person: true},
	"list-sessions": {person: true},
	"end-session":   {person: true},
	"end-sessions":  {person: true},

	// Oneself.
	"change-own-password": {person: true},
	"start-totp":          {person: true, quiet: true},
	"confirm-totp":        {person: true},
	"remove-totp":         {person: true},
	"get-preference":      {person: true},
	"set-preference":      {person: true, quiet: true},

	// Others.
	"list-users":    may(orderhub.UsersManage),
	"add-user":      may(orderhub.UsersManage),
	"change-user":   may(orderhub.UsersManage),
	"set-password":  may(orderhub.UsersManage),
	"list-tokens":   may(orderhub.TokensManage),
	"add-token":     may(orderhub.TokensManage),
	"delete-token":  may(orderhub.TokensManage),
	"get-audit-log": may(orderhub.AuditRead),

	// Orders.
	"list-orders":              may(orderhub.OrdersRead),
	"get-order":                may(orderhub.OrdersRead),
	"get-order-by-external-id": may(orderhub.OrdersRead),
	"stream":                   may(orderhub.OrdersRead),
	"list-effects":             may(orderhub.OrdersRead),
	"get-overview":             may(orderhub.OrdersRead),
	"export-orders":            may(orderhub.OrdersRead).written(),
	"advance-order":            may(orderhub.OrdersWork),
	"advance-orders":           may(orderhub.OrdersWork),
	"set-tracking":             may(orderhub.OrdersWork),
	"answer-cancel-request":    may(orderhub.OrdersWork),
	"hold-order":               may(orderhub.OrdersWork),
	"requeue-order":            may(orderhub.OrdersWork),
	"retry-effect":             may(orderhub.OrdersWork),
	"send-order":               may(orderhub.OrdersIntake).hushed(),
	"reserve":                  may(orderhub.OrdersIntake).hushed(),
	"release":                  may(orderhub.OrdersIntake).hushed(),

	"cancel-lines": may(orderhub.OrdersWork),
	"add-note":     may(orderhub.OrdersWork),
	"delete-note":  may(orderhub.OrdersWork),
	"assign-order": may(orderhub.OrdersWork),
	"tag-order":    may(orderhub.OrdersWork),
	"untag-order":  may(orderhub.OrdersWork),
	"mark-orders":  may(orderhub.OrdersWork),
	"list-tags":    may(orderhub.OrdersRead),

	"list-colleagues": may(orderhub.OrdersRead),

	// Buyers.
	"list-customers":              may(orderhub.CustomersRead),
	"get-customer":                may(orderhub.CustomersRead),
	"list-customer-suggestions":   may(orderhub.CustomersRead),
	"export-customer":             may(orderhub.CustomersRead, orderhub.PersonalData).written(),
	"change-customer":             may(orderhub.CustomersWork),
	"add-customer-note":           may(orderhub.CustomersWork),
	"delete-customer-note":        may(orderhub.CustomersWork),
	"accept-customer-suggestion":  may(orderhub.CustomersWork),
	"decline-customer-suggestion": may(orderhub.CustomersWork),
	"merge-customers":             may(orderhub.CustomersWork),
	"undo-customer-merge":         may(orderhub.CustomersWork),
	"erase-customer":              may(orderhub.CustomersErase),
	"erase-order":                 may(orderhub.CustomersErase),
	"get-retention":               may(orderhub.CustomersRead),
	"set-retention":               may(orderhub.SettingsManage, orderhub.CustomersErase),

	// What channels answered.
	"list-calls":       may(orderhub.InboxRead, orderhub.PersonalData).written(),
	"list-raw":         may(orderhub.InboxRead),
	"get-raw":          may(orderhub.InboxRead, orderhub.PersonalData).written(),
	"retry-raw":        may(orderhub.InboxWork),
	"retry-quarantine": may(orderhub.InboxWork),
	"drop-raw":         may(orderhub.InboxWork),

	// Goods.
	"list-stock":      may(orderhub.StockRead),
	"explain-stock":   may(orderhub.StockRead),
	"list-documents":  may(orderhub.StockRead),
	"get-document":    may(orderhub.StockRead),
	"list-products":   may(orderhub.StockRead),
	"get-product":     may(orderhub.StockRead),
	"list-listings":   may(orderhub.StockRead),
	"get-picture":     may(orderhub.OrdersRead),
	"get-oversell":    may(orderhub.StockRead),
	"export-products": may(orderhub.StockRead).written(),
	"list-imports":    may(orderhub.StockRead),
	"get-import":      may(orderhub.StockRead),
	"post-document":   may(orderhub.StockWork),
	"import-goods":    may(orderhub.StockWork), // of products products.manage as well
	"cancel-import":   may(orderhub.StockWork),
	"put-product":     may(orderhub.ProductsManage),
	"put-products":    may(orderhub.ProductsManage),
	"change-products": may(orderhub.ProductsManage),
	"link-listing":    may(orderhub.ProductsManage),
	"unlink-listing":  may(orderhub.ProductsManage),
	"set-publish":     may(orderhub.ProductsManage),
	"set-oversell":    may(orderhub.SettingsManage),

	// Returns.
	"list-returns":   may(orderhub.ReturnsRead),
	"get-return":     may(orderhub.ReturnsRead),
	"receive-return": may(orderhub.ReturnsReceive),
	"decide-return":  may(orderhub.ReturnsDecide),
	"answer-return":  may(orderhub.ReturnsAnswer),
	"link-return":    may(orderhub.ReturnsReceive),
	"get-photo":      may(orderhub.ReturnsRead),
	"add-photo":      may(orderhub.ReturnsReceive),
	"delete-photo":   may(orderhub.ReturnsReceive),

	// Sellers' accounts.
	"list-accounts":       may(orderhub.AccountsRead),
	"get-account":         may(orderhub.AccountsRead), // the address of the webhook only with accounts.manage
	"list-channels":       may(orderhub.AccountsRead),
	"list-drift":          may(orderhub.AccountsRead),
	"list-audits":         may(orderhub.AccountsRead),
	"get-audit":           may(orderhub.AccountsRead),
	"get-account-stock":   may(orderhub.AccountsRead),
	"get-account-returns": may(orderhub.AccountsRead),
	"add-account":         may(orderhub.AccountsManage),
	"change-account":      may(orderhub.AccountsManage),
	"remove-account":      may(orderhub.AccountsManage),
	"check-account":       may(orderhub.AccountsManage),
	"reconcile-stock":     may(orderhub.AccountsManage),
	"audit-account":       may(orderhub.AccountsManage),
	"repull-account":      may(orderhub.AccountsManage),
	"set-account-stock":   may(orderhub.AccountsManage),
	"set-account-returns": may(orderhub.AccountsManage),

	// Exchanges with 1C.
	"list-onec-nodes":      may(orderhub.AccountsRead),
	"get-onec-node":        may(orderhub.AccountsRead),
	"list-onec-conflicts":  may(orderhub.OrdersRead),
	"finish-onec-conflict": may(orderhub.OrdersWork),
	"add-onec-node":        may(orderhub.AccountsManage),
	"change-onec-node":     may(orderhub.AccountsManage),
	"renew-onec-password":  may(orderhub.AccountsManage),
	"remove-onec-node":     may(orderhub.AccountsManage),
	"resend-to-onec":       may(orderhub.AccountsManage),

	// ERP and WMS.
	"read-feed":            may(orderhub.OrdersRead),
	"list-feed-consumers":  may(orderhub.OrdersRead),
	"set-feed-consumer":    may(orderhub.OrdersWork),
	"acknowledge-feed":     may(orderhub.OrdersWork).hushed(),
	"delete-feed-consumer": may(orderhub.OrdersWork),

	"add-shipment":   may(orderhub.OrdersWork),
	"list-shipments": may(orderhub.OrdersRead),

	"list-file-exchanges":  may(orderhub.AccountsRead),
	"list-exchanged-files": may(orderhub.AccountsRead),
	"add-file-exchange":    may(orderhub.AccountsManage),
	"change-file-exchange": may(orderhub.AccountsManage),
	"remove-file-exchange": may(orderhub.AccountsManage),

	"list-endpoints":         may(orderhub.AccountsRead),
	"get-endpoint":           may(orderhub.AccountsRead),
	"list-deliveries":        may(orderhub.AccountsRead),
	"get-delivery":           may(orderhub.AccountsRead),
	"add-endpoint":           may(orderhub.AccountsManage),
	"change-endpoint":        may(orderhub.AccountsManage),
	"remove-endpoint":        may(orderhub.AccountsManage),
	"rotate-endpoint-secret": may(orderhub.AccountsManage),
	"test-endpoint":          may(orderhub.AccountsManage),
	"redeliver":              may(orderhub.AccountsManage),

	// Automation rules.
	"list-automation-rules":  may(orderhub.RulesRead),
	"get-automation-rule":    may(orderhub.RulesRead),
	"list-rule-fields":       may(orderhub.RulesRead),
	"list-firings":           may(orderhub.RulesRead),
	"test-automation-rule":   may(orderhub.RulesRead).hushed(), // changes nothing
	"add-automation-rule":    may(orderhub.RulesManage),
	"set-automation-rule":    may(orderhub.RulesManage),
	"switch-automation-rule": may(orderhub.RulesManage),
	"delete-automation-rule": may(orderhub.RulesManage),

	// Telling people.
	"list-rules":       may(orderhub.RulesRead),
	"get-rule":         may(orderhub.RulesRead),
	"list-recipients":  may(orderhub.RulesRead),
	"get-recipient":    may(orderhub.RulesRead),
	"list-messages":    may(orderhub.RulesRead),
	"list-templates":   may(orderhub.RulesRead),
	"preview-template": may(orderhub.RulesRead).hushed(), // changes nothing
	"add-rule":         may(orderhub.RulesManage),
	"set-rule":         may(orderhub.RulesManage),
	"delete-rule":      may(orderhub.RulesManage),
	"add-recipient":    may(orderhub.RulesManage),
	"change-recipient": may(orderhub.RulesManage),
	"remove-recipient": may(orderhub.RulesManage),
	"test-recipient":   may(orderhub.RulesManage),
	"retry-message":    may(orderhub.RulesManage),
	"set-template":     may(orderhub.RulesManage),
}

// needOf finds what an operation takes. Nothing is served that says nothing.
func needOf(id string) need {
	n, ok := needs[id]
	if !ok || (len(n.all) == 0 && !n.open && !n.person) {
		panic(fmt.Sprintf("api/permissions.go does not say what the operation %q needs", id))
	}
	return n
}

// mayRead tells whether the caller of a request has a permission, for answers that
// show more to some than to others.
func mayRead(ctx context.Context, p orderhub.Permission) bool {
	return slices.Contains(visitOf(ctx).can, p)
}

// require refuses callers without a permission that depends on what they ask for.
func require(ctx context.Context, p orderhub.Permission) error {
	if mayRead(ctx, p) {
		return nil
	}
	return lacking(p)
}

func lacking(p orderhub.Permission) *Problem {
	return coded(403, string(orderhub.CodeDenied), fmt.Sprintf("this needs the permission %s, which you do not have", p))
}
