package notify_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/notify/notifytest"
	"github.com/orderhub/orderhub/webhook"
)

// wantClass checks the class of a failure, and that its text tells no secret.
func wantClass(t *testing.T, what string, err error, class orderhub.Class, secrets ...string) {
	t.Helper()
	if class == "" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	if err == nil || orderhub.ClassOf(err) != class {
		t.Errorf("%s: got %v of class %s, want %s", what, err, orderhub.ClassOf(err), class)
		return
	}
	for _, s := range secrets {
		if strings.Contains(err.Error(), s) {
			t.Errorf("%s: the error tells %q: %v", what, s, err)
		}
	}
}

func TestTelegram(t *testing.T) {
	t.Parallel()
	api := notifytest.NewTelegram()
	defer api.Close()
	bot := notify.NewTelegram(notifytest.BotToken, api.URL, &http.Client{Timeout: 5 * time.Second})
	m := notify.Message{To: orderhub.RecipientAddress{Chat: 7}, Text: "Заказ <b>&\nвторая строка",
		Buttons: []notify.Button{{Text: "Открыть", URL: "https://hub.example.org/orders/1"}, {Text: "Да", Data: "confirm:1"}}}
	wantClass(t, "plain", bot.Send(t.Context(), m), "")
	got := api.Sent()
	if len(got) != 1 || got[0].Text != "Заказ <b>&\nвторая строка" || len(got[0].Buttons) != 2 || got[0].Buttons[1].Data != "confirm:1" {
		t.Errorf("got %+v", got)
	}
	for fault, class := range map[notifytest.Fault]orderhub.Class{
		notifytest.FaultTooMany: orderhub.ClassRateLimited, notifytest.FaultBroken: orderhub.ClassRetry,
		notifytest.FaultBlocked: orderhub.ClassRejected, notifytest.FaultProxy: orderhub.ClassUncertain,
		notifytest.FaultLost: orderhub.ClassUncertain, notifytest.FaultRefused: orderhub.ClassUncertain,
	} {
		api.Fail("sendMessage", fault)
		err := bot.Send(t.Context(), m)
		wantClass(t, string(fault), err, class, notifytest.BotToken, api.URL)
	}
	wantClass(t, "no chat", bot.Send(t.Context(), notify.Message{Text: "x"}), orderhub.ClassRejected)
	wantClass(t, "wrong token", notify.NewTelegram("1:wrong-token", api.URL, nil).Send(t.Context(), m), orderhub.ClassAuth, "wrong-token")
	gone := httptest.NewServer(nil)
	gone.Close()
	wantClass(t, "nobody there", notify.NewTelegram(notifytest.BotToken, gone.URL, nil).Send(t.Context(), m), orderhub.ClassRetry, notifytest.BotToken)
}

func TestTelegramCutsLongTexts(t *testing.T) {
	t.Parallel()
	api := notifytest.NewTelegram()
	defer api.Close()
	bot := notify.NewTelegram(notifytest.BotToken, api.URL, nil)
	for _, text := range []string{strings.Repeat("я", 9000), strings.Repeat("<&>", 3000), strings.Repeat("😀", 5000), strings.Repeat("a\n", 4000), strings.Repeat("x", 4089)} {
		before := len(api.Sent())
		if err := bot.Send(t.Context(), notify.Message{To: orderhub.RecipientAddress{Chat: 7}, Text: text}); err != nil {
			t.Fatalf("%.10s: %v", text, err)
		}
		got := api.Sent()[before].Text
		if len([]rune(got)) < 700 || !strings.HasPrefix(text, strings.TrimSuffix(got, "…")) {
			t.Errorf("%.10s: cut to %d", text, len([]rune(got)))
		}
	}
}

