package pipeline

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/notify/notifytest"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
	"github.com/orderhub/orderhub/webhook"
)

func TestKilledBetweenAnyTwoSteps(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		p.take(snap("1", orderhub.StatusNew))
		p.olga(false)
		secret := webhook.NewSecret()
		hook := newTold(t, secret, p.clock.now)
		_, err := p.hub.AddRecipient(t.Context(), orderhub.Recipient{Kind: orderhub.RecipientWebhook, Name: "script",
			RecipientAddress: orderhub.RecipientAddress{Address: hook.URL, Secret: secret}})
		p.must(err)
		told, uncertain := 0, 0
		for round, step := range []string{"matched", "written", "watched", "formed", "marked", "sent"} {
			for _, how := range []string{"killed", "stalled"} {
				p.happens("1", returned(100*round+len(how)))
				p.clock.add(time.Minute)
				p.workWith(step, how)
				p.clock.add(time.Minute)
				p.noticeFor(time.Minute)
				told++
			}
		}
		arrived := 0
		for _, m := range p.notices() {
			if m.Kind == orderhub.RecipientTelegram && m.State == orderhub.MessageUncertain {
				uncertain++
			}
			if m.State.IsOpen() {
				t.Errorf("still open: %+v", m)
			}
		}
		arrived = len(p.titles())
		// Killed before the call it did not arrive, stalled there it did later.
		if arrived > told || arrived+uncertain < told || uncertain > 4 {
			t.Errorf("%d causes: %d messages arrived, %d are uncertain", told, arrived, uncertain)
		}
		if hook.total != told {
			t.Errorf("%d causes: the webhook took %d, in %d calls", told, hook.total, hook.calls)
		}
	})
}

func (p *people) workWith(step, how string) {
	p.t.Helper()
	ctx := p.t.Context()
	lanes := map[string]func(h *Hub, l store.Lease) error{
		"notice": func(h *Hub, l store.Lease) error { return h.notice(ctx, l) },
		"telegram": func(h *Hub, l store.Lease) error {
			return h.tell(ctx, store.Told{Kind: orderhub.RecipientTelegram}, l)
		},
		"webhook": func(h *Hub, l store.Lease) error { return h.tell(ctx, store.Told{Kind: orderhub.RecipientWebhook}, l) },
	}
	for _, name := range []string{"notice", "telegram", "webhook"} {
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
			other := p.lease(ctx, name, "other")
			p.must(lanes[name](p.hub, other))
			p.must(p.store.ReleaseLease(ctx, other))
			return nil
		})
		err := lanes[name](h, p.lease(ctx, name, "first "+step+how))
		switch {
		case done && how == "killed" && !errors.Is(err, errKilled):
			p.t.Errorf("%s at %s: %v", name, step, err)
		case done && how == "stalled" && step != "written" && step != "formed" && !errors.Is(err, store.ErrFenced):
			p.t.Errorf("%s stalled at %s was not fenced off: %v", name, step, err)
		case !done && err != nil:
			p.t.Errorf("%s at %s: %v", name, step, err)
		}
		p.clock.add(20 * time.Second) // window, and the lease of a dead one
		if !done {
			continue
		}
		next := p.lease(ctx, name, "next")
		p.must(lanes[name](p.hub, next))
		p.must(p.store.ReleaseLease(ctx, next))
	}
}

func (p *people) lease(ctx context.Context, name, owner string) store.Lease {
	p.t.Helper()
	l, ok, err := p.store.AcquireLease(ctx, name, owner, 10*time.Second)
	p.must(err)
	if !ok {
		p.clock.add(time.Minute)
		if l, ok, err = p.store.AcquireLease(ctx, name, owner, 10*time.Second); err != nil || !ok {
			p.t.Fatalf("no lease: %v", err)
		}
	}
	return l
}

func TestStorm(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("100,000 causes")
	}
	eachNotify(t, func(t *testing.T, p *people) {
		p.take(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
		p.olga(false)
		secret := webhook.NewSecret()
		hook := newTold(t, secret, p.clock.now)
		_, err := p.hub.AddRecipient(t.Context(), orderhub.Recipient{Kind: orderhub.RecipientWebhook, Name: "script",
			RecipientAddress: orderhub.RecipientAddress{Address: hook.URL, Secret: secret}})
		p.must(err)
		const storm, chunk = 100_000, 2_000
		var most uint64
		p.hub.step = func(string) error {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			return nil
		}
		number := p.order("1").ID
		for from := 0; from < storm; from += chunk {
			events := make([]orderhub.Event, chunk)
			for i := range events {
				events[i] = returned(from + i)
				events[i].OrderID, events[i].At = number, p.clock.now()
			}
			p.must(p.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.AddEvents(t.Context(), events) }))
		}
		p.noticeFor(2 * time.Minute)
		var inTelegram, inHook int64
		messages := 0
		for _, m := range p.notices() {
			switch {
			case m.State != orderhub.MessageSent:
				t.Errorf("%+v", m)
			case m.Kind == orderhub.RecipientTelegram:
				inTelegram, messages = inTelegram+m.Causes, messages+1
			default:
				inHook += m.Causes
			}
		}
		if inTelegram != storm || messages > 5 || len(p.titles()) != messages {
			t.Errorf("%d of %d causes in %d messages, %d arrived", inTelegram, storm, messages, len(p.titles()))
		}
		if inHook != storm || hook.total != storm {
			t.Errorf("the webhook was told %d, took %d", inHook, hook.total)
		}
		if most > 200<<20 {
			t.Errorf("the heap grew to %d MB", most>>20)
		}
		t.Logf("%d messages to the chat, %d to the webhook, heap at most %d MB", messages, len(hook.seen), most>>20)
	})
}

func TestNotifyRuns(t *testing.T) {
	t.Parallel()
	api := notifytest.NewTelegram()
	t.Cleanup(api.Close)
	bot := notify.NewTelegram(notifytest.BotToken, api.URL, nil)
	each(t, func(t *testing.T, w *world) {
		if w.engine != "sqlite" {
			t.Skip("the stand-in has one bot")
		}
		live := storetest.Open(t, storetest.Config(t, w.engine)) // by the real clock
		h, err := New(Options{Store: live, Channels: w.hub.Channels(), Scale: 0.02, Tick: 50 * time.Millisecond, Notify: NotifyOptions{
			Senders: map[orderhub.RecipientKind]notify.Sender{orderhub.RecipientTelegram: bot}, Bot: bot,
		}})
		w.must(err)
		w.must(h.Start(t.Context()))
		r, err := h.AddRecipient(t.Context(), orderhub.Recipient{Kind: orderhub.RecipientTelegram, Name: "Olga"})
		w.must(err)
		api.Say(olgaChat, olgaUser, "/start "+r.Code)
		eventually(t, "the chat is linked", func() bool {
			got, err := live.Recipient(t.Context(), r.ID)
			return err == nil && got.State == orderhub.RecipientActive && api.Waiting() == 0
		})
		_, err = h.TestRecipient(t.Context(), r.ID)
		w.must(err)
		eventually(t, "the test message arrives", func() bool { return len(api.Sent()) == 2 })
		began := time.Now()
		w.must(h.Stop(t.Context()))
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("stopping took %s", took)
		}
	})
}
