package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/marketsim"
)

// Comparison holds the simulators' books against the hub's ledger.
type Comparison struct {
	Accounts []AccountComparison `json:"accounts"`
	// OK: nothing lost, doubled, wrong or stuck, and every effect accounted for.
	OK bool `json:"ok"`
}

// AccountComparison is one account's part. Lists hold ids.
type AccountComparison struct {
	Account string `json:"account"`
	// Theirs and Ours count orders, UnitsTheirs and UnitsOurs the goods in them.
	Theirs      int   `json:"theirs"`
	Ours        int   `json:"ours"`
	UnitsTheirs int64 `json:"units_theirs"`
	UnitsOurs   int64 `json:"units_ours"`
	// VisibleP50 and VisibleP95 are the seconds from the sale to the order in the
	// hub.
	VisibleP50 float64 `json:"visible_p50_seconds"`
	VisibleP95 float64 `json:"visible_p95_seconds"`
	// Lost orders are in the books and not in the hub; Doubled are in the hub
	// more than once; Foreign are in the hub and in no book.
	Lost    []string `json:"lost"`
	Doubled []string `json:"doubled"`
	Foreign []string `json:"foreign"`
	// WrongStatus orders say something else in the hub, WrongGoods hold other
	// quantities or amounts.
	WrongStatus []string `json:"wrong_status"`
	WrongGoods  []string `json:"wrong_goods"`
	// Returns is what is to be said of goods that come back.
	Returns ReturnComparison `json:"returns"`
	// Effects counts the hub's effects by state.
	Effects map[orderhub.EffectState]int `json:"effects"`
	// Swallowed effects are confirmed in the hub and never happened; Unclaimed
	// calls happened and no effect of the hub owns up to them; Repeated calls
	// took effect twice.
	Swallowed []string `json:"swallowed"`
	Unclaimed []string `json:"unclaimed"`
	Repeated  []string `json:"repeated"`
	// Stuck is work that did not come to an end: open effects, raw answers
	// waiting or in quarantine, hints.
	Stuck []string `json:"stuck"`
}

// Clean reports whether nothing is to be said against the account.
func (c *AccountComparison) Clean() bool {
	return len(c.Lost)+len(c.Doubled)+len(c.Foreign)+len(c.WrongStatus)+len(c.WrongGoods)+len(c.Swallowed)+len(c.Unclaimed)+
		len(c.Repeated)+len(c.Stuck) == 0 && c.Returns.clean() && c.Theirs == c.Ours && c.UnitsTheirs == c.UnitsOurs
}

// Compare reads the hub through its API and the books of the simulators.
func Compare(ctx context.Context, c *Client, markets []marketsim.Market) (Comparison, error) {
	out := Comparison{OK: true}
	for _, m := range markets {
		ac, err := compareAccount(ctx, c, AccountID(m.Channel()), m)
		if err != nil {
			return out, fmt.Errorf("compare %s: %w", m.Channel(), err)
		}
		out.Accounts = append(out.Accounts, ac)
		out.OK = out.OK && ac.Clean()
	}
	return out, nil
}

func compareAccount(ctx context.Context, c *Client, account string, m marketsim.Market) (AccountComparison, error) {
	ac := AccountComparison{Account: account, Effects: map[orderhub.EffectState]int{}}
	ours, err := allOrders(ctx, c, account)
	if err != nil {
		return ac, err
	}
	effects, err := allEffects(ctx, c, account)
	if err != nil {
		return ac, err
	}
	byID := map[string][]api.OrderRow{}
	for _, o := range ours {
		byID[o.ExternalID] = append(byID[o.ExternalID], o)
		ac.UnitsOurs += o.Units
	}
	byOrder := map[int64][]*orderhub.Effect{}
	for _, e := range effects {
		byOrder[e.OrderID] = append(byOrder[e.OrderID], e)
		ac.Effects[e.State]++
		if e.State.IsOpen() {
			ac.Stuck = append(ac.Stuck, fmt.Sprintf("effect %d of order %d: %s %s %s", e.ID, e.OrderID, e.To, e.State, e.Error))
		}
	}
	truth := m.Truth()
	var visible []float64
	ac.Theirs, ac.Ours = len(truth), len(ours)
	for _, t := range truth {
		ac.UnitsTheirs += t.Units
		rows := byID[t.ID]
		delete(byID, t.ID)
		if len(rows) == 0 {
			ac.Lost = append(ac.Lost, t.ID)
			continue
		}
		if len(rows) > 1 {
			ac.Doubled = append(ac.Doubled, t.ID)
		}
		visible = append(visible, rows[0].ReceivedAt.Sub(t.PlacedAt).Seconds())
		ac.compareOrder(t, rows[0], byOrder[rows[0].Number])
	}
	for id := range byID {
		ac.Foreign = append(ac.Foreign, id)
	}
	slices.Sort(ac.Foreign)
	slices.Sort(visible)
	if n := len(visible); n > 0 {
		ac.VisibleP50, ac.VisibleP95 = visible[n/2], visible[n*95/100]
	}
	if ac.Returns, err = compareReturns(ctx, c, account, m, effects); err != nil {
		return ac, err
	}
	return ac, ac.waiting(ctx, c)
}

