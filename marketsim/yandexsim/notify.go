package yandexsim

import (
	"encoding/json"
	"mime"
	"net/http"
	"sort"
	"strings"
	"time"
)

// Notify sets the address that a seller would register; the Market appends
// "/notification" to it and tries it with a PING.
func (m *Market) Notify(url string) {
	if url == "" {
		m.notifier.SetURL("")
		return
	}
	m.notifier.SetURL(strings.TrimRight(url, "/") + "/notification")
	m.mu.Lock()
	defer m.mu.Unlock()
	m.send("PING", map[string]any{"time": eventTime(m.tick())})
}

// retryPauses are between attempts: the documents say every minute for an hour,
// then every 15 minutes for a day, then hourly. A simulator ends after the hour.
func retryPauses(fast bool) []time.Duration {
	pause, n := time.Minute, 60
	if fast {
		pause, n = 20*time.Millisecond, 5
	}
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = pause
	}
	return out
}

// goodAnswer: 200 with name, version and time is taken; 400 is a refusal that
// is not repeated; everything else is repeated.
func goodAnswer(code int, contentType string, body []byte) bool {
	if code == http.StatusBadRequest {
		return true
	}
	if media, _, err := mime.ParseMediaType(contentType); err != nil || media != "application/json" || code != http.StatusOK {
		return false
	}
	var a struct{ Name, Version, Time string }
	if json.Unmarshal(body, &a) != nil || !short(a.Name) || !short(a.Version) {
		return false
	}
	_, err := time.Parse(time.RFC3339, a.Time)
	return err == nil
}

func short(s string) bool { return s != "" && len([]rune(s)) <= 100 }

func eventTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// send queues a notification. Called with the market's lock held, which keeps
// the queue in the order of events; delivery is unordered all the same.
func (m *Market) send(kind string, fields map[string]any) {
	fields["notificationType"] = kind
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err) // only strings, numbers and lists of them
	}
	m.notifier.Send(kind, nil, body)
}

func about(o *order) map[string]any {
	return map[string]any{"orderId": o.id, "campaignId": o.shop.id}
}

type eventItem struct {
	OfferID string `json:"offerId"`
	Count   int64  `json:"count"`
}

func eventItems(counts map[string]int64) []eventItem {
	out := make([]eventItem, 0, len(counts))
	for sku, n := range counts {
		out = append(out, eventItem{sku, n})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].OfferID < out[j].OfferID })
	return out
}

func (m *Market) notifyCreated(o *order) {
	f := about(o)
	f["items"] = eventItems(countsOf(o.history.Now().lines))
	f["createdAt"] = eventTime(o.created)
	f["orderLineServices"] = []any{}
	m.send("ORDER_CREATED", f)
}

func (m *Market) notifyStatus(o *order) {
	s := o.history.Now()
	f := about(o)
	f["status"], f["substatus"], f["updatedAt"] = s.status, s.sub, eventTime(s.updated)
	m.send("ORDER_STATUS_UPDATED", f)
	if s.status != stCancelled {
		return
	}
	f = about(o)
	f["items"], f["cancelledAt"] = eventItems(countsOf(s.lines)), eventTime(s.updated)
	m.send("ORDER_CANCELLED", f)
}

func (m *Market) notifyCancelRequest(o *order) {
	f := about(o)
	f["requestedAt"] = eventTime(o.history.Now().askedAt)
	m.send("ORDER_CANCELLATION_REQUEST", f)
}

func (m *Market) notifyUpdated(o *order, what string) {
	f := about(o)
	f["updateType"], f["updatedAt"] = what, eventTime(o.history.Now().updated)
	m.send("ORDER_UPDATED", f)
}

func (m *Market) notifyReturn(b *giveback) {
	counts := map[string]int64{}
	for _, it := range b.items {
		counts[it.sku] += it.count
	}
	f := about(b.o)
	f["returnId"], f["returnType"] = b.id, b.returnType()
	f["items"], f["createdAt"] = eventItems(counts), eventTime(b.created)
	m.send("ORDER_RETURN_CREATED", f)
}

// notifyReturnStatus tells only what is not as it was.
func (m *Market) notifyReturnStatus(b *giveback, was *backState) {
	s := b.history.Now()
	changed := map[string]any{}
	if s.refund != was.refund {
		changed["refundStatus"] = s.refund
	}
	if s.shipment != was.shipment && s.shipment != shNone {
		changed["shipmentStatus"] = s.shipment
	}
	if len(changed) == 0 {
		return
	}
	f := about(b.o)
	f["returnId"], f["statuses"], f["updatedAt"] = b.id, changed, eventTime(s.updated)
	m.send("ORDER_RETURN_STATUS_UPDATED", f)
}
