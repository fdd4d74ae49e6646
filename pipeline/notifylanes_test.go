package pipeline

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/notify/notifytest"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/store/storetest"
	"github.com/orderhub/orderhub/webhook"
)

// listener adds a recipient of kind webhook.
func (w *world) listener(url, secret string) orderhub.Recipient {
	w.t.Helper()
	r, err := w.hub.AddRecipient(w.t.Context(), orderhub.Recipient{Kind: orderhub.RecipientWebhook, Name: "script",
		RecipientAddress: orderhub.RecipientAddress{Address: url, Secret: secret}})
	w.must(err)
	return r
}

// TestSlowReceiverKeepsNobodyWaiting: while one webhook does not answer, the others
// are told.
func TestSlowReceiverKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		live := storetest.Open(t, storetest.Config(t, w.engine)) // by the real clock
		h, err := New(Options{Store: live, Channels: w.hub.Channels(), Scale: 0.02, Tick: 50 * time.Millisecond, Private: loopback})
		w.must(err)
		release, asked := make(chan struct{}), make(chan struct{}, 100)
		slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			asked <- struct{}{}
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}))
		t.Cleanup(slow.Close)
		var taken atomic.Int64
		quick := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { taken.Add(1) }))
		t.Cleanup(quick.Close)
		w.must(h.Start(t.Context()))
		add := func(url string) orderhub.Recipient {
			r, err := h.AddRecipient(t.Context(), orderhub.Recipient{Kind: orderhub.RecipientWebhook, Name: "script",
				RecipientAddress: orderhub.RecipientAddress{Address: url, Secret: webhook.NewSecret()}})
			w.must(err)
			return r
		}
		first, second := add(slow.URL), add(quick.URL)
		_, err = h.TestRecipient(t.Context(), first.ID)
		w.must(err)
		<-asked
		began := time.Now()
		_, err = h.TestRecipient(t.Context(), second.ID)
		w.must(err)
		eventually(t, "the quick one is told", func() bool { return taken.Load() == 1 })
		if took := time.Since(began); took > sendTimeout/2 {
			t.Errorf("it waited %s for the slow one", took)
		}
		close(release)
		w.must(h.Stop(t.Context()))
	})
}

func TestRetriesRespectQuietHours(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		p := &people{world: w}
		p.take(snap("1", orderhub.StatusNew))
		secret := webhook.NewSecret()
		r := newTold(t, secret, w.clock.now)
		to := p.listener(r.URL, secret)
		_, err := w.hub.SaveRule(t.Context(), orderhub.NotifyRule{Name: "by day", On: orderhub.OnReturn, Enabled: true,
			Timing: orderhub.NotifyTiming{QuietFrom: "12:10", QuietTo: "20:00"}})
		p.must(err)
		// It is 12:00 in Moscow, and the receiver is down until the evening.
		r.status = slices.Repeat([]int{503}, 1000)
		p.happens("1", returned(1))
		p.noticeFor(9 * time.Minute)
		calls := r.calls
		if calls == 0 {
			t.Fatal("it was not tried before the quiet hours")
		}
		for range 7 * 12 {
			w.clock.add(5 * time.Minute)
			p.noticeFor(0)
		}
		if r.calls > calls+1 { // one try may have been due at 12:09
			t.Errorf("%d tries in the quiet hours", r.calls-calls)
		}
		r.mu.Lock()
		r.status = nil
		r.mu.Unlock()
		w.clock.add(90 * time.Minute)
		p.noticeFor(time.Minute)
		if m := p.notices()[0]; m.State != orderhub.MessageSent || m.RecipientID != to.ID || r.total != 1 {
			t.Errorf("%+v", m)
		}
		// A cause that was due before, while the hub was down.
		w.clock.add(time.Date(2026, 11, 3, 9, 5, 0, 0, time.UTC).Sub(w.clock.now()))
		p.happens("1", returned(2))
		p.must(w.hub.notice(t.Context(), store.Lease{}))
		w.clock.add(30 * time.Minute)
		p.noticeFor(time.Minute)
		if r.total != 1 {
			t.Error("what was found late was told in the quiet hours")
		}
		// A person who presses retry means now.
		m := p.notices()[1]
		m.State = orderhub.MessageFailed
		p.must(w.store.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.SaveNotice(t.Context(), m, orderhub.MessagePending)
			return err
		}))
		_, err = w.hub.RetryNotice(t.Context(), m.ID)
		p.must(err)
		p.noticeFor(0)
		if r.total != 2 {
			t.Error("retry by a person waited for the morning")
		}
	})
}

