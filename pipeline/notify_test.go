package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/notify/notifytest"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/webhook"
)

// told is a receiver of webhooks that drops repeats, as it is asked to.
type told struct {
	*httptest.Server
	mu     sync.Mutex
	status []int // of the next answers; then 204
	seen   map[string]int
	causes map[int64]int // by order number
	total  int
	calls  int
}

func newTold(t *testing.T, secret string, now func() time.Time) *told {
	key, err := webhook.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	r := &told{seen: map[string]int{}, causes: map[int64]int{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		id, err := webhook.Verify(req.Header, body, now(), key)
		if err != nil {
			t.Errorf("webhook: %v", err)
		}
		var in struct {
			Items []struct{ Number int64 }
		}
		if err := json.Unmarshal(body, &in); err != nil {
			t.Errorf("webhook: %v", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls++
		status := http.StatusNoContent
		if len(r.status) > 0 {
			status, r.status = r.status[0], r.status[1:]
		}
		if status < 300 || status == 599 { // 599: taken, and the answer says otherwise
			if r.seen[id]++; r.seen[id] == 1 {
				for _, it := range in.Items {
					r.causes[it.Number]++
					r.total++
				}
			}
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

// people is a world with a Telegram stand-in.
type people struct {
	*world
	api *notifytest.Telegram
}

// eachNotify runs f in worlds whose hub has a bot.
func eachNotify(t *testing.T, f func(t *testing.T, p *people), prepare ...func(fk *fake, opts *Options)) {
	t.Helper()
	each(t, func(t *testing.T, w *world) {
		p := &people{world: w, api: notifytest.NewTelegram()}
		t.Cleanup(p.api.Close)
		w.hub = p.notifier(nil)
		w.must(w.hub.firstRules(t.Context()))
		f(t, p)
	}, prepare...)
}

// notifier is one more hub process on the world, with a bot.
func (p *people) notifier(step func(string) error) *Hub {
	p.t.Helper()
	bot := notify.NewTelegram(notifytest.BotToken, p.api.URL, &http.Client{Timeout: 5 * time.Second})
	h := p.newHub(Options{Notify: NotifyOptions{
		Senders: map[orderhub.RecipientKind]notify.Sender{orderhub.RecipientTelegram: bot}, Bot: bot, PublicURL: "https://hub.example.org/",
	}})
	h.step = step
	return h
}

const olgaChat, olgaUser = 700, 701

// olga is a linked manager.
func (p *people) olga(mayAct bool) orderhub.Recipient {
	p.t.Helper()
	r, err := p.hub.AddRecipient(p.t.Context(), orderhub.Recipient{Kind: orderhub.RecipientTelegram, Name: "Olga", MayAct: mayAct})
	p.must(err)
	p.api.Say(olgaChat, olgaUser, "/start "+r.Code)
	p.hear()
	r, err = p.store.Recipient(p.t.Context(), r.ID)
	p.must(err)
	return r
}

// hear handles the updates that wait.
func (p *people) hear() {
	p.t.Helper()
	at, _, err := p.store.NotifyCursor(p.t.Context(), botCursor)
	p.must(err)
	updates, err := p.hub.notify.Bot.Updates(p.t.Context(), at, 0)
	p.must(err)
	for _, u := range updates {
		p.must(p.hub.handleUpdate(p.t.Context(), u))
		p.must(p.hub.writeCauses(p.t.Context(), store.Lease{}, botCursor, at, u.ID+1, nil, nil))
		at = u.ID + 1
	}
}

// notice works the lanes of telling people, as over the next d.
func (p *people) noticeFor(d time.Duration) {
	p.t.Helper()
	for step := 5 * time.Second; d >= 0; d -= step {
		p.must(p.hub.notice(p.t.Context(), store.Lease{}))
		for _, kind := range orderhub.RecipientKinds() {
			p.must(p.hub.tell(p.t.Context(), store.Told{Kind: kind}, store.Lease{}))
		}
		p.clock.add(step)
	}
}

// happens writes events into the history of an order.
func (p *people) happens(id string, events ...orderhub.Event) {
	p.t.Helper()
	number := p.order(id).ID
	for i := range events {
		events[i].OrderID, events[i].At = number, p.clock.now()
	}
	p.must(p.store.InTx(p.t.Context(), func(tx *store.Tx) error { return tx.AddEvents(p.t.Context(), events) }))
}

func returned(id int) orderhub.Event {
	return orderhub.Event{Kind: "return", Data: fmt.Appendf(nil, `{"return":%d,"state":"announced"}`, id)}
}

// texts are the first lines that the chat got, greetings left out.
func (p *people) titles() []string {
	var out []string
	for _, m := range p.api.Sent() {
		title, _, _ := strings.Cut(m.Text, "\n")
		if !strings.Contains(title, "orderhub") {
			out = append(out, title)
		}
	}
	return out
}

func (p *people) notices() []orderhub.Notice {
	p.t.Helper()
	list, err := p.store.ListNotices(p.t.Context(), store.NoticeFilter{Limit: 1000})
	p.must(err)
	slices.Reverse(list)
	return list
}

func TestNewReturnIsToldOnce(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		p.take(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
		p.happens("1", returned(1)) // nobody is there to be told
		p.noticeFor(time.Minute)
		p.olga(true)
		p.happens("2", returned(2))
		p.happens("2", returned(2)) // it moved on
		p.noticeFor(time.Minute)
		p.happens("2", returned(2))
		p.noticeFor(time.Minute)
		same(t, "titles", p.titles(), fmt.Sprintf("Новый возврат: заказ № %d (N2), Fake market, 2 шт., 980.00 RUB", p.order("2").ID))
		m := p.api.Sent()[len(p.api.Sent())-1]
		if m.Chat != olgaChat || len(m.Buttons) != 2 || m.Buttons[0].URL != fmt.Sprintf("https://hub.example.org/orders/%d", p.order("2").ID) {
			t.Errorf("%+v", m)
		}
		if text := fmt.Sprint(p.api.Sent()); strings.Contains(text, "Кружка") {
			t.Errorf("a message tells more than its template: %s", text)
		}
	})
}

func TestCausesAreGrouped(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		p.take(snap("1", orderhub.StatusNew))
		p.olga(false)
		for i := range 12 {
			p.happens("1", returned(i))
		}
		p.noticeFor(time.Minute)
		same(t, "titles", p.titles(), "12 новых возвратов:")
		if text := p.api.Sent()[1].Text; strings.Count(text, "\n•") != 10 || !strings.HasSuffix(text, "… и ещё 2") {
			t.Errorf("%q", text)
		}
		list := p.notices()
		causes, err := p.store.Causes(t.Context(), list[0].ID, 100)
		if err != nil || len(causes) != 12 || list[0].Causes != 12 || list[0].State != orderhub.MessageSent {
			t.Errorf("%d causes, %+v, %v", len(causes), list[0], err)
		}
	})
}

func TestRulesAndFilters(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		p.take(snap("1", orderhub.StatusNew))
		olga := p.olga(false)
		_, err := p.hub.SaveRule(t.Context(), orderhub.NotifyRule{
			Name: "Cancelled", On: orderhub.OnStatus, Enabled: true, Language: orderhub.English, Recipients: []int64{olga.ID},
			Filter: orderhub.NotifyFilter{Statuses: []orderhub.Status{orderhub.StatusCancelled}, Accounts: []string{acct}},
		})
		p.must(err)
		_, err = p.hub.SaveRule(t.Context(), orderhub.NotifyRule{Name: "Not of this channel", On: orderhub.OnStatus, Enabled: true,
			Filter: orderhub.NotifyFilter{Channels: []orderhub.Channel{fakeName}, Statuses: []orderhub.Status{orderhub.StatusPacked}}})
		p.must(err)
		number := p.order("1").ID
		_, err = p.hub.SetHold(t.Context(), number, orderhub.HoldShort, true, "1 unit short", manager)
		p.must(err)
		_, err = p.hub.SetHold(t.Context(), number, orderhub.HoldShort, false, "", manager)
		p.must(err)
		_, err = p.hub.SetHold(t.Context(), number, orderhub.HoldManual, true, "the buyer called", manager)
		p.must(err)
		p.happens("1", orderhub.Event{Kind: orderhub.EventEffect, Why: "rejected: no such posting", Data: []byte(`{"effect":1,"state":"rejected"}`)},
			orderhub.Event{Kind: orderhub.EventEffect, Why: "confirmed", Data: []byte(`{"effect":2,"state":"confirmed"}`)})
		p.take(with(snap("1", orderhub.StatusCancelled), func(s *orderhub.Snapshot) { s.ChangedAt = p.clock.now() }))
		p.noticeFor(time.Minute)
		order := fmt.Sprintf("%d (N1), Fake market", number)
		got := p.titles()
		slices.Sort(got)
		same(t, "titles", got, "Order No. "+order+", 2 pcs, 980.00 RUB: cancelled",
			"Не хватает товара: заказ № "+order+", 2 шт., 980.00 RUB", "Площадка отказала: заказ № "+order+", 2 шт., 980.00 RUB")
	})
}

func TestStatesAreToldOnce(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		p.take(with(snap("1", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.ShipBy = p.clock.now().Add(3 * time.Hour) }),
			with(snap("2", orderhub.StatusNew), func(s *orderhub.Snapshot) { s.ShipBy = p.clock.now().Add(30 * time.Hour) }),
			with(snap("3", orderhub.StatusDelivered), func(s *orderhub.Snapshot) { s.ShipBy = p.clock.now().Add(time.Hour) }))
		p.olga(false)
		p.must(p.store.SetHealth(t.Context(), acct, orderhub.Health{
			CheckedAt: p.clock.now(), KeyExpiresAt: p.clock.now().Add(6 * 24 * time.Hour), FailingSince: p.clock.now(), Error: "the key was refused",
		}))
		p.noticeFor(5 * time.Minute)
		if got := p.titles(); len(got) != 1 || !strings.HasPrefix(got[0], "Ключ кабинета Fake market") {
			t.Errorf("after 5 minutes: %v", got)
		}
		p.noticeFor(10 * time.Minute)
		if got := p.titles(); len(got) != 2 || !strings.HasPrefix(got[1], "Кабинет Fake market не отвечает") {
			t.Errorf("after 15 minutes: %v", got)
		}
		p.clock.add(time.Hour)
		p.noticeFor(3 * time.Minute)
		if got := p.titles(); len(got) != 3 || !strings.HasPrefix(got[2], "Отгрузить до") || !strings.Contains(got[2], "(N1)") {
			t.Errorf("after 78 minutes: %v", got)
		}
		// It works again, and fails anew: that is another failing.
		p.must(p.store.SetHealth(t.Context(), acct, orderhub.Health{CheckedAt: p.clock.now()}))
		p.noticeFor(2 * time.Minute)
		p.must(p.store.SetHealth(t.Context(), acct, orderhub.Health{CheckedAt: p.clock.now(), Error: "no answer"}))
		p.noticeFor(12 * time.Minute)
		if got := p.titles(); len(got) != 4 || !strings.HasPrefix(got[3], "Кабинет Fake market не отвечает") {
			t.Errorf("at the end: %v", got)
		}
	})
}

