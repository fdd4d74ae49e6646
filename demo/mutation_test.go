package demo_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/demo"
	"github.com/orderhub/orderhub/marketsim"
	"github.com/orderhub/orderhub/pipeline"
)

// These tests prove the comparison: a hub that is sabotaged in one place must be
// found out, with that finding, that id and no other.

// smallDemo runs a short demo without faults.
func smallDemo(t *testing.T, opts demo.Options) demo.Report {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a demo for seconds")
	}
	opts.For, opts.Orders, opts.Seed = 7*time.Second, 150, 11
	rep, err := demo.Run(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// findings lists what a report says against the hub: "account: finding: text".
func findings(rep demo.Report) []string {
	var out []string
	for _, a := range rep.Accounts {
		for name, list := range map[string][]string{
			"lost": a.Lost, "doubled": a.Doubled, "foreign": a.Foreign, "wrong status": a.WrongStatus, "wrong goods": a.WrongGoods,
			"swallowed": a.Swallowed, "unclaimed": a.Unclaimed, "repeated": a.Repeated, "stuck": a.Stuck,
		} {
			for _, text := range list {
				out = append(out, a.Account+": "+name+": "+text)
			}
		}
	}
	slices.Sort(out)
	return out
}

// victim remembers the first id that it is asked about and is of the form.
type victim struct {
	form *regexp.Regexp
	also func(id string) bool
	mu   sync.Mutex
	id   string
}

func (v *victim) is(id string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.id == "" && v.form.MatchString(id) && (v.also == nil || v.also(id)) {
		v.id = id
	}
	return id == v.id
}

var ozonID = regexp.MustCompile(`^\d+-\d+-\d+$`)

func TestNothingSpoiled(t *testing.T) {
	t.Parallel()
	rep := smallDemo(t, demo.Options{})
	if !rep.OK || len(findings(rep)) > 0 {
		t.Errorf("the hub's ledger differs from the books: %v", findings(rep))
	}
	for _, a := range rep.Accounts {
		if a.Theirs == 0 || a.Effects[orderhub.EffectConfirmed] == 0 {
			t.Errorf("%s saw too little to prove anything: %d orders, effects %v", a.Account, a.Theirs, a.Effects)
		}
	}
	if rep.Traffic.Placed != 150 || rep.Manager.Asked == 0 {
		t.Errorf("traffic %+v, manager %+v", rep.Traffic, rep.Manager)
	}
}

func TestDroppedOrderIsFound(t *testing.T) {
	t.Parallel()
	v := &victim{form: ozonID}
	rep := smallDemo(t, demo.Options{Hooks: &pipeline.Hooks{DropOrder: v.is}})
	want := []string{"ozon-main: lost: " + v.id}
	if diff := cmp.Diff(want, findings(rep)); rep.OK || diff != "" {
		t.Errorf("OK = %v, findings (-want +got):\n%s", rep.OK, diff)
	}
	account(t, rep, "ozon-main", func(a demo.AccountComparison) bool { return a.Theirs == a.Ours+1 && a.UnitsTheirs > a.UnitsOurs })
}

func TestDoubledOrderIsFound(t *testing.T) {
	t.Parallel()
	// A twin that nobody works on: an order that Ozon ships itself.
	v := &victim{form: ozonID}
	var sims atomic.Pointer[string]
	v.also = func(id string) bool { return schemeOf(t, *sims.Load(), id) == orderhub.SchemeFBO }
	rep := smallDemo(t, demo.Options{
		Hooks:   &pipeline.Hooks{DoubleOrder: v.is},
		Started: func(s demo.Started) { sims.Store(&s.Sims) },
	})
	want := []string{"ozon-main: foreign: " + v.id + "-twin"}
	if diff := cmp.Diff(want, findings(rep)); rep.OK || diff != "" {
		t.Errorf("OK = %v, findings (-want +got):\n%s", rep.OK, diff)
	}
	account(t, rep, "ozon-main", func(a demo.AccountComparison) bool { return a.Theirs+1 == a.Ours && a.UnitsTheirs < a.UnitsOurs })
}

// schemeOf looks an order of Ozon up in the simulator's books.
func schemeOf(t *testing.T, sims, id string) orderhub.Scheme {
	resp, err := http.Get(sims + "/_sim/ozon/truth")
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	var list []marketsim.TruthOrder
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Error(err)
	}
	for _, o := range list {
		if o.ID == id {
			return o.Scheme
		}
	}
	return ""
}

