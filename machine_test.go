package orderhub_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
)

// order makes an order of FBS whose channel says what its headline says.
func order(s orderhub.Status, change ...func(*orderhub.Order)) *orderhub.Order {
	o := &orderhub.Order{
		ID: 1042, AccountID: "ozon-main", Channel: "ozon", Headline: s, Version: 1,
		Snapshot: orderhub.Snapshot{ExternalID: "A-1", Scheme: orderhub.SchemeFBS, Status: s, Native: "their_" + string(s)},
	}
	for _, c := range change {
		c(o)
	}
	return o
}

// steps makes a table in which every step has one kind, except those given.
func steps(kind orderhub.StepKind, except ...orderhub.Step) orderhub.StatusTable {
	var t orderhub.StatusTable
	for _, s := range orderhub.Statuses() {
		if !slices.ContainsFunc(except, func(e orderhub.Step) bool { return e.To == s && len(e.From) == 0 }) {
			t.Steps = append(t.Steps, orderhub.Step{To: s, Kind: kind})
		}
	}
	t.Steps = append(t.Steps, except...)
	return t
}

func ask(to orderhub.Status) orderhub.Request {
	return orderhub.Request{To: to, Actor: orderhub.Actor{Kind: orderhub.ActorUser, Name: "anna"}}
}

// wantRefusal checks that err is a refusal that names the order and says why.
func wantRefusal(t *testing.T, err error, words ...string) {
	t.Helper()
	if orderhub.CodeOf(err) != orderhub.CodeRefused {
		t.Errorf("got %v, want a refusal", err)
		return
	}
	for _, w := range append([]string{"order 1042"}, words...) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the refusal %q does not say %q", err, w)
		}
	}
}

func TestTransitionsAreSensible(t *testing.T) {
	t.Parallel()
	type move struct{ from, to orderhub.Status }
	seen := map[move]bool{}
	known := orderhub.Statuses()
	for _, tr := range orderhub.Transitions {
		m := move{tr.From, tr.To}
		switch {
		case seen[m]:
			t.Errorf("%s → %s is listed twice", tr.From, tr.To)
		case !slices.Contains(known, tr.From) || !slices.Contains(known, tr.To):
			t.Errorf("%s → %s has a word that is no status", tr.From, tr.To)
		case tr.From == tr.To:
			t.Errorf("%s moves to itself", tr.From)
		case tr.By&(orderhub.Asked|orderhub.News) == 0:
			t.Errorf("%s → %s: nobody causes it", tr.From, tr.To)
		case tr.By&orderhub.News == 0:
			t.Errorf("%s → %s: what a channel takes it can also report", tr.From, tr.To)
		case tr.To == orderhub.StatusUnknown || tr.To == orderhub.StatusPending:
			if tr.From != orderhub.StatusUnknown {
				t.Errorf("%s → %s: an order never gets less known or less ready", tr.From, tr.To)
			}
		case tr.To.Rank() < tr.From.Rank() && tr.From != orderhub.StatusCancelled:
			t.Errorf("%s → %s goes back", tr.From, tr.To)
		}
		seen[m] = true
		if tr.By&orderhub.Asked == 0 {
			if len(tr.Guards) > 0 {
				t.Errorf("%s → %s: news pass no guards", tr.From, tr.To)
			}
			continue
		}
		if tr.From.IsEnd() || tr.From == orderhub.StatusUnknown || tr.To == orderhub.StatusReturned || tr.To == orderhub.StatusPartiallyReturned {
			t.Errorf("%s → %s cannot be anybody's wish", tr.From, tr.To)
		}
		for _, g := range tr.Guards {
			if g.Name == "" || g.Rule == "" || g.Refuse == nil {
				t.Errorf("%s → %s: guard %q is not described", tr.From, tr.To, g.Name)
			}
		}
		if !slices.ContainsFunc(tr.Guards, func(g orderhub.Guard) bool { return g.Name == "writable" }) {
			t.Errorf("%s → %s could be asked of an order that can only be watched", tr.From, tr.To)
		}
	}
	for _, from := range known {
		for _, to := range known {
			if from.Rank() < to.Rank() && to != orderhub.StatusUnknown && !seen[move{from, to}] {
				t.Errorf("%s → %s is not listed: a channel may report any further step", from, to)
			}
		}
	}
}

