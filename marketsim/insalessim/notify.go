package insalessim

import (
	"encoding/json"
	"sync"

	"github.com/orderhub/orderhub/marketsim"
)

// orderTopics are the events of orders.
var orderTopics = []string{"orders/create", "orders/update", "orders/destroy"}

// hook is one subscription; the pair of address and topic is unique.
type hook struct {
	ID         int64  `json:"id"`
	Address    string `json:"address"`
	Topic      string `json:"topic"`
	FormatType string `json:"format_type"`
}

// notifier sends to any number of addresses. A message is sent once: the vendor
// does not promise more.
type notifier struct {
	in *marketsim.Injector
	mu sync.Mutex
	by map[string]*marketsim.Notifier
}

func newNotifier(in *marketsim.Injector) *notifier {
	return &notifier{in: in, by: map[string]*marketsim.Notifier{}}
}

func (n *notifier) Send(address, kind string, body []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	to := n.by[address]
	if to == nil {
		to = marketsim.NewNotifier(n.in, nil, func(status int, _ string, _ []byte) bool { return status >= 200 && status < 300 })
		to.SetURL(address)
		n.by[address] = to
	}
	to.Send(kind, nil, body)
}

func (n *notifier) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, to := range n.by {
		to.Close()
	}
}

// tell sends an order to whoever subscribed; the caller holds the lock.
func (m *Market) tell(topic string, o *order, s state) {
	for _, h := range m.hooks {
		if h.Topic != topic {
			continue
		}
		body, err := json.Marshal(m.wire(o, s))
		if err != nil {
			panic("insalessim: write order: " + err.Error()) // our own types
		}
		m.notifier.Send(h.Address, topic, body)
	}
}
