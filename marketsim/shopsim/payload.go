package shopsim

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/orderhub/orderhub/marketsim"
)

// message is one thing owed to the hub. Its body never changes, whatever
// happens to the order meanwhile.
type message struct {
	// id is of the event: the same at every attempt.
	id   string
	body []byte
	// attempts made so far.
	attempts int
	// due is when it is sent next; seq keeps the order among equals.
	due time.Time
	seq uint64
}

type wireOrder struct {
	ID           string       `json:"id"`
	Number       string       `json:"number"`
	Version      int64        `json:"version"`
	CreatedAt    time.Time    `json:"created_at"`
	UpdatedAt    time.Time    `json:"updated_at"`
	Status       string       `json:"status"`
	CancelReason string       `json:"cancel_reason,omitempty"`
	CancelledBy  string       `json:"cancelled_by,omitempty"`
	Currency     string       `json:"currency"`
	Total        string       `json:"total"`
	Paid         bool         `json:"paid"`
	Customer     wireCustomer `json:"customer"`
	Delivery     wireDelivery `json:"delivery"`
	Comment      string       `json:"comment,omitempty"`
	Lines        []wireLine   `json:"lines"`
}

type wireCustomer struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
	Email string `json:"email"`
}

type wireDelivery struct {
	Type    string `json:"type"`
	Address string `json:"address"`
	City    string `json:"city"`
	Price   string `json:"price"`
}

type wireLine struct {
	ID    string `json:"id"`
	SKU   string `json:"sku"`
	Name  string `json:"name"`
	Qty   string `json:"qty"`
	Price string `json:"price"`
	Total string `json:"total"`
	VAT   string `json:"vat"`
}

// message writes the order as it is now; the caller holds the lock.
func (m *Market) message(event string, o *order) *message {
	payload := m.payload(o)
	var body any = payload
	if m.opts.Mode == ModeWebhook {
		envelope := map[string]any{"type": event, "timestamp": o.updatedAt, "data": payload}
		if event == "order.cancelled" && o.version%2 == 0 {
			// Many shops send no more than this when an order is gone.
			envelope["data"] = map[string]any{"id": o.id, "version": o.version}
		}
		body = envelope
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("shopsim: write order: %v", err)) // our own types
	}
	return &message{id: fmt.Sprintf("shop-%d-%s-%d", m.opts.Seed, o.id, o.version), body: raw}
}

func (m *Market) payload(o *order) wireOrder {
	buyer, delivery, deliveryMinor := m.buyer(o.id)
	w := wireOrder{
		ID: o.id, Number: o.id, Version: o.version, CreatedAt: o.createdAt, UpdatedAt: o.updatedAt, Status: o.status,
		CancelReason: o.reason, CancelledBy: o.by,
		Currency: "RUB", Paid: o.paid, Customer: buyer, Delivery: delivery, Comment: o.comment,
	}
	total := deliveryMinor
	for i, l := range o.lines {
		total += l.Quantity * l.PriceMinor
		w.Lines = append(w.Lines, wireLine{
			ID: strconv.Itoa(i + 1), SKU: l.SKU, Name: marketsim.ProductName(l.SKU), Qty: strconv.FormatInt(l.Quantity, 10),
			Price: decimal(l.PriceMinor), Total: decimal(l.Quantity * l.PriceMinor), VAT: "20",
		})
	}
	w.Total = decimal(total)
	return w
}

// Invented people and places.
var (
	surnames = []string{"Сорокина", "Вьюгин", "Лаптева", "Журавлёв", "Мятная", "Осокин"}
	names    = []string{"Вера", "Пётр", "Алла", "Глеб", "Инна", "Олег"}
	cities   = []string{"Тверь", "Калуга", "Томск", "Псков"}
	ways     = []struct {
		word  string
		minor int64
	}{{"courier", 30000}, {"pickup", 0}, {"post", 25050}}
)

// buyer depends on the seed and the order only.
func (m *Market) buyer(id string) (wireCustomer, wireDelivery, int64) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	r := rand.New(rand.NewPCG(m.opts.Seed, h.Sum64()))
	way := ways[r.IntN(len(ways))]
	return wireCustomer{
			Name:  surnames[r.IntN(len(surnames))] + " " + names[r.IntN(len(names))],
			Phone: fmt.Sprintf("+7900%07d", r.IntN(10_000_000)), Email: "buyer" + id + "@example.org",
		}, wireDelivery{
			Type: way.word, Address: fmt.Sprintf("ул. Вымышленная, %d", 1+r.IntN(200)), City: cities[r.IntN(len(cities))], Price: decimal(way.minor),
		}, way.minor
}

// decimal writes kopecks as roubles.
func decimal(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }
