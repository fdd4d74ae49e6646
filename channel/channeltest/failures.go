package channeltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// What the kit adds to the texts of failed answers: nothing of it may come
// through.
const (
	echoPhone = "+7 912 345-67-89"
	echoMail  = "buyer.echo@example.org"
)

func (s *Suite) statuses() []int { return []int{401, 402, 403, 408, 420, 429, 500, 502, 503, 504} }

// classOf is what an HTTP status must become.
func (s *Suite) classOf(status int, write bool) orderhub.Class {
	if c, ok := s.ErrorClasses[status]; ok {
		return c
	}
	switch status {
	case 401, 402, 403:
		return orderhub.ClassAuth
	case 420, 429:
		return orderhub.ClassRateLimited
	case 503:
		return orderhub.ClassRetry
	default:
		if write {
			return orderhub.ClassUncertain
		}
		return orderhub.ClassRetry
	}
}

// errorReply is the channel's own answer of the status, with our secrets and a
// buyer's data quoted in its texts.
func (s *Suite) errorReply(t testing.TB, status int) Canned {
	t.Helper()
	echo := " (sent: " + strings.Join(append(s.secretValues(t), echoPhone, echoMail), " ") + ")"
	if body, ok := s.ErrorBodies[status]; ok {
		return Canned{Status: status, Body: withEcho(body, echo)}
	}
	return Canned{
		Status: status, Header: http.Header{"Content-Type": {"text/html"}},
		Body: fmt.Sprintf("<html><body><h1>%d %s</h1>%s</body></html>", status, http.StatusText(status), echo),
	}
}

// withEcho appends to every text of a JSON body; single words are codes and stay.
func withEcho(body, echo string) string {
	root, err := decode([]byte(body))
	if err != nil {
		return body + echo
	}
	for _, sp := range spots(&root) {
		if v, ok := sp.value.(string); ok && strings.Contains(v, " ") {
			sp.set(v + echo)
		}
	}
	out, err := json.Marshal(root)
	if err != nil {
		return body
	}
	return string(out)
}

func (s *Suite) secretValues(t testing.TB) []string {
	t.Helper()
	out := append([]string{}, s.Secrets...)
	settings := s.cannedSettings(t)
	for _, set := range s.Channel.Descriptor.Settings {
		if v := settings[set.Key]; set.Secret && len(v) >= 4 {
			out = append(out, v)
		}
	}
	return out
}

// op is one call of an adapter that goes out.
type op struct {
	name string
	// push: the answer may also be ClassUncertain, as the call may be the write.
	push bool
	// mute: the call does not read the body of a good answer.
	mute bool
	call func(ctx context.Context, ad channel.Adapter) error
}

// ops lists the calls: every feed, a read per kind of sample, the check of the
// credentials, every push case.
func (s *Suite) ops(t testing.TB) []op {
	t.Helper()
	var out []op
	for _, f := range orderFeeds(s.Channel.Descriptor) {
		out = append(out, op{name: "list " + f.Name, call: func(ctx context.Context, ad channel.Adapter) error {
			_, err := ad.(channel.Lister).List(ctx, f.Name, nil)
			return err
		}})
	}
	ad := s.canned(t, http.NotFoundHandler()).open()
	if _, ok := ad.(channel.OrderReader); ok {
		for _, r := range s.sampleRefs(t, ad) {
			out = append(out, op{name: "read orders", call: func(ctx context.Context, ad channel.Adapter) error {
				_, err := ad.(channel.OrderReader).ReadOrders(ctx, []channel.Ref{r})
				return err
			}})
		}
	}
	if _, ok := ad.(channel.Checker); ok {
		out = append(out, op{name: "check", mute: s.Repeatable, call: func(ctx context.Context, ad channel.Adapter) error {
			_, err := ad.(channel.Checker).Check(ctx)
			return err
		}})
	}
	for _, c := range s.Pushes {
		if len(c.Replies) == 0 {
			continue // refused without a call
		}
		mute := true
		for _, r := range c.Replies {
			mute = mute && strings.TrimSpace(r.Body) == ""
		}
		out = append(out, op{name: "push " + c.Name, push: true, mute: mute, call: func(ctx context.Context, ad channel.Adapter) error {
			results, err := pushWith(ctx, ad, c.kind(), c.Pushes)
			for _, e := range pushErrors(len(c.Pushes), results, err) {
				if e != nil {
					return e
				}
			}
			return err
		}})
	}
	return out
}

