package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/webhook"
)

// rule saves a rule and switches it on.
func (w *world) rule(r orderhub.AutoRule) orderhub.AutoRule {
	w.t.Helper()
	r, err := w.hub.SaveAutoRule(w.t.Context(), r)
	w.must(err)
	if r.Enabled {
		w.t.Error("a new rule is switched on")
	}
	r, err = w.hub.SwitchAutoRule(w.t.Context(), r.ID, true)
	w.must(err)
	return r
}

// automate works the lane of rules until there is nothing left; it tells how often.
func (w *world) automate() int {
	w.t.Helper()
	for n := 1; ; n++ {
		at, _, err := w.store.NotifyCursor(w.t.Context(), rulesCursor)
		w.must(err)
		last, _, err := w.store.SettledEvents(w.t.Context())
		w.must(err)
		if at >= last {
			return n
		}
		w.must(w.hub.automate(w.t.Context(), store.Lease{}))
		if n > 1000 {
			w.t.Fatal("the rules do not come to an end")
		}
	}
}

func (w *world) firings(r orderhub.AutoRule) []orderhub.Firing {
	w.t.Helper()
	list, err := w.store.Firings(w.t.Context(), store.FiringFilter{RuleID: r.ID, Limit: 1000})
	w.must(err)
	slices.Reverse(list)
	return list
}

// fired lists the outcomes of a rule as "order outcome".
func (w *world) fired(r orderhub.AutoRule) []string {
	w.t.Helper()
	var out []string
	for _, f := range w.firings(r) {
		o, err := w.store.Order(w.t.Context(), f.OrderID)
		w.must(err)
		out = append(out, o.Snapshot.ExternalID+" "+string(f.Outcome))
	}
	return out
}

func on(kinds ...orderhub.EventKind) []orderhub.EventKind { return kinds }

func do(actions ...orderhub.Action) []orderhub.Action { return actions }

func tag(t string) orderhub.Action { return orderhub.Action{Do: orderhub.ActTag, Tag: t} }

func TestRuleFires(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.take(snap("before", orderhub.StatusNew))
		r := w.rule(orderhub.AutoRule{
			Name: "Big orders", On: on(orderhub.EventReceived), If: `sum > 5000 and "BIG" in skus`,
			Then: do(tag("VIP"), orderhub.Action{Do: orderhub.ActAssign, Assignee: "Анна"}, orderhub.Action{Do: orderhub.ActHold, Text: "call first"},
				orderhub.Action{Do: orderhub.ActNote, Text: "Крупный заказ"}, orderhub.Action{Do: orderhub.ActStatus, Status: orderhub.StatusConfirmed},
				orderhub.Action{Do: orderhub.ActUnhold}, orderhub.Action{Do: orderhub.ActStatus, Status: orderhub.StatusConfirmed},
				orderhub.Action{Do: orderhub.ActStatus, Status: orderhub.StatusDelivered}),
		})
		big := func(id string) orderhub.Snapshot {
			return with(snap(id, orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Total, s.Lines[0].SKU = orderhub.Roubles(6000), "BIG" })
		}
		w.take(big("1"), snap("2", orderhub.StatusNew))
		w.automate()
		w.automate()
		same(t, "fired", w.fired(r), "1 refused")
		o := w.order("1")
		if !o.HasTag("vip") || o.Assignee != "Анна" || o.HasHold(orderhub.HoldManual) || o.Requested != orderhub.StatusConfirmed {
			t.Errorf("%+v", o)
		}
		f := w.firings(r)[0]
		if len(f.Actions) != 8 || f.Actions[4].Refused == "" || f.Actions[6].Refused != "" || f.Actions[7].Refused == "" || f.Actions[0].Refused != "" {
			t.Errorf("%+v", f.Actions)
		}
		var last orderhub.Event
		for _, e := range w.events("1") {
			if e.Kind != orderhub.EventReceived && (e.Cause.Rule != r.ID || e.Cause.Depth != 1 || e.Cause.Event == 0 || e.Actor != (orderhub.Actor{Kind: orderhub.ActorRule, Name: "Big orders"})) {
				t.Errorf("%+v", e)
			}
			last = e
		}
		if last.Kind != orderhub.EventRule || !strings.Contains(last.Why, "on received") || !strings.Contains(last.Why, "sum > 5000") ||
			!strings.Contains(last.Why, "tag vip") || !strings.Contains(last.Why, "status delivered refused: ") {
			t.Errorf("%+v", last)
		}
		if e := w.effects("1"); len(e) != 1 || e[0].Actor.Kind != orderhub.ActorRule {
			t.Errorf("%+v", e)
		}
		if len(w.order("2").Tags) != 0 || len(w.order("before").Tags) != 0 {
			t.Error("the rule fired for others")
		}
		// Switched off it is silent; what happened meanwhile is not looked at later.
		_, err := w.hub.SwitchAutoRule(t.Context(), r.ID, false)
		w.must(err)
		w.take(big("3"))
		_, err = w.hub.SwitchAutoRule(t.Context(), r.ID, true)
		w.must(err)
		w.take(big("4"))
		w.automate()
		same(t, "fired", w.fired(r), "1 refused", "4 refused")
	})
}

