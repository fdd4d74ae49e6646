package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/pipeline"
	"github.com/orderhub/orderhub/store"
	"github.com/orderhub/orderhub/webhook"
)

// hookSecret signs the bench's messages to itself.
const hookSecret = "whsec_b3JkZXJodWIgYmVuY2ggb3JkZXJodWIgYmVuY2g=" //nolint:gosec // no secret: the account lives for seconds

// WebhookResult is how fast signed messages with a new order each are kept
// durably while the hub works on them. Milliseconds, from the moment a message
// was due to the last byte of the answer.
type WebhookResult struct {
	PerSecond int     `json:"per_second"` // messages sent
	Sent      int     `json:"sent"`
	Errors    int     `json:"errors"` // not answered with 2xx
	Orders    int     `json:"orders"` // in the ledger afterwards
	P50       float64 `json:"p50_ms"`
	P95       float64 `json:"p95_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	Settled   float64 `json:"settled_s"` // from the last message until all were orders
}

// webhookGoal is the highest p99 in milliseconds that the hub promises.
const webhookGoal = 50

// webhook sends messages at an even pace to a hub at work, over real HTTP.
func (b *run) webhook(ctx context.Context, engine string) (*WebhookResult, error) {
	r := &WebhookResult{PerSecond: 200, Sent: 2000}
	if b.opts.quick {
		r.Sent = 40
	}
	err := b.withDatabase(ctx, engine, func(db *database) error {
		hub, err := pipeline.New(pipeline.Options{Store: db.Store, Channels: channels})
		if err != nil {
			return err
		}
		acc, err := hub.AddAccount(ctx, account, "site", "", sitePayload.settings)
		if err != nil {
			return err
		}
		if err := hub.Start(ctx); err != nil {
			return err
		}
		defer func() {
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			_ = hub.Stop(stop)
		}()
		url, shut, err := serve(hub, acc)
		if err != nil {
			return err
		}
		defer shut()
		if err := b.fire(ctx, url, r); err != nil {
			return err
		}
		return settle(ctx, db.Store, r)
	})
	if err != nil {
		return nil, err
	}
	b.printWebhook(r)
	return r, nil
}

// serve takes webhooks as the hub's server does.
func serve(hub *pipeline.Hub, acc orderhub.Account) (url string, shut func(), err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hooks/{account}/{key}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "cannot be read", http.StatusBadRequest)
			return
		}
		remote, _ := netip.ParseAddrPort(r.RemoteAddr)
		reply, err := hub.ReceiveWebhook(r.Context(), r.PathValue("account"), r.PathValue("key"), r, body, remote.Addr())
		if err != nil {
			http.Error(w, "refused", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", reply.ContentType)
		w.WriteHeader(reply.Status)
		_, _ = w.Write(reply.Body)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen: %w", err)
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }()
	return "http://" + l.Addr().String() + "/hooks/" + acc.ID + "/" + acc.HookKey, func() { _ = srv.Close() }, nil
}

// fire sends the messages, each at its moment whether or not those before it
// were answered, and fills in the times.
func (b *run) fire(ctx context.Context, url string, r *WebhookResult) error {
	key, err := webhook.ParseSecret(hookSecret)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	defer client.CloseIdleConnections()
	items := sitePayload.raws(newMaker(2, b.at), r.Sent)
	took, failed := make([]time.Duration, r.Sent), make([]bool, r.Sent)
	var wg sync.WaitGroup
	began := time.Now()
	for i, it := range items {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(r.PerSecond))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(due)):
		}
		wg.Go(func() {
			failed[i] = !send(ctx, client, url, key, i, it)
			took[i] = time.Since(due)
		})
	}
	wg.Wait()
	for _, f := range failed {
		if f {
			r.Errors++
		}
	}
	q := quantiles(took)
	r.P50, r.P95, r.P99, r.Max = q(0.50), q(0.95), q(0.99), q(1)
	return nil
}

func send(ctx context.Context, client *http.Client, url string, key webhook.Key, i int, it store.Raw) (ok bool) {
	body := fmt.Appendf(nil, `{"type":"order.created","timestamp":%q,"data":%s}`, time.Now().UTC().Format(time.RFC3339), it.Body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	if err := webhook.Sign(req.Header, key, "msg_"+strconv.Itoa(i), time.Now(), body); err != nil {
		return false
	}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode/100 == 2
}

// settle waits until every message is an order, so that an answer given early
// cannot pass for a message kept.
func settle(ctx context.Context, s *store.Store, r *WebhookResult) error {
	began := time.Now()
	for {
		counts, err := s.CountOrders(ctx, account)
		if err != nil {
			return err
		}
		r.Orders = 0
		for _, n := range counts {
			r.Orders += int(n)
		}
		r.Settled = time.Since(began).Seconds()
		if r.Orders >= r.Sent-r.Errors || r.Settled > 60 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// quantiles gives a function from a share to milliseconds.
func quantiles(took []time.Duration) func(share float64) float64 {
	sorted := slices.Sorted(slices.Values(took))
	return func(share float64) float64 {
		if len(sorted) == 0 {
			return 0
		}
		i := min(len(sorted)-1, int(share*float64(len(sorted))))
		return float64(sorted[i].Microseconds()) / 1000
	}
}
