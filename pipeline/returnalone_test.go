package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// story is the history of a return.
func (w *world) story(id string) []string {
	w.t.Helper()
	list, err := w.store.EventsOfReturn(w.t.Context(), w.ret(id).ID)
	w.must(err)
	var out []string
	for _, e := range list {
		out = append(out, string(e.Kind)+" "+e.Why)
	}
	return out
}

// replies are the states of the answers to a return.
func (w *world) replies(id string) []orderhub.EffectState {
	w.t.Helper()
	list, err := w.store.EffectsOfReturn(w.t.Context(), w.ret(id).ID)
	w.must(err)
	var out []orderhub.EffectState
	for _, e := range list {
		out = append(out, e.State)
	}
	return out
}

// TestReturnAloneIsAnswered: a return whose order the hub has never seen is answered
// like any other, and has a history of its own.
func TestReturnAloneIsAnswered(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fake.back(waiting("R1", "not here"), waiting("R2", "nor this"))
		w.sweepReturns()
		wantCode(t, w.answer("R1", ReturnReply{Action: "burn"}), orderhub.CodeInvalid, "action", "grant (Grant)")
		w.must(w.answer("R1", ReturnReply{Action: "part", Comment: "sorry", Amount: orderhub.Roubles(100)}))
		wantCode(t, w.answer("R1", ReturnReply{Action: "grant"}), orderhub.CodeRefused, "on its way already")
		w.must(w.answer("R2", ReturnReply{Action: "grant"})) // waits for nobody
		w.push()
		same(t, "answers", w.replies("R1"), orderhub.EffectAccepted)
		if len(w.fake.backs.answers) != 2 {
			t.Fatalf("%d calls", len(w.fake.backs.answers))
		}
		got := w.fake.backs.answers[0]
		if got.Action != "part" || got.Comment != "sorry" || got.Amount != orderhub.Roubles(100) || got.Return.ExternalID != "R1" || got.Order.AccountID != acct {
			t.Errorf("the call was %+v", got)
		}
		w.sweepReturns()
		w.pushFor(5 * time.Second)
		same(t, "answers", w.replies("R1"), orderhub.EffectConfirmed)
		same(t, "history", w.story("R1"), "return return R1: announced (customer)", "requested answer to return R1: part: sorry", "effect accepted",
			"return return R1 is still announced (customer)", "effect confirmed")
		list, err := w.store.ListEffects(t.Context(), store.EffectFilter{Limit: 10})
		w.must(err)
		if len(list) != 2 || list[0].OrderID != 0 || list[0].ReturnID != w.ret("R2").ID || len(w.fake.backs.answers) != 2 {
			t.Errorf("effects %+v after %d calls", list, len(w.fake.backs.answers))
		}
		if got := w.raws(store.RawQuarantined); len(got) > 0 {
			t.Errorf("in quarantine: %s", got[0].Error)
		}
	}, returning)
}

// TestReturnAloneAnswerLost: what is not known to have arrived is looked for, what is
// refused is tried again by a person only, and never beside another answer.
func TestReturnAloneAnswerLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fake.back(waiting("R1", "not here"))
		w.sweepReturns()
		answers := []error{
			orderhub.NewBorderError(orderhub.ClassUncertain, "fake", "no answer came", nil),
			orderhub.NewBorderError(orderhub.ClassRejected, "fake", "not now", nil),
		}
		w.fake.script(func(f *fake) {
			f.backs.onAnswer = func(list []channel.ReturnAnswer) ([]channel.PushResult, error) {
				if len(answers) == 0 {
					return f.obeyAnswers(list), nil
				}
				err := answers[0]
				answers = answers[1:]
				return []channel.PushResult{{Outcome: channel.OutcomeFailed, Err: err}}, nil
			}
		})
		w.must(w.answer("R1", ReturnReply{Action: "grant"}))
		w.push()
		same(t, "answers", w.replies("R1"), orderhub.EffectSent)
		for range 20 {
			w.sweepReturns()
			w.pushFor(10 * time.Second)
		}
		same(t, "answers", w.replies("R1"), orderhub.EffectRejected)
		refused, err := w.store.EffectsOfReturn(t.Context(), w.ret("R1").ID)
		w.must(err)
		w.must(w.answer("R1", ReturnReply{Action: "part", Amount: orderhub.Roubles(1)}))
		_, err = w.hub.RetryEffect(t.Context(), refused[0].ID, manager)
		wantCode(t, err, orderhub.CodeRefused, "the answer part is on its way already")
		w.fake.script(func(f *fake) { f.deaf = true })
		answers = []error{orderhub.NewBorderError(orderhub.ClassRejected, "fake", "no", nil)}
		w.push()
		_, err = w.hub.RetryEffect(t.Context(), refused[0].ID, manager)
		w.must(err)
		w.fake.script(func(f *fake) { f.deaf = false })
		w.push()
		same(t, "answers", w.replies("R1"), orderhub.EffectAccepted, orderhub.EffectRejected)
	}, returning)
}