func TestLaterRuleSeesWhatTheEarlierDid(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.rule(orderhub.AutoRule{Name: "a", On: on(orderhub.EventReceived), Then: do(tag("seen"))})
		b := w.rule(orderhub.AutoRule{Name: "b", On: on(orderhub.EventReceived), If: `"seen" in tags`, Then: do(tag("second"))})
		c := w.rule(orderhub.AutoRule{Name: "c", On: on(orderhub.EventTags), If: `actor == "rule"`, Then: do(tag("third"))})
		w.take(snap("1", orderhub.StatusNew))
		w.automate()
		same(t, "b", w.fired(b), "1 done")
		same(t, "c", w.fired(c), "1 done", "1 done") // on the tags of a and b, not on its own
		same(t, "tags", w.order("1").Tags, "second", "seen", "third")
	})
}

func TestChainsEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ping := w.rule(orderhub.AutoRule{Name: "ping", On: on(orderhub.EventTags), If: `"x" in tags`, Then: do(orderhub.Action{Do: orderhub.ActUntag, Tag: "x"})})
		pong := w.rule(orderhub.AutoRule{Name: "pong", On: on(orderhub.EventTags), If: `not ("x" in tags)`, Then: do(tag("x"))})
		w.take(snap("1", orderhub.StatusNew))
		_, err := w.hub.Mark(t.Context(), w.order("1").ID, Marks{AddTags: []string{"x"}}, manager)
		w.must(err)
		w.automate()
		// Both fire on the mark of the manager: pong after ping took it off. Its chain goes on.
		same(t, "ping", w.fired(ping), "1 done", "1 done", "1 done", "1 too_deep")
		same(t, "pong", w.fired(pong), "1 done", "1 done", "1 done")
		ended := 0
		for _, e := range w.events("1") {
			if e.Kind == orderhub.EventRule && strings.Contains(e.Why, "the end of a chain of 5") {
				ended++
			}
			if e.Cause.Depth > orderhub.MaxDepth+1 {
				t.Errorf("%+v", e)
			}
		}
		if ended != 1 {
			t.Errorf("the end of the chain is shown %d times", ended)
		}
	})
}

func TestRuleThatFiresTooOftenStops(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		p.olga(false)
		p.take(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
		r := p.rule(orderhub.AutoRule{Name: "lift", On: on(orderhub.EventHold), If: `hold == "manual"`, PerHour: 3, Then: do(orderhub.Action{Do: orderhub.ActUnhold})})
		number := p.order("1").ID
		for range 5 {
			_, err := p.hub.SetHold(t.Context(), number, orderhub.HoldManual, true, "", manager)
			p.must(err)
			p.automate()
		}
		same(t, "fired", p.fired(r), "1 done", "1 done", "1 done", "1 stopped")
		got, err := p.store.AutoRule(t.Context(), r.ID)
		if p.must(err); got.Enabled || !strings.Contains(got.Error, "stopped itself") {
			t.Errorf("%+v", got)
		}
		p.noticeFor(time.Minute)
		if titles := p.titles(); len(titles) != 1 || !strings.Contains(titles[0], "rule lift stopped itself") {
			t.Errorf("%v", titles)
		}
		// Somebody switches it on again: the hour goes on, for this order only.
		p.clock.add(2 * time.Hour)
		_, err = p.hub.SwitchAutoRule(t.Context(), r.ID, true)
		p.must(err)
		for _, id := range []string{"1", "2"} {
			_, err = p.hub.SetHold(t.Context(), p.order(id).ID, orderhub.HoldManual, false, "", manager)
			p.must(err)
			_, err = p.hub.SetHold(t.Context(), p.order(id).ID, orderhub.HoldManual, true, "", manager)
			p.must(err)
		}
		p.automate()
		same(t, "fired", p.fired(r)[4:], "1 done", "2 done")
	})
}

func TestFailingRuleHarmsNoOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		bad := w.rule(orderhub.AutoRule{Name: "bad", On: on(orderhub.EventReceived), If: "lines[5].quantity > 1", Then: do(tag("bad"))})
		good := w.rule(orderhub.AutoRule{Name: "good", On: on(orderhub.EventReceived), Then: do(tag("good"))})
		// A condition of yesterday whose field is gone.
		gone := w.rule(orderhub.AutoRule{Name: "gone", On: on(orderhub.EventReceived), Then: do(tag("gone"))})
		gone.If = "moon == 1"
		w.must(w.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.SaveAutoRule(t.Context(), &gone) }))
		w.take(snap("1", orderhub.StatusNew))
		w.automate()
		same(t, "bad", w.fired(bad), "1 failed")
		same(t, "good", w.fired(good), "1 done")
		same(t, "tags", w.order("1").Tags, "good")
		for id, word := range map[int64]string{bad.ID: "index out of range", gone.ID: "unknown name moon"} {
			r, err := w.store.AutoRule(t.Context(), id)
			if w.must(err); !strings.Contains(r.Error, word) || !r.Enabled || r.ErrorAt.IsZero() {
				t.Errorf("%+v", r)
			}
		}
		bad.If = "units == 2"
		got, err := w.hub.SaveAutoRule(t.Context(), bad)
		if w.must(err); got.Error != "" || !got.Enabled {
			t.Errorf("a mended rule: %+v", got)
		}
	})
}

func TestRuleTellsAndCalls(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		olga := p.olga(false)
		secret := webhook.NewSecret()
		hook := newTold(t, secret, p.clock.now)
		to, err := p.hub.AddRecipient(t.Context(), orderhub.Recipient{Kind: orderhub.RecipientWebhook, Name: "script",
			RecipientAddress: orderhub.RecipientAddress{Address: hook.URL, Secret: secret}})
		p.must(err)
		r := p.rule(orderhub.AutoRule{Name: "Срочно", On: on(orderhub.EventReceived), Then: do(
			orderhub.Action{Do: orderhub.ActNotify, Text: "Собрать сегодня", Recipients: []int64{olga.ID}},
			orderhub.Action{Do: orderhub.ActNotify, Text: "И позвонить", Recipients: []int64{olga.ID}},
			orderhub.Action{Do: orderhub.ActWebhook, Recipient: to.ID, Text: "new"})})
		p.take(snap("1", orderhub.StatusNew))
		p.automate()
		p.noticeFor(time.Minute)
		same(t, "fired", p.fired(r), "1 done")
		same(t, "titles", p.titles(), "2 сообщения правил:")
		if text := p.api.Sent()[1].Text; !strings.Contains(text, "Собрать сегодня") || !strings.Contains(text, "И позвонить") {
			t.Errorf("%q", text)
		}
		hook.mu.Lock()
		defer hook.mu.Unlock()
		if hook.calls != 1 || len(hook.seen) != 1 {
			t.Errorf("%d calls", hook.calls)
		}
		var call orderhub.Notice
		for _, m := range p.notices() {
			if m.Kind == orderhub.RecipientWebhook {
				call = m
			}
		}
		if call.State != orderhub.MessageSent || !strings.Contains(call.Payload, `"rule.fired"`) || strings.Contains(call.Payload, "Кружка") {
			t.Errorf("%+v", call)
		}
	})
}

