package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/orderhub/orderhub"
)

// TelegramLimit is how many UTF-16 units a message may have.
// https://core.telegram.org/bots/api#sendmessage
const TelegramLimit = 4096

// Telegram is a bot: a thin client of the four calls that the hub makes. Updates
// are confirmed by the caller, after what they led to was written.
type Telegram struct {
	base  string
	token string
	http  *http.Client
}

var _ Sender = (*Telegram)(nil)

// NewTelegram makes a client; server "" = https://api.telegram.org.
func NewTelegram(token, server string, client *http.Client) *Telegram {
	if server == "" {
		server = "https://api.telegram.org"
	}
	if client == nil {
		client = &http.Client{Timeout: time.Minute}
	}
	return &Telegram{base: strings.TrimRight(server, "/"), token: token, http: client}
}

type sendMessage struct {
	ChatID      int64      `json:"chat_id"`
	Text        string     `json:"text"`
	ParseMode   string     `json:"parse_mode"`
	LinkPreview noPreview  `json:"link_preview_options"`
	Markup      *inlineKey `json:"reply_markup,omitempty"`
}

type noPreview struct {
	Disabled bool `json:"is_disabled"`
}

type inlineKey struct {
	Rows [][]inlineButton `json:"inline_keyboard"`
}

type inlineButton struct {
	Text string `json:"text"`
	URL  string `json:"url,omitempty"`
	Data string `json:"callback_data,omitempty"`
}

// Send sends a message to a chat.
// https://core.telegram.org/bots/api#sendmessage
func (t *Telegram) Send(ctx context.Context, m Message) error {
	msg := sendMessage{ChatID: m.To.Chat, Text: telegramText(m.Text), ParseMode: "HTML", LinkPreview: noPreview{true}}
	for _, b := range m.Buttons {
		if msg.Markup == nil {
			msg.Markup = &inlineKey{Rows: [][]inlineButton{nil}}
		}
		msg.Markup.Rows[0] = append(msg.Markup.Rows[0], inlineButton(b))
	}
	return t.call(ctx, "sendMessage", msg, nil)
}

// telegramText escapes a text, sets its first line in bold and cuts it where it
// is too long.
func telegramText(text string) string {
	for {
		title, rest, more := strings.Cut(strings.TrimSpace(text), "\n")
		out := "<b>" + html.EscapeString(title) + "</b>"
		if more {
			out += "\n" + html.EscapeString(rest)
		}
		over := len(utf16.Encode([]rune(out))) - TelegramLimit
		if over <= 0 {
			return out
		}
		// An escaped character has at most five units, so this cuts enough soon.
		runes := []rune(strings.TrimSuffix(strings.TrimSpace(text), "…"))
		text = string(runes[:max(1, len(runes)-over/5-2)]) + "…"
	}
}

// Update is what somebody did to the bot.
type Update struct {
	ID       int64     `json:"update_id"`
	Message  *Incoming `json:"message"`
	Callback *Callback `json:"callback_query"`
}

// Incoming is a message to the bot.
type Incoming struct {
	From Person `json:"from"`
	Chat Chat   `json:"chat"`
	Text string `json:"text"`
}

// Callback is a pressed button.
type Callback struct {
	ID      string    `json:"id"`
	From    Person    `json:"from"`
	Message *Incoming `json:"message"`
	Data    string    `json:"data"`
}

// Person is a user of Telegram, Chat a place where messages go.
type Person struct {
	ID int64 `json:"id"`
}

// Chat is a place where messages go.
type Chat struct {
	ID int64 `json:"id"`
}

// Updates waits up to wait for updates from an offset on; asking with a higher
// offset confirms those below.
// https://core.telegram.org/bots/api#getupdates
func (t *Telegram) Updates(ctx context.Context, offset int64, wait time.Duration) ([]Update, error) {
	var out []Update
	err := t.call(ctx, "getUpdates", map[string]any{
		"offset": offset, "timeout": int(wait / time.Second), "limit": 100, "allowed_updates": []string{"message", "callback_query"},
	}, &out)
	return out, err
}

// Answer tells who pressed a button what came of it.
// https://core.telegram.org/bots/api#answercallbackquery
func (t *Telegram) Answer(ctx context.Context, callback, text string) error {
	if r := []rune(text); len(r) > 200 {
		text = string(r[:199]) + "…"
	}
	return t.call(ctx, "answerCallbackQuery", map[string]any{"callback_query_id": callback, "text": text, "show_alert": true}, nil)
}

type telegramReply struct {
	OK         bool            `json:"ok"`
	Result     json.RawMessage `json:"result"`
	ErrorCode  int             `json:"error_code"`
	Parameters struct {
		RetryAfter int `json:"retry_after"`
	} `json:"parameters"`
}

// call makes one call. The token is part of the address, so no error of the HTTP
// client is passed on.
func (t *Telegram) call(ctx context.Context, method string, body, result any) error {
	op := "telegram: " + method
	b, err := json.Marshal(body)
	if err != nil {
		return fail(orderhub.ClassRejected, op, "the message cannot be written as JSON")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.base+"/bot"+t.token+"/"+method, bytes.NewReader(b))
	if err != nil {
		return fail(orderhub.ClassAuth, op, "the bot's token or address cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := t.http.Do(req)
	switch {
	case err != nil && neverLeft(err):
		return fail(orderhub.ClassRetry, op, "Telegram cannot be reached")
	case err != nil && errors.Is(err, context.Canceled):
		return orderhub.NewBorderError(orderhub.ClassUncertain, op, "it was given up", context.Canceled)
	case err != nil:
		return fail(orderhub.ClassUncertain, op, "Telegram did not answer")
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	var reply telegramReply
	if err != nil || json.Unmarshal(raw, &reply) != nil {
		// Not Telegram's own words: a proxy, or an answer that broke off.
		e := fail(orderhub.ClassUncertain, op, "the answer cannot be read")
		e.HTTPStatus = resp.StatusCode
		return e
	}
	if !reply.OK {
		return telegramFault(op, reply)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(reply.Result, result); err != nil {
		return fail(orderhub.ClassRetry, op, "the answer is not as documented")
	}
	return nil
}

func telegramFault(op string, r telegramReply) error {
	class, sentence := orderhub.ClassRetry, "Telegram has a fault of its own"
	switch r.ErrorCode {
	case http.StatusUnauthorized, http.StatusNotFound:
		class, sentence = orderhub.ClassAuth, "Telegram does not know the bot's token"
	case http.StatusForbidden:
		class, sentence = orderhub.ClassRejected, "the bot was blocked or removed from the chat"
	case http.StatusBadRequest:
		class, sentence = orderhub.ClassRejected, "Telegram refused the message: the chat is gone, or the text is not taken"
	case http.StatusConflict:
		sentence = "another program asks for the bot's updates"
	case http.StatusTooManyRequests:
		class, sentence = orderhub.ClassRateLimited, "Telegram wants fewer messages"
	}
	e := fail(class, op, sentence)
	e.HTTPStatus, e.RetryAfter = r.ErrorCode, time.Duration(r.Parameters.RetryAfter)*time.Second
	return e
}
