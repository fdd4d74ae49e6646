package pipeline

import (
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
	"github.com/orderhub/orderhub/store"
)

// waiting is a return that the market takes answers to.
func waiting(id, order string) orderhub.ReturnSnapshot {
	return goodsBack(id, order, "A", 1, orderhub.ReturnAnnounced, func(s *orderhub.ReturnSnapshot) {
		s.Actions = []orderhub.ReturnAction{
			{Code: "grant", Title: "Grant"},
			{Code: "reject", Title: "Reject", NeedsComment: true, Reasons: []orderhub.ReturnReason{{Code: "51", Title: "No defect"}}},
			{Code: "part", Title: "Part of the money", NeedsAmount: true},
		}
	})
}

// sweepReturns reads the feed of returns.
func (w *world) sweepReturns() {
	w.t.Helper()
	w.must(w.hub.sweep(w.t.Context(), w.account(), "returns", store.Lease{}))
	w.accept()
}

func (w *world) answer(id string, reply ReturnReply) error {
	w.t.Helper()
	_, err := w.hub.AnswerReturn(w.t.Context(), w.ret(id).ID, reply, manager)
	return err
}

func TestAnswerReturn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.buy("1", "A", 1)
		w.read()
		w.fake.back(waiting("R1", "1"), goodsBack("R2", "1", "A", 1, orderhub.ReturnAnnounced))
		w.sweepReturns()
		wantCode(t, w.answer("R2", ReturnReply{Action: "grant"}), orderhub.CodeRefused, "waits for no answer")
		wantCode(t, w.answer("R1", ReturnReply{Action: "burn"}), orderhub.CodeInvalid, "action", "grant (Grant)")
		wantCode(t, w.answer("R1", ReturnReply{Action: "reject", Reason: "51"}), orderhub.CodeInvalid, "comment")
		wantCode(t, w.answer("R1", ReturnReply{Action: "reject", Comment: "no"}), orderhub.CodeInvalid, "reason", "51 (No defect)")
		wantCode(t, w.answer("R1", ReturnReply{Action: "part"}), orderhub.CodeInvalid, "amount")
		w.must(w.answer("R1", ReturnReply{Action: "part", Comment: "sorry", Amount: orderhub.Roubles(100)}))
		wantCode(t, w.answer("R1", ReturnReply{Action: "grant"}), orderhub.CodeRefused, "on its way already")
		w.push()
		if e := w.effect("1"); e.State != orderhub.EffectAccepted || len(w.fake.backs.answers) != 1 {
			t.Fatalf("effect %s, %d calls", e.State, len(w.fake.backs.answers))
		}
		got := w.fake.backs.answers[0]
		if got.Action != "part" || got.Comment != "sorry" || got.Amount != orderhub.Roubles(100) || got.Return.ExternalID != "R1" || got.Order.Snapshot.ExternalID != "1" || got.Attempt != 1 {
			t.Errorf("the call was %+v", got)
		}
		w.pushFor(5 * time.Second)
		if e := w.effect("1"); e.State != orderhub.EffectAccepted || e.Checks != 0 {
			t.Errorf("nothing was read since, and the effect is %s after %d checks", e.State, e.Checks)
		}
		w.sweepReturns()
		w.pushFor(5 * time.Second)
		if e := w.effect("1"); e.State != orderhub.EffectConfirmed || len(w.fake.backs.answers) != 1 {
			t.Errorf("effect %s %s, %d calls", e.State, e.Error, len(w.fake.backs.answers))
		}
		w.take(snap("1", orderhub.StatusDelivered)) // news of the order settle no answer
		same(t, "effects", w.states("1"), orderhub.EffectConfirmed)
	}, returning)
}

// TestAnswerLost: an answer whose fate is unknown is looked for before it is given
// again; one that the market refuses is rejected with its sentence.
func TestAnswerLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.buy("1", "A", 1)
		w.buy("2", "A", 1)
		w.read()
		w.fake.back(waiting("R1", "1"), waiting("R2", "2"))
		w.sweepReturns()
		lost := true
		w.fake.script(func(f *fake) {
			f.backs.onAnswer = func(answers []channel.ReturnAnswer) ([]channel.PushResult, error) {
				if answers[0].Return.ExternalID == "R2" {
					return []channel.PushResult{{Outcome: channel.OutcomeFailed, Err: orderhub.NewBorderError(orderhub.ClassRejected, "fake", "too late", nil)}}, nil
				}
				if lost {
					lost = false
					return nil, orderhub.NewBorderError(orderhub.ClassUncertain, "fake", "no answer came", nil)
				}
				return f.obeyAnswers(answers), nil
			}
			f.desc.PushBatch = 1
		})
		w.must(w.answer("R1", ReturnReply{Action: "grant"}))
		w.push()
		if e := w.effect("1"); e.State != orderhub.EffectSent {
			t.Fatalf("effect %s", e.State)
		}
		for range 20 {
			w.sweepReturns()
			w.pushFor(10 * time.Second)
		}
		if e := w.effect("1"); e.State != orderhub.EffectConfirmed || e.Attempts != 2 || w.fake.backs.answers[1].Attempt != 2 {
			t.Errorf("effect %s %q after %d attempts", e.State, e.Error, e.Attempts)
		}
		w.must(w.answer("R2", ReturnReply{Action: "grant"}))
		w.push()
		if e := w.effect("2"); e.State != orderhub.EffectRejected || e.Error != "too late" {
			t.Errorf("effect %s %q", e.State, e.Error)
		}
	}, returning)
}

// TestWebhookRingsForReturns: a message that only says that there is a return gets
// its feed read.
func TestWebhookRingsForReturns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		read := func(id string) func() bool {
			return func() bool {
				list, err := w.store.ReturnsByExternal(t.Context(), acct, []string{id})
				return err == nil && len(list) == 1
			}
		}
		w.fake.back(waiting("R1", "1"))
		w.must(w.hub.Start(t.Context()))
		defer func() { w.must(w.hub.Stop(t.Context())) }()
		eventually(t, "the feed is read for the first time", read("R1"))
		// The clock stands: the feed's own time does not come again.
		w.fake.back(waiting("R2", "2"))
		w.must(w.hub.keepWebhook(t.Context(), w.account(), channel.Webhook{Sweep: []string{"returns"}}, nil))
		eventually(t, "the return is read", read("R2"))
	}, returning)
}