func TestDeadlinesOfReturnsAreTold(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		p.take(snap("1", orderhub.StatusDelivered))
		p.olga(false)
		now := p.clock.now()
		back := func(id string, change func(s *orderhub.ReturnSnapshot)) *orderhub.Return {
			r := &orderhub.Return{AccountID: acct, Channel: fakeName, State: orderhub.ReturnAtPickup, Snapshot: orderhub.ReturnSnapshot{
				ExternalID: id, ExternalNumber: "R" + id, State: orderhub.ReturnAtPickup, Lines: []orderhub.ReturnLine{{SKU: "0557722", Quantity: 1}},
			}}
			change(&r.Snapshot)
			return r
		}
		both := back("1", func(s *orderhub.ReturnSnapshot) {
			s.AnswerBy, s.Actions, s.PickUpBy = now.Add(20*time.Hour), []orderhub.ReturnAction{{Code: "ok", Title: "OK"}}, now.Add(60*time.Hour)
		})
		both.OrderID = p.order("1").ID
		orphan := back("2", func(s *orderhub.ReturnSnapshot) { s.PickUpBy = now.Add(49 * time.Hour) })
		later := back("3", func(s *orderhub.ReturnSnapshot) { s.PickUpBy = now.Add(30 * 24 * time.Hour) })
		p.must(p.store.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.SaveReturns(t.Context(), []*orderhub.Return{both, orphan, later})
		}))
		p.noticeFor(2 * time.Minute)
		if got := p.titles(); len(got) != 1 || !strings.HasPrefix(got[0], "Ответить на возврат до") || !strings.Contains(got[0], "(N1)") {
			t.Errorf("at first: %v", got)
		}
		p.clock.add(2 * time.Hour)
		p.noticeFor(2 * time.Minute)
		if got := p.titles(); len(got) != 2 || !strings.HasPrefix(got[1], "Забрать возврат до") || !strings.Contains(got[1], "возврат № ") || !strings.Contains(got[1], "R2") {
			t.Errorf("after two hours: %v", got)
		}
		// The deadline of the answer is over; that of collecting still comes.
		p.clock.add(19 * time.Hour)
		p.noticeFor(5 * time.Minute)
		if got := p.titles(); len(got) != 3 || !strings.HasPrefix(got[2], "Забрать возврат до") || !strings.Contains(got[2], "(N1)") {
			t.Errorf("a day later: %v", got)
		}
	})
}

func TestMailIsToldByTheLane(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		p := &people{world: w}
		server, err := notifytest.NewSMTP()
		p.must(err)
		t.Cleanup(func() { _ = server.Close() })
		mail, err := notify.NewMail(notify.SMTP{Host: "localhost", Port: server.Port(), User: notifytest.MailUser, Password: notifytest.MailPassword,
			From: "hub@example.org", TLS: notify.TLSStart, Roots: server.Roots})
		p.must(err)
		w.hub = w.newHub(Options{Notify: NotifyOptions{Senders: map[orderhub.RecipientKind]notify.Sender{orderhub.RecipientEmail: mail}}})
		p.must(w.hub.firstRules(t.Context()))
		p.take(snap("1", orderhub.StatusNew))
		_, err = w.hub.AddRecipient(t.Context(), orderhub.Recipient{Kind: orderhub.RecipientEmail, Name: "Olga",
			RecipientAddress: orderhub.RecipientAddress{Address: "olga@example.org"}})
		p.must(err)
		for i := range 3 {
			p.happens("1", returned(i))
		}
		// Refused for a while, then taken with the answer lost: sent again, under the same id.
		server.Fail("RCPT", notifytest.FaultMailLater)
		server.Fail("DATA", notifytest.FaultLost)
		p.noticeFor(2 * time.Minute)
		list := p.notices()
		if len(list) != 1 || list[0].State != orderhub.MessageSent || list[0].Causes != 3 || list[0].Attempts != 3 {
			t.Fatalf("%+v", list)
		}
		ids, texts, mails := server.Mails()
		if len(ids) != 2 || ids[0] != ids[1] || !strings.Contains(ids[0], list[0].Key) || mails[0].Header.Get("To") != "<olga@example.org>" || texts[0] == "" {
			t.Errorf("ids %v, %q", ids, texts)
		}
		// Refused for good: shown on the message and the recipient.
		server.Fail("RCPT", notifytest.FaultMailNever)
		p.happens("1", returned(9))
		p.noticeFor(2 * time.Minute)
		if m := p.notices()[1]; m.State != orderhub.MessageFailed || strings.Contains(m.Error, "olga@") {
			t.Errorf("%+v", m)
		}
	})
}

