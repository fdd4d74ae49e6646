package demo

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/api"
	"github.com/orderhub/orderhub/marketsim"
)

// A delivered order that hub and books agree about; each case spoils one thing.
func agreed() (marketsim.TruthOrder, api.OrderRow, []*orderhub.Effect) {
	truth := marketsim.TruthOrder{
		ID: "A-1", Native: "delivering", Sub: "sub", Headline: orderhub.StatusShipped, Units: 3, TotalMinor: 45000,
		Calls: []marketsim.Call{{What: "ship", To: orderhub.StatusConfirmed}, {What: "tracking"}, {What: "delivering", To: orderhub.StatusShipped}},
	}
	row := api.OrderRow{
		Number: 7, Channel: "ozon", ExternalID: "A-1", Native: "delivering", NativeSub: "sub", Status: orderhub.StatusShipped,
		ChannelStatus: orderhub.StatusShipped, Units: 3, Total: &orderhub.Money{Minor: 45000, Currency: "RUB"},
	}
	effects := []*orderhub.Effect{
		{ID: 1, OrderID: 7, Kind: orderhub.EffectStatus, To: orderhub.StatusConfirmed, State: orderhub.EffectConfirmed},
		{ID: 2, OrderID: 7, Kind: orderhub.EffectStatus, To: orderhub.StatusShipped, State: orderhub.EffectConfirmed},
		{ID: 3, OrderID: 7, Kind: orderhub.EffectTracking, State: orderhub.EffectConfirmed},
	}
	return truth, row, effects
}

