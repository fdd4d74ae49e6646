package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/all"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/server"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/webhook"
)

// FeedResult is how fast a program learns of what happened: by reading the feed over
// HTTP with a position that the hub keeps, and by webhooks to a receiver on this machine.
type FeedResult struct {
	Orders int `json:"orders"`
	Events int `json:"events"`
	// Read is events per second read in pages of 500, each acknowledged. ReadFloor reads
	// the same events and orders from the database alone.
	Read      float64 `json:"read_per_second"`
	ReadFloor float64 `json:"read_floor_per_second"`
	// Delivered is messages per second that the receiver took. DeliverFloor signs and
	// posts the same bodies to it, as many at a time, with no database.
	Delivered    float64 `json:"delivered_per_second"`
	DeliverFloor float64 `json:"deliver_floor_per_second"`
	// OfReadFloor and OfDeliverFloor are the shares of the floors.
	OfReadFloor    float64 `json:"of_read_floor"`
	OfDeliverFloor float64 `json:"of_deliver_floor"`
}

const (
	feedOrders = 5000
	feedPage   = 500
	// feedAtOnce is how many messages a hub has on their way to one endpoint.
	feedAtOnce = 4
)

// feed measures both ways over the same events.
func (b *run) feed(ctx context.Context, engine string) (*FeedResult, error) {
	r := &FeedResult{Orders: feedOrders}
	if b.opts.quick {
		r.Orders = 100
	}
	err := b.withDatabase(ctx, engine, func(db *database) error {
		log := slog.New(slog.DiscardHandler)
		hub, err := pipeline.New(pipeline.Options{Store: db.Store, Channels: all.All(), Log: log, Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
		if err != nil {
			return err
		}
		if _, err := hub.AddAccount(ctx, account, "site", "", sitePayload.settings); err != nil {
			return err
		}
		// Events before its time are not for an endpoint.
		t := &taker{done: make(chan struct{})}
		url, shut, err := listenWith(t)
		if err != nil {
			return err
		}
		defer shut()
		if _, _, err := hub.AddEndpoint(ctx, orderhub.Endpoint{Name: "bench", URL: url}); err != nil {
			return err
		}
		if _, err := drive(ctx, db.Store, hub, sitePayload.raws(newMaker(5, b.at), r.Orders), 100); err != nil {
			return err
		}
		if err := b.readFeed(ctx, db.Store, hub, log, r); err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if err := deliverFeed(ctx, hub, url, t, r); err != nil {
			return fmt.Errorf("deliver: %w", err)
		}
		r.OfReadFloor, r.OfDeliverFloor = r.Read/r.ReadFloor, r.Delivered/r.DeliverFloor
		return nil
	})
	if err != nil {
		return nil, err
	}
	b.printf("\nFeed of %d events of %d orders: read over HTTP in pages of %d, each acknowledged; and told by webhook to one receiver on this machine\n", r.Events, r.Orders, feedPage)
	b.printf("read      %8.0f events/s    floor %8.0f, %3.0f%% of it: the same events and orders from the database, no HTTP and no JSON\n", r.Read, r.ReadFloor, 100*r.OfReadFloor)
	b.printf("delivered %8.0f messages/s  floor %8.0f, %3.0f%% of it: the same number of signed messages, %d at a time, no database\n", r.Delivered, r.DeliverFloor, 100*r.OfDeliverFloor, feedAtOnce)
	return r, nil
}

// readFeed reads everything as a program does, then the same rows alone.
func (b *run) readFeed(ctx context.Context, s *store.Store, hub *pipeline.Hub, log *slog.Logger, r *FeedResult) error {
	token, err := s.CreateToken(ctx, "bench")
	if err != nil {
		return err
	}
	base, shut, err := listenWith(server.New(server.Options{Hub: hub, Log: log, Rate: -1, Panel: http.NotFoundHandler()}))
	if err != nil {
		return err
	}
	defer shut()
	call := func(method, path string, in, out any) error {
		return callAPI(ctx, method, base+"/api/v1"+path, token, in, out)
	}
	if err := call(http.MethodPut, "/feed/consumers/bench", map[string]any{}, nil); err != nil {
		return err
	}
	began := time.Now()
	for more := true; more; {
		var page struct {
			Entries []json.RawMessage `json:"entries"`
			Next    string            `json:"next"`
			More    bool              `json:"more"`
		}
		if err := call(http.MethodGet, fmt.Sprintf("/feed?consumer=bench&limit=%d", feedPage), nil, &page); err != nil {
			return err
		}
		r.Events += len(page.Entries)
		more = page.More
		if err := call(http.MethodPost, "/feed/consumers/bench/ack", map[string]any{"position": page.Next}, nil); err != nil {
			return err
		}
	}
	r.Read = float64(r.Events) / time.Since(began).Seconds()
	if r.Events < r.Orders {
		return fmt.Errorf("%d events of %d orders", r.Events, r.Orders)
	}
	began, at := time.Now(), int64(0)
	for {
		events, err := s.EventsAfter(ctx, at, feedPage)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			break
		}
		ids := map[int64]bool{}
		for _, e := range events {
			ids[e.OrderID], at = true, e.ID
		}
		list := make([]int64, 0, len(ids))
		for id := range ids {
			list = append(list, id)
		}
		if _, err := s.OrdersByIDs(ctx, list); err != nil {
			return err
		}
	}
	r.ReadFloor = float64(r.Events) / time.Since(began).Seconds()
	return nil
}

// taker is a receiver that takes everything.
type taker struct {
	want, got, size atomic.Int64
	done            chan struct{}
}

func (t *taker) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	t.size.Add(n)
	if t.got.Add(1) == t.want.Load() {
		close(t.done)
	}
}

