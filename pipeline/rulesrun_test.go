package pipeline

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
)

// TestRulesKilledBetweenAnyTwoSteps kills the lane at each step in turn, and lets a
// worker that lost its lease go on: each rule fires once for each event.
func TestRulesKilledBetweenAnyTwoSteps(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		ctx := t.Context()
		first := p.rule(orderhub.AutoRule{Name: "first", On: on(orderhub.EventReceived), Then: do(orderhub.Action{Do: orderhub.ActNote, Text: "n"})})
		second := p.rule(orderhub.AutoRule{Name: "second", On: on(orderhub.EventReceived, orderhub.EventNote), Then: do(orderhub.Action{Do: orderhub.ActNote, Text: "m"})})
		orders := 0
		for _, step := range []string{"held", "acted", "fired", "asked", "moved"} {
			for _, how := range []string{"killed", "stalled"} {
				if step == "acted" && how == "stalled" {
					continue // inside the transaction: SQLite has one writer
				}
				orders++
				p.take(snap(fmt.Sprint(orders), orderhub.StatusNew))
				done := false
				h := p.notifier(func(at string) error {
					if at != step || done {
						return nil
					}
					done = true
					if how == "killed" {
						return errKilled
					}
					p.clock.add(time.Minute)
					other := p.lease(ctx, "rules", "other")
					p.must(p.hub.automate(ctx, other))
					p.must(p.store.ReleaseLease(ctx, other))
					return nil
				})
				err := h.automate(ctx, p.lease(ctx, "rules", "first"+step+how))
				if want := map[string]error{"killed": errKilled, "stalled": store.ErrFenced}[how]; !done || (!errors.Is(err, want) && step != "moved") {
					t.Errorf("%s at %s: %v", how, step, err)
				}
				p.clock.add(time.Minute)
				p.automate()
			}
		}
		if n := len(p.firings(first)); n != orders {
			t.Errorf("the first rule fired %d times for %d orders", n, orders)
		}
		// On the order and on the note of the first rule.
		if n := len(p.firings(second)); n != 2*orders {
			t.Errorf("the second rule fired %d times for %d orders", n, orders)
		}
		for i := 1; i <= orders; i++ {
			id := fmt.Sprint(i)
			notes, err := p.store.Notes(ctx, p.order(id).ID)
			if p.must(err); len(notes) != 3 || p.count(id, orderhub.EventRule) != 3 {
				t.Errorf("order %s has %d notes and %d firings in its history", id, len(notes), p.count(id, orderhub.EventRule))
			}
		}
	})
}

// TestRandomRulesEnd lets sets of random rules loose on random changes: they come
// to an end, and no pair of rule and event fires twice.
func TestRandomRulesEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		rounds := 25
		if testing.Short() {
			rounds = 5
		}
		rnd := rand.New(rand.NewPCG(7, 11))
		pick := func(n int) int { return rnd.IntN(n) }
		tags := []string{"a", "b", "c"}
		actions := func() orderhub.Action {
			switch pick(6) {
			case 0:
				return orderhub.Action{Do: orderhub.ActUntag, Tag: tags[pick(3)]}
			case 1:
				return orderhub.Action{Do: orderhub.ActHold}
			case 2:
				return orderhub.Action{Do: orderhub.ActUnhold}
			case 3:
				return orderhub.Action{Do: orderhub.ActAssign, Assignee: orderhub.Assignee(tags[pick(3)])}
			case 4:
				return orderhub.Action{Do: orderhub.ActStatus, Status: []orderhub.Status{orderhub.StatusConfirmed, orderhub.StatusPacked}[pick(2)]}
			default:
				return tag(tags[pick(3)])
			}
		}
		conditions := []string{"", `"a" in tags`, `not ("b" in tags)`, `assignee != "c"`, `"manual" in holds`, `actor == "rule"`, "len(tags) < 3"}
		for round := range rounds {
			var made []orderhub.AutoRule
			for i := range 2 + pick(6) {
				r := orderhub.AutoRule{Name: fmt.Sprintf("r%d-%d", round, i), If: conditions[pick(len(conditions))], PerHour: 1 + pick(30)}
				for range 1 + pick(3) {
					r.On = append(r.On, []orderhub.EventKind{orderhub.EventTags, orderhub.EventHold, orderhub.EventAssigned, orderhub.EventReceived,
						orderhub.EventStatus, orderhub.EventRequested, orderhub.EventEffect}[pick(7)])
					r.Then = append(r.Then, actions())
				}
				made = append(made, w.rule(r))
			}
			id := fmt.Sprint("r", round)
			w.take(with(snap(id, orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Scheme = orderhub.SchemeDBS }))
			for range 3 {
				_, err := w.hub.Mark(ctx, w.order(id).ID, Marks{AddTags: []string{tags[pick(3)]}, RemoveTags: []string{tags[pick(3)]}}, manager)
				w.must(err)
				w.automate()
				w.push()
			}
			w.automate()
			seen := map[[2]int64]bool{}
			for _, r := range made {
				for _, f := range w.firings(r) {
					if pair := [2]int64{f.RuleID, f.EventID}; seen[pair] {
						t.Errorf("round %d: rule %s fired twice for event %d", round, r.Name, f.EventID)
					} else {
						seen[pair] = true
					}
				}
				w.must(w.hub.DeleteAutoRule(ctx, r.ID))
			}
			for _, e := range w.events(id) {
				if e.Cause.Depth > orderhub.MaxDepth+1 {
					t.Errorf("round %d: depth %d", round, e.Cause.Depth)
				}
			}
		}
	})
}