func TestCompareOrder(t *testing.T) {
	t.Parallel()
	type side struct {
		truth   *marketsim.TruthOrder
		row     *api.OrderRow
		effects []*orderhub.Effect
	}
	for name, c := range map[string]struct {
		spoil func(s side)
		want  AccountComparison
	}{
		"agreement": {spoil: func(side) {}},
		"another native word": {
			spoil: func(s side) { s.row.Native = "awaiting_deliver" },
			want:  AccountComparison{WrongStatus: []string{"A-1: hub awaiting_deliver/sub (shipped), books delivering/sub (shipped)"}},
		},
		"another native sub-word": {
			spoil: func(s side) { s.row.NativeSub = "" },
			want:  AccountComparison{WrongStatus: []string{"A-1: hub delivering/ (shipped), books delivering/sub (shipped)"}},
		},
		"a wrong translation": {
			spoil: func(s side) { s.row.ChannelStatus = orderhub.StatusPacked },
			want:  AccountComparison{WrongStatus: []string{"A-1: hub delivering/sub (shipped), books delivering/sub (shipped)"}},
		},
		"a local step ahead of the channel": {spoil: func(s side) { s.row.Status = orderhub.StatusDelivered }},
		"a shop that was told another status": {
			spoil: func(s side) { s.row.Channel, s.row.Native, s.row.Status = "site", "", orderhub.StatusPacked },
			want:  AccountComparison{WrongStatus: []string{"A-1: hub /sub (packed), books delivering/sub (shipped)"}},
		},
		"a shop has words of its own": {spoil: func(s side) { s.row.Channel, s.row.Native, s.row.NativeSub = "site", "new", "" }},
		"other quantities": {
			spoil: func(s side) { s.row.Units = 2 },
			want:  AccountComparison{WrongGoods: []string{"A-1: hub 2 units 450.00 RUB, books 3 units 45000"}},
		},
		"another amount": {
			spoil: func(s side) { s.row.Total.Minor = 44999 },
			want:  AccountComparison{WrongGoods: []string{"A-1: hub 3 units 449.99 RUB, books 3 units 45000"}},
		},
		"a channel that tells no amount": {spoil: func(s side) { s.row.Total = nil }},
		"confirmed and never happened": {
			spoil: func(s side) { s.truth.Calls = s.truth.Calls[:2] },
			want:  AccountComparison{Swallowed: []string{"A-1: effect 2 shipped"}},
		},
		"uncertain and never happened": {
			spoil: func(s side) { s.truth.Calls, s.effects[1].State = s.truth.Calls[:2], orderhub.EffectUncertain },
		},
		"the buyer cancelled before the hub's cancel": {
			spoil: func(s side) {
				s.truth.Headline, s.row.ChannelStatus = orderhub.StatusCancelled, orderhub.StatusCancelled
				s.truth.Calls, s.effects[1].To = s.truth.Calls[:2], orderhub.StatusCancelled
			},
		},
		"a confirmed cancel of an order that lives": {
			spoil: func(s side) { s.truth.Calls, s.effects[1].To = s.truth.Calls[:2], orderhub.StatusCancelled },
			want:  AccountComparison{Swallowed: []string{"A-1: effect 2 cancelled"}},
		},
		"happened without an effect": {
			spoil: func(s side) {
				s.truth.Calls = append(s.truth.Calls, marketsim.Call{What: "cancel", To: orderhub.StatusCancelled})
			},
			want: AccountComparison{Unclaimed: []string{"A-1: cancelled"}},
		},
		"happened under a superseded effect": {
			spoil: func(s side) { s.effects[1].State = orderhub.EffectSuperseded },
			want:  AccountComparison{Unclaimed: []string{"A-1: shipped"}},
		},
		"handed over with the rest of the supply": {
			spoil: func(s side) { s.row.Channel, s.effects[1].State = "wildberries", orderhub.EffectSuperseded },
		},
		"happened twice": {
			spoil: func(s side) {
				s.truth.Calls = append(s.truth.Calls, marketsim.Call{What: "delivering", To: orderhub.StatusShipped})
			},
			want: AccountComparison{Repeated: []string{"A-1: shipped 2 times"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			truth, row, effects := agreed()
			c.spoil(side{&truth, &row, effects})
			var got AccountComparison
			got.compareOrder(truth, row, effects)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if clean := got.Clean(); clean != cmp.Equal(c.want, AccountComparison{}) {
				t.Errorf("clean = %v", clean)
			}
		})
	}
}

func TestCleanHearsEveryFinding(t *testing.T) {
	t.Parallel()
	one := []string{"x"}
	for name, c := range map[string]AccountComparison{
		"lost": {Lost: one}, "doubled": {Doubled: one}, "foreign": {Foreign: one}, "wrong status": {WrongStatus: one}, "wrong goods": {WrongGoods: one},
		"swallowed": {Swallowed: one}, "unclaimed": {Unclaimed: one}, "repeated": {Repeated: one}, "stuck": {Stuck: one},
		"orders": {Theirs: 1}, "more orders": {Ours: 1}, "units": {UnitsTheirs: 1}, "more units": {UnitsOurs: 1},
	} {
		if c.Clean() {
			t.Errorf("%s: the account is called clean", name)
		}
	}
	quiet := AccountComparison{Theirs: 2, Ours: 2, UnitsTheirs: 5, UnitsOurs: 5, Effects: map[orderhub.EffectState]int{orderhub.EffectRejected: 1}}
	if !quiet.Clean() {
		t.Error("an account that agrees is not called clean")
	}
}

// The buyer's books against rows of a hub, whole accounts.
func TestCompareAccount(t *testing.T) {
	t.Parallel()
	truth, row, effects := agreed()
	twin, other, lost := row, row, truth
	twin.Number = 8
	other.Number, other.ExternalID = 9, "B-1"
	lost.ID = "C-1"
	open := &orderhub.Effect{ID: 4, OrderID: 7, Kind: orderhub.EffectStatus, To: orderhub.StatusDelivered, State: orderhub.EffectSent, Error: "timed out"}
	view := api.AccountView{Pending: 2, Quarantine: 1, Hints: 3}
	for name, c := range map[string]struct {
		truth   []marketsim.TruthOrder
		rows    []api.OrderRow
		effects []*orderhub.Effect
		view    api.AccountView
		want    AccountComparison
	}{
		"agreement": {truth: []marketsim.TruthOrder{truth}, rows: []api.OrderRow{row}, effects: effects},
		"lost":      {truth: []marketsim.TruthOrder{truth, lost}, rows: []api.OrderRow{row}, effects: effects, want: AccountComparison{Lost: []string{"C-1"}}},
		"doubled":   {truth: []marketsim.TruthOrder{truth}, rows: []api.OrderRow{row, twin}, effects: effects, want: AccountComparison{Doubled: []string{"A-1"}}},
		"foreign":   {truth: []marketsim.TruthOrder{truth}, rows: []api.OrderRow{row, other}, effects: effects, want: AccountComparison{Foreign: []string{"B-1"}}},
		"stuck": {
			truth: []marketsim.TruthOrder{truth}, rows: []api.OrderRow{row}, effects: append(slices.Clone(effects), open), view: view,
			want: AccountComparison{Stuck: []string{
				"1 raw answers in quarantine", "2 raw answers waiting", "3 hints waiting", "effect 4 of order 7: delivered sent timed out",
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.view.ID = "ozon-main"
			got, err := compareAccount(t.Context(), fakeHub(t, c.rows, c.effects, c.view), "ozon-main", books{c.truth})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got.Stuck)
			clean := got.Clean()
			if clean != (name == "agreement") {
				t.Errorf("clean = %v: %+v", clean, got)
			}
			findings := AccountComparison{
				Lost: got.Lost, Doubled: got.Doubled, Foreign: got.Foreign, WrongStatus: got.WrongStatus, WrongGoods: got.WrongGoods,
				Swallowed: got.Swallowed, Unclaimed: got.Unclaimed, Repeated: got.Repeated, Stuck: got.Stuck,
			}
			if diff := cmp.Diff(c.want, findings); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if got.Theirs != len(c.truth) || got.Ours != len(c.rows) || got.UnitsTheirs != 3*int64(len(c.truth)) || got.UnitsOurs != 3*int64(len(c.rows)) {
				t.Errorf("counts: %+v", got)
			}
		})
	}
}