// compareOrder compares one order and its effects.
func (c *AccountComparison) compareOrder(t marketsim.TruthOrder, o api.OrderRow, effects []*orderhub.Effect) {
	native := o.Native == t.Native && o.NativeSub == t.Sub && o.ChannelStatus == t.Headline
	if o.Channel == "site" {
		// A shop's status is the one that the hub told it.
		native = o.Status == t.Headline
	}
	if !native {
		c.WrongStatus = append(c.WrongStatus, fmt.Sprintf("%s: hub %s/%s (%s), books %s/%s (%s)",
			t.ID, o.Native, o.NativeSub, o.Status, t.Native, t.Sub, t.Headline))
	}
	if o.Units != t.Units || (o.Total != nil && o.Total.Minor != t.TotalMinor) {
		c.WrongGoods = append(c.WrongGoods, fmt.Sprintf("%s: hub %d units %v, books %d units %d", t.ID, o.Units, o.Total, t.Units, t.TotalMinor))
	}
	calls := map[orderhub.Status]int{}
	for _, call := range t.Calls {
		if call.To != "" {
			calls[call.To]++
		}
	}
	owned := map[orderhub.Status]bool{}
	for _, e := range effects {
		if e.Kind == orderhub.EffectAnswerCancel {
			owned[orderhub.StatusCancelled] = true // the buyer's wish was granted
		}
		if e.Kind != orderhub.EffectStatus {
			continue
		}
		happened := calls[e.To] > 0
		if e.State == orderhub.EffectConfirmed || e.State == orderhub.EffectUncertain || e.State == orderhub.EffectRejected {
			owned[e.To] = true
		}
		// A cancel may be confirmed because the buyer was faster, a delivery because
		// the courier was; what was delivered may have come back since.
		faster := e.To == orderhub.StatusCancelled && t.Headline == e.To || e.To == orderhub.StatusDelivered &&
			(t.Headline == e.To || t.Headline == orderhub.StatusReturned || t.Headline == orderhub.StatusPartiallyReturned)
		if e.State == orderhub.EffectConfirmed && !happened && !faster {
			c.Swallowed = append(c.Swallowed, fmt.Sprintf("%s: effect %d %s", t.ID, e.ID, e.To))
		}
	}
	for to, n := range calls {
		if n > 1 {
			c.Repeated = append(c.Repeated, fmt.Sprintf("%s: %s %d times", t.ID, to, n))
		}
		// Handing a Wildberries supply over takes along what else is in it.
		if !owned[to] && (o.Channel != "wildberries" || to != orderhub.StatusShipped) {
			c.Unclaimed = append(c.Unclaimed, t.ID+": "+string(to))
		}
	}
}

// waiting names work of the account that did not come to an end.
func (c *AccountComparison) waiting(ctx context.Context, cl *Client) error {
	var v api.AccountView
	if err := cl.Do(ctx, http.MethodGet, "/accounts/"+c.Account, nil, &v); err != nil {
		return err
	}
	for word, n := range map[string]int64{"raw answers waiting": v.Pending, "raw answers in quarantine": v.Quarantine, "hints waiting": v.Hints} {
		if n > 0 {
			c.Stuck = append(c.Stuck, strconv.FormatInt(n, 10)+" "+word)
		}
	}
	return nil
}

func allOrders(ctx context.Context, c *Client, account string) ([]api.OrderRow, error) {
	var out []api.OrderRow
	q := url.Values{"account": {account}, "limit": {"500"}}
	for {
		var page api.OrderPage
		if err := c.Do(ctx, http.MethodGet, "/orders?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		out = append(out, page.Orders...)
		if page.Cursor == "" {
			return out, nil
		}
		q.Set("cursor", page.Cursor)
	}
}

func allEffects(ctx context.Context, c *Client, account string) ([]*orderhub.Effect, error) {
	var out []*orderhub.Effect
	q := url.Values{"account": {account}, "limit": {"200"}}
	for {
		var page api.EffectPage
		if err := c.Do(ctx, http.MethodGet, "/effects?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		out = append(out, page.Effects...)
		if page.Before == 0 {
			return out, nil
		}
		q.Set("before", strconv.FormatInt(page.Before, 10))
	}
}
