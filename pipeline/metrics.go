package pipeline

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what this process did. It is a prometheus.Collector.
type Metrics struct {
	rawSaved     *prometheus.CounterVec
	accepted     *prometheus.CounterVec
	quarantined  *prometheus.CounterVec
	effects      *prometheus.CounterVec
	callFailures *prometheus.CounterVec
	webhooks     *prometheus.CounterVec
	secondWriter *prometheus.CounterVec
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
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	for _, v := range m.all() {
		v.Collect(ch)
	}
}
