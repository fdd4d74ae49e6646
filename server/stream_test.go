package server_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/people"
	"github.com/orderhub/orderhub/store"
)

// sse is a stream that is read.
type sse struct {
	lines chan string
	last  string
	stop  context.CancelFunc
}

// follow opens the stream; header are names and values.
func (w *world) follow(t *testing.T, header ...string) *sse {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.srv.URL+"/api/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := w.srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	s := &sse{lines: make(chan string, 1000), stop: stop}
	go func() {
		defer close(s.lines)
		defer resp.Body.Close()
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			s.lines <- in.Text()
		}
	}()
	s.await(t, "id: ") // it stands: what happens now is told
	return s
}

// await reads until a line begins so, and gives it with the data behind.
func (s *sse) await(t *testing.T, begin string) string {
	t.Helper()
	limit := time.After(60 * time.Second)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				t.Fatalf("the stream ended before %q", begin)
			}
			if id, ok := strings.CutPrefix(line, "id: "); ok {
				s.last = id
			}
			if strings.HasPrefix(line, begin) {
				if strings.HasPrefix(line, "event: ") {
					return <-s.lines
				}
				return line
			}
		case <-limit:
			t.Fatalf("%q never came", begin)
		}
	}
}

// ends waits for the end of the stream and gives what came before it.
func (s *sse) ends(t *testing.T) string {
	t.Helper()
	var all []string
	limit := time.After(60 * time.Second)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				return strings.Join(all, "\n")
			}
			all = append(all, line)
		case <-limit:
			t.Fatal("the stream does not end")
		}
	}
}

func TestStream(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		w.stock(t)
		b := w.setUp(t, "vera")
		s := w.follow(t, b.headers()...)
		o := w.send(t, "shop", payload("A-1", 1))
		number := strconv.FormatInt(o.Number, 10)
		if data := s.await(t, "event: stock"); data != `data: {"sku":"0557722"}` {
			t.Error(data)
		}
		if data := s.await(t, "event: order"); !strings.Contains(data, `"number":`+number+`,"account":"shop","status":"new","updated_at":"2`) {
			t.Error(data)
		}
		s.await(t, "id: ")
		if err := w.hub.SetAccountState(t.Context(), "shop", orderhub.AccountPaused); err != nil {
			t.Fatal(err)
		}
		if data := s.await(t, "event: account"); data != `data: {"account":"shop"}` {
			t.Error(data)
		}
		s.await(t, "id: ")
		s.stop()

		// What was missed is told.
		w.do(t, http.MethodPost, "/orders/"+number+"/hold", map[string]any{"on": true, "why": "look"}).into(t, http.StatusOK, nil)
		s = w.follow(t, append(b.headers(), "Last-Event-ID", s.last)...)
		if data := s.await(t, "event: order"); !strings.Contains(data, `"number":`+number) {
			t.Error(data)
		}
		s.stop()
		// … or that it cannot be.
		for _, last := range []string{"nonsense", "999999999-1", "1-1-1"} {
			s = w.follow(t, append(b.headers(), "Last-Event-ID", last)...)
			s.await(t, "event: reload")
			s.stop()
		}

		// Only what one may read.
		s = w.follow(t, "Authorization", "Bearer "+w.scoped(t, "orders", orderhub.OrdersRead))
		if err := w.hub.SetAccountState(t.Context(), "shop", orderhub.AccountActive); err != nil {
			t.Fatal(err)
		}
		w.send(t, "shop", payload("A-2", 1))
		s.await(t, "event: order")
		s.stop()
		for line := range s.lines {
			if strings.Contains(line, "stock") {
				t.Error("stock is told to one who may not read it")
			}
		}

		// It ends with its session.
		s = w.follow(t, b.headers()...)
		b.do(t, http.MethodDelete, "/session", nil)
		s.ends(t)
	})
}

// stock counts the goods of the orders in these tests.
func (w *world) stock(t *testing.T) {
	t.Helper()
	w.do(t, http.MethodPut, "/products", map[string]any{"products": []any{map[string]any{"sku": "0557722", "name": "Чашка"}}}).into(t, http.StatusOK, nil)
	w.do(t, http.MethodPost, "/stock/documents", map[string]any{"kind": "count", "lines": []any{map[string]any{"sku": "0557722", "quantity": 100}}})
}

// TestStreamOfMuch: thousands of changes at once are one message: load anew.
func TestStreamOfMuch(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		o := w.send(t, "shop", payload("A-1", 1))
		b := w.setUp(t, "vera")
		s := w.follow(t, b.headers()...)
		if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
			events := make([]orderhub.Event, 2500)
			for i := range events {
				events[i] = orderhub.Event{OrderID: o.Number, At: time.Now(), Kind: orderhub.EventHold, Actor: orderhub.Actor{Kind: orderhub.ActorHub}}
			}
			return tx.AddEvents(t.Context(), events)
		}); err != nil {
			t.Fatal(err)
		}
		s.await(t, "event: reload")
		// A role that changes ends the stream: it may read other things now.
		if _, err := w.people.AddUser(t.Context(), people.NewUser{Login: "boss", Name: "B", Role: orderhub.RoleOwner, Password: password}, orderhub.AuditEntry{}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.people.ChangeUser(t.Context(), 1, people.UserChange{Role: ptr(orderhub.RoleViewer)}, func(orderhub.Role) error { return nil }, orderhub.AuditEntry{}); err != nil {
			t.Fatal(err)
		}
		s.ends(t)
	})
}

// TestStreamTellsFromItsBeginning: what happens right after a stream said where it
// stands is told, also to the first reader, for whom the look-out only begins.
func TestStreamTellsFromItsBeginning(t *testing.T) {
	each(t, options{}, func(t *testing.T, w *world) {
		w.shop(t)
		o := w.send(t, "shop", payload("A-1", 1))
		for i := range 10 {
			s := w.follow(t, w.auth()...)
			w.do(t, http.MethodPost, fmt.Sprintf("/orders/%d/hold", o.Number), map[string]any{"on": i%2 == 0, "why": "look"}).into(t, http.StatusOK, nil)
			s.await(t, "event: order")
			s.stop()
			for range s.lines { // until it has ended: the next is the first again
			}
		}
	})
}