func TestWhatMayHaveArrivedIsNotRepeated(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		p.take(snap("1", orderhub.StatusNew))
		p.olga(false)
		for i, c := range []struct {
			fault notifytest.Fault
			state orderhub.MessageState
			sent  int
		}{
			{notifytest.FaultLost, orderhub.MessageUncertain, 1},
			{notifytest.FaultProxy, orderhub.MessageUncertain, 0},
			{notifytest.FaultBlocked, orderhub.MessageFailed, 0},
			{notifytest.FaultTooMany, orderhub.MessageSent, 1},
			{notifytest.FaultBroken, orderhub.MessageSent, 1},
		} {
			before := len(p.titles())
			p.api.Fail("sendMessage", c.fault)
			p.happens("1", returned(i))
			p.noticeFor(time.Minute)
			list := p.notices()
			if m := list[len(list)-1]; len(list) != i+1 || m.State != c.state || len(p.titles())-before != c.sent {
				t.Errorf("%s: %d messages arrived, %+v", c.fault, len(p.titles())-before, m)
			}
		}
		// A person decides that twice is better than not at all.
		list := p.notices()
		_, err := p.hub.RetryNotice(t.Context(), list[1].ID)
		p.must(err)
		_, err = p.hub.RetryNotice(t.Context(), list[4].ID)
		wantCode(t, err, orderhub.CodeRefused, "sent")
		p.noticeFor(10 * time.Second)
		if m, _ := p.store.Notice(t.Context(), list[1].ID); m.State != orderhub.MessageSent || m.Attempts != 2 {
			t.Errorf("%+v", m)
		}
	})
}

func TestWebhooksAreRepeatedAndGivenUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		p := &people{world: w}
		p.must(w.hub.firstRules(t.Context()))
		p.take(snap("1", orderhub.StatusNew))
		secret := webhook.NewSecret()
		r := newTold(t, secret, w.clock.now)
		to, err := w.hub.AddRecipient(t.Context(), orderhub.Recipient{Kind: orderhub.RecipientWebhook, Name: "script",
			RecipientAddress: orderhub.RecipientAddress{Address: r.URL, Secret: secret}})
		p.must(err)
		r.status = []int{500, 599, 503}
		p.happens("1", returned(1))
		p.noticeFor(2 * time.Minute)
		if m := p.notices()[0]; m.State != orderhub.MessageSent || m.Attempts != 4 || r.total != 1 || len(r.seen) != 1 {
			t.Errorf("%+v; %d taken, ids %v", m, r.total, r.seen)
		}
		r.status = slices.Repeat([]int{503}, 100)
		p.happens("1", returned(2))
		p.noticeFor(time.Minute)
		if got, _ := w.store.Recipient(t.Context(), to.ID); !strings.Contains(got.Error, "503") {
			t.Errorf("the recipient does not show why: %q", got.Error)
		}
		for range 30 {
			w.clock.add(time.Hour)
			p.noticeFor(0)
		}
		if m := p.notices()[1]; m.State != orderhub.MessageGivenUp || m.Attempts < 10 || m.Attempts > 60 {
			t.Errorf("after a day: %+v", m)
		}
	})
}

