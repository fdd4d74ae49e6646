// Package notifytest has stand-ins for what carries messages: Telegram's Bot API
// and a mail server. They speak the real protocols on a real socket, keep books
// of what they took, and fail on demand. They know nothing of the hub.
package notifytest

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf16"
)

// BotToken is the token of the stand-in's bot.
const BotToken = "4242:AAF-stand-in-token-not-a-secret-0000" //nolint:gosec // of the stand-in

// Fault is what goes wrong with one call.
type Fault string

// The faults of the Bot API.
const (
	FaultTooMany Fault = "429"     // with retry_after
	FaultBroken  Fault = "500"     // Telegram says so in its own words
	FaultProxy   Fault = "502"     // somebody in between does, and nothing was done
	FaultBlocked Fault = "403"     // the user blocked the bot
	FaultLost    Fault = "lost"    // done, and the answer never arrives
	FaultRefused Fault = "refused" // the connection ends before anything was done
)

// RetryAfter is what FaultTooMany asks for, in seconds.
const RetryAfter = 7

// Telegram is the Bot API of one bot.
type Telegram struct {
	*httptest.Server

	mu      sync.Mutex
	changed chan struct{} // closed and made anew with every update
	faults  map[string][]Fault
	updates []update
	next    int64
	sent    []Sent
	answers map[string]string
	calls   map[string]int
}

// Sent is a message as a chat shows it.
type Sent struct {
	Chat    int64
	Text    string // without formatting
	Buttons []Button
}

// Button is a button below a message.
type Button struct {
	Text string `json:"text"`
	URL  string `json:"url"`
	Data string `json:"callback_data"`
}

type update struct {
	ID   int64          `json:"update_id"`
	Body map[string]any `json:"-"`
}

// NewTelegram starts a Bot API; Close ends it. wrap, if given, stands before it.
func NewTelegram(wrap ...func(http.Handler) http.Handler) *Telegram {
	t := &Telegram{next: 1000, changed: make(chan struct{}), faults: map[string][]Fault{}, answers: map[string]string{}, calls: map[string]int{}}
	var h http.Handler = http.HandlerFunc(t.serve)
	for _, f := range wrap {
		h = f(h)
	}
	t.Server = httptest.NewServer(h)
	return t
}

// Fail makes the next calls of a method fail, one fault each.
func (t *Telegram) Fail(method string, faults ...Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults[method] = append(t.faults[method], faults...)
}

// Say lets a user write to the bot.
func (t *Telegram) Say(chat, user int64, text string) {
	t.push(map[string]any{"message": map[string]any{"from": map[string]any{"id": user}, "chat": map[string]any{"id": chat}, "text": text}})
}

// Press lets a user press a button; the answer is found under the id.
func (t *Telegram) Press(id string, chat, user int64, data string) {
	t.push(map[string]any{"callback_query": map[string]any{
		"id": id, "from": map[string]any{"id": user}, "data": data,
		"message": map[string]any{"from": map[string]any{"id": 4242}, "chat": map[string]any{"id": chat}, "text": ""},
	}})
}

func (t *Telegram) push(body map[string]any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	body["update_id"] = t.next
	t.updates = append(t.updates, update{t.next, body})
	t.next++
	close(t.changed)
	t.changed = make(chan struct{})
}

// Sent lists the messages that arrived, in order.
func (t *Telegram) Sent() []Sent {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.sent)
}

// Answer is what a pressed button led to.
func (t *Telegram) Answer(id string) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, ok := t.answers[id]
	return a, ok
}

// Calls counts the calls of a method.
func (t *Telegram) Calls(method string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calls[method]
}

// Waiting counts the updates that were not confirmed.
func (t *Telegram) Waiting() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.updates)
}