// TestReturnAloneIsToldOnce: the manager hears of a return that belongs to nothing,
// and not again when its order comes or a person names it.
func TestReturnAloneIsToldOnce(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		p.olga(true)
		p.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnAnnounced), goodsBack("R2", "no order", "A", 1, orderhub.ReturnAnnounced))
		p.noticeFor(time.Minute)
		same(t, "titles", p.titles(), "2 новых возврата:")
		if text := p.api.Sent()[len(p.api.Sent())-1].Text; !strings.Contains(text, fmt.Sprintf("возврат № %d (R2), Fake market, 1 шт., заказ неизвестен", p.ret("R2").ID)) {
			t.Errorf("told %q", text)
		}
		p.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnOnTheWay))
		p.noticeFor(time.Minute)
		p.take(snap("1", orderhub.StatusDelivered), snap("2", orderhub.StatusDelivered))
		_, err := p.hub.LinkReturn(t.Context(), p.ret("R2").ID, p.order("2").ID, manager)
		p.must(err)
		p.takeBack(goodsBack("R1", "1", "A", 1, orderhub.ReturnAtPickup))
		p.noticeFor(time.Minute)
		var returns int
		for _, title := range p.titles() {
			if strings.Contains(title, "возврат") {
				returns++
			}
		}
		if returns != 1 {
			t.Errorf("told %q", p.titles())
		}
		p.takeBack(goodsBack("R3", "nothing", "A", 1, orderhub.ReturnAnnounced))
		p.noticeFor(time.Minute)
		if got := p.titles(); got[len(got)-1] != fmt.Sprintf("Новый возврат: № %d (R3), Fake market, 1 шт., заказ неизвестен", p.ret("R3").ID) {
			t.Errorf("told %q", got)
		}
	}, returning)
}

// TestReturnAloneFindsItsOrder: history and answers become the order's, whoever
// links them, and rules about orders hear of it then.
func TestReturnAloneFindsItsOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		rule := w.rule(orderhub.AutoRule{Name: "mark", On: on(orderhub.EventReturn), If: "true", Then: do(tag("back"))})
		w.fake.back(waiting("R1", "1"), waiting("R2", "unknown"), waiting("R3", "3"))
		w.sweepReturns()
		for _, id := range []string{"R1", "R2", "R3"} {
			w.must(w.answer(id, ReturnReply{Action: "grant"}))
		}
		w.push()
		w.automate()
		same(t, "firings", w.fired(rule))
		w.take(snap("1", orderhub.StatusDelivered), snap("2", orderhub.StatusDelivered))
		_, err := w.hub.LinkReturn(t.Context(), w.ret("R2").ID, w.order("2").ID, manager)
		w.must(err)
		// The order was written while the return was: the follower finds it.
		w.take(snap("3", orderhub.StatusDelivered))
		w.must(w.hub.matchReturns(t.Context(), w.account()))
		for order, id := range map[string]string{"1": "R1", "2": "R2", "3": "R3"} {
			same(t, "answers to "+id, w.states(order), orderhub.EffectAccepted)
			if n := w.count(order, orderhub.EventReturn); n != 2 || w.count(order, orderhub.EventRequested) != 1 || len(w.story(id)) != 4 {
				t.Errorf("order %s: %q; return %q", order, w.history(order), w.story(id))
			}
		}
		w.automate()
		if got := w.firings(rule); len(got) != 3 {
			t.Errorf("fired %+v, want once for each order", got)
		}
		w.sweepReturns()
		w.pushFor(5 * time.Second)
		for _, order := range []string{"1", "2", "3"} {
			same(t, "answers of "+order, w.states(order), orderhub.EffectConfirmed)
		}
		if n := len(w.fake.backs.answers); n != 3 {
			t.Errorf("%d calls for 3 answers", n)
		}
	}, returning)
}

// TestReturnAloneIsLinkedDuringItsAnswer: the order comes between the call and its
// record.
func TestReturnAloneIsLinkedDuringItsAnswer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fake.back(waiting("R1", "1"))
		w.sweepReturns()
		w.must(w.answer("R1", ReturnReply{Action: "grant"}))
		w.fake.script(func(f *fake) {
			f.backs.onAnswer = func(list []channel.ReturnAnswer) ([]channel.PushResult, error) {
				out := f.obeyAnswers(list)
				f.mu.Unlock()
				defer f.mu.Lock()
				w.take(snap("1", orderhub.StatusDelivered))
				return out, nil
			}
		})
		w.push()
		same(t, "answers", w.states("1"), orderhub.EffectAccepted)
		same(t, "history", w.story("R1"), "return return R1: announced (customer)", "requested answer to return R1: grant",
			"return return R1 was here before the order: announced", "effect accepted")
		if n := w.count("1", orderhub.EventEffect); n != 1 {
			t.Errorf("%q", w.history("1"))
		}
	}, returning)
}