func TestLinkingAndConfirming(t *testing.T) {
	t.Parallel()
	eachNotify(t, func(t *testing.T, p *people) {
		p.take(snap("1", orderhub.StatusNew), snap("2", orderhub.StatusNew))
		p.api.Say(1, 1, "/start NOSUCHCODE")
		p.hear()
		same(t, "a stranger", []string{p.api.Sent()[0].Text}, "Код не подходит или устарел / The code is not known or too old")
		olga := p.olga(true)
		if olga.State != orderhub.RecipientActive || olga.Chat != olgaChat || olga.User != olgaUser {
			t.Fatalf("%+v", olga)
		}
		p.api.Say(666, 666, "/start "+olga.Code) // somebody read the code over her shoulder
		p.hear()
		if got, _ := p.store.Recipient(t.Context(), olga.ID); got.Chat != olgaChat {
			t.Error("a used code linked another chat")
		}
		p.happens("1", returned(1))
		p.noticeFor(time.Minute)
		sent := p.api.Sent()
		data := sent[len(sent)-1].Buttons[1].Data
		p.api.Press("stranger", 666, 666, data)
		p.api.Press("colleague", olgaChat, 702, data) // in the same chat
		p.api.Press("nonsense", olgaChat, olgaUser, "cancel:1")
		p.hear()
		for _, id := range []string{"stranger", "colleague", "nonsense"} {
			if a, _ := p.api.Answer(id); a != "Вам это не разрешено" {
				t.Errorf("%s: %q", id, a)
			}
		}
		if n := len(p.effects("1")); n != 0 {
			t.Fatalf("%d effects for strangers", n)
		}
		p.api.Press("olga", olgaChat, olgaUser, data)
		p.api.Press("again", olgaChat, olgaUser, data)
		p.hear()
		if a, _ := p.api.Answer("olga"); a != "Заказ подтверждается" {
			t.Errorf("olga: %q", a)
		}
		if a, _ := p.api.Answer("again"); a == "" || a == "Заказ подтверждается" {
			t.Errorf("pressed twice: %q", a)
		}
		if e := p.effects("1"); len(e) != 1 || e[0].To != orderhub.StatusConfirmed || e[0].Actor.Name != "telegram: Olga" {
			t.Errorf("%+v", e)
		}
	})
}

// errKilled is how a test's kill looks to the lane.
var errKilled = errors.New("killed")

// TestKilledBetweenAnyTwoSteps kills the lanes at each step in turn, and lets a
// worker that lost its lease go on: each cause is told once, or shown as uncertain.
// workWith works the lanes with real leases, and stops once at a step: for ever,
// or until others have done everything.
// TestNotifyRuns starts a whole hub: a chat is linked, told and obeyed by the
// background lanes, and a stop does not wait for Telegram.