func (t *Telegram) serve(w http.ResponseWriter, r *http.Request) {
	method, ok := strings.CutPrefix(r.URL.Path, "/bot"+BotToken+"/")
	if !ok {
		refuse(w, http.StatusUnauthorized, "Unauthorized", 0)
		return
	}
	var in map[string]json.RawMessage
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "Bad Request: not JSON", 0)
		return
	}
	fault := t.fault(method)
	switch fault {
	case FaultTooMany:
		refuse(w, http.StatusTooManyRequests, "Too Many Requests", RetryAfter)
		return
	case FaultBroken:
		refuse(w, http.StatusInternalServerError, "Internal Server Error", 0)
		return
	case FaultBlocked:
		refuse(w, http.StatusForbidden, "Forbidden: bot was blocked by the user", 0)
		return
	case FaultProxy:
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, "<html>502</html>")
		return
	case FaultRefused:
		panic(http.ErrAbortHandler)
	case FaultLost, FaultMailLater, FaultMailNever, "":
	}
	result, refusal := t.do(r, method, in)
	if fault == FaultLost {
		panic(http.ErrAbortHandler)
	}
	if refusal != "" {
		refuse(w, http.StatusBadRequest, "Bad Request: "+refusal, 0)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": result})
}

func (t *Telegram) fault(method string) Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls[method]++
	list := t.faults[method]
	if len(list) == 0 {
		return ""
	}
	t.faults[method] = list[1:]
	return list[0]
}

func refuse(w http.ResponseWriter, status int, description string, retryAfter int) {
	body := map[string]any{"ok": false, "error_code": status, "description": description}
	if retryAfter > 0 {
		body["parameters"] = map[string]any{"retry_after": retryAfter}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (t *Telegram) do(r *http.Request, method string, in map[string]json.RawMessage) (result any, refusal string) {
	switch method {
	case "sendMessage":
		return t.sendMessage(in)
	case "getUpdates":
		return t.getUpdates(r, in), ""
	case "answerCallbackQuery":
		t.mu.Lock()
		defer t.mu.Unlock()
		t.answers[word(in["callback_query_id"])] = word(in["text"])
		return true, ""
	default:
		return nil, "method not found"
	}
}

func word(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s)
	return s
}

func number(raw json.RawMessage) (n int64) {
	_ = json.Unmarshal(raw, &n)
	return n
}

var (
	tags     = regexp.MustCompile(`</?b>`)
	entities = regexp.MustCompile(`&(?:lt|gt|amp|quot|#\d+);`)
)

func (t *Telegram) sendMessage(in map[string]json.RawMessage) (any, string) {
	text := word(in["text"])
	bare := tags.ReplaceAllString(text, "")
	if word(in["parse_mode"]) != "HTML" || strings.ContainsAny(bare, "<>") || strings.Contains(entities.ReplaceAllString(bare, ""), "&") ||
		strings.Count(text, "<b>") != strings.Count(text, "</b>") {
		return nil, "can't parse entities"
	}
	shown := html.UnescapeString(bare)
	if n := len(utf16.Encode([]rune(shown))); n == 0 || n > 4096 {
		return nil, "message is empty or too long"
	}
	var markup struct {
		Rows [][]Button `json:"inline_keyboard"`
	}
	if raw := in["reply_markup"]; raw != nil && json.Unmarshal(raw, &markup) != nil {
		return nil, "can't parse reply keyboard markup"
	}
	m := Sent{Chat: number(in["chat_id"]), Text: shown, Buttons: slices.Concat(markup.Rows...)}
	if m.Chat == 0 {
		return nil, "chat not found"
	}
	for _, b := range m.Buttons {
		if len(b.Data) > 64 || (b.Data == "") == (b.URL == "") {
			return nil, "BUTTON_DATA_INVALID"
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent = append(t.sent, m)
	return map[string]any{"message_id": len(t.sent)}, ""
}

// getUpdates forgets what is below the offset and waits for the rest.
func (t *Telegram) getUpdates(r *http.Request, in map[string]json.RawMessage) any {
	offset, end := number(in["offset"]), time.After(time.Duration(number(in["timeout"]))*time.Second)
	for {
		t.mu.Lock()
		t.updates = slices.DeleteFunc(t.updates, func(u update) bool { return u.ID < offset })
		out := make([]map[string]any, 0, len(t.updates))
		for _, u := range t.updates {
			out = append(out, u.Body)
		}
		changed := t.changed
		t.mu.Unlock()
		if len(out) > 0 {
			return out
		}
		select {
		case <-changed:
		case <-end:
			return out
		case <-r.Context().Done():
			return out
		}
	}
}