func TestTelegramUpdates(t *testing.T) {
	t.Parallel()
	api := notifytest.NewTelegram()
	defer api.Close()
	bot := notify.NewTelegram(notifytest.BotToken, api.URL, nil)
	api.Say(7, 8, "/start ABC")
	api.Press("cb", 7, 8, "confirm:1")
	got, err := bot.Updates(t.Context(), 0, time.Second)
	if err != nil || len(got) != 2 || got[0].Message.Text != "/start ABC" || got[1].Callback.From.ID != 8 || got[1].Callback.Message.Chat.ID != 7 {
		t.Fatalf("%+v, %v", got, err)
	}
	if again, _ := bot.Updates(t.Context(), got[1].ID, 0); len(again) != 1 || api.Waiting() != 1 {
		t.Errorf("after confirming the first: %+v", again)
	}
	wantClass(t, "answer", bot.Answer(t.Context(), "cb", strings.Repeat("д", 300)), "")
	if a, _ := api.Answer("cb"); len([]rune(a)) != 200 {
		t.Errorf("answer has %d characters", len([]rune(a)))
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	smtp, err := notifytest.NewSMTP()
	if err != nil {
		t.Fatal(err)
	}
	defer smtp.Close()
	open := func(change func(s *notify.SMTP)) *notify.Mail {
		s := notify.SMTP{Host: "localhost", Port: smtp.Port(), From: "hub@example.org", TLS: notify.TLSStart, Roots: smtp.Roots,
			User: notifytest.MailUser, Password: notifytest.MailPassword}
		if change != nil {
			change(&s)
		}
		m, err := notify.NewMail(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := notify.Message{Key: "0123abcd", To: orderhub.RecipientAddress{Address: "olga@example.org"}, Text: "Новый возврат: заказ № 100001\nстрока",
		Buttons: []notify.Button{{Text: "Открыть", URL: "https://hub.example.org/orders/100001"}, {Text: "Да", Data: "confirm:1"}}}
	sender := open(nil)
	wantClass(t, "plain", sender.Send(t.Context(), m), "")
	ids, texts, mails := smtp.Mails()
	if len(mails) != 1 || ids[0] != "<orderhub-0123abcd@example.org>" || mails[0].Header.Get("To") != "<olga@example.org>" || strings.Contains(texts[0], "confirm:1") {
		t.Fatalf("%v %v", ids, texts)
	}
	smtp.Fail("DATA", notifytest.FaultLost)
	wantClass(t, "lost answer", sender.Send(t.Context(), m), orderhub.ClassRetry)
	wantClass(t, "again", sender.Send(t.Context(), m), "")
	if ids, _, _ := smtp.Mails(); len(ids) != 3 || ids[1] != ids[0] || ids[2] != ids[0] {
		t.Errorf("a repeat has another id: %v", ids)
	}
	smtp.Fail("RCPT", notifytest.FaultMailLater, notifytest.FaultMailNever)
	wantClass(t, "later", sender.Send(t.Context(), m), orderhub.ClassRetry, "olga@")
	wantClass(t, "never", sender.Send(t.Context(), m), orderhub.ClassRejected, "olga@")
	wrong := open(func(s *notify.SMTP) { s.Password = "wrong-password" })
	wantClass(t, "wrong password", wrong.Send(t.Context(), m), orderhub.ClassAuth, "wrong-password")
	plain := open(func(s *notify.SMTP) { s.TLS, s.User = notify.TLSNone, "" })
	wantClass(t, "without TLS", plain.Send(t.Context(), m), "")
	strange := open(func(s *notify.SMTP) { s.Roots = nil })
	wantClass(t, "unknown certificate", strange.Send(t.Context(), m), orderhub.ClassRetry)
	nobody := open(func(s *notify.SMTP) { s.Port = 1 })
	wantClass(t, "nobody there", nobody.Send(t.Context(), m), orderhub.ClassRetry)
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	secret := webhook.NewSecret()
	key, err := webhook.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	answer := http.StatusNoContent
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		if id, err := webhook.Verify(r.Header, body, time.Now(), key); err != nil || id != "0123abcd" {
			t.Errorf("id %q, %v", id, err)
		}
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Retry-After", "9")
		w.WriteHeader(answer)
	}))
	defer srv.Close()
	w := notify.NewWebhook(nil, nil)
	m := notify.Message{Key: "0123abcd", To: orderhub.RecipientAddress{Address: srv.URL + "/hook?key=hidden", Secret: secret}, Payload: []byte(`{"a":1}`)}
	for status, class := range map[int]orderhub.Class{
		204: "", 200: "", 302: orderhub.ClassRetry, 400: orderhub.ClassRejected, 401: orderhub.ClassAuth, 404: orderhub.ClassRetry,
		410: orderhub.ClassRejected, 429: orderhub.ClassRateLimited, 500: orderhub.ClassRetry,
	} {
		answer = status
		wantClass(t, http.StatusText(status), w.Send(t.Context(), m), class, "hidden", secret)
	}
	srv.Close()
	wantClass(t, "nobody there", w.Send(t.Context(), m), orderhub.ClassRetry, "hidden", secret)
}