func TestTryRule(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		for i := range 30 {
			w.take(with(snap(fmt.Sprint(i), orderhub.StatusNew), func(s *orderhub.Snapshot) { s.Total = orderhub.Roubles(int64(i) * 1000) }))
			w.clock.add(time.Hour)
		}
		before := len(w.events("29"))
		rule := orderhub.AutoRule{Name: "big", On: on(orderhub.EventReceived), If: "sum >= 18000", Then: do(tag("big"))}
		r, err := w.hub.TryAutoRule(t.Context(), RuleTrial{Rule: rule})
		if w.must(err); r.Fired != 12 || r.Events != 30 || !r.Complete || len(r.Orders) != 12 || r.Orders[0].External != "N29" {
			t.Errorf("%+v", r)
		}
		if len(w.events("29")) != before || len(w.order("29").Tags) != 0 {
			t.Error("a trial left something")
		}
		rule.If = ""
		w.rule(rule) // one that is there can be tried
		r, err = w.hub.TryAutoRule(t.Context(), RuleTrial{Rule: rule})
		if w.must(err); r.Fired != 30 || len(r.Orders) != 20 {
			t.Errorf("%d fired, %d orders", r.Fired, len(r.Orders))
		}
		r, err = w.hub.TryAutoRule(t.Context(), RuleTrial{Rule: rule, Last: 7})
		if w.must(err); r.Fired != 7 || r.Events != 7 {
			t.Errorf("%+v", r)
		}
		from := w.clock.now().Add(-5*time.Hour - time.Minute)
		r, err = w.hub.TryAutoRule(t.Context(), RuleTrial{Rule: rule, From: from, To: from.Add(3 * time.Hour)})
		if w.must(err); r.Fired != 3 || !r.Complete {
			t.Errorf("%+v", r)
		}
		rule.If = "lines[3].quantity > 1"
		r, err = w.hub.TryAutoRule(t.Context(), RuleTrial{Rule: rule})
		if w.must(err); r.Failed != 30 || r.Error == "" || r.Fired != 0 {
			t.Errorf("%+v", r)
		}
		rule.If = "lines["
		_, err = w.hub.TryAutoRule(t.Context(), RuleTrial{Rule: rule})
		wantCode(t, err, orderhub.CodeInvalid, "if", "column")
	})
}

func TestRulesAreChecked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.rule(orderhub.AutoRule{Name: "taken", On: on(orderhub.EventReceived), Then: do(tag("x"))})
		for field, change := range map[string]func(r *orderhub.AutoRule){
			"name":              func(r *orderhub.AutoRule) { r.Name = "taken" },
			"on":                func(r *orderhub.AutoRule) { r.On = on(orderhub.EventRule) },
			"if":                func(r *orderhub.AutoRule) { r.If = "sume > 1" },
			"per_hour":          func(r *orderhub.AutoRule) { r.PerHour = 1001 },
			"then":              func(r *orderhub.AutoRule) { r.Then = nil },
			"then[0].do":        func(r *orderhub.AutoRule) { r.Then[0].Do = "explode" },
			"then[0].tag":       func(r *orderhub.AutoRule) { r.Then[0].Tag = "two words" },
			"then[0].text":      func(r *orderhub.AutoRule) { r.Then[0].Text = "unused" },
			"then[0].status":    func(r *orderhub.AutoRule) { r.Then[0] = orderhub.Action{Do: orderhub.ActStatus, Status: "lost"} },
			"then[0].recipient": func(r *orderhub.AutoRule) { r.Then[0] = orderhub.Action{Do: orderhub.ActWebhook, Recipient: 17} },
			"then[0].recipients": func(r *orderhub.AutoRule) {
				r.Then[0] = orderhub.Action{Do: orderhub.ActNotify, Text: "x", Recipients: []int64{17}}
			},
		} {
			r := orderhub.AutoRule{Name: "new", On: on(orderhub.EventReceived), Then: do(tag("x"))}
			change(&r)
			_, err := w.hub.SaveAutoRule(t.Context(), r)
			var e *orderhub.Error
			if !errors.As(err, &e) || e.Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
}

// TestRuleIsDeafToItsOwnEffect: what became of a status that a rule asked for is of
// its own making, though the channel's answer carries no cause.
func TestRuleIsDeafToItsOwnEffect(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		own := w.rule(orderhub.AutoRule{Name: "confirm", On: on(orderhub.EventReceived, orderhub.EventEffect),
			Then: do(orderhub.Action{Do: orderhub.ActStatus, Status: orderhub.StatusConfirmed})})
		other := w.rule(orderhub.AutoRule{Name: "watch", On: on(orderhub.EventEffect), If: `state == "confirmed"`, Then: do(tag("done"))})
		w.fake.place(snap("1", orderhub.StatusNew))
		w.take(snap("1", orderhub.StatusNew))
		w.automate()
		w.pushFor(10 * time.Second)
		w.automate()
		if w.effect("1").State != orderhub.EffectConfirmed {
			t.Fatalf("%+v", w.effect("1"))
		}
		same(t, "own", w.fired(own), "1 done")
		same(t, "other", w.fired(other), "1 done")
		tried, err := w.hub.TryAutoRule(t.Context(), RuleTrial{Rule: orderhub.AutoRule{Name: "confirm", On: on(orderhub.EventReceived, orderhub.EventEffect),
			Then: do(orderhub.Action{Do: orderhub.ActStatus, Status: orderhub.StatusConfirmed})}})
		if w.must(err); tried.Fired != 1 {
			t.Errorf("a trial says that it would have fired %d times", tried.Fired)
		}
	})
}