func TestSwallowedPushIsFound(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var swallowed *orderhub.Effect
	// The last word to a shop: nothing that follows makes up for it.
	rep := smallDemo(t, demo.Options{Hooks: &pipeline.Hooks{SwallowPush: func(e *orderhub.Effect) bool {
		mu.Lock()
		defer mu.Unlock()
		if swallowed == nil && e.AccountID == "shop" && e.Kind == orderhub.EffectStatus && e.To == orderhub.StatusDelivered {
			swallowed = e
		}
		return swallowed != nil && e.ID == swallowed.ID
	}}})
	if swallowed == nil {
		t.Fatal("no order was delivered by the shop")
	}
	got := findings(rep)
	if rep.OK || len(got) == 0 {
		t.Fatalf("OK = %v, findings %v; want the swallowed effect and what came of it", rep.OK, got)
	}
	id, isEffect := strings.CutSuffix(strings.TrimPrefix(got[0], "shop: swallowed: "), fmt.Sprintf(": effect %d delivered", swallowed.ID))
	// To the shop the order is under way: its status is wrong, unless the buyer
	// refused it meanwhile. Nothing but this order is concerned.
	others := slices.ContainsFunc(got[1:], func(f string) bool { return !strings.Contains(f, id) })
	if !isEffect || others {
		t.Errorf("findings %q; want the swallowed effect %d and the wrong status of its order", got, swallowed.ID)
	}
}

// TestDroppedAndRepeatedMessagesAreFound: the manager's chat is compared with the
// books message by message.
func TestDroppedAndRepeatedMessagesAreFound(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var victim int64
	first := func(m orderhub.Notice) bool {
		mu.Lock()
		defer mu.Unlock()
		if victim == 0 && m.Kind == orderhub.RecipientTelegram && strings.Contains(strings.ToLower(m.Text), "возврат") {
			victim = m.ID
		}
		return m.ID == victim
	}
	for name, hooks := range map[string]*pipeline.Hooks{"dropped": {DropMessage: first}, "repeated": {RepeatMessage: first}} {
		victim = 0
		rep := smallDemo(t, demo.Options{Hooks: hooks})
		if rep.Told == nil || rep.Told.Returns == 0 || victim == 0 {
			t.Fatalf("%s: saw too little to prove anything: %+v", name, rep.Told)
		}
		found, other := rep.Told.Untold, rep.Told.Twice
		if name == "repeated" {
			found, other = other, found
		}
		if rep.OK || len(found) == 0 || len(other) > 0 || len(findings(rep)) > 0 {
			t.Errorf("%s: OK = %v, found %v, %v; %v", name, rep.OK, found, other, findings(rep))
		}
	}
}

// account checks one account's figures, and that the other accounts are clean.
func account(t *testing.T, rep demo.Report, id string, right func(demo.AccountComparison) bool) {
	t.Helper()
	clean := map[string]bool{}
	for _, a := range rep.Accounts {
		clean[a.Account] = a.Clean()
		if a.Account == id && !right(a) {
			t.Errorf("%s: %d orders and %d units in the books, %d and %d in the hub", id, a.Theirs, a.UnitsTheirs, a.Ours, a.UnitsOurs)
		}
	}
	want := map[string]bool{"ozon-main": true, "wb-main": true, "yandex-main": true, "shop": true}
	want[id] = false
	if !maps.Equal(want, clean) {
		t.Errorf("clean accounts %v, want %v", clean, want)
	}
}