// deliverFeed lets the hub make deliveries of everything and send them, then posts as
// many messages without the hub.
func deliverFeed(ctx context.Context, hub *pipeline.Hub, url string, t *taker, r *FeedResult) error {
	want := int64(r.Events)
	t.want.Store(want)
	began := time.Now()
	if err := hub.Start(ctx); err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = hub.Stop(stop)
	}()
	limit := time.NewTimer(10 * time.Minute)
	defer limit.Stop()
	select {
	case <-t.done:
	case <-limit.C:
		return fmt.Errorf("%d of %d messages came", t.got.Load(), want)
	case <-ctx.Done():
		return ctx.Err()
	}
	r.Delivered = float64(r.Events) / time.Since(began).Seconds()
	took, err := postAlone(ctx, url, r.Events, int(t.size.Load()/t.got.Load()))
	r.DeliverFloor = float64(r.Events) / took.Seconds()
	return err
}

// postAlone signs and posts n messages of a size, some at a time.
func postAlone(ctx context.Context, url string, n, size int) (time.Duration, error) {
	key, err := webhook.ParseSecret(hookSecret)
	if err != nil {
		return 0, err
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: feedAtOnce}}
	defer client.CloseIdleConnections()
	body := bytes.Repeat([]byte("x"), size)
	var next, failed atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range feedAtOnce {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
				if err == nil {
					err = webhook.Sign(req.Header, key, fmt.Sprint("floor-", i), time.Now(), body)
				}
				if err != nil {
					failed.Add(1)
					continue
				}
				resp, err := client.Do(req)
				if err != nil {
					failed.Add(1)
					continue
				}
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 {
		return 0, fmt.Errorf("%d of %d messages failed", failed.Load(), n)
	}
	return time.Since(began), nil
}

// listenWith serves a handler on this machine.
func listenWith(h http.Handler) (base string, shut func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }()
	return "http://" + l.Addr().String(), func() { _ = srv.Close() }, nil
}

// callAPI asks the hub as a program with a token does.
func callAPI(ctx context.Context, method, url, token string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s: %s", method, resp.Status)
	}
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