// TestEveryTransitionHappens walks each row, as a request and as news.
func TestEveryTransitionHappens(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	for _, tr := range orderhub.Transitions {
		if tr.By&orderhub.Asked != 0 {
			plan, err := orderhub.Decide(order(tr.From), ask(tr.To), steps(orderhub.StepPush))
			if err != nil || plan.Push == nil || plan.Push.To != tr.To || len(plan.Local) != 0 {
				t.Errorf("%s → %s asked: plan %+v, %v; want one push", tr.From, tr.To, plan, err)
			}
		}
		if tr.By&orderhub.News != 0 {
			o := order(tr.From)
			o.Snapshot.ChangedAt = now
			news := o.Snapshot
			news.Status, news.Native, news.ChangedAt = tr.To, "their_"+string(tr.To), now.Add(time.Minute)
			verdict, why := orderhub.Merge(o, news, now.Add(time.Hour), 0)
			if verdict != orderhub.NewsApplied || o.Headline != tr.To {
				t.Errorf("%s → %s by news: %s %q, headline %s", tr.From, tr.To, verdict, why, o.Headline)
			}
		}
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	local := func(to orderhub.Status) orderhub.Step { return orderhub.Step{To: to, Kind: orderhub.StepLocal} }
	push := func(to orderhub.Status, from ...orderhub.Status) orderhub.Step {
		return orderhub.Step{To: to, Kind: orderhub.StepPush, From: from}
	}
	for _, c := range []struct {
		why   string
		from  orderhub.Status
		to    orderhub.Status
		table orderhub.StatusTable
		local []orderhub.Status
		tell  []orderhub.Status
		push  orderhub.Status
	}{
		{
			why: "one call", from: orderhub.StatusNew, to: orderhub.StatusConfirmed,
			table: steps(orderhub.StepPush), push: orderhub.StatusConfirmed,
		},
		{
			why: "a local step needs no call", from: orderhub.StatusConfirmed, to: orderhub.StatusPacked,
			table: steps(orderhub.StepPush, local(orderhub.StatusPacked)), local: []orderhub.Status{orderhub.StatusPacked},
		},
		{
			why: "local steps are walked through to a call (Yandex Market FBS)", from: orderhub.StatusNew, to: orderhub.StatusPacked,
			table: steps(orderhub.StepPush, local(orderhub.StatusConfirmed)),
			local: []orderhub.Status{orderhub.StatusConfirmed}, push: orderhub.StatusPacked,
		},
		{
			why: "the shortest way is taken (Yandex Market DBS)", from: orderhub.StatusNew, to: orderhub.StatusShipped,
			table: steps(orderhub.StepPush, local(orderhub.StatusConfirmed), local(orderhub.StatusPacked)),
			local: []orderhub.Status{orderhub.StatusConfirmed}, push: orderhub.StatusShipped,
		},
		{
			why: "a detour over a local step where the straight way is the channel's", from: orderhub.StatusConfirmed, to: orderhub.StatusShipped,
			table: steps(orderhub.StepPush, local(orderhub.StatusPacked),
				orderhub.Step{To: orderhub.StatusShipped, Kind: orderhub.StepObserved}, push(orderhub.StatusShipped, orderhub.StatusPacked)),
			local: []orderhub.Status{orderhub.StatusPacked}, push: orderhub.StatusShipped,
		},
		{
			why: "a told step moves at once and owes a message", from: orderhub.StatusNew, to: orderhub.StatusConfirmed,
			table: steps(orderhub.StepTell), local: []orderhub.Status{orderhub.StatusConfirmed}, tell: []orderhub.Status{orderhub.StatusConfirmed},
		},
		{
			why: "a cancel is one call from any step before delivery", from: orderhub.StatusReadyForPickup, to: orderhub.StatusCancelled,
			table: steps(orderhub.StepPush), push: orderhub.StatusCancelled,
		},
	} {
		o := order(c.from)
		plan, err := orderhub.Decide(o, ask(c.to), c.table)
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		var pushed orderhub.Status
		if plan.Push != nil {
			pushed = plan.Push.To
		}
		if !slices.Equal(plan.Local, c.local) || !slices.Equal(plan.Tell, c.tell) || pushed != c.push {
			t.Errorf("%s: plan %+v", c.why, plan)
		}
		if diff := cmp.Diff(order(c.from), o); diff != "" {
			t.Errorf("%s: Decide changed the order:\n%s", c.why, diff)
		}
	}
}

func TestDecideRefuses(t *testing.T) {
	t.Parallel()
	hold := func(h orderhub.Hold) func(*orderhub.Order) {
		return func(o *orderhub.Order) { o.HubHolds = []orderhub.Hold{h} }
	}
	requested := func(s orderhub.Status) func(*orderhub.Order) {
		return func(o *orderhub.Order) { o.Requested = s }
	}
	readOnly := func(o *orderhub.Order) { o.Snapshot.ReadOnly = true }
	newWord := func(o *orderhub.Order) {
		o.Snapshot.Status, o.Snapshot.Native = orderhub.StatusUnknown, "awaiting_robot"
	}
	all := steps(orderhub.StepPush)
	for _, c := range []struct {
		o     *orderhub.Order
		to    orderhub.Status
		table orderhub.StatusTable
		words []string
	}{
		{order(orderhub.StatusNew), orderhub.StatusNew, all, []string{"already new"}},
		{order(orderhub.StatusNew), orderhub.StatusDelivered, all, []string{"is new and cannot become delivered", "possible now: confirmed, cancelled"}},
		{order(orderhub.StatusShipped), orderhub.StatusNew, all, []string{"cannot become new"}},
		{order(orderhub.StatusNew), "", all, []string{"is new and cannot become"}},
		{order(orderhub.StatusNew), orderhub.Status(strings.Repeat("x", 500)), all, []string{"is new and cannot become"}},
		{order(orderhub.StatusDelivered), orderhub.StatusCancelled, all, []string{"is delivered: nothing more can be asked"}},
		{order(orderhub.StatusCancelled), orderhub.StatusNew, all, []string{"is cancelled: nothing more can be asked"}},
		{order(orderhub.StatusNew, readOnly), orderhub.StatusConfirmed, all, []string{"ozon", "can only be watched"}},
		{order(orderhub.StatusNew, readOnly), orderhub.StatusCancelled, all, []string{"can only be watched"}},
		{order(orderhub.StatusNew, readOnly), orderhub.StatusDelivered, all, []string{"can only be watched"}},
		{order(orderhub.StatusUnknown, newWord), orderhub.StatusConfirmed, all, []string{"awaiting_robot", "not known"}},
		{order(orderhub.StatusNew, newWord), orderhub.StatusConfirmed, all, []string{"awaiting_robot", "not known"}},
		{order(orderhub.StatusShipped, newWord), orderhub.StatusDelivered, all, []string{"awaiting_robot", "not known"}},
		{order(orderhub.StatusNew, hold(orderhub.HoldManual)), orderhub.StatusConfirmed, all, []string{"on hold (manual)"}},
		{order(orderhub.StatusNew, hold(orderhub.HoldShort)), orderhub.StatusConfirmed, all, []string{"on hold (short)"}},
		{order(orderhub.StatusConfirmed, hold(orderhub.HoldConflict)), orderhub.StatusPacked, all, []string{"on hold (conflict)"}},
		{order(orderhub.StatusPacked, hold(orderhub.HoldArbitration)), orderhub.StatusShipped, all, []string{"on hold (arbitration)"}},
		{order(orderhub.StatusPacked, hold(orderhub.HoldCancelRequest)), orderhub.StatusShipped, all, []string{"on hold (cancel_request)"}},
		{order(orderhub.StatusNew, requested(orderhub.StatusConfirmed)), orderhub.StatusConfirmed, all, []string{"confirmed is already on its way"}},
		{order(orderhub.StatusNew, requested(orderhub.StatusCancelled)), orderhub.StatusCancelled, all, []string{"cancelled is already on its way"}},
		{order(orderhub.StatusNew, requested(orderhub.StatusCancelled)), orderhub.StatusConfirmed, all, []string{"cancelled is on its way", "wait"}},
		{order(orderhub.StatusConfirmed, requested(orderhub.StatusShipped)), orderhub.StatusPacked, all, []string{"shipped is on its way"}},
		{
			order(orderhub.StatusPacked), orderhub.StatusShipped,
			steps(orderhub.StepPush, orderhub.Step{To: orderhub.StatusShipped, Kind: orderhub.StepObserved, Note: "the carrier scans the parcel"}),
			[]string{"cannot be set to shipped", "the carrier scans the parcel"},
		},
		{order(orderhub.StatusPacked), orderhub.StatusShipped, orderhub.StatusTable{}, []string{"cannot be set to shipped", "only ozon itself"}},
	} {
		plan, err := orderhub.Decide(c.o, ask(c.to), c.table)
		wantRefusal(t, err, c.words...)
		if plan.Push != nil || plan.Local != nil || plan.Tell != nil {
			t.Errorf("a refusal came with the plan %+v", plan)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("the refusal has %d bytes: %.80q…", len(err.Error()), err)
		}
	}
}

// TestGuardsLetPass: what is shown beside an order need not stop the work.
func TestGuardsLetPass(t *testing.T) {
	t.Parallel()
	for _, h := range []orderhub.Hold{orderhub.HoldUnmapped, orderhub.HoldNotAccepted, orderhub.HoldShipFailed} {
		o := order(orderhub.StatusNew, func(o *orderhub.Order) { o.Snapshot.Holds = []orderhub.Hold{h} })
		if _, err := orderhub.Decide(o, ask(orderhub.StatusConfirmed), steps(orderhub.StepPush)); err != nil {
			t.Errorf("hold %s: %v", h, err)
		}
	}
	// A parcel that is under way arrives, whatever the hub thinks of it.
	o := order(orderhub.StatusShipped, func(o *orderhub.Order) { o.HubHolds = []orderhub.Hold{orderhub.HoldManual} })
	if _, err := orderhub.Decide(o, ask(orderhub.StatusDelivered), steps(orderhub.StepPush)); err != nil {
		t.Errorf("a held order under way: %v", err)
	}
}

// TestHoldsInWords: the rule that the documents print names the holds that stop
// an order, and no others.
func TestHoldsInWords(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(orderhub.Transitions, func(tr orderhub.Transition) bool { return tr.To == orderhub.StatusConfirmed && len(tr.Guards) > 0 })
	guards := orderhub.Transitions[i].Guards
	guard := guards[slices.IndexFunc(guards, func(g orderhub.Guard) bool { return g.Name == "not held" })]
	for _, h := range []orderhub.Hold{
		orderhub.HoldArbitration, orderhub.HoldCancelRequest, orderhub.HoldNotAccepted, orderhub.HoldShipFailed,
		orderhub.HoldUnmapped, orderhub.HoldShort, orderhub.HoldManual, orderhub.HoldConflict,
	} {
		o := order(orderhub.StatusNew, func(o *orderhub.Order) { o.HubHolds = []orderhub.Hold{h} })
		stops := guard.Refuse(o, ask(orderhub.StatusConfirmed)) != nil
		if named := strings.Contains(guard.Rule, string(h)); named != stops {
			t.Errorf("hold %s stops an order: %t, named in %q: %t", h, stops, guard.Rule, named)
		}
	}
}

// TestCancelAlwaysPossible: a cancel neither waits for another request nor for
// a hold, nor for a word that the hub does not know.
func TestCancelAlwaysPossible(t *testing.T) {
	t.Parallel()
	table := steps(orderhub.StepPush)
	for _, from := range []orderhub.Status{
		orderhub.StatusPending, orderhub.StatusNew, orderhub.StatusConfirmed, orderhub.StatusPacked,
		orderhub.StatusShipped, orderhub.StatusReadyForPickup,
	} {
		o := order(from, func(o *orderhub.Order) {
			o.Requested = orderhub.StatusDelivered
			o.HubHolds = []orderhub.Hold{orderhub.HoldManual, orderhub.HoldShort}
			o.Snapshot.Status = orderhub.StatusUnknown
		})
		plan, err := orderhub.Decide(o, ask(orderhub.StatusCancelled), table)
		if err != nil || plan.Push == nil || plan.Push.To != orderhub.StatusCancelled {
			t.Errorf("cancel from %s: %+v, %v", from, plan, err)
		}
		if next := orderhub.NextAsked(o, table); !slices.Equal(next, []orderhub.Status{orderhub.StatusCancelled}) {
			t.Errorf("from %s: possible %v, want only cancelled", from, next)
		}
	}
}

// TestCancelIsNeverWalkedTo: an order is not moved forward in order to be
// cancelled from there.
func TestCancelIsNeverWalkedTo(t *testing.T) {
	t.Parallel()
	table := steps(orderhub.StepLocal,
		orderhub.Step{To: orderhub.StatusCancelled, Kind: orderhub.StepObserved, Note: "too early"},
		orderhub.Step{To: orderhub.StatusCancelled, Kind: orderhub.StepPush, From: []orderhub.Status{orderhub.StatusConfirmed}})
	_, err := orderhub.Decide(order(orderhub.StatusNew), ask(orderhub.StatusCancelled), table)
	wantRefusal(t, err, "too early")
	if next := orderhub.NextAsked(order(orderhub.StatusNew), table); slices.Contains(next, orderhub.StatusCancelled) {
		t.Errorf("possible %v", next)
	}
}

func TestOfferedActions(t *testing.T) {
	t.Parallel()
	table := steps(orderhub.StepPush, orderhub.Step{To: orderhub.StatusConfirmed, Kind: orderhub.StepPush, Actions: []string{"ship", "ship_async"}},
		orderhub.Step{To: orderhub.StatusCancelled, Kind: orderhub.StepPush, Actions: []string{}})
	for _, c := range []struct {
		why     string
		actions []string
		refused string
	}{
		{"the channel does not tell", nil, ""},
		{"it is offered", []string{"cancel", "ship"}, ""},
		{"one of its words is offered", []string{"cancel", "ship_async"}, ""},
		{"something else is offered", []string{"cancel", "label"}, "does not offer ship or ship_async for it now (offered: cancel, label)"},
		{"nothing is offered", []string{}, "(offered: nothing)"},
	} {
		o := order(orderhub.StatusNew, func(o *orderhub.Order) { o.Snapshot.Actions = c.actions })
		_, err := orderhub.Decide(o, ask(orderhub.StatusConfirmed), table)
		if c.refused == "" && err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		if c.refused != "" {
			wantRefusal(t, err, c.refused)
		}
		if got := slices.Contains(orderhub.NextAsked(o, table), orderhub.StatusConfirmed); got != (c.refused == "") {
			t.Errorf("%s: NextAsked lists it: %t", c.why, got)
		}
	}
}

func TestNextAsked(t *testing.T) {
	t.Parallel()
	local := func(to orderhub.Status) orderhub.Step { return orderhub.Step{To: to, Kind: orderhub.StepLocal} }
	table := steps(orderhub.StepPush, local(orderhub.StatusConfirmed), orderhub.Step{To: orderhub.StatusShipped, Kind: orderhub.StepObserved})
	for _, c := range []struct {
		why  string
		o    *orderhub.Order
		want []orderhub.Status
	}{
		{"steps behind a local one are possible too", order(orderhub.StatusNew),
			[]orderhub.Status{orderhub.StatusConfirmed, orderhub.StatusPacked, orderhub.StatusCancelled}},
		{"the channel's own steps are not", order(orderhub.StatusPacked), []orderhub.Status{orderhub.StatusCancelled}},
		{"nothing after the end", order(orderhub.StatusDelivered), nil},
		{"nothing of an unknown order", order(orderhub.StatusUnknown), nil},
		{"not what is on its way", order(orderhub.StatusNew, func(o *orderhub.Order) { o.Requested = orderhub.StatusCancelled }), nil},
	} {
		if got := orderhub.NextAsked(c.o, table); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}
