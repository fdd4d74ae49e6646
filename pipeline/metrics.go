package pipeline

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what this process did. It is a prometheus.Collector.
type Metrics struct {
	rawSaved     *prometheus.CounterVec
	accepted     *prometheus.CounterVec
	quarantined  *prometheus.CounterVec
	effects      *prometheus.CounterVec
	callFailures *prometheus.CounterVec
	webhooks     *prometheus.CounterVec
	secondWriter *prometheus.CounterVec
	stockDelay   *prometheus.HistogramVec

	mu     sync.Mutex
	delays StockDelays
}

// StockDelays are the last delays between a change of stock and the call that
// tells a channel, in seconds. Waited are those that the channel's own limits, or
// the wait for its newest orders before a raise, put off.
type StockDelays struct{ Free, Waited []float64 }

// keptDelays is how many of them are kept.
const keptDelays = 5000

// delay notes one.
func (m *Metrics) delay(account string, d time.Duration, waited bool) {
	label, list := "no", &m.delays.Free
	m.mu.Lock()
	defer m.mu.Unlock()
	if waited {
		label, list = "yes", &m.delays.Waited
	}
	m.stockDelay.WithLabelValues(account, label).Observe(d.Seconds())
	if len(*list) == keptDelays {
		*list = (*list)[1:]
	}
	*list = append(*list, d.Seconds())
}

// StockDelays gives a copy of the last delays.
func (m *Metrics) StockDelays() StockDelays {
	m.mu.Lock()
	defer m.mu.Unlock()
	return StockDelays{slices.Clone(m.delays.Free), slices.Clone(m.delays.Waited)}
}

func newMetrics() *Metrics {
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "orderhub", Name: name, Help: help}, labels)
	}
	return &Metrics{
		rawSaved:     vec("raw_saved_total", "Raw answers written to the inbox.", "account"),
		accepted:     vec("news_total", "Raw answers interpreted, by verdict.", "account", "verdict"),
		quarantined:  vec("quarantined_total", "Raw answers set aside.", "account"),
		effects:      vec("effects_total", "Effects by the state they came to.", "account", "state"),
		callFailures: vec("call_failures_total", "Failed calls to channels, by class.", "account", "class"),
		webhooks:     vec("webhooks_total", "Webhook messages by result.", "account", "result"),
		secondWriter: vec("stock_second_writer_total", "Stock figures at a channel that were higher than the hub ever allowed.", "account"),
		stockDelay: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "orderhub", Name: "stock_delay_seconds", Help: "From a change of stock to the call that tells the channel; waited: put off by the channel's limits.",
			Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60},
		}, []string{"account", "waited"}),
	}
}

func (m *Metrics) all() []*prometheus.CounterVec {
	return []*prometheus.CounterVec{m.rawSaved, m.accepted, m.quarantined, m.effects, m.callFailures, m.webhooks, m.secondWriter}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, v := range m.all() {
		v.Describe(ch)
	}
	m.stockDelay.Describe(ch)
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	for _, v := range m.all() {
		v.Collect(ch)
	}
	m.stockDelay.Collect(ch)
}