// TestTriesArePaced: a receiver that is full and does not say for how long, or does
// not know the signature, is not asked every second or minute for a day.
func TestTriesArePaced(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		p := &people{world: w}
		p.must(w.hub.firstRules(t.Context()))
		p.take(snap("1", orderhub.StatusNew))
		secret := webhook.NewSecret()
		r := newTold(t, secret, w.clock.now)
		p.listener(r.URL, secret)
		for i, c := range []struct{ status, most int }{{http.StatusTooManyRequests, 60}, {http.StatusUnauthorized, 150}} {
			r.mu.Lock()
			r.status, r.calls = slices.Repeat([]int{c.status}, 100_000), 0
			r.mu.Unlock()
			p.happens("1", returned(i))
			for range 25 * 12 {
				p.noticeFor(0)
				w.clock.add(5 * time.Minute)
			}
			if m := p.notices()[i]; m.State != orderhub.MessageGivenUp || r.calls > c.most || r.calls < 10 {
				t.Errorf("%d: %d tries, %s", c.status, r.calls, m.State)
			}
		}
	})
}

func TestGroupIsLinked(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		r, err := p.hub.AddRecipient(t.Context(), orderhub.Recipient{Kind: orderhub.RecipientTelegram, Name: "Warehouse"})
		p.must(err)
		p.api.Say(-1001, olgaUser, "/start@orderhub_bot "+r.Code)
		p.hear()
		if got, _ := p.store.Recipient(t.Context(), r.ID); got.State != orderhub.RecipientActive || got.Chat != -1001 {
			t.Errorf("%+v", got)
		}
		p.api.Say(-1002, olgaUser, "/startle "+r.Code)
		p.hear()
		same(t, "said", p.titles())
	})
}

// A recipient's address must not lead into the hub's own network.
func TestWebhooksLeaveTheOwnNetworkAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		p := &people{world: w}
		asked := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the hub called its own network") }))
		t.Cleanup(asked.Close)
		w.publicOnly = true
		w.hub = w.newHub(Options{})
		for _, address := range []string{asked.URL, strings.Replace(asked.URL, "127.0.0.1", "localhost", 1), "http://169.254.169.254/latest", "http://[::1]:1/", "http://10.1.2.3/"} {
			r, err := w.hub.AddRecipient(t.Context(), orderhub.Recipient{Kind: orderhub.RecipientWebhook, Name: "script", RecipientAddress: orderhub.RecipientAddress{Address: address}})
			w.must(err)
			_, err = w.hub.TestRecipient(t.Context(), r.ID)
			w.must(err)
		}
		p.noticeFor(0)
		for _, m := range p.notices() {
			if m.State != orderhub.MessageFailed || m.Attempts != 1 || !strings.Contains(m.Error, "private") {
				t.Errorf("%s after %d: %q", m.State, m.Attempts, m.Error)
			}
		}
		if n := len(p.notices()); n != 5 {
			t.Errorf("%d messages", n)
		}
	})
}

// Silence is an answer to a buyer's wish to cancel: people are told before.
func TestDeadlinesOfWishesToCancelAreTold(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		wants := func(id string, by time.Duration) orderhub.Snapshot {
			return with(snap(id, orderhub.StatusNew), func(s *orderhub.Snapshot) {
				s.Holds = []orderhub.Hold{orderhub.HoldCancelRequest}
				s.CancelRequest = &orderhub.CancelRequest{ID: "7", AnswerBy: p.clock.now().Add(by)}
			})
		}
		p.take(wants("1", 48*time.Hour), wants("2", 96*time.Hour), snap("3", orderhub.StatusNew))
		p.olga(false)
		p.noticeFor(2 * time.Minute)
		if got := p.titles(); len(got) != 0 {
			t.Errorf("at first: %v", got)
		}
		p.clock.add(25 * time.Hour)
		p.noticeFor(5 * time.Minute)
		if got := p.titles(); len(got) != 1 || !strings.HasPrefix(got[0], "Ответить на просьбу об отмене до ") || !strings.Contains(got[0], "(N1)") {
			t.Errorf("a day before: %v", got)
		}
	})
}