// failing runs every call against a server that always answers the same, or,
// without a handler, never: the caller's context ends when the call has come.
func (s *Suite) failing(t testing.TB, how string, h http.HandlerFunc, judge func(o op, err error)) {
	t.Helper()
	var hangUp atomic.Pointer[context.CancelFunc]
	b := s.canned(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		drain(r)
		if h != nil {
			h(w, r)
			return
		}
		(*hangUp.Load())()
		<-r.Context().Done()
	}))
	b.secrets = append(b.secrets, echoPhone, echoMail)
	for _, o := range s.ops(t) {
		ad := b.open() // a fresh one: what one failure leaves behind is not the point
		what := o.name + " at a channel that answers " + how
		err := b.call(what, func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			hangUp.Store(&cancel)
			return o.call(ctx, ad)
		})
		if err != nil {
			wantBorder(t, what, err)
		}
		judge(o, err)
	}
}

// wantBorder: what leaves an adapter after a call is a border error, so that
// its class decides what to do.
func wantBorder(t testing.TB, what string, err error) {
	t.Helper()
	var be *orderhub.BorderError
	if err != nil && !errors.As(err, &be) {
		t.Errorf("%s: want an *orderhub.BorderError, got %T: %v", what, err, err)
	}
}

// checkHTTPErrors: each failed status becomes its class, in words that quote
// neither keys nor buyers.
func checkHTTPErrors(t testing.TB, s *Suite) {
	for _, status := range s.statuses() {
		reply := s.errorReply(t, status)
		want := s.classOf(status, false)
		s.failing(t, fmt.Sprintf("HTTP %d", status), func(w http.ResponseWriter, _ *http.Request) { reply.write(w) }, func(o op, err error) {
			got := orderhub.ClassOf(err)
			if err == nil || (got != want && (!o.push || got != s.classOf(status, true))) {
				t.Errorf("%s with HTTP %d: want class %s, got %v", o.name, status, want, classText(err))
			}
		})
	}
}

func classText(err error) string {
	if err == nil {
		return "no error"
	}
	return string(orderhub.ClassOf(err)) + ": " + err.Error()
}

// checkGarbage: a 200 that is not the promised JSON is a failure, never an
// empty page and never a success.
func checkGarbage(t testing.TB, s *Suite) {
	words := strings.Join(append(s.secretValues(t), s.BuyerWords...), " ")
	quoted, _ := json.Marshal(words)
	for how, body := range map[string]string{
		"broken JSON":         `{"orders": [}` + words,
		"truncated JSON":      `{"orders": [{"buyer": ` + strings.TrimSuffix(string(quoted), `"`),
		"nothing":             "",
		"an HTML page":        "<!doctype html><title>" + words + "</title>",
		"a JSON string":       string(quoted),
		"null":                "null",
		"an object of others": `{"zz_other": ` + string(quoted) + `}`,
	} {
		s.failing(t, how, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(body))
		}, func(o op, err error) { garbageVerdict(t, o, how, err) })
	}
	s.failing(t, "17 MiB", func(w http.ResponseWriter, r *http.Request) {
		chunk := []byte(strings.Repeat(" ", 1<<20))
		for range 17 {
			if _, err := w.Write(chunk); err != nil || r.Context().Err() != nil {
				return
			}
		}
		_, _ = w.Write([]byte("{}"))
	}, func(o op, err error) { garbageVerdict(t, o, "17 MiB", err) })
}

func garbageVerdict(t testing.TB, o op, how string, err error) {
	t.Helper()
	if err == nil {
		// A call whose good answer has no body (204) does not read one, and a
		// check proves the key by the status alone.
		if !o.mute && (o.name != "check" || how != "an object of others") {
			t.Errorf("%s takes HTTP 200 with %s for a good answer", o.name, how)
		}
		return
	}
	switch got := orderhub.ClassOf(err); got {
	case orderhub.ClassRetry:
	case orderhub.ClassUncertain, orderhub.ClassRejected:
		if !o.push {
			t.Errorf("%s with %s: want class retry, got %s", o.name, how, classText(err))
		}
	case orderhub.ClassAuth, orderhub.ClassRateLimited:
		t.Errorf("%s with %s: want class retry, got %s", o.name, how, classText(err))
	}
}

// checkNoAnswer: a call ends with its context, and a broken connection is a
// passing fault.
func checkNoAnswer(t testing.TB, s *Suite) {
	verdict := func(how string) func(o op, err error) {
		return func(o op, err error) {
			got := orderhub.ClassOf(err)
			if err == nil || (got != orderhub.ClassRetry && (!o.push || got != orderhub.ClassUncertain)) {
				t.Errorf("%s %s: want class retry, got %s", o.name, how, classText(err))
			}
		}
	}
	s.failing(t, "nothing", nil, verdict("without an answer"))
	s.failing(t, "with a cut connection", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, verdict("with a cut connection"))
}
