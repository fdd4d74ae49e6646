package woosim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// maxFailures in a row are forgiven; the next one switches a webhook off.
const maxFailures = 5

// hooks are the shop's webhooks and what sends them, in the background and once.
type hooks struct {
	market *Market
	client *http.Client
	ctx    context.Context
	cancel context.CancelFunc
	queue  chan delivery
	wg     sync.WaitGroup

	mu  sync.Mutex
	all []*hook
}

type hook struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Status      string `json:"status"`
	Topic       string `json:"topic"`
	DeliveryURL string `json:"delivery_url"`
	secret      string
	failures    int
}

type delivery struct {
	hook  *hook // of a ping
	topic string
	order int64
}

func newHooks(m *Market) *hooks {
	ctx, cancel := context.WithCancel(context.Background())
	h := &hooks{market: m, ctx: ctx, cancel: cancel, client: &http.Client{Timeout: 5 * time.Second}, queue: make(chan delivery, 65536)}
	for range 2 {
		h.wg.Go(h.work)
	}
	return h
}

func (h *hooks) close() {
	h.cancel()
	h.wg.Wait()
}

// only leaves the webhooks to one address.
func (h *hooks) only(url string) {
	h.mu.Lock()
	h.all = nil
	h.mu.Unlock()
	if url == "" {
		return
	}
	for _, topic := range []string{"order.created", "order.updated", "order.deleted"} {
		h.add(&hook{Name: "by hand", Status: "active", Topic: topic, DeliveryURL: url, secret: h.market.hookSecret})
	}
}

func (h *hooks) add(k *hook) {
	h.mu.Lock()
	k.ID = int64(len(h.all) + 1)
	h.all = append(h.all, k)
	h.mu.Unlock()
	h.put(delivery{hook: k})
}

// send queues an event. What is lost is lost.
func (h *hooks) send(topic string, order int64) {
	fault, delay := h.market.opts.Injector.SendFault(topic)
	d := delivery{topic: topic, order: order}
	switch fault {
	case marketsim.FaultLost:
		return
	case marketsim.FaultDuplicated:
		h.put(d)
	case marketsim.FaultLate:
		time.AfterFunc(delay, func() { h.put(d) })
		return
	case marketsim.FaultNone, marketsim.FaultRateLimited, marketsim.FaultServerError, marketsim.FaultTimeoutBefore, marketsim.FaultTimeoutAfter, marketsim.FaultStale:
	}
	h.put(d)
}

func (h *hooks) put(d delivery) {
	select {
	case h.queue <- d:
	default: // the sweep is the truth
	}
}

func (h *hooks) work() {
	for {
		select {
		case <-h.ctx.Done():
			return
		case d := <-h.queue:
			h.deliver(d)
		}
	}
}

// deliver posts the order as it is now, not as it was when the event happened.
func (h *hooks) deliver(d delivery) {
	if d.hook != nil {
		h.post(d.hook.DeliveryURL, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte("webhook_id="+text(d.hook.ID)))
		return
	}
	body := []byte(`{"id":` + text(d.order) + `}`)
	if d.topic != "order.deleted" {
		h.market.mu.Lock()
		body, _ = json.Marshal(h.market.orderJSON(h.market.orders[d.order]))
		h.market.mu.Unlock()
	}
	for _, k := range h.active(d.topic) {
		mac := hmac.New(sha256.New, []byte(k.secret))
		mac.Write(body)
		good := h.post(k.DeliveryURL, http.Header{
			"Content-Type": {"application/json"}, "X-Wc-Webhook-Topic": {d.topic}, "X-Wc-Webhook-Source": {"https://shop.example/"},
			"X-Wc-Webhook-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
		}, body)
		h.mu.Lock()
		switch {
		case good:
			k.failures = 0
		case k.failures >= maxFailures:
			k.Status = "disabled"
		default:
			k.failures++
		}
		h.mu.Unlock()
	}
}

func (h *hooks) active(topic string) []*hook {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.all), func(k *hook) bool { return k.Topic != topic || k.Status != "active" })
}

func (h *hooks) post(url string, header http.Header, body []byte) bool {
	req, err := http.NewRequestWithContext(h.ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header = header
	resp, err := h.client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode >= 200 && resp.StatusCode < 303
}

// Hooks tells the status of the webhooks by topic.
func (m *Market) Hooks() map[string]string {
	m.hooks.mu.Lock()
	defer m.hooks.mu.Unlock()
	out := map[string]string{}
	for _, k := range m.hooks.all {
		out[k.Topic] = k.Status
	}
	return out
}

// SetHook gives a webhook another status, as the staff or a failure does.
func (m *Market) SetHook(topic, status string) {
	m.hooks.mu.Lock()
	defer m.hooks.mu.Unlock()
	for _, k := range m.hooks.all {
		if k.Topic == topic {
			k.Status = status
		}
	}
}

func (h *hooks) list(w http.ResponseWriter, r *http.Request) {
	page, ok := pageOf(w, r)
	if !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	out := []hook{}
	for _, i := range page.cut(len(h.all), w) {
		out = append(out, *h.all[i])
	}
	answer(w, http.StatusOK, out)
}

type hookBody struct {
	Name        string `json:"name"`
	Status      string `json:"status"`
	Topic       string `json:"topic"`
	DeliveryURL string `json:"delivery_url"`
	Secret      string `json:"secret"`
}

func (h *hooks) create(w http.ResponseWriter, r *http.Request) {
	var in hookBody
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || !strings.HasPrefix(in.Topic, "order.") {
		refuse(w, http.StatusBadRequest, "woocommerce_rest_webhook_invalid_topic", "Webhook topic is required and must be valid.")
		return
	}
	if h.market.opts.Old && in.Topic == "order.restored" {
		refuse(w, http.StatusBadRequest, "woocommerce_rest_webhook_invalid_topic", "Webhook topic is required and must be valid.")
		return
	}
	k := &hook{Name: in.Name, Status: in.Status, Topic: in.Topic, DeliveryURL: in.DeliveryURL, secret: in.Secret}
	h.add(k)
	h.mu.Lock()
	defer h.mu.Unlock()
	answer(w, http.StatusCreated, *k)
}

func (h *hooks) update(w http.ResponseWriter, r *http.Request) {
	var in hookBody
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "rest_invalid_json", "Invalid JSON body passed.")
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.all {
		if text(k.ID) != r.PathValue("id") {
			continue
		}
		for _, f := range []struct {
			from string
			into *string
		}{{in.Name, &k.Name}, {in.Status, &k.Status}, {in.Secret, &k.secret}} {
			if f.from != "" {
				*f.into = f.from
			}
		}
		k.failures = 0
		answer(w, http.StatusOK, *k)
		return
	}
	refuse(w, http.StatusNotFound, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
}
