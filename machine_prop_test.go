package orderhub_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orderhub/orderhub"
)

func anyStatus() *rapid.Generator[orderhub.Status] { return rapid.SampledFrom(orderhub.Statuses()) }

func genHolds() *rapid.Generator[[]orderhub.Hold] {
	return rapid.SliceOfN(rapid.SampledFrom([]orderhub.Hold{
		orderhub.HoldArbitration, orderhub.HoldCancelRequest, orderhub.HoldNotAccepted, orderhub.HoldShipFailed,
		orderhub.HoldUnmapped, orderhub.HoldShort, orderhub.HoldManual, orderhub.HoldConflict,
	}), 0, 2)
}

// genOrder makes orders in any state that the ledger can hold.
func genOrder() *rapid.Generator[*orderhub.Order] {
	return rapid.Custom(func(t *rapid.T) *orderhub.Order {
		o := &orderhub.Order{
			ID: 1042, Channel: "ozon", Headline: anyStatus().Draw(t, "headline"),
			Snapshot: orderhub.Snapshot{
				ExternalID: "A-1", Native: "word", Status: anyStatus().Draw(t, "status"),
				Scheme:   rapid.SampledFrom([]orderhub.Scheme{orderhub.SchemeFBS, orderhub.SchemeDBS}).Draw(t, "scheme"),
				ReadOnly: rapid.IntRange(0, 9).Draw(t, "read only") == 0,
			},
		}
		if rapid.Bool().Draw(t, "plain") {
			return o
		}
		o.HubHolds = genHolds().Draw(t, "hub holds")
		o.Snapshot.Holds = genHolds().Draw(t, "holds")
		o.Requested = rapid.SampledFrom(append(orderhub.Statuses(), "", "", "")).Draw(t, "requested")
		o.Snapshot.Actions = rapid.SampledFrom([][]string{nil, {}, {"a"}, {"a", "b"}}).Draw(t, "actions")
		return o
	})
}

// genTable makes tables of steps of any kind, with and without limits.
func genTable() *rapid.Generator[orderhub.StatusTable] {
	step := rapid.Custom(func(t *rapid.T) orderhub.Step {
		return orderhub.Step{
			Scheme: rapid.SampledFrom([]orderhub.Scheme{"", "", orderhub.SchemeFBS, orderhub.SchemeDBS}).Draw(t, "scheme"),
			To:     anyStatus().Draw(t, "to"),
			Kind: rapid.SampledFrom([]orderhub.StepKind{
				orderhub.StepPush, orderhub.StepLocal, orderhub.StepTell, orderhub.StepObserved,
			}).Draw(t, "kind"),
			From:    rapid.SliceOfN(anyStatus(), 0, 2).Draw(t, "from"),
			Actions: rapid.SampledFrom([][]string{nil, {}, {"a"}, {"b", "c"}}).Draw(t, "actions"),
		}
	})
	return rapid.Custom(func(t *rapid.T) orderhub.StatusTable {
		return orderhub.StatusTable{Steps: rapid.SliceOfN(step, 0, 24).Draw(t, "steps")}
	})
}

// TestDecideProperties: for every status × request the list of what is possible
// agrees with the decision, a refusal explains itself, and a plan is a walk
// along the table that ends where it should.
func TestDecideProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o, table := genOrder().Draw(t, "order"), genTable().Draw(t, "table")
		before := *o
		next := orderhub.NextAsked(o, table)
		for _, to := range append(orderhub.Statuses(), "", "invented") {
			plan, err := orderhub.Decide(o, ask(to), table)
			if listed := slices.Contains(next, to); listed != (err == nil) {
				t.Fatalf("%s → %s: listed as possible: %t, decided: %v", o.Headline, to, listed, err)
			}
			if err != nil {
				if orderhub.CodeOf(err) != orderhub.CodeRefused || !strings.HasPrefix(err.Error(), "order 1042") || len(err.Error()) < 20 {
					t.Fatalf("%s → %s: %q is no refusal that names the order", o.Headline, to, err)
				}
				continue
			}
			checkPlan(t, o, to, plan, table)
		}
		if diff := cmp.Diff(&before, o); diff != "" {
			t.Fatalf("deciding changed the order:\n%s", diff)
		}
	})
}

func checkPlan(t *rapid.T, o *orderhub.Order, to orderhub.Status, plan orderhub.Plan, table orderhub.StatusTable) {
	t.Helper()
	path := slices.Clone(plan.Local)
	if plan.Push != nil {
		path = append(path, plan.Push.To)
	}
	if len(path) == 0 || path[len(path)-1] != to {
		t.Fatalf("%s → %s: the plan %+v does not end there", o.Headline, to, plan)
	}
	at := o.Headline
	for i, step := range path {
		asked := slices.ContainsFunc(orderhub.Transitions, func(tr orderhub.Transition) bool {
			return tr.From == at && tr.To == step && tr.By&orderhub.Asked != 0
		})
		if !asked {
			t.Fatalf("%s → %s: the plan %+v has the step %s → %s that nobody can ask for", o.Headline, to, plan, at, step)
		}
		kind := table.Step(o.Snapshot.Scheme, at, step).Kind
		last := i == len(path)-1
		if kind == orderhub.StepObserved || (!last && kind != orderhub.StepLocal) {
			t.Fatalf("%s → %s: the plan %+v walks through %s, which is %s", o.Headline, to, plan, step, kind)
		}
		if told := slices.Contains(plan.Tell, step); told != (kind == orderhub.StepTell) {
			t.Fatalf("%s → %s: %s is %s, told: %t", o.Headline, to, step, kind, told)
		}
		if pushed := plan.Push != nil && last; pushed != (kind == orderhub.StepPush) {
			t.Fatalf("%s → %s: %s is %s, pushed: %t", o.Headline, to, step, kind, pushed)
		}
		at = step
	}
	if o.Snapshot.ReadOnly {
		t.Fatalf("%s → %s: a plan for an order that can only be watched", o.Headline, to)
	}
	if o.Requested != "" && to != orderhub.StatusCancelled {
		t.Fatalf("%s → %s: a plan while %s is on its way", o.Headline, to, o.Requested)
	}
}
