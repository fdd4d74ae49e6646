package channeltest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

func (c PushCase) kind() orderhub.EffectKind {
	if c.Kind == "" {
		return orderhub.EffectStatus
	}
	return c.Kind
}

// push calls the ability of the kind.
func (b *bench) push(ad channel.Adapter, kind orderhub.EffectKind, pushes []channel.Push) (results []channel.PushResult, err error) {
	b.t.Helper()
	err = b.call("push "+string(kind), func(ctx context.Context) (err error) {
		results, err = pushWith(ctx, ad, kind, pushes)
		return err
	})
	for _, r := range results {
		b.cleanErr("a push result", r.Err)
		b.clean("the note of a push result", r.Note)
	}
	return results, err
}

func pushWith(ctx context.Context, ad channel.Adapter, kind orderhub.EffectKind, pushes []channel.Push) ([]channel.PushResult, error) {
	switch kind {
	case orderhub.EffectStatus:
		if p, ok := ad.(channel.StatusPusher); ok {
			return p.PushStatus(ctx, pushes)
		}
	case orderhub.EffectTracking:
		if p, ok := ad.(channel.TrackingPusher); ok {
			return p.PushTracking(ctx, pushes)
		}
	case orderhub.EffectAnswerCancel:
		if p, ok := ad.(channel.CancelAnswerer); ok {
			return p.AnswerCancel(ctx, pushes)
		}
	case orderhub.EffectAnswerReturn, orderhub.EffectCancelLines:
		// An answer carries its return, a cut its units: see channel.ReturnAnswerer and
		// channel.LineCanceller.
	}
	return nil, fmt.Errorf("the adapter has no ability for pushes of kind %q", kind)
}

// pushErrors gives each push its failure, nil for none.
func pushErrors(n int, results []channel.PushResult, err error) []error {
	out := make([]error, n)
	for i := range out {
		switch {
		case err != nil:
			out[i] = err
		case i < len(results):
			out[i] = results[i].Err
		}
	}
	return out
}

// script is a server that answers a push case and keeps the requests.
type script struct {
	t       testing.TB
	replies []Canned
	// spoil replaces the answer to a write; hangUp ends the caller's context when
	// a write has come, and it gets no answer. nil = as the case says.
	spoil  func(w http.ResponseWriter, r *http.Request)
	hangUp func()

	mu       sync.Mutex
	used     map[string]int
	requests []request
	writes   int
}

type request struct {
	line   string
	header http.Header
	body   []byte
}

func (sc *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := request{line: r.Method + " " + r.URL.Path, header: r.Header.Clone(), body: drain(r)}
	route := req.line
	if r.URL.RawQuery != "" {
		req.line += "?" + r.URL.Query().Encode()
	}
	sc.mu.Lock()
	sc.requests = append(sc.requests, req)
	reply, ok := sc.next(route)
	if ok && reply.Write {
		sc.writes++
	}
	sc.mu.Unlock()
	switch {
	case !ok:
		sc.t.Errorf("request without a canned reply: %s", req.line)
		w.WriteHeader(http.StatusNotFound)
	case reply.Write && sc.hangUp != nil:
		sc.hangUp()
		<-r.Context().Done()
	case reply.Write && sc.spoil != nil:
		sc.spoil(w, r)
	default:
		reply.write(w)
	}
}

// next takes the route's replies in order; the last one repeats.
func (sc *script) next(route string) (Canned, bool) {
	if sc.used == nil {
		sc.used = map[string]int{}
	}
	var of []Canned
	for _, c := range sc.replies {
		if c.Method+" "+c.Path == route {
			of = append(of, c)
		}
	}
	if len(of) == 0 {
		return Canned{}, false
	}
	n := sc.used[route]
	sc.used[route]++
	return of[min(n, len(of)-1)], true
}

func (c Canned) write(w http.ResponseWriter) {
	for k, v := range c.Header {
		w.Header()[http.CanonicalHeaderKey(k)] = v
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	status := c.Status
	if status == 0 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(c.Body))
}

// checkPushes: the requests are those of the golden, and every push gets the
// outcome that the channel's answer means, also inside an HTTP 200.
func checkPushes(t testing.TB, s *Suite) {
	failed := len(s.Pushes) == 0
	for _, c := range s.Pushes {
		for _, w := range c.Want {
			failed = failed || (w.Outcome == channel.OutcomeFailed && c.WantErr == "")
		}
		s.pushCase(t, c)
	}
	if !failed {
		t.Errorf("no push case has a push that fails alone (Want with OutcomeFailed, no WantErr)")
	}
}

