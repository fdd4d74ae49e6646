package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/store"
)

const (
	// streamBeat keeps proxies from closing a silent stream, and tells pages that the
	// line still holds: a browser would not notice for minutes.
	streamBeat = 15 * time.Second
	// streamCheck is how soon a stream ends with its session.
	streamCheck = 3 * time.Second
	// streamStall is how long a reader may stop reading.
	streamStall = 20 * time.Second
	// streamOverlap is read again when a stream is resumed: late writers.
	streamOverlap = 200
	// streamGap is how much may have happened meanwhile.
	streamGap = 1000
)

const eventStream = "text/event-stream"

func (a *API) stream(h huma.API) {
	o := op("stream", http.MethodGet, "/stream", "Orders", "Follow what changes, as Server-Sent Events")
	o.Description = "event: order {number, account, status, updated_at}, effect {number, effect, state}, return {number, state}, stock {sku}, account {account}; " +
		"stock, return and account only for those who may read these. They are hints to read again, some may come twice. " +
		"event: reload {}: too much was missed, read everything again. event: beat {}: every 15 seconds; after a longer silence the line is dead. With Last-Event-ID a stream goes on where it broke off. It ends with the session."
	o.Responses = map[string]*huma.Response{"200": {
		Description: "The stream.", Content: map[string]*huma.MediaType{eventStream: {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	type streamIn struct {
		Last string `header:"Last-Event-ID" maxLength:"50"`
	}
	huma.Register(h, o, func(ctx context.Context, in *streamIn) (*huma.StreamResponse, error) {
		v := visitOf(ctx)
		reader, err := a.live.join(string(v.actor.Kind)+" "+v.actor.Name, v.can)
		if err != nil {
			return nil, a.problem(err)
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			defer a.live.leave(reader)
			r, w := humago.Unwrap(ctx)
			s := &streamer{api: a, r: r, w: w, out: http.NewResponseController(w), visit: v, reader: reader}
			s.run(in.Last)
		}}, nil
	})
}

// streamer writes one stream.
type streamer struct {
	api    *API
	r      *http.Request
	w      http.ResponseWriter
	out    *http.ResponseController
	visit  *visit
	reader *liveReader
}

func (s *streamer) run(last string) {
	h := s.w.Header()
	h.Set("Content-Type", eventStream)
	h.Set("X-Accel-Buffering", "no") // nginx would keep it back
	// The server's time for a request does not end a stream, nor does a stream's the
	// next request. Not every connection has deadlines.
	_ = s.out.SetReadDeadline(time.Time{})
	defer func() { _ = s.out.SetWriteDeadline(time.Time{}) }()
	if s.begin(last) != nil {
		return
	}
	beat, check := time.NewTicker(streamBeat), time.NewTicker(streamCheck)
	defer beat.Stop()
	defer check.Stop()
	for {
		var err error
		select {
		case <-s.r.Context().Done():
			return
		case <-s.reader.gone:
			if s.reader.slow {
				_ = s.write([]byte("event: reload\ndata: {}\n\n")) // it ends either way
			}
			return
		case text := <-s.reader.news:
			err = s.write(text)
		case <-beat.C:
			err = s.write([]byte("event: beat\ndata: {}\n\n"))
		case <-check.C:
			if !s.stillOpen() {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

var errStreamGone = errors.New("the streams have ended")

// begin says where the stream stands, and what was missed since last.
func (s *streamer) begin(last string) error {
	ctx := s.r.Context()
	select { // a place before the look-out's first one would leave a gap
	case <-s.reader.begun:
	case <-s.reader.gone:
		return errStreamGone
	case <-ctx.Done():
		return ctx.Err()
	}
	now, err := s.api.store.LiveMark(ctx)
	if err != nil {
		s.api.log.Error("a stream could not begin", "error", err.Error())
		return err
	}
	if err := s.write([]byte("retry: 2000\n: orderhub\nid: " + livePlace(now) + "\n\n")); err != nil || last == "" {
		return err
	}
	missed := []liveMessage{reload}
	if m, ok := parseLivePlace(last); ok && m.Event <= now.Event && m.Move <= now.Move && now.Event-m.Event <= streamGap && now.Move-m.Move <= streamGap {
		if missed, err = s.missed(ctx, m); err != nil {
			return err
		}
	}
	if text := liveText(missed, now, s.visit.can); text != nil {
		return s.write(text)
	}
	return nil
}

// missed makes messages of all that happened since a place. Accounts leave no
// trace there: all are told.
func (s *streamer) missed(ctx context.Context, m store.LiveMark) ([]liveMessage, error) {
	events, err := s.api.store.EventsAfter(ctx, max(0, m.Event-streamOverlap), liveRows)
	if err != nil {
		return nil, err
	}
	moves, err := s.api.store.MovesAfter(ctx, max(0, m.Move-streamOverlap), liveRows)
	if err != nil {
		return nil, err
	}
	out, err := liveMessages(ctx, s.api.store, events, moves)
	if err != nil {
		return nil, err
	}
	marks, err := s.api.store.AccountMarks(ctx)
	for id := range marks {
		out = append(out, liveMessage{"account", liveAccount{id}, orderhub.AccountsRead})
	}
	return out, err
}

// stillOpen tells whether the caller may still read what they read so far.
func (s *streamer) stillOpen() bool {
	if s.visit.user.ID != 0 {
		_, u, ok, err := s.api.store.FindSession(s.r.Context(), s.visit.Old)
		return err == nil && ok && slices.Equal(u.Role.Permissions(), s.visit.can)
	}
	t, ok, err := s.api.store.FindToken(s.r.Context(), bearer(s.r.Header.Get("Authorization")))
	return err == nil && ok && slices.Equal(t.May(), s.visit.can)
}

// write sends a piece at once.
func (s *streamer) write(text []byte) error {
	_ = s.out.SetWriteDeadline(time.Now().Add(streamStall)) // not every connection has one
	if _, err := s.w.Write(text); err != nil {
		return err
	}
	return s.out.Flush()
}