// TestFaultWhileFiring: a firing that the hub cannot finish leaves nothing behind,
// is tried again, and ends as failed; what comes after it is looked at.
func TestFaultWhileFiring(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		r := p.rule(orderhub.AutoRule{Name: "r", On: on(orderhub.EventReceived), Then: do(tag("x"), orderhub.Action{Do: orderhub.ActNote, Text: "n"})})
		p.take(snap("1", orderhub.StatusNew))
		faults := 2
		p.hub = p.notifier(func(at string) error {
			if at == "acted" && faults > 0 {
				faults--
				return errors.New("the disk is full")
			}
			return nil
		})
		for range 2 {
			if err := p.hub.automate(t.Context(), store.Lease{}); err == nil || len(p.order("1").Tags) != 0 {
				t.Fatalf("%v, tags %v", err, p.order("1").Tags)
			}
		}
		p.automate()
		same(t, "fired", p.fired(r), "1 done")
		faults = 3
		p.take(snap("2", orderhub.StatusNew), snap("3", orderhub.StatusNew))
		for range 2 {
			_ = p.hub.automate(t.Context(), store.Lease{})
		}
		p.automate()
		same(t, "fired", p.fired(r)[1:], "2 failed", "3 done")
		got, err := p.store.AutoRule(t.Context(), r.ID)
		if p.must(err); got.Error == "" || strings.Contains(got.Error, "disk") || !got.Enabled {
			t.Errorf("%+v", got)
		}
	})
}

// TestRulesWaitForWork: while no rule is on, the lane is not rung; the first one
// that is switched on does not begin with the whole past.
func TestRulesWaitForWork(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		rung := func() bool {
			lanes, err := w.hub.due(t.Context())
			w.must(err)
			return slices.Contains(lanes, rulesLane)
		}
		for i := range 3 * rulesBatch / 2 {
			w.take(snap(fmt.Sprint(i), orderhub.StatusNew))
		}
		if rung() {
			t.Error("the lane is rung without rules")
		}
		r := w.rule(orderhub.AutoRule{Name: "r", On: on(orderhub.EventReceived), Then: do(tag("x"))})
		w.take(snap("new", orderhub.StatusNew))
		if !rung() {
			t.Error("the lane is not rung")
		}
		batches := 0
		w.hub.step = func(at string) error {
			if at == "asked" {
				batches++
			}
			return nil
		}
		w.must(w.hub.automate(t.Context(), store.Lease{}))
		same(t, "fired", w.fired(r), "new done")
		if batches != 1 {
			t.Errorf("%d batches were read", batches)
		}
	})
}

// TestRulesRun starts a whole hub: the background lanes let a rule fire, and its
// status reaches the channel.
func TestRulesRun(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		live := storetest.Open(t, storetest.Config(t, w.engine)) // by the real clock
		h, err := New(Options{Store: live, Channels: w.hub.Channels(), Scale: 0.02, Tick: 50 * time.Millisecond})
		w.must(err)
		_, err = h.AddAccount(t.Context(), acct, fakeName, "", map[string]string{"token": "very-secret"})
		w.must(err)
		r, err := h.SaveAutoRule(t.Context(), orderhub.AutoRule{Name: "r", On: on(orderhub.EventReceived),
			Then: do(tag("x"), orderhub.Action{Do: orderhub.ActStatus, Status: orderhub.StatusConfirmed})})
		w.must(err)
		_, err = h.SwitchAutoRule(t.Context(), r.ID, true)
		w.must(err)
		w.fake.place(snap("1", orderhub.StatusNew))
		w.must(h.Start(t.Context()))
		eventually(t, "the order is confirmed by the rule", func() bool {
			list, err := live.OrdersByExternal(t.Context(), acct, []string{"1"})
			return err == nil && len(list) == 1 && list[0].HasTag("x") && list[0].Headline == orderhub.StatusConfirmed
		})
		w.must(h.Stop(t.Context()))
	})
}