func (s *Suite) pushCase(t testing.TB, c PushCase) {
	t.Helper()
	if batch := max(1, s.Channel.Descriptor.PushBatch); len(c.Pushes) == 0 || len(c.Pushes) > batch {
		t.Errorf("push %s: %d pushes, want 1 to %d (Descriptor.PushBatch)", c.Name, len(c.Pushes), batch)
		return
	}
	sc := &script{t: t, replies: c.Replies}
	b := s.canned(t, sc)
	ad := b.open()
	results, err := b.push(ad, c.kind(), c.Pushes)
	Golden(t, filepath.Join(s.fixtures(), "push", c.Name+".golden"), sc.text(s.PushHeaders))
	if c.WantErr != "" {
		if err == nil || orderhub.ClassOf(err) != c.WantErr {
			t.Errorf("push %s: want an error of class %s, got %v", c.Name, c.WantErr, err)
		}
		return
	}
	if err != nil {
		t.Errorf("push %s: %v", c.Name, err)
		return
	}
	if len(results) != len(c.Pushes) || len(c.Want) != len(c.Pushes) {
		t.Errorf("push %s: %d pushes, %d results, %d wanted", c.Name, len(c.Pushes), len(results), len(c.Want))
		return
	}
	good := false
	for i, r := range results {
		good = good || r.Outcome != channel.OutcomeFailed
		b.pushResult(ad, fmt.Sprintf("push %s, result %d", c.Name, i), r, c.Want[i])
	}
	if good && !slices.ContainsFunc(c.Replies, func(r Canned) bool { return r.Write }) {
		t.Errorf("push %s succeeds, and none of its replies is marked as a write", c.Name)
	}
}

func (b *bench) pushResult(ad channel.Adapter, what string, r channel.PushResult, want PushWant) {
	b.t.Helper()
	if r.Outcome != want.Outcome {
		b.t.Errorf("%s: outcome %q, want %q (error: %v)", what, r.Outcome, want.Outcome, r.Err)
	}
	switch r.Outcome {
	case channel.OutcomeFailed:
		if r.Err == nil || (want.Class != "" && orderhub.ClassOf(r.Err) != want.Class) {
			b.t.Errorf("%s: failed with %v, want class %q", what, r.Err, want.Class)
		}
		wantBorder(b.t, what, r.Err)
	case channel.OutcomeUnsent: // says nothing: the push goes out in another call
	case channel.OutcomeAccepted, channel.OutcomeDone:
		if r.Err != nil {
			b.t.Errorf("%s: outcome %s with an error: %v", what, r.Outcome, r.Err)
		}
	}
	for _, it := range r.Items {
		b.normalise(ad, it)
	}
}

// text writes the requests down for the golden.
func (sc *script) text(headers []string) []byte {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	var out bytes.Buffer
	for i, r := range sc.requests {
		if i > 0 {
			out.WriteByte('\n')
		}
		fmt.Fprintln(&out, r.line)
		for _, h := range headers {
			if v := r.header.Get(h); v != "" {
				fmt.Fprintf(&out, "%s: %s\n", h, v)
			}
		}
		if len(r.body) == 0 {
			continue
		}
		if err := json.Indent(&out, r.body, "", "  "); err != nil {
			out.Write(r.body)
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// checkLostWrites: when the answer to a write is lost, it may have been done:
// the adapter says uncertain and does not try again by itself.
func checkLostWrites(t testing.TB, s *Suite) {
	for _, c := range s.Pushes {
		if !slices.ContainsFunc(c.Replies, func(r Canned) bool { return r.Write }) {
			continue
		}
		lost := orderhub.ClassUncertain
		if s.Repeatable {
			lost = orderhub.ClassRetry // or uncertain, see spoiled
		}
		s.spoiled(t, c, "cut off", lost, func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		})
		s.spoiled(t, c, "without an answer", lost, nil)
		for _, status := range s.statuses() {
			want := s.classOf(status, true)
			if s.Repeatable && want == orderhub.ClassUncertain {
				want = orderhub.ClassRetry
			}
			s.spoiled(t, c, fmt.Sprintf("answered with HTTP %d", status), want, func(w http.ResponseWriter, _ *http.Request) {
				s.errorReply(t, status).write(w)
			})
		}
	}
}

// spoiled runs a case whose write goes wrong; without spoil it is never answered
// and the caller's context ends.
func (s *Suite) spoiled(t testing.TB, c PushCase, how string, want orderhub.Class, spoil func(http.ResponseWriter, *http.Request)) {
	t.Helper()
	what := fmt.Sprintf("push %s with its write %s", c.Name, how)
	sc := &script{t: t, replies: c.Replies, spoil: spoil}
	b := s.canned(t, sc)
	ad := b.open()
	var results []channel.PushResult
	err := b.call(what, func(ctx context.Context) (err error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		if spoil == nil {
			sc.hangUp = cancel
		}
		results, err = pushWith(ctx, ad, c.kind(), c.Pushes)
		return err
	})
	found := false
	var got []string
	for _, e := range pushErrors(len(c.Pushes), results, err) {
		if e == nil {
			got = append(got, "success")
			continue
		}
		b.cleanErr(what, e)
		class := orderhub.ClassOf(e)
		// 503 says that nothing was done; an adapter may be more careful.
		found = found || class == want || (want == orderhub.ClassRetry && class == orderhub.ClassUncertain)
		got = append(got, string(class))
	}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if sc.writes == 0 {
		t.Errorf("%s: the write was never sent; is the right reply marked?", what)
		return
	}
	if !found {
		t.Errorf("%s: want class %s, got %v (error: %v)", what, want, got, err)
	}
	if sc.writes > len(c.Pushes)*countWrites(c.Replies) {
		t.Errorf("%s: the write was repeated by the adapter", what)
	}
}

func countWrites(replies []Canned) int {
	n := 0
	for _, r := range replies {
		if r.Write {
			n++
		}
	}
	return n
}
